// Commands: run one and wait, watch it as server-sent events, or let it run detached and come back.
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "actors/caas/body_fields.hpp"
#include "actors/caas/caas_routes.hpp"
#include "actors/caas/container_view.hpp"
#include "runtime/base/base64.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t exec_body_bytes_max = 8 << 20;
constexpr std::size_t read_bytes_max = 4 << 20;  // of one stream in one answer

std::string exec_name(std::uint64_t number) {
  return fmt::format("exec_{}", number);
}

Json with_id(Json json, const LiveExec& exec) {
  json["id"] = exec_name(exec.number);
  json["object"] = "exec";
  return json;
}

// What an SSE client has been sent of one stream: text waits for the rest of a character, and what
// is over the bound is counted and left out.
struct SentStream {
  std::string waiting{};
  std::size_t sent_bytes = 0;
};

struct Watched {
  EventStream events{};
  std::size_t bytes_max = 0;
  bool wants_base64 = false;
  SentStream streams[2]{};
  std::string start{};  // the first event; empty once it was sent

  // Whoever reads the first event may send input and signals.
  void send_start() {
    if (start.empty()) return;
    events.send({std::exchange(start, {}), "start", {}});
    for (const ExecStream stream : {ExecStream::output, ExecStream::error}) flush_whole(stream);
  }
  void send(ExecStream stream, std::string_view bytes) {
    SentStream& sent = streams[stream == ExecStream::output ? 0 : 1];
    bytes = bytes.substr(0, bytes_max - std::min(bytes_max, sent.sent_bytes));
    sent.sent_bytes += bytes.size();
    sent.waiting.append(bytes);
    if (start.empty()) flush_whole(stream);
  }
  // What ends with a whole character, or everything as base64.
  void flush_whole(ExecStream stream) {
    const std::string& waiting = streams[stream == ExecStream::output ? 0 : 1].waiting;
    flush(stream, wants_base64 ? waiting.size() : complete_utf8_size(waiting));
  }
  void flush(ExecStream stream, std::size_t size) {
    SentStream& sent = streams[stream == ExecStream::output ? 0 : 1];
    if (size == 0) return;
    Json data = Json::object();
    put_bytes(data, "text", std::string_view{sent.waiting}.substr(0, size), wants_base64);
    sent.waiting.erase(0, size);
    events.send({dump_json(data), stream == ExecStream::output ? "stdout" : "stderr", {}});
  }
  void flush_all() {
    for (const ExecStream stream : {ExecStream::output, ExecStream::error})
      flush(stream, streams[stream == ExecStream::output ? 0 : 1].waiting.size());
  }
};

// The bound of one stream's events in the queue: all that may be sent, encoded, and the end.
std::size_t queue_bytes(std::size_t output_bytes_max) {
  return 2 * event_bytes_max * output_bytes_max + (64 << 10);
}

void stream_exec(CaasState& state, const std::shared_ptr<LiveContainer>& live,
                 const ExecRequest& asked, const Responder& responder) {
  auto watched = std::make_shared<Watched>();
  watched->bytes_max = asked.spec.output_bytes_max;
  watched->wants_base64 = asked.wants_base64;
  // The stream is opened once the command was let in: a refusal is a status, not an event.
  auto gate = std::make_shared<std::mutex>();
  const std::unique_lock opening{*gate};
  ExecHandlers handlers;
  handlers.on_output = [watched, gate](ExecStream stream, std::string_view bytes) {
    const std::lock_guard lock{*gate};
    watched->send(stream, bytes);
  };
  handlers.on_start = [watched, gate](const LiveExec&) {
    const std::lock_guard lock{*gate};
    watched->send_start();
  };
  handlers.on_end = [watched, gate](const LiveExec&, const Result<ExecResult>& result) {
    const std::lock_guard lock{*gate};
    watched->send_start();
    watched->flush_all();
    const Json data =
        result
            ? exec_outcome_json(*result)
            : Json{{"state", "ended"}, {"end", "not_started"}, {"error", result.error().message}};
    watched->events.send({dump_json(data), "exit", {}});
    watched->events.close();
  };
  auto exec = state.execs.begin(live, asked, std::move(handlers));
  if (!exec) return void(responder.send(refusal(exec.error())));
  watched->events =
      responder.open_stream({.queue_bytes_max = queue_bytes(asked.spec.output_bytes_max)});
  watched->start = dump_json(with_id({{"state", "running"}}, **exec));
  watched->events.when_gone([&state, exec = *exec] { state.execs.cancel(*exec); });
}

// Answered once it has started: what comes after the answer, a pause for instance, finds it there.
void detach_exec(CaasState& state, const std::shared_ptr<LiveContainer>& live,
                 const ExecRequest& asked, const Responder& responder) {
  const auto is_answered = std::make_shared<std::atomic_flag>();
  const auto answer = [responder, is_answered](const LiveExec& exec) {
    if (!is_answered->test_and_set()) responder.json(with_id({{"state", "running"}}, exec), 202);
  };
  ExecHandlers handlers;
  handlers.on_start = answer;
  handlers.on_end = [responder, is_answered, answer](const LiveExec& exec,
                                                     const Result<ExecResult>& result) {
    if (result) return answer(exec);  // it ended before on_start came
    if (!is_answered->test_and_set()) responder.send(refusal(result.error()));
  };
  const auto begun = state.execs.begin(live, asked, std::move(handlers));
  if (!begun) responder.send(refusal(begun.error()));
}

