// Sessions: a shell or Python that stays between runs.
#include <shared_mutex>
#include <utility>

#include <fmt/format.h>

#include "actors/caas/body_fields.hpp"
#include "actors/caas/caas_routes.hpp"
#include "actors/caas/container_view.hpp"
#include "actors/caas/session.hpp"

namespace flywheel {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t code_bytes_max = 2 << 20;
constexpr std::size_t session_output_bytes = 2 * 4096;  // what its interpreter's streams keep
constexpr std::uint64_t run_ms_max = 24ULL * 3600 * 1000;

std::string session_name(std::uint64_t number) {
  return fmt::format("session_{}", number);
}

Json session_json(std::uint64_t number, const Session& session) {
  const char* state = session.has_ended() ? "ended" : session.is_busy() ? "busy" : "idle";
  return {{"id", session_name(number)},
          {"object", "session"},
          {"kind", to_string(session.kind())},
          {"state", state}};
}

struct AskedSession {
  std::shared_ptr<LiveContainer> live{};
  std::uint64_t number = 0;
  std::shared_ptr<Session> session{};
};

tl::expected<AskedSession, HttpResponse> asked_session(CaasState& state, const HttpRequest& request,
                                                       Verb verb) {
  auto live = asked_live(state, request, verb);
  if (!live) return tl::unexpected{std::move(live.error())};
  const std::string_view name = request.parameter("session");
  const std::lock_guard lock{state.table.mutex};
  for (const auto& [number, session] : (*live)->sessions)
    if (session_name(number) == name) return AskedSession{*live, number, session};
  return tl::unexpected{error_response(
      404, fmt::format("there is no session {} in {}", name.substr(0, 40), to_string((*live)->id)),
      to_string(Failure::not_found))};
}

struct Opening {
  SessionKind kind = SessionKind::shell;
  std::vector<std::string> env{};
  std::string cwd{};
};

HttpResponse open_session(CaasState& state, const std::shared_ptr<LiveContainer>& live,
                          const Opening& opening) {
  const auto box = running_box(state, *live);
  if (!box) return box.error();
  std::uint64_t number = 0;
  {
    const std::lock_guard lock{state.table.mutex};
    std::erase_if(live->sessions, [](const auto& each) { return each.second->has_ended(); });
    if (live->sessions.size() >= state.config.limits.session_count_max)
      return refusal({Failure::resource_exhausted,
                      fmt::format("{} has {} sessions, which is the limit: close some",
                                  to_string(live->id), live->sessions.size())});
    number = ++live->session_count;
  }
  auto budget = state.execs.reserve(session_output_bytes);
  if (!budget) return refusal(budget.error());
  const std::uint64_t command = state.execs.next_command(*live);
  auto session = [&] {
    const std::shared_lock lock{live->files_mutex};
    return Session::start(**box, opening.kind, opening.env, opening.cwd, 7 * 24h);
  }();
  state.execs.log(
      *live, command,
      {wall_ms(state),
       "session_open",
       {{"kind", to_string(opening.kind)}},
       session ? Json{{"session", session_name(number)}} : logged_refusal(session.error())});
  if (!session) return refusal(session.error());
  // With its budget: the one goes when the other does.
  std::shared_ptr<Session> kept{session->get(),
                                [session = *session, budget = *budget](Session*) {}};
  const std::lock_guard lock{state.table.mutex};
  live->sessions.emplace(number, std::move(kept));
  return json_response(session_json(number, **session), 201);
}

void create(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::control);
  if (!live) return void(responder.send(live.error()));
  const auto body = parse_json_body(request.body.empty() ? "{}" : request.body);
  if (!body) return void(responder.send(refusal(body.error())));
  BodyFields fields{*body, "request body"};
  const std::string kind = fields.text("kind", "shell", 16);
  if (kind != "shell" && kind != "python") fields.refuse("kind", "is shell or python");
  Opening opening{kind == "python" ? SessionKind::python : SessionKind::shell,
                  fields.environment("env"), fields.text("cwd", "", 4096)};
  if (auto outcome = fields.finish(); !outcome)
    return void(responder.send(refusal(outcome.error())));
  when_ready(
      state, *live, "session_open", {{"kind", kind}}, responder,
      [responder](const Json& logged) { responder.send(replayed(logged)); },
      [&state, live = *live, opening, responder] {
        answer_later(state, responder,
                     [&state, live, opening] { return open_session(state, live, opening); });
      });
}

