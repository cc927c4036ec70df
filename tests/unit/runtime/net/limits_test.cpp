// Rude, slow and broken clients: each gets a refusal or is dropped, and the server lives on.
#include <random>

#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

HttpServerConfig strict() {
  HttpServerConfig config;
  config.limits.header_bytes_max = 2048;
  config.limits.header_time_max = 200ms;
  config.limits.body_time_max = 200ms;
  config.limits.idle_time_max = 300ms;
  config.limits.write_time_max = 300ms;
  config.limits.connection_count_max = 4;
  return config;
}

void add_routes(ServerLab& lab) {
  lab.get("/ok", [](HttpRequest, Responder responder) { responder.text("<ok>"); });
  lab.post("/v1/runs", [](HttpRequest request, Responder responder) {
    responder.text("<" + std::to_string(request.body.size()) + ">");
  });
}

std::string post_of(const std::string& headers, const std::string& body) {
  return "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\n" + headers + "\r\n" + body;
}

}  // namespace

TEST_SUITE("net/limits") {
  TEST_CASE("headers over the limit get 431, under it they pass") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();

    for (const std::size_t size : {1900u, 2100u, 100'000u}) {
      RawClient client{lab.server.port()};
      client.send("GET /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx: " +
                  std::string(size, 'a') + "\r\n\r\n");
      const std::string reply = client.read_to_end();
      CHECK_MESSAGE(
          status_line(reply) ==
              (size < 2000 ? "HTTP/1.1 200 OK" : "HTTP/1.1 431 Request Header Fields Too Large"),
          size);
    }
  }

  TEST_CASE("a body over the route's limit gets 413 before it is read, whatever its framing") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();

    RawClient fits{lab.server.port()};
    fits.send(post_of("content-length: 1024\r\n", std::string(1024, 'x')));
    CHECK(fits.read_until("<1024>").find("<1024>") != std::string::npos);
    RawClient announced{lab.server.port()};
    announced.send(post_of("content-length: 1025\r\n", ""));
    CHECK(status_line(announced.read_to_end()) == "HTTP/1.1 413 Content Too Large");
    RawClient large{lab.server.port()};
    large.send(post_of("content-length: 300000\r\n", std::string(300'000, 'x')));
    CHECK(status_line(large.read_until("\r\n")) == "HTTP/1.1 413 Content Too Large");
    RawClient chunked{lab.server.port()};
    chunked.send(post_of("transfer-encoding: chunked\r\n",
                         "400\r\n" + std::string(1024, 'x') + "\r\n2\r\nyy\r\n0\r\n\r\n"));
    CHECK(status_line(chunked.read_to_end()) == "HTTP/1.1 413 Content Too Large");
  }

  TEST_CASE("bodies that are too large together are turned away, and come in later") {
    HttpServerConfig config = strict();
    config.limits.body_time_max = 5s;
    config.limits.body_bytes_total_max = 1500;
    ServerLab lab{config};
    add_routes(lab);
    lab.start();

    RawClient slow{lab.server.port()};
    slow.send(post_of("content-length: 1000\r\nexpect: 100-continue\r\n", ""));
    REQUIRE(slow.read_until("100 Continue").find("100 Continue") != std::string::npos);
    RawClient second{lab.server.port()};
    second.send(post_of("content-length: 1000\r\n", std::string(1000, 'x')));
    const std::string refused = second.read_until("\r\n\r\n");
    CHECK(status_line(refused) == "HTTP/1.1 503 Service Unavailable");
    CHECK(refused.find("retry-after: 1") != std::string::npos);
    RawClient chunked{lab.server.port()};
    chunked.send(post_of("transfer-encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"));
    CHECK(status_line(chunked.read_until("\r\n")) == "HTTP/1.1 503 Service Unavailable");

    slow.send(std::string(1000, 'x'));
    CHECK(slow.read_until("<1000>").find("<1000>") != std::string::npos);
    RawClient later{lab.server.port()};
    later.send(post_of("content-length: 1000\r\n", std::string(1000, 'x')));
    CHECK(later.read_until("<1000>").find("<1000>") != std::string::npos);
  }

  TEST_CASE("a chunked body that waits for its answer counts as large as it is") {
    HttpServerConfig config = strict();
    config.limits.body_time_max = 5s;
    config.limits.body_bytes_total_max = 1500;
    ServerLab lab{config};
    add_routes(lab);
    Mailbox<Responder> waiting;
    lab.post("/v1/wait", [&](HttpRequest, Responder responder) { waiting.put(responder); });
    lab.start();

    RawClient patient{lab.server.port()};
    patient.send(
        "POST /v1/wait HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
        "a\r\n0123456789\r\n0\r\n\r\n");
    const Responder unanswered = waiting.take();
    RawClient second{lab.server.port()};
    second.send(post_of("content-length: 1000\r\n", std::string(1000, 'x')));
    CHECK(second.read_until("<1000>", 1s).find("<1000>") != std::string::npos);
    RawClient third{lab.server.port()};  // what was given back was given back once
    third.send(post_of("content-length: 1024\r\nexpect: 100-continue\r\n", ""));
    REQUIRE(third.read_until("100 Continue").find("100 Continue") != std::string::npos);
    RawClient fourth{lab.server.port()};
    fourth.send(post_of("content-length: 467\r\n", std::string(467, 'x')));
    CHECK(status_line(fourth.read_until("\r\n")) == "HTTP/1.1 503 Service Unavailable");
    unanswered.text("done");
    CHECK(patient.read_until("done").find("done") != std::string::npos);
  }

  TEST_CASE("a chunk's head or trailers without an end are refused, not kept") {
    HttpServerConfig config = strict();
    config.limits.header_time_max = 10s;
    config.limits.body_time_max = 10s;  // the bound is told by the bytes, not by the deadline
    ServerLab lab{config};
    add_routes(lab);
    lab.start();
    const std::string endless(64 * 1024, 'x');
    const std::string starts[] = {"3;note=", "3\r\nabc\r\n0\r\nx-trailer: ", "3\r\nabc\r\n0;last=",
                                  "3\r\nabc\r\n0\r\na: b\r\nc: "};

    for (const std::string& start : starts) {
      CAPTURE(start);
      RawClient client{lab.server.port()};
      client.send(post_of("transfer-encoding: chunked\r\n", start + endless));
      const std::string reply = client.read_to_end();
      CHECK(status_line(reply) == "HTTP/1.1 431 Request Header Fields Too Large");
      CHECK(reply.find("a chunk's head or the trailers are too long") != std::string::npos);
    }
    RawClient fits{lab.server.port()};
    fits.send(post_of("transfer-encoding: chunked\r\n",
                      "3;note=" + std::string(1000, 'x') +
                          "\r\nabc\r\n0\r\nx-trailer: " + std::string(1000, 'x') + "\r\n\r\n"));
    CHECK(fits.read_until("<3>").find("<3>") != std::string::npos);
  }

  TEST_CASE("a chunked body is joined") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();
    RawClient client{lab.server.port()};

    client.send(post_of("transfer-encoding: chunked\r\n", "3;note=1\r\nabc\r\n"));
    client.send("2\r\nde\r\n0\r\n\r\n");

    CHECK(client.read_until("<5>").find("<5>") != std::string::npos);
  }

  TEST_CASE("a client that asks first is told to continue, and only if its body may come") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();

    RawClient welcome{lab.server.port()};
    welcome.send(post_of("content-length: 3\r\nexpect: 100-continue\r\n", ""));
    CHECK(status_line(welcome.read_until("\r\n\r\n")) == "HTTP/1.1 100 Continue");
    welcome.send("abc");
    CHECK(welcome.read_until("<3>").find("<3>") != std::string::npos);
    RawClient unwelcome{lab.server.port()};
    unwelcome.send(post_of("content-length: 3000\r\nexpect: 100-continue\r\n", ""));
    CHECK(status_line(unwelcome.read_to_end()) == "HTTP/1.1 413 Content Too Large");
  }

  TEST_CASE("slow headers and slow bodies get 408, idle connections are closed") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();

    RawClient idle{lab.server.port()};
    RawClient slow_head{lab.server.port()};
    RawClient slow_body{lab.server.port()};
    slow_head.send("GET /ok HTTP/1.1\r\nho");
    slow_body.send(post_of("content-length: 10\r\n", "abc"));
    for (int i = 0; i < 5; ++i) {  // a trickle does not help
      std::this_thread::sleep_for(30ms);
      slow_head.send("s");
      slow_body.send("d");
    }

    CHECK(status_line(slow_head.read_to_end()) == "HTTP/1.1 408 Request Timeout");
    CHECK(status_line(slow_body.read_to_end()) == "HTTP/1.1 408 Request Timeout");
    CHECK(idle.read_to_end().empty());
    CHECK(lab.is_deserted());
  }

  TEST_CASE("a client that does not read its answer is dropped") {
    ServerLab lab{strict()};
    lab.get("/large", [](HttpRequest, Responder responder) {
      responder.text(std::string(32 * 1024 * 1024, 'x'));
    });
    lab.start();
    RawClient client{lab.server.port(), 4096};

    client.send("GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n");
    client.read_until("HTTP");

    CHECK(lab.is_deserted());
  }

  TEST_CASE("answers that are not read are bounded together, and one alone goes out") {
    HttpServerConfig config = strict();
    config.limits.write_time_max = 5s;
    config.limits.reply_bytes_total_max = 20 * 1024 * 1024;
    ServerLab lab{config};
    lab.get("/large", [](HttpRequest, Responder responder) {
      responder.text(std::string(32 * 1024 * 1024, 'x'));
    });
    lab.get("/small", [](HttpRequest, Responder responder) { responder.text("<small>"); });
    lab.start();
    RawClient first{lab.server.port(), 4096};
    first.send("GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n");
    CHECK(first.read_until("\r\n").find("200 OK") != std::string::npos);

    RawClient second{lab.server.port()};
    second.send("GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const std::string refused = second.read_until("\r\n\r\n");
    CHECK(status_line(refused) == "HTTP/1.1 503 Service Unavailable");
    CHECK(refused.find("retry-after: 1") != std::string::npos);
    RawClient modest{lab.server.port()};  // its work is done: nothing else tells what came of it
    modest.send("GET /small HTTP/1.1\r\nhost: localhost\r\n\r\n");
    CHECK(status_line(modest.read_until("<small>")) == "HTTP/1.1 200 OK");
    modest.abort();
    first.abort();
    while (lab.server.connection_count() > 1) std::this_thread::sleep_for(1ms);
    RawClient third{lab.server.port()};
    third.send("GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n");
    CHECK(status_line(third.read_until("\r\n")) == "HTTP/1.1 200 OK");
  }

  TEST_CASE("more connections than allowed are turned away with 503, and come in later") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();
    std::vector<std::unique_ptr<RawClient>> crowd;
    for (int i = 0; i < 4; ++i) crowd.push_back(std::make_unique<RawClient>(lab.server.port()));
    while (lab.server.connection_count() < 4) std::this_thread::sleep_for(1ms);

    RawClient late{lab.server.port()};
    const std::string refusal = late.read_to_end();
    crowd.clear();
    REQUIRE(lab.is_deserted());
    RawClient later{lab.server.port()};
    later.send("GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n");

    CHECK(status_line(refusal) == "HTTP/1.1 503 Service Unavailable");
    const std::string body = refusal.substr(refusal.find("\r\n\r\n") + 4);
    CHECK(refusal.find("content-length: " + std::to_string(body.size()) + "\r\n") !=
          std::string::npos);
    CHECK(Json::parse(body)["error"]["code"] == "resource_exhausted");
    CHECK(later.read_until("<ok>").find("<ok>") != std::string::npos);
  }

  TEST_CASE("what two readers could read differently is refused") {
    ServerLab lab{strict()};
    add_routes(lab);
    lab.start();
    const std::string body = "abc";
    const std::pair<std::string, std::string> cases[] = {
        {"length and chunks", post_of("content-length: 3\r\ntransfer-encoding: chunked\r\n", body)},
        {"chunks and length", post_of("transfer-encoding: chunked\r\ncontent-length: 3\r\n", body)},
        {"two lengths", post_of("content-length: 3\r\ncontent-length: 4\r\n", body)},
        {"a signed length", post_of("content-length: +3\r\n", body)},
        {"a hidden coding", post_of("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n")},
        {"another coding", post_of("transfer-encoding: gzip\r\n", body)},
        {"two codings", post_of("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", body)},
        {"a space before the colon", post_of("content-length : 3\r\n", body)},
        {"a bare line feed", "GET /ok HTTP/1.1\nhost: localhost\n\n"},
        {"two hosts", "GET /ok HTTP/1.1\r\nhost: a\r\nhost: localhost\r\n\r\n"},
        {"no host", "GET /ok HTTP/1.1\r\n\r\n"},
        {"an absolute target", "GET http://localhost/ok HTTP/1.1\r\nhost: localhost\r\n\r\n"},
        {"a target of another kind", "CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n"},
        {"another version", "GET /ok HTTP/2.0\r\nhost: localhost\r\n\r\n"},
        {"chunks of an old version",
         "POST /v1/runs HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: "
         "chunked\r\n\r\n0\r\n\r\n"},
        {"a chunk size that overflows",
         post_of("transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n")},
    };

    for (const auto& [name, request] : cases) {
      RawClient client{lab.server.port()};
      client.send(request);
      const std::string reply = client.read_to_end();
      CAPTURE(name);
      CHECK((status_line(reply).starts_with("HTTP/1.1 400") ||
             status_line(reply).starts_with("HTTP/1.1 413") ||
             status_line(reply).starts_with("HTTP/1.1 501")));
      CHECK(reply.find("x-request-id") == reply.rfind("x-request-id"));  // one refusal, the end
    }
  }

  TEST_CASE("property: random bytes and broken requests never break the server") {
    HttpServerConfig config = strict();
    config.limits.connection_count_max = 64;
    config.limits.header_time_max = 30ms;
    config.limits.body_time_max = 30ms;
    ServerLab lab{config};
    add_routes(lab);
    lab.start();
    const std::string whole = post_of("content-length: 3\r\nx-a: b\r\n", "abc") +
                              post_of("transfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");

    for (std::uint64_t seed = 0; seed < 300; ++seed) {
      CAPTURE(seed);
      std::mt19937_64 random{seed};
      std::string bytes = whole;
      if (seed % 3 == 0) {
        bytes.resize(random() % 3000);
        for (char& c : bytes) c = static_cast<char>(random());
      } else {
        for (int i = 0; i < 4; ++i) {
          const std::size_t position = random() % bytes.size();
          if (random() % 2 == 0)
            bytes[position] = static_cast<char>(random());
          else
            bytes.erase(position, random() % 10);
          if (bytes.empty()) bytes = "x";
        }
      }
      RawClient client{lab.server.port()};
      const std::size_t cut = random() % (bytes.size() + 1);
      client.send(std::string_view{bytes}.substr(0, cut));
      client.send(std::string_view{bytes}.substr(cut));
      if (random() % 2 == 0) {
        client.end_sending();
        client.read_to_end();
      } else if (random() % 2 == 0) {
        client.abort();
      }
    }

    CHECK(lab.client().call({.target = "/ok"})->status == 200);
    CHECK(lab.is_deserted());
  }
}
