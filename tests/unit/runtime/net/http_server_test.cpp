#include <atomic>
#include <random>

#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

void echo(HttpRequest request, Responder responder) {
  Json parameters = Json::object();
  for (const auto& [name, value] : request.parameters) parameters[name] = value;
  Json query = Json::object();
  for (const auto& [name, value] : request.query) query[name] = value;
  responder.json({{"method", request.method},
                  {"path", request.path},
                  {"parameters", parameters},
                  {"query", query},
                  {"body", request.body},
                  {"name", request.principal.name}});
}

std::string get_of(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nhost: localhost\r\n" + more + "\r\n";
}

}  // namespace

TEST_SUITE("net/http_server") {
  TEST_CASE("a route gets method, path, parameters, query and body, decoded") {
    ServerLab lab;
    lab.post("/v1/runs/{id}/notes/{rest...}", echo);
    lab.start();
    auto client = lab.client();

    const auto reply =
        client.post_json("/v1/runs/a%20b/notes/x/y%2Bz?q=1+2&empty&name=%C3%A9", {{"k", 1}});

    REQUIRE_MESSAGE(reply, (reply ? "" : reply.error().message));
    CHECK((*reply)["method"] == "POST");
    CHECK((*reply)["parameters"] == Json{{"id", "a b"}, {"rest", "x/y+z"}});
    CHECK((*reply)["query"] == Json{{"q", "1 2"}, {"empty", ""}, {"name", "\u00e9"}});
    CHECK((*reply)["body"] == R"({"k":1})");
    CHECK((*reply)["name"] == "loopback");
  }

  TEST_CASE("literal segments win over parameters, and parameters over the rest") {
    ServerLab lab;
    const auto named = [](std::string name) {
      return [name](HttpRequest, Responder responder) { responder.text(name); };
    };
    lab.get("/v1/runs/latest", named("literal"));
    lab.get("/v1/runs/{id}", named("parameter"));
    lab.get("/v1/{rest...}", named("rest"));
    lab.get("/v1/runs/{id}/steps", named("steps"));
    lab.start();
    auto client = lab.client();

    CHECK(client.call({.target = "/v1/runs/latest"})->body == "literal");
    CHECK(client.call({.target = "/v1/runs/other"})->body == "parameter");
    CHECK(client.call({.target = "/v1/runs/latest/steps"})->body == "steps");
    CHECK(client.call({.target = "/v1/runs/a/b"})->body == "rest");
    CHECK(client.call({.target = "/v1/runs/"})->body == "rest");
    CHECK(client.call({.target = "/other"})->status == 404);
  }

  TEST_CASE("unknown paths, wrong methods and strange paths are refused in OpenAI's shape") {
    ServerLab lab;
    lab.get("/v1/runs", echo);
    lab.post("/v1/runs", echo);
    lab.start();
    auto client = lab.client();

    const auto missing = client.call({.target = "/v1/nothing"});
    const auto wrong = client.call({.method = "DELETE", .target = "/v1/runs"});
    const auto options = client.call({.method = "OPTIONS", .target = "/v1/runs"});

    CHECK(missing->status == 404);
    const Json error = Json::parse(missing->body)["error"];
    CHECK(error["type"] == "invalid_request_error");
    CHECK(error["code"] == "not_found");
    CHECK(error.contains("message"));
    CHECK(error["param"].is_null());
    CHECK(wrong->status == 405);
    CHECK(*find_header(wrong->headers, "Allow") == "GET, HEAD, POST");
    CHECK(options->status == 204);
    CHECK(*find_header(options->headers, "allow") == "GET, HEAD, POST");
    for (const char* path : {"/v1/%2e%2e/etc", "/v1/../etc", "/v1/a%2Fb", "/v1/%zz", "/v1/%00"})
      CHECK_MESSAGE(client.call({.target = path})->status == 400, path);
  }

  TEST_CASE("every reply has an x-request-id of its own and asks browsers to stay calm") {
    ServerLab lab;
    lab.get("/ok", echo);
    lab.start();
    auto client = lab.client();

    const auto first = client.call({.target = "/ok"});
    const auto second = client.call({.target = "/nothing"});

    REQUIRE(find_header(first->headers, "x-request-id") != nullptr);
    REQUIRE(find_header(second->headers, "x-request-id") != nullptr);
    CHECK(*find_header(first->headers, "x-request-id") !=
          *find_header(second->headers, "x-request-id"));
    CHECK(*find_header(first->headers, "x-content-type-options") == "nosniff");
    CHECK(find_header(first->headers, "access-control-allow-origin") == nullptr);
  }

  TEST_CASE("HEAD has the headers of GET and no body") {
    ServerLab lab;
    lab.get("/text", [](HttpRequest, Responder responder) { responder.text("12345"); });
    lab.start();
    RawClient client{lab.server.port()};

    client.send("HEAD /text HTTP/1.1\r\nhost: localhost\r\n\r\n" + get_of("/text"));
    const std::string replies = client.read_until("12345");

    CHECK(replies.find("content-length: 5\r\n") < replies.find("\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(replies.ends_with("\r\n\r\n12345"));
  }

  TEST_CASE("an answer may come later, from another thread, and counts once") {
    ServerLab lab;
    Mailbox<Responder> asked;
    lab.get("/slow", [&](HttpRequest, Responder responder) { asked.put(std::move(responder)); });
    lab.start();
    std::vector<bool> accepted(8);
    std::thread answering{[&] {
      const Responder responder = asked.take();
      std::vector<std::thread> racers;
      std::atomic<int> counted{0};
      for (int i = 0; i < 8; ++i)
        racers.emplace_back([&, i] { counted += responder.text(std::to_string(i)) ? 1 : 0; });
      for (auto& racer : racers) racer.join();
      CHECK(counted == 1);
      CHECK(responder.is_answered());
      CHECK_FALSE(responder.error({Failure::internal, "too late"}));
      CHECK_FALSE(responder.open_stream().is_open());
    }};

    const auto reply = lab.client().call({.target = "/slow"});
    answering.join();

    CHECK(reply->status == 200);
    CHECK(reply->body.size() == 1);
  }

  TEST_CASE(
      "a request that nobody answers gets 504 at its deadline, and the late answer is refused") {
    ServerLab lab;
    Mailbox<Responder> asked;
    lab.server.add({.method = "GET",
                    .pattern = "/never",
                    .handler = [&](HttpRequest, Responder responder) { asked.put(responder); },
                    .answer_time_max = 100ms});
    lab.get("/ok", echo);
    lab.start();
    auto client = lab.client();

    const auto reply = client.call({.target = "/never"});
    const Responder late = asked.take();

    CHECK(reply->status == 504);
    CHECK(reply->body.find("GET /never was not answered within 100 ms") != std::string::npos);
    CHECK_FALSE(late.text("too late"));
    CHECK(client.call({.target = "/ok"})->status == 200);
  }

  TEST_CASE("a request that is dropped unanswered gets 503 at once, a throwing handler 500") {
    ServerLab lab;
    lab.get("/dropped", [](HttpRequest, Responder) {});
    lab.get("/throws", [](HttpRequest, Responder) { throw std::runtime_error{"secret"}; });
    lab.start();
    auto client = lab.client();

    CHECK(client.call({.target = "/dropped"})->status == 503);
    const auto thrown = client.call({.target = "/throws"});
    CHECK(thrown->status == 500);
    CHECK(thrown->body.find("secret") == std::string::npos);
  }

  TEST_CASE("errors reach the client as the Error that the server had") {
    ServerLab lab;
    lab.get("/refuses", [](HttpRequest request, Responder responder) {
      responder.error({static_cast<Failure>(std::stoi(std::string{request.query_value("n")})),
                       "one clear line"});
    });
    lab.start();
    auto client = lab.client();

    for (int i = 1; i <= static_cast<int>(Failure::internal); ++i) {
      const auto result = client.get_json("/refuses?n=" + std::to_string(i));
      REQUIRE_FALSE(result);
      CHECK(result.error().failure == static_cast<Failure>(i));
      CHECK(result.error().message == "one clear line");
    }
  }

  TEST_CASE("pipelined requests are answered in order, even where the first waits") {
    ServerLab lab;
    Mailbox<Responder> asked;
    lab.get("/slow", [&](HttpRequest, Responder responder) { asked.put(std::move(responder)); });
    lab.get("/n/{n}", [](HttpRequest request, Responder responder) {
      responder.text("<" + std::string{request.parameter("n")} + ">");
    });
    lab.start();
    RawClient client{lab.server.port()};

    std::string requests = get_of("/slow");
    for (int i = 0; i < 50; ++i) requests += get_of("/n/" + std::to_string(i));
    client.send(requests);
    const Responder responder = asked.take();
    CHECK(client.read_until("HTTP", 50ms).empty());
    responder.text("<slow>");
    const std::string replies = client.read_until("<49>");

    std::size_t position = replies.find("<slow>");
    for (int i = 0; i < 50; ++i) {
      const std::size_t next = replies.find("<" + std::to_string(i) + ">");
      CHECK(next > position);
      position = next;
    }
    CHECK(position != std::string::npos);
  }

  TEST_CASE("a handler learns that its client is gone") {
    ServerLab lab;
    Mailbox<Responder> asked;
    Mailbox<bool> gone;
    lab.get("/slow", [&](HttpRequest, Responder responder) { asked.put(std::move(responder)); });
    lab.start();
    RawClient client{lab.server.port()};
    client.send(get_of("/slow"));
    const Responder responder = asked.take();
    responder.when_gone([&] { gone.put(true); });

    client.abort();

    CHECK(gone.take());
    Mailbox<bool> again;
    responder.when_gone([&] { again.put(true); });
    CHECK(again.take());
    responder.text("to nobody");
    CHECK(lab.is_deserted());
  }

  TEST_CASE("a client that has ended its half still gets its answers") {
    ServerLab lab;
    lab.get("/ok", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
    lab.start();
    RawClient client{lab.server.port()};

    client.send(get_of("/ok") + get_of("/ok"));
    client.end_sending();
    const std::string replies = client.read_to_end();

    CHECK(replies.find("<ok>") != replies.rfind("<ok>"));
  }

  TEST_CASE("keep-alive and close follow the version and the Connection header") {
    ServerLab lab;
    lab.get("/ok", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
    lab.start();

    RawClient closing{lab.server.port()};
    closing.send(get_of("/ok", "connection: close\r\n"));
    CHECK(closing.read_to_end().find("connection: close\r\n") != std::string::npos);
    RawClient old{lab.server.port()};
    old.send("GET /ok HTTP/1.0\r\n\r\n");
    CHECK(old.read_to_end().ends_with("<ok>"));
    RawClient old_kept{lab.server.port()};
    old_kept.send("GET /ok HTTP/1.0\r\nhost: localhost\r\nconnection: keep-alive\r\n\r\n");
    old_kept.read_until("<ok>");
    old_kept.forget();
    old_kept.send("GET /ok HTTP/1.0\r\nhost: localhost\r\n\r\n");
    CHECK(old_kept.read_to_end().ends_with("<ok>"));
  }

  TEST_CASE("a handler can't be made to write headers of its client's choice") {
    ServerLab lab;
    lab.get("/header", [](HttpRequest request, Responder responder) {
      HttpResponse response = text_response("<ok>");
      response.headers.push_back({"x-echo", std::string{request.query_value("v")}});
      responder.send(std::move(response));
    });
    lab.start();
    RawClient client{lab.server.port()};

    client.send(get_of("/header?v=a%0d%0aset-cookie:%20b"));

    CHECK(client.read_until("<ok>").find("set-cookie") == std::string::npos);
  }

  TEST_CASE("requests are counted by route, method and code") {
    ServerLab lab;
    lab.get("/v1/runs/{id}", echo);
    add_standard_routes(lab.server, lab.metrics);
    lab.start();
    auto client = lab.client();
    REQUIRE(client.call({.target = "/v1/runs/a"}));
    REQUIRE(client.call({.target = "/v1/runs/b"}));
    REQUIRE(client.call({.target = "/nothing"}));

    const auto text = client.call({.target = "/metrics"})->body;

    CHECK(text.find(
              R"(flywheel_http_requests_total{code="200",method="GET",route="/v1/runs/{id}"} 2)") !=
          std::string::npos);
    CHECK(text.find(R"(flywheel_http_requests_total{code="404",method="none",route="none"} 1)") !=
          std::string::npos);
    CHECK(text.find("flywheel_http_connections 1\n") != std::string::npos);
    CHECK(client.get_json("/healthz")->at("status") == "ok");
  }

  TEST_CASE("many clients on several IO threads each get their own answers") {
    HttpServerConfig config;
    config.io_thread_count = 3;
    ServerLab lab{config};
    lab.get("/n/{n}", [](HttpRequest request, Responder responder) {
      std::thread{[n = std::string{request.parameter("n")}, responder] {
        responder.text(n);
      }}.detach();
    });
    lab.start();
    std::atomic<int> wrong{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i)
      clients.emplace_back([&, i] {
        auto client = lab.client();
        for (int k = 0; k < 25; ++k) {
          const std::string n = std::to_string(i * 1000 + k);
          const auto reply = client.call({.target = "/n/" + n});
          if (!reply || reply->body != n) ++wrong;
        }
      });
    for (auto& client : clients) client.join();

    CHECK(wrong == 0);
    CHECK(lab.is_deserted());
  }

  TEST_CASE("a responder may outlive its server") {
    Responder kept;
    EventStream stream;
    {
      ServerLab lab;
      Mailbox<Responder> asked;
      lab.get("/slow", [&](HttpRequest, Responder responder) { asked.put(std::move(responder)); });
      lab.start();
      RawClient first{lab.server.port()};
      first.send(get_of("/slow"));
      kept = asked.take();
      RawClient second{lab.server.port()};
      second.send(get_of("/slow"));
      stream = asked.take().open_stream();
      lab.server.stop(0ms);
    }

    CHECK_FALSE(kept.text("too late"));
    CHECK(stream.send({.data = "too late"}) == Sent::closed);
  }
}