void list(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto live = asked_live(state, request, Verb::read);
  if (!live) return void(responder.send(live.error()));
  Json data = Json::array();
  {
    const std::lock_guard lock{state.table.mutex};
    for (const auto& [number, session] : (*live)->sessions)
      data.push_back(session_json(number, *session));
  }
  responder.json({{"object", "list"}, {"has_more", false}, {"data", std::move(data)}});
}

// Nothing where it began: its end answers, and enters the trajectory.
std::optional<HttpResponse> begin_run(CaasState& state, const AskedSession& asked,
                                      const SessionRun& run, const Responder& responder) {
  const Json logged{{"session", session_name(asked.number)}, {"code", run.code}};
  // Of each stream the window keeps up to its bound and half of it again.
  auto room = state.execs.begin_run(asked.live, 3 * run.output_bytes_max);
  if (!room) return refusal(room.error());
  const auto command = state.execs.next_command(*asked.live);
  const auto finish = [&state, asked, responder, logged, command, room = *room,
                       started_ms = wall_ms(state)](const ExecResult& result) {
    Json json = exec_json(result, false);
    json["session"] = session_json(asked.number, *asked.session);
    state.execs.log(*asked.live, command, {started_ms, "session_run", logged, json});
    responder.json(json);
  };
  auto begun = asked.session->run(run, [&state, finish](const ExecResult& result) {
    state.workers.post([finish, result] { finish(result); });
  });
  if (begun) {
    responder.when_gone([session = asked.session, number = *begun] { session->interrupt(number); });
    return std::nullopt;
  }
  // Its place in the trajectory is taken: an entry says that nothing ran.
  state.execs.log(*asked.live, command,
                  {wall_ms(state), "session_run", logged, Json{{"error", begun.error().message}}});
  return refusal(begun.error());
}

void run(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto asked = asked_session(state, request, Verb::control);
  if (!asked) return void(responder.send(asked.error()));
  const auto body = parse_json_body(request.body);
  if (!body) return void(responder.send(refusal(body.error())));
  BodyFields fields{*body, "request body"};
  SessionRun run;
  run.code = fields.text("code", "", code_bytes_max);
  if (fields.find("code") == nullptr) fields.refuse("code", "is missing");
  run.wall_time_max = std::chrono::milliseconds{fields.number("timeout_ms", 30'000, 1, run_ms_max)};
  run.silence_max =
      std::chrono::milliseconds{fields.number("no_output_timeout_ms", 0, 0, run_ms_max)};
  run.output_bytes_max = fields.number("max_output_bytes", 256 << 10, 0, 8 << 20);
  if (run.code.find('\0') != std::string::npos) fields.refuse("code", "holds a NUL");
  if (auto outcome = fields.finish(); !outcome)
    return void(responder.send(refusal(outcome.error())));
  // write_input() talks to the container: not on this thread.
  answer_later(state, responder, [&state, asked = *asked, run, responder] {
    return begin_run(state, asked, run, responder);
  });
}

void close(CaasState& state, const HttpRequest& request, const Responder& responder) {
  const auto asked = asked_session(state, request, Verb::control);
  if (!asked) return void(responder.send(asked.error()));
  {
    const std::lock_guard lock{state.table.mutex};
    asked->live->sessions.erase(asked->number);
  }
  asked->session->close();
  responder.json({{"id", session_name(asked->number)}, {"object", "session"}, {"closed", true}});
}

}  // namespace

void add_session_routes(HttpServer& server, CaasState& state) {
  const auto add = [&](std::string method, std::string pattern, Verb verb, CaasHandle handle) {
    server.add({.method = std::move(method),
                .pattern = "/v1/containers/{id}/sessions" + std::move(pattern),
                .verb = verb,
                .object = ObjectKind::container,
                .handler = with_state(state, handle),
                .answer_time_max = 25h,  // a run has bounds of its own
                .body_bytes_max = 2 * code_bytes_max});
  };
  add("POST", "", Verb::control, create);
  add("GET", "", Verb::read, list);
  add("POST", "/{session}/run", Verb::control, run);
  add("DELETE", "/{session}", Verb::control, close);
}

}  // namespace flywheel
