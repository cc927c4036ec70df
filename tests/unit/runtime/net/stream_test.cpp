#include <atomic>

#include "runtime/net/event_reader.hpp"
#include "tests/unit/runtime/net/lab.hpp"

using namespace flywheel;
using namespace std::chrono_literals;

namespace {

constexpr const char* stream_request = "GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n";

// A server whose only route opens a stream and hands it to the test.
struct StreamLab : ServerLab {
  explicit StreamLab(StreamOptions options, HttpServerConfig config = {}) : ServerLab(config) {
    get("/stream", [this, options](HttpRequest, Responder responder) {
      opened.put(responder.open_stream(options));
    });
    start();
  }
  Mailbox<EventStream> opened;
};

// Sends until the socket's buffers and the stream's queue are full.
template <class Stop>
int flood(const EventStream& stream, Stop stop) {
  const std::string data(8 * 1024, 'x');
  for (int i = 0; i < 10'000; ++i)
    if (stop(stream.send({.data = data, .id = std::to_string(i)}))) return i;
  return -1;
}

}  // namespace

TEST_SUITE("net/stream") {
  TEST_CASE("events arrive whole and in order, then the stream ends") {
    StreamLab lab{{}};
    std::thread producer{[&] {
      const EventStream stream = lab.opened.take();
      for (int i = 0; i < 2'000; ++i)
        stream.send({.data = "line " + std::to_string(i) + "\nsecond",
                     .type = i % 2 == 0 ? "even" : "",
                     .id = std::to_string(i)});
      stream.close();
      CHECK(stream.send({.data = "late"}) == Sent::closed);
    }};
    int count = 0;
    int wrong = 0;

    const auto result = lab.client().read_events({.target = "/stream"}, 5s, [&](ServerEvent event) {
      wrong += event.id != std::to_string(count) ||
               event.data != "line " + std::to_string(count) + "\nsecond" ||
               event.type != (count % 2 == 0 ? "even" : "");
      ++count;
      return true;
    });
    producer.join();

    CHECK(result);
    CHECK(count == 2'000);
    CHECK(wrong == 0);
  }

  TEST_CASE("a connection goes on after a stream has ended") {
    StreamLab lab{{}};
    RawClient client{lab.server.port()};

    client.send(stream_request);
    lab.opened.take().send({.data = "first"});  // the last copy's end closes the stream
    const std::string first = client.read_until("0\r\n\r\n");
    client.forget();
    client.send(stream_request);
    lab.opened.take().send({.data = "second"});

    CHECK(first.find("transfer-encoding: chunked\r\n") != std::string::npos);
    CHECK(first.find("data: first\n\n") != std::string::npos);
    CHECK(client.read_until("0\r\n\r\n").find("data: second\n\n") != std::string::npos);
  }

  TEST_CASE("an old client gets the stream without chunks, up to the close") {
    StreamLab lab{{}};
    RawClient client{lab.server.port()};

    client.send("GET /stream HTTP/1.0\r\n\r\n");
    lab.opened.take().send({.data = "only"});

    CHECK(client.read_to_end().ends_with("\r\n\r\ndata: only\n\n"));
  }

  TEST_CASE("a quiet stream pings, and the client does not see the pings") {
    StreamLab lab{{.ping_period = 60ms}};
    std::thread producer{[&] {
      const EventStream stream = lab.opened.take();
      std::this_thread::sleep_for(600ms);
      stream.send({.data = "at last"});
    }};
    std::vector<std::string> seen;

    const auto result =
        lab.client().read_events({.target = "/stream"}, 400ms, [&](ServerEvent event) {
          seen.push_back(event.data);
          return true;
        });
    producer.join();

    CHECK(result);
    CHECK(seen == std::vector<std::string>{"at last"});
  }

  TEST_CASE("silence longer than allowed is an error of the reader") {
    StreamLab lab{{.ping_period = 0ms}};

    const auto result =
        lab.client().read_events({.target = "/stream"}, 100ms, [](ServerEvent) { return true; });

    REQUIRE_FALSE(result);
    CHECK(result.error().failure == Failure::deadline_exceeded);
    lab.opened.take();
  }

  TEST_CASE("refuse: a full queue says so, and tells when it has room again") {
    StreamLab lab{{.overflow = Overflow::refuse, .queue_bytes_max = 64 * 1024}};
    RawClient client{lab.server.port(), 4096};
    client.send(stream_request);
    const EventStream stream = lab.opened.take();

    const int accepted = flood(stream, [](Sent sent) { return sent == Sent::full; });
    REQUIRE(accepted > 0);
    Mailbox<bool> writable;
    stream.when_writable([&] { writable.put(true); });
    std::thread reader{[&] { client.read_until("id: end"); }};

    CHECK(writable.take());
    CHECK(stream.send({.data = "end", .id = "end"}) == Sent::queued);
    stream.close();
    reader.join();
    const std::string text = client.read_until("0\r\n\r\n");
    for (int i = 0; i < accepted; ++i)
      REQUIRE(text.find("id: " + std::to_string(i) + "\n") != std::string::npos);
  }

  TEST_CASE("drop_oldest: the newest events stay, the dropped ones are counted") {
    StreamLab lab{{.overflow = Overflow::drop_oldest, .queue_bytes_max = 64 * 1024}};
    RawClient client{lab.server.port(), 4096};
    client.send(stream_request);
    const EventStream stream = lab.opened.take();

    flood(stream, [&](Sent) { return stream.dropped_count() >= 50; });
    const std::uint64_t dropped = stream.dropped_count();
    CHECK(stream.send({.data = "newest", .id = "end"}) != Sent::closed);
    stream.close();

    CHECK(dropped >= 50);
    CHECK(client.read_until("0\r\n\r\n").find("data: newest") != std::string::npos);
  }

  TEST_CASE("disconnect: a client that reads too slowly is cut off and the producer told") {
    StreamLab lab{{.overflow = Overflow::disconnect, .queue_bytes_max = 64 * 1024}};
    RawClient client{lab.server.port(), 4096};
    client.send(stream_request);
    const EventStream stream = lab.opened.take();
    Mailbox<bool> gone;
    stream.when_gone([&] { gone.put(true); });

    CHECK(flood(stream, [](Sent sent) { return sent == Sent::closed; }) > 0);

    CHECK(gone.take());
    CHECK_FALSE(stream.is_open());
    CHECK(lab.is_deserted());
  }

  TEST_CASE("one event larger than the queue passes when nothing else waits") {
    StreamLab lab{{.queue_bytes_max = 1024}};
    RawClient client{lab.server.port()};
    client.send(stream_request);
    const EventStream stream = lab.opened.take();

    CHECK(stream.send({.data = std::string(100'000, 'x') + "<end>"}) == Sent::queued);

    CHECK(client.read_until("<end>").find("<end>") != std::string::npos);
  }

  TEST_CASE("a client that stops reading is dropped after the write deadline") {
    HttpServerConfig config;
    config.limits.write_time_max = 200ms;
    StreamLab lab{{.overflow = Overflow::refuse, .queue_bytes_max = 64 * 1024}, config};
    RawClient client{lab.server.port(), 4096};
    client.send(stream_request);
    const EventStream stream = lab.opened.take();
    Mailbox<bool> gone;
    stream.when_gone([&] { gone.put(true); });

    const auto is_stuck = [](Sent sent) {
      if (sent == Sent::full) std::this_thread::sleep_for(1ms);
      return sent == Sent::closed;
    };
    CHECK(flood(stream, is_stuck) > 0);

    CHECK(gone.take());
  }

  TEST_CASE("a producer learns that the client has vanished, quietly or with a reset") {
    for (const bool with_reset : {false, true}) {
      StreamLab lab{{}};
      RawClient client{lab.server.port()};
      client.send(stream_request);
      const EventStream stream = lab.opened.take();
      Mailbox<bool> gone;
      stream.when_gone([&] { gone.put(true); });
      client.read_until("\r\n\r\n");

      if (with_reset)
        client.abort();
      else
        client.close();

      CHECK(gone.take());
      CHECK(stream.send({.data = "to nobody"}) == Sent::closed);
      CHECK(lab.is_deserted());
    }
  }

  TEST_CASE("a stream that was closed by its producer has no one gone") {
    StreamLab lab{{}};
    RawClient client{lab.server.port()};
    client.send(stream_request);
    std::atomic<bool> gone{false};
    {
      const EventStream stream = lab.opened.take();
      stream.when_gone([&] { gone = true; });
      stream.send({.data = "last"});
      stream.close();
    }
    client.read_until("0\r\n\r\n");
    client.close();

    CHECK(lab.is_deserted());
    CHECK_FALSE(gone);
  }

  TEST_CASE("HEAD of a stream ends at once and the producer is told") {
    StreamLab lab{{}};
    RawClient client{lab.server.port()};
    client.send("HEAD /stream HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    const EventStream stream = lab.opened.take();
    Mailbox<bool> gone;
    stream.when_gone([&] { gone.put(true); });

    CHECK(client.read_to_end().ends_with("\r\n\r\n"));
    CHECK(gone.take());
  }

  TEST_CASE("shutdown with open streams and unanswered requests ends in less than two seconds") {
    StreamLab* lab = new StreamLab{{}};
    std::vector<std::unique_ptr<RawClient>> clients;
    std::vector<EventStream> streams;
    std::atomic<int> gone{0};
    for (int i = 0; i < 20; ++i) {
      clients.push_back(std::make_unique<RawClient>(lab->server.port(), i == 0 ? 4096 : 0));
      clients.back()->send(stream_request);
      streams.push_back(lab->opened.take());
      streams.back().when_gone([&] { ++gone; });
    }
    flood(streams[0], [](Sent sent) { return sent == Sent::closed; });
    const auto before = std::chrono::steady_clock::now();

    lab->server.stop(1s);
    const auto taken = std::chrono::steady_clock::now() - before;

    CHECK(taken < 2s);
    CHECK(gone.load() == 20);
    for (int i = 1; i < 20; ++i)
      CHECK(clients[static_cast<std::size_t>(i)]->read_to_end().ends_with("0\r\n\r\n"));
    delete lab;
  }

  TEST_CASE("an answer under way is delivered during the grace of a shutdown") {
    ServerLab lab;
    Mailbox<Responder> asked;
    lab.get("/slow", [&](HttpRequest, Responder responder) { asked.put(std::move(responder)); });
    lab.start();
    RawClient client{lab.server.port()};
    client.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n");
    const Responder responder = asked.take();
    std::thread answering{[&] {
      std::this_thread::sleep_for(100ms);
      responder.text("<in time>");
    }};

    lab.server.stop(2s);
    answering.join();

    CHECK(client.read_to_end().ends_with("<in time>"));
  }

  TEST_CASE("an event that is split anywhere is read as a whole") {
    const std::string text =
        "\xEF\xBB\xBF: comment\r\nevent: a\ndata: 1\rdata:2\nid: 7\n\ndata\n\nid\ndata: x: "
        "y\n\nevent: none\n\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      EventReader reader;
      auto events = reader.add(std::string_view{text}.substr(0, cut));
      for (auto& event : reader.add(std::string_view{text}.substr(cut))) events.push_back(event);
      CAPTURE(cut);
      REQUIRE(events.size() == 3);
      CHECK(events[0].data == "1\n2");
      CHECK(events[0].type == "a");
      CHECK(events[0].id == "7");
      CHECK(events[1].data.empty());
      CHECK(events[1].id == "7");
      CHECK(events[2].data == "x: y");
      CHECK(events[2].id.empty());
    }
  }

  TEST_CASE("what an event holds can't begin another event") {
    EventReader reader;
    const auto events = reader.add(
        encode_event({.data = "a\r\n\r\ndata: b\r\rc", .type = "t\nid: 9", .id = "1\r\ndata: z"}));

    REQUIRE(events.size() == 1);
    CHECK(events[0].data == "a\n\ndata: b\n\nc");
    CHECK(events[0].type == "t");
    CHECK(events[0].id == "1");
  }
}
