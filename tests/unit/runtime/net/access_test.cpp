// Who gets in over real sockets: tokens, roles, origins, addresses, TLS.
#include <cstdlib>

#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

void whoami(HttpRequest request, Responder responder) {
  responder.text(request.principal.name + "/" + to_string(request.principal.role));
}

struct AccessLab {
  explicit AccessLab(HttpServerConfig config = {}) {
    store = *TokenStore::open(folder.file("tokens.json"));
    config.tokens = store;
    lab.emplace(std::move(config));
    lab->get("/v1/runs", whoami);
    lab->server.add({.method = "DELETE",
                     .pattern = "/v1/runs",
                     .verb = Verb::remove,
                     .object = ObjectKind::run,
                     .handler = whoami});
    lab->server.add({.method = "GET", .pattern = "/healthz", .handler = whoami, .is_public = true});
    lab->start();
  }

  HttpReply call(NamedValues headers, std::string method = "GET", std::string target = "/v1/runs") {
    const auto reply = lab->client().call(
        {.method = std::move(method), .target = std::move(target), .headers = std::move(headers)});
    REQUIRE(reply);
    return *reply;
  }

  TemporaryFolder folder;
  std::shared_ptr<TokenStore> store;
  std::optional<ServerLab> lab;
};

HttpServerConfig needs_token() {
  HttpServerConfig config;
  config.loopback_needs_token = true;
  return config;
}

}  // namespace