void run_exec(CaasState& state, const std::shared_ptr<LiveContainer>& live,
              const ExecRequest& asked, const Responder& responder) {
  if (asked.is_streamed) return stream_exec(state, live, asked, responder);
  if (asked.is_detached) return detach_exec(state, live, asked, responder);
  ExecHandlers handlers;
  handlers.on_end = [responder, base64 = asked.wants_base64](const LiveExec& exec,
                                                             const Result<ExecResult>& result) {
    if (!result) return void(responder.send(refusal(result.error())));
    responder.json(with_id(exec_json(*result, base64), exec));
  };
  auto exec = state.execs.begin(live, asked, std::move(handlers));
  if (!exec) return void(responder.send(refusal(exec.error())));
  responder.when_gone([&state, exec = *exec] { state.execs.cancel(*exec); });
}

// What a log says, in the shape in which the command would have been answered.
void answer_replayed(CaasState& state, LiveContainer& live, const ExecRequest& asked,
                     const Json& logged, const Responder& responder) {
  if (asked.is_detached) {
    const auto kept = state.execs.keep(live, asked.logged_json(), result_of_logged(logged));
    return void(responder.json(with_id({{"state", "running"}, {"replayed", true}}, *kept), 202));
  }
  if (is_refusal(logged) && !asked.is_streamed) return void(responder.send(replayed(logged)));
  // Of a command that never started a stream's last event tells, as it did then.
  Json json = is_refusal(logged) ? exec_outcome_json(result_of_logged(logged))
                                 : exec_json_of_logged(logged, asked.wants_base64);
  json["object"] = "exec";
  json["replayed"] = true;
  if (!asked.is_streamed) return void(responder.json(json));
  const auto events =
      responder.open_stream({.queue_bytes_max = queue_bytes(asked.spec.output_bytes_max)});
  for (const char* name : {"stdout", "stderr"}) {
    const std::string field = std::string{name} + (asked.wants_base64 ? "_base64" : "");
    if (!json.contains(field)) continue;
    if (json[field] != "")
      events.send(
          {dump_json({{asked.wants_base64 ? "text_base64" : "text", json[field]}}), name, {}});
    json.erase(field);
  }
  events.send({dump_json(json), "exit", {}});
  events.close();
}

void exec(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::control);
  if (!live) return void(responder.send(live.error()));
  const auto body = parse_json_body(request.body);
  if (!body) return void(responder.send(refusal(body.error())));
  auto asked = parse_exec_request(*body);
  if (!asked) return void(responder.send(refusal(asked.error())));
  if (request.header("accept") == "text/event-stream" && !asked->is_detached)
    asked->is_streamed = true;
  const ExecRequest wanted = std::move(*asked);
  when_ready(
      state, *live, wanted.logged_kind(), wanted.logged_json(), responder,
      [&state, live = *live, wanted, responder](const Json& logged) {
        answer_replayed(state, *live, wanted, logged, responder);
      },
      [&state, live = *live, wanted, responder] { run_exec(state, live, wanted, responder); });
}

struct AskedExec {
  std::shared_ptr<LiveContainer> live{};
  std::shared_ptr<LiveExec> exec{};
};

tl::expected<AskedExec, HttpResponse> asked_exec(CaasState& state, const HttpRequest& request,
                                                 Verb verb) {
  auto live = asked_live(state, request, verb);
  if (!live) return tl::unexpected{std::move(live.error())};
  const std::string_view name = request.parameter("exec");
  std::uint64_t number = 0;
  if (name.starts_with("exec_"))
    for (const char c : name.substr(5).substr(0, 12))
      number = c >= '0' && c <= '9' ? number * 10 + static_cast<std::uint64_t>(c - '0') : 0;
  auto found = state.execs.find(**live, number);
  if (!found)
    return tl::unexpected{error_response(
        404,
        fmt::format("there is no command {} in {}: ended ones are kept if they were detached",
                    name.substr(0, 40), to_string((*live)->id)),
        to_string(Failure::not_found))};
  return AskedExec{std::move(*live), std::move(found)};
}

