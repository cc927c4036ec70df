#include "runtime/net/http_client.hpp"

#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

// Answers each connection with the same bytes and closes it, or holds it open.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::string reply, bool stays_open = false)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_, 8) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this, reply, stays_open] {
      std::vector<int> open;
      while (true) {
        const int client = ::accept(socket_, nullptr, nullptr);
        if (client < 0) break;
        ++connection_count;
        char bytes[4096];
        [[maybe_unused]] const auto got = ::recv(client, bytes, sizeof bytes, 0);
        ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
        if (stays_open)
          open.push_back(client);
        else
          ::close(client);
      }
      for (const int client : open) ::close(client);
    }};
  }
  ~ScriptedServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }

  HttpClient client(HttpClientConfig config = {}) const {
    return HttpClient{Endpoint::loopback(port_), std::move(config)};
  }
  std::atomic<int> connection_count{0};

 private:
  int socket_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

Failure failure_of_call(const ScriptedServer& server, HttpClientConfig config = {}) {
  const auto reply = server.client(config).call({.target = "/", .time_max = 300ms});
  return reply ? Failure::none : reply.error().failure;
}

}  // namespace

TEST_SUITE("net/http_client") {
  TEST_CASE("addresses are read as people write them") {
    const auto text = [](const char* address) {
      const auto endpoint = Endpoint::parse(address);
      return endpoint ? to_string(*endpoint) : std::string{"refused"};
    };

    CHECK(text("unix:/a/b") == "unix:/a/b");
    CHECK(text("http://127.0.0.1:8080") == "http://127.0.0.1:8080");
    CHECK(text("http://host/") == "http://host:80");
    CHECK(text("https://host") == "https://host:443");
    CHECK(text("http://[::1]:8080") == "http://[::1]:8080");
    for (const char* wrong :
         {"", "host:80", "unix:", "http://", "http://:80", "http://h:0", "http://h:65536",
          "http://h:8x", "http://h/p", "http://u@h", "ftp://h"})
      CHECK_MESSAGE(text(wrong) == "refused", wrong);
  }

  TEST_CASE("nobody there, silence, nonsense, truncation and floods are errors with one line") {
    const auto nobody = HttpClient{Endpoint::loopback(1)}.call({.target = "/"});
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().failure == Failure::unavailable);
    CHECK(nobody.error().message.find("http://127.0.0.1:1") != std::string::npos);
    CHECK(nobody.error().message.find('\n') == std::string::npos);

    const auto before = std::chrono::steady_clock::now();
    CHECK(failure_of_call(ScriptedServer{"", true}) == Failure::deadline_exceeded);
    CHECK(std::chrono::steady_clock::now() - before < 2s);
    CHECK(failure_of_call(ScriptedServer{""}) == Failure::unavailable);
    CHECK(failure_of_call(ScriptedServer{"SSH-2.0-x\r\n\r\n"}) == Failure::invalid_input);
    CHECK(failure_of_call(ScriptedServer{"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"}) ==
          Failure::invalid_input);
    CHECK(failure_of_call(ScriptedServer{"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
                                         true}) == Failure::deadline_exceeded);
    CHECK(failure_of_call(ScriptedServer{"HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x')},
                          {.reply_bytes_max = 1000}) == Failure::resource_exhausted);
    CHECK(failure_of_call(ScriptedServer{"HTTP/1.1 200 OK\r\nx: " + std::string(100'000, 'x')}) ==
          Failure::invalid_input);
  }

  TEST_CASE("interim answers are skipped and a body may end with the connection") {
    ScriptedServer server{"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end"};

    const auto reply = server.client().call({.target = "/"});

    REQUIRE(reply);
    CHECK(reply->body == "to the end");
  }

  TEST_CASE("a kept connection that the server has closed is made anew") {
    HttpServerConfig config;
    config.limits.idle_time_max = 60ms;
    ServerLab lab{config};
    lab.get("/ok", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
    lab.post("/ok", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
    lab.start();
    auto client = lab.client();

    CHECK(client.call({.target = "/ok"}));
    CHECK(lab.is_deserted());
    CHECK(client.call({.target = "/ok"}));
    CHECK(lab.is_deserted());
    CHECK(client.call({.method = "POST", .target = "/ok", .body = "x"}));
  }

  TEST_CASE("one connection serves call after call") {
    ServerLab lab;
    lab.get("/ok", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
    lab.start();
    auto client = lab.client();

    for (int i = 0; i < 20; ++i) CHECK(client.call({.target = "/ok"})->status == 200);

    CHECK(lab.server.connection_count() == 1);
  }

  TEST_CASE("a refusal of a large body is read although the server stopped listening") {
    ServerLab lab;
    lab.post("/small", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
    lab.start();

    const auto reply = lab.client().post_json("/small", Json(std::string(800'000, 'x')));

    REQUIRE_FALSE(reply);
    CHECK(reply.error().failure == Failure::resource_exhausted);
  }

  TEST_CASE("targets and headers that would write another request are refused") {
    auto client = HttpClient{Endpoint::loopback(1)};
    for (const char* target : {"", "x", "/a b", "/a\r\nx: y"})
      CHECK(client.call({.target = target}).error().failure == Failure::invalid_argument);
    CHECK(client.call({.target = "/", .headers = {{"x", "a\r\ny: b"}}}).error().failure ==
          Failure::invalid_argument);
  }

  TEST_CASE("a stream that breaks off is an error, one that the reader leaves is not") {
    const std::string head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    ScriptedServer broken{head + "9\r\ndata: a\n\n\r\n"};
    int count = 0;
    const auto counting = [&](ServerEvent) { return ++count < 2; };

    const auto broke = broken.client().read_events({.target = "/"}, 1s, counting);
    const auto left =
        ScriptedServer{head + "12\r\ndata: a\n\ndata: b\n\n\r\n", true}.client().read_events(
            {.target = "/"}, 1s, [&](ServerEvent event) { return event.data != "b"; });
    ServerLab lab;
    lab.start();
    const auto missing = lab.client().read_events({.target = "/none"}, 1s, counting);

    REQUIRE_FALSE(broke);
    CHECK(broke.error().failure != Failure::deadline_exceeded);
    CHECK(count == 1);
    CHECK(left);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().failure == Failure::not_found);
  }
}