TEST_SUITE("net/access") {
  TEST_CASE("a token is taken from either header through one path, and roles are enforced") {
    AccessLab lab{needs_token()};
    const std::string researcher = *lab.store->add("ada", AccessRole::researcher, 0s);
    const std::string tester = *lab.store->add("bob", AccessRole::tester, 0s);
    const std::string operator_token = *lab.store->add("eve", AccessRole::operator_, 0s);

    CHECK(lab.call({{"Authorization", "Bearer " + researcher}}).body == "ada/researcher");
    CHECK(lab.call({{"authorization", "bearer " + researcher}}).body == "ada/researcher");
    CHECK(lab.call({{"X-Api-Key", researcher}}).body == "ada/researcher");
    CHECK(lab.call({{"x-api-key", tester}}).status == 403);
    CHECK(lab.call({{"x-api-key", researcher}}, "DELETE").status == 403);
    CHECK(lab.call({{"x-api-key", operator_token}}, "DELETE").body == "eve/operator");
    CHECK(lab.call({{"x-api-key", tester}, {"authorization", "Bearer " + operator_token}}, "DELETE")
              .status == 401);
    CHECK(lab.call({{"x-api-key", tester}, {"x-api-key", operator_token}}, "DELETE").status == 401);
  }

  TEST_CASE("without a token there is 401 for every path but the public ones") {
    AccessLab lab{needs_token()};

    const HttpReply reply = lab.call({});
    CHECK(reply.status == 401);
    CHECK(find_header(reply.headers, "www-authenticate") != nullptr);
    CHECK(Json::parse(reply.body)["error"]["type"] == "authentication_error");
    CHECK(lab.call({}, "GET", "/v1/nothing").status == 401);
    CHECK(lab.call({}, "POST", "/v1/runs").status == 401);
    CHECK(lab.call({{"authorization", "Basic dXNlcjpwYXNz"}}).status == 401);
    CHECK(lab.call({}, "GET", "/healthz").body == "/anonymous");
  }

  TEST_CASE("a wrong token is 401 even where no token would have done") {
    AccessLab lab;

    CHECK(lab.call({}).body == "loopback/operator");
    CHECK(lab.call({{"x-forwarded-for", "192.0.2.1"}}).status == 401);  // a proxy's loopback
    CHECK(lab.call({{"x-api-key", "flyw_0000000000_00"}}).status == 401);
    CHECK(lab.call({{"authorization", "Bearer "}}).status == 401);
  }

  TEST_CASE("pages of other origins and sites are refused, our own and plain tools are not") {
    HttpServerConfig config;
    config.origins = {"https://flywheel.example"};
    AccessLab lab{config};
    const std::string host = "localhost:" + std::to_string(lab.lab->server.port());
    const auto status = [&](NamedValues headers, std::string method = "GET") {
      // The client writes a Host of its own; these cases need another one.
      std::string text = method + " /v1/runs HTTP/1.1\r\nconnection: close\r\n";
      for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
      RawClient client{lab.lab->server.port()};
      client.send(text + "\r\n");
      return std::stoi(client.read_to_end().substr(9, 3));
    };

    CHECK(status({{"host", host}}) == 200);
    CHECK(status({{"host", host}, {"origin", "http://" + host}}) == 200);
    CHECK(status({{"host", host}, {"origin", "https://flywheel.example"}}) == 200);
    CHECK(status({{"host", "flywheel.example"}, {"origin", "https://flywheel.example"}}) == 200);
    CHECK(status({{"host", host}, {"origin", "http://localhost:1"}}) == 403);
    CHECK(status({{"host", host}, {"origin", "https://evil.example"}}) == 403);
    CHECK(status({{"host", host}, {"origin", "https://flywheel.example.evil.example"}}) == 403);
    CHECK(status({{"host", host}, {"origin", "null"}}) == 403);
    CHECK(status({{"host", "evil.example"}}) == 403);  // DNS rebinding
    CHECK(status({{"host", "evil.example"}, {"origin", "http://evil.example"}}) == 403);
    CHECK(status({{"host", "localhost.evil.example"}}) == 403);
    CHECK(status({{"host", host}, {"sec-fetch-site", "same-origin"}}) == 200);
    CHECK(status({{"host", host}, {"sec-fetch-site", "cross-site"}}) == 403);
    CHECK(status({{"host", host}, {"sec-fetch-site", "same-site"}}) == 403);
    const NamedValues visit{
        {"host", host}, {"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}};
    CHECK(status(visit) == 200);
    CHECK(status(visit, "DELETE") == 403);
  }

  TEST_CASE("an address beyond loopback needs TLS and tokens") {
    TemporaryFolder folder;
    const auto store = *TokenStore::open(folder.file("tokens.json"));
    const auto start = [&](HttpServerConfig config) {
      Metrics metrics;
      config.metrics = &metrics;
      HttpServer server{config};
      const auto started = server.start();
      return started ? std::string{} : started.error().message;
    };

    for (const char* address : {"0.0.0.0", "::", "192.0.2.1"}) {
      HttpServerConfig config;
      config.address = address;
      config.tokens = store;
      CHECK(start(config).find("TLS is off") != std::string::npos);
    }
    HttpServerConfig config;
    config.address = "localhost";
    CHECK(start(config).find("not an IP address") != std::string::npos);
    config.address = "127.0.0.1";
    config.loopback_needs_token = true;
    CHECK(start(config).find("no token store") != std::string::npos);
    config.loopback_needs_token = false;
    config.certificate_path = "only.pem";
    CHECK(start(config).find("both a certificate and a key") != std::string::npos);
    config.key_path = "only.key";
    CHECK(start(config).find("only.pem") != std::string::npos);
  }

  TEST_CASE("a port in use is already_exists") {
    ServerLab first;
    first.start();
    HttpServerConfig config;
    config.port = first.server.port();
    ServerLab second{config};

    const auto started = second.server.start();

    REQUIRE_FALSE(started);
    CHECK(started.error().failure == Failure::already_exists);
  }

  TEST_CASE(
      "TLS: trusted certificates connect and stream, others are refused, plain bytes harm nobody") {
    TemporaryFolder folder;
    HttpServerConfig config;
    config.certificate_path = folder.file("cert.pem");
    config.key_path = folder.file("key.pem");
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        " -keyout " +
        config.key_path + " -out " + config.certificate_path + " 2>/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    config.address = "0.0.0.0";
    config.tokens = *TokenStore::open(folder.file("tokens.json"));
    ServerLab lab{config};
    lab.get("/v1/runs", whoami);
    CHECK(lab.server.start().error().message.find("there are no tokens") != std::string::npos);
    const std::string token = *config.tokens->add("ada", AccessRole::researcher, 0s);
    lab.start();
    const Endpoint endpoint{.host = "127.0.0.1", .port = lab.server.port(), .uses_tls = true};

    HttpClient trusting{endpoint, {.token = token, .authority_path = config.certificate_path}};
    HttpClient nameless{endpoint, {.authority_path = config.certificate_path}};
    CHECK(nameless.call({.target = "/v1/runs"})->status == 401);  // loopback or not
    for (int i = 0; i < 3; ++i) {
      const auto reply = trusting.call({.target = "/v1/runs"});
      REQUIRE_MESSAGE(reply, (reply ? "" : reply.error().message));
      CHECK(reply->body == "ada/researcher");
    }
    HttpClient doubting{endpoint, {.token = token}};
    CHECK_FALSE(doubting.call({.target = "/v1/runs"}));
    HttpClient misdirected{{.host = "127.0.0.2", .port = endpoint.port, .uses_tls = true},
                           {.token = token, .authority_path = config.certificate_path}};
    CHECK_FALSE(misdirected.call({.target = "/v1/runs"}));
    RawClient plain{endpoint.port};
    plain.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    plain.read_to_end();
    CHECK(trusting.call({.target = "/v1/runs"})->status == 200);
  }
}