void get_exec(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto asked = asked_exec(state, request, Verb::read);
  if (!asked) return void(responder.send(asked.error()));
  const auto output_offset = query_number(request, "offset", 0);
  const auto error_offset = query_number(request, "stderr_offset", 0);
  if (!output_offset || !error_offset)
    return void(responder.send(
        refusal({Failure::invalid_input, "offset and stderr_offset are whole numbers"})));
  const bool wants_base64 = request.query_value("encoding") == "base64";
  std::shared_ptr<Exec> started;
  Json json{{"state", "running"}};
  {
    const std::lock_guard lock{state.table.mutex};
    started = asked->exec->exec;
    if (asked->exec->ended) json = exec_outcome_json(*asked->exec->ended);
  }
  for (const auto stream : {ExecStream::output, ExecStream::error}) {
    const bool is_output = stream == ExecStream::output;
    const std::string name = is_output ? "stdout" : "stderr";
    ExecChunk chunk;
    if (started)
      chunk = started->read(stream, is_output ? *output_offset : *error_offset, read_bytes_max);
    // A character that is not whole yet comes with the next answer.
    const std::size_t size =
        wants_base64 || chunk.is_final ? chunk.bytes.size() : complete_utf8_size(chunk.bytes);
    put_bytes(json, name, std::string_view{chunk.bytes}.substr(0, size), wants_base64);
    json[name + "_offset"] = chunk.offset;
    json[name + "_next_offset"] = chunk.offset + size;
  }
  responder.json(with_id(std::move(json), *asked->exec));
}

void list_execs(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::read);
  if (!live) return void(responder.send(live.error()));
  Json data = Json::array();
  {
    const std::lock_guard lock{state.table.mutex};
    for (const auto& [number, exec] : (*live)->execs) {
      Json json = exec->ended ? exec_outcome_json(*exec->ended) : Json{{"state", "running"}};
      json["command"] = exec->request["command"];
      data.push_back(with_id(std::move(json), *exec));
    }
  }
  responder.json({{"object", "list"}, {"has_more", false}, {"data", std::move(data)}});
}

void remove_exec(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto asked = asked_exec(state, request, Verb::control);
  if (!asked) return void(responder.send(asked.error()));
  state.execs.cancel(*asked->exec);
  responder.json(with_id({{"cancelled", true}}, *asked->exec));
}

Result<int> signal_of(const Json& body) {
  BodyFields fields{body, "request body"};
  const Json* value = fields.find("signal");
  FLYWHEEL_TRY_VOID(fields.finish());
  if (value != nullptr && value->is_number_unsigned() && value->get<unsigned>() >= 1 &&
      value->get<unsigned>() <= 64)
    return value->get<int>();
  struct Named {
    const char* name;
    int number;
  };
  constexpr Named names[] = {{"INT", SIGINT},   {"TERM", SIGTERM}, {"KILL", SIGKILL},
                             {"HUP", SIGHUP},   {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
                             {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
  for (const Named& each : names)
    if (value != nullptr && (*value == each.name || *value == std::string{"SIG"} + each.name))
      return each.number;
  return fail(Failure::invalid_input,
              "request body: field 'signal' must be a number from 1 to 64 or a name like TERM");
}

void signal_exec(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto asked = asked_exec(state, request, Verb::control);
  if (!asked) return void(responder.send(asked.error()));
  const auto body = parse_json_body(request.body);
  if (!body) return void(responder.send(refusal(body.error())));
  const auto signal = signal_of(*body);
  if (!signal) return void(responder.send(refusal(signal.error())));
  answer_later(state, responder, [&state, exec = asked->exec, signal = *signal] {
    std::shared_ptr<Exec> started;
    {
      const std::lock_guard lock{state.table.mutex};
      started = exec->exec;
    }
    if (!started) return refusal({Failure::cancelled, "the command has not started yet"});
    const auto outcome = started->send_signal(signal);
    return outcome ? json_response(with_id({{"signal", signal}}, *exec)) : refusal(outcome.error());
  });
}

// The body's bytes go to the command's standard input; ?close=true ends it.
void write_stdin(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto asked = asked_exec(state, request, Verb::control);
  if (!asked) return void(responder.send(asked.error()));
  answer_later(state, responder,
               [&state, exec = asked->exec, bytes = request.body,
                closes = request.query_value("close") == "true"] {
                 std::shared_ptr<Exec> started;
                 {
                   const std::lock_guard lock{state.table.mutex};
                   started = exec->exec;
                 }
                 if (!started)
                   return refusal({Failure::cancelled, "the command has not started yet"});
                 if (!bytes.empty())
                   if (auto written = started->write_input(bytes); !written)
                     return refusal(written.error());
                 if (closes) started->close_input();
                 return json_response(with_id({{"bytes", bytes.size()}}, *exec));
               });
}

}  // namespace

void add_exec_routes(HttpServer& server, CaasState& state) {
  const auto add = [&](std::string method, std::string pattern, Verb verb, CaasHandle handle) {
    server.add({.method = std::move(method),
                .pattern = "/v1/containers/{id}" + std::move(pattern),
                .verb = verb,
                .object = ObjectKind::container,
                .handler = with_state(state, handle),
                .answer_time_max = 25h,  // a command has bounds of its own
                .body_bytes_max = exec_body_bytes_max});
  };
  add("POST", "/exec", Verb::control, exec);
  add("GET", "/execs", Verb::read, list_execs);
  add("GET", "/execs/{exec}", Verb::read, get_exec);
  add("DELETE", "/execs/{exec}", Verb::control, remove_exec);
  add("POST", "/execs/{exec}/signal", Verb::control, signal_exec);
  add("POST", "/execs/{exec}/stdin", Verb::control, write_stdin);
}

}  // namespace flywheel
