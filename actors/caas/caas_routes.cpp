#include "actors/caas/caas_routes.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "actors/caas/container_view.hpp"
#include "actors/caas/replay.hpp"
#include "runtime/base/log.hpp"

namespace flywheel {
namespace {

HttpResponse not_running(std::string_view id, ContainerState state) {
  return error_response(
      409, fmt::format("{} is {}: only a running container does that", id, to_string(state)),
      "container_not_running");
}

Error catching_up(const LiveContainer& live) {
  return {Failure::cancelled, to_string(live.id) +
                                  " is catching up with its trajectory: come back when that "
                                  "request was answered"};
}

}  // namespace

HttpHandler with_state(CaasState& state, CaasHandle handle) {
  return [&state, handle](const HttpRequest& request, const Responder& responder) {
    handle(state, request, responder);
  };
}

HttpResponse refusal(const Error& error) {
  if (error.failure == Failure::cancelled)
    return error_response(409, error.message, "container_not_running");
  HttpResponse response = error_response(error);
  if (response.status == 429) response.headers.push_back({"retry-after", "1"});
  return response;
}

HttpResponse replayed(const Json& logged, int status) {
  return is_refusal(logged) ? refusal(error_of_logged(logged)) : json_response(logged, status);
}

RecordOrRefusal asked_record(CaasState& state, const HttpRequest& request, Verb verb) {
  const auto id = parse_id<ContainerId>(request.parameter("id"));
  if (!id)
    return tl::unexpected{error_response(
        404, fmt::format("there is no container {}", request.parameter("id").substr(0, 80)),
        to_string(Failure::not_found))};
  auto record = state.table.record(*id);
  if (!record) return tl::unexpected{refusal(record.error())};
  const auto object = Object::item(ObjectKind::container, record->owner);
  if (auto allowed = authorise(request.principal, verb, object); !allowed)
    return tl::unexpected{error_response(allowed.error())};
  return std::move(*record);
}

LiveOrRefusal asked_live(CaasState& state, const HttpRequest& request, Verb verb) {
  auto record = asked_record(state, request, verb);
  if (!record) return tl::unexpected{std::move(record.error())};
  auto live = state.table.find(record->id);
  if (live) {
    state.table.touch(*live);
    return live;
  }
  if (auto ended = state.table.record(record->id)) record = std::move(*ended);
  return tl::unexpected{
      error_response(410,
                     fmt::format("{} is {} ({}): {}; make another", to_string(record->id),
                                 to_string(record->state), record->reason, record->message),
                     "container_ended")};
}

tl::expected<std::shared_ptr<Container>, HttpResponse> running_box(CaasState& state,
                                                                   const LiveContainer& live) {
  const std::lock_guard lock{state.table.mutex};
  if (live.replay && live.replay->is_materialising)
    return tl::unexpected{refusal(catching_up(live))};
  if (live.record.state != ContainerState::running || !live.box)
    return tl::unexpected{not_running(to_string(live.id), live.record.state)};
  return live.box;
}

void answer_later(CaasState& state, const Responder& responder,
                  std::function<std::optional<HttpResponse>()> work) {
  const bool is_taken = state.workers.try_post([responder, work = std::move(work)] {
    try {
      if (auto response = work()) responder.send(std::move(*response));
    } catch (const std::exception& error) {
      log_error("containers: a request threw: {}", error.what());
      responder.send(error_response(500,
                                    "the server has a fault here, or no memory left: see its log",
                                    to_string(Failure::internal)));
    }
  });
  if (!is_taken)
    responder.send(
        refusal({Failure::resource_exhausted, "too many requests wait for a worker: come back"}));
}

std::optional<std::uint64_t> query_number(const HttpRequest& request, std::string_view name,
                                          std::uint64_t otherwise) {
  const std::string_view text = request.query_value(name);
  if (text.empty()) return otherwise;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void when_ready(CaasState& state, const std::shared_ptr<LiveContainer>& live, std::string_view kind,
                const Json& logged, const Responder& responder,
                const std::function<void(const Json&)>& answered, std::function<void()> go_on) {
  const ReplayAnswer answer = replay_next(state, *live, kind, logged);
  switch (answer.step) {
    case ReplayStep::live:
      return go_on();
    case ReplayStep::answered:
      return answered(answer.result);
    case ReplayStep::in_progress:
      return void(responder.send(refusal(catching_up(*live))));
    case ReplayStep::diverged:
      break;
  }
  // May run for as long as the commands did: on threads of its own.
  const bool is_taken = state.replays.try_post([&state, live, responder, go_on = std::move(go_on)] {
    if (auto made = materialise(state, live); !made)
      responder.send(refusal(made.error()));
    else
      go_on();
  });
  if (is_taken) return;
  {
    const std::lock_guard lock{state.table.mutex};
    if (live->replay) live->replay->is_materialising = false;
  }
  responder.send(refusal(
      {Failure::resource_exhausted, "too many replays are catching up already: come back"}));
}

std::uint64_t wall_ms(const CaasState& state) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(state.clock.now().time_since_epoch())
          .count());
}

}  // namespace flywheel
