// The HTTP side of Api: routes, the body of a vote, the stream of a run's events.
#include <utility>

#include "actors/api.hpp"
#include "actors/node.hpp"
#include "runtime/base/metrics.hpp"

namespace flywheel {
namespace {

constexpr std::chrono::minutes start_time_max{5};  // a model is loaded meanwhile

void answer(const Responder& responder, const Result<Json>& result) {
  if (result)
    responder.json(*result);
  else
    responder.error(result.error());
}

std::string target_of(const HttpRequest& request) {
  std::string target = request.path;
  for (std::size_t i = 0; i < request.query.size(); ++i)
    target +=
        (i == 0 ? "?" : "&") + request.query[i].name + "=" + encode_percent(request.query[i].value);
  return target;
}

// One watcher of a run: each change is one event with the progress, the end is `ended`.
struct Watcher {
  EventStream stream{};
  FeedCursor cursor{};
  std::mutex mutex{};
  bool has_ended = false;
};

void send_news(RunFeed& feed, Watcher& watcher) {
  const std::lock_guard lock{watcher.mutex};
  if (watcher.has_ended) return;
  const auto view = feed.next(watcher.cursor, std::chrono::milliseconds{0});
  for (const FeedEvent& event : view.events)
    watcher.stream.send({dump_json(Json{{"kind", event.kind}, {"message", event.message}}), "event",
                         std::to_string(event.number)});
  watcher.stream.send({progress_json(view.snapshot).dump(), "progress", {}});
  if (!view.outcome) return;
  watcher.has_ended = true;
  watcher.stream.send({dump_json(Json{{"status", to_string(view.outcome->status)},
                                      {"reason", view.outcome->reason},
                                      {"checkpoint", view.outcome->checkpoint},
                                      {"weights_hash", to_string(view.outcome->weights_hash)}}),
                       "ended",
                       {}});
  watcher.stream.close();
}

Result<CheckpointId> checkpoint_of(const Json& candidate) {
  const auto text = candidate.value("checkpoint", "");
  if (text.empty()) return CheckpointId{};  // the base model
  return parse_id<CheckpointId>(text);
}

Result<VoteChoice> choice_of(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(VoteChoice::down); ++i)
    if (text == to_string(static_cast<VoteChoice>(i))) return static_cast<VoteChoice>(i);
  return fail(Failure::invalid_input,
              "choice '" + text + "': left, right, tie, both_bad, up or down");
}

}  // namespace

// {"choice", "rater", "prompt", "candidates": [{"checkpoint", "answer"}, ...]}: each answer becomes
// a conversation of its own, then the vote on them is stored.
Result<Json> Api::add_vote(const Json& body) {
  FLYWHEEL_TRY(const auto choice_text, json_field<std::string>(body, "choice", "body"));
  FLYWHEEL_TRY(const auto prompt, json_field<std::string>(body, "prompt", "body"));
  FLYWHEEL_TRY(const Json candidates, json_field<Json>(body, "candidates", "body"));
  Vote vote;
  vote.id = make_id<VoteId>(*services_.clock);
  vote.created_ms = vote.id.created_ms();
  vote.rater = body.value("rater", "local");
  vote.note = body.value("note", "");
  FLYWHEEL_TRY(vote.choice, choice_of(choice_text));
  for (const Json& each : candidates) {
    VoteCandidate candidate{.turn = 1};
    FLYWHEEL_TRY(candidate.checkpoint, checkpoint_of(each));
    FLYWHEEL_TRY(const auto text, json_field<std::string>(each, "answer", "candidate"));
    Conversation conversation;
    conversation.id = make_id<ConversationId>(*services_.clock);
    conversation.title = prompt.substr(0, 80);
    conversation.created_ms = vote.created_ms;
    conversation.checkpoint = candidate.checkpoint;
    conversation.transcript.owner = vote.rater;
    conversation.transcript.origin = RecordOrigin::human;
    conversation.transcript.consent = body.value("consent", false);
    Turn user{.id = derive_id<TurnId>(conversation.id, 0), .role = Role::user};
    user.parts.push_back({.text = prompt});
    Turn assistant{
        .id = derive_id<TurnId>(conversation.id, 1), .parent = 0, .role = Role::assistant};
    assistant.parts.push_back({.text = text});
    conversation.transcript.turns = {std::move(user), std::move(assistant)};
    FLYWHEEL_TRY_VOID(services_.conversations->create(conversation));
    candidate.conversation = conversation.id;
    vote.candidates.push_back(candidate);
  }
  FLYWHEEL_TRY_VOID(services_.conversations->add_vote(vote));
  return Json{{"id", to_string(vote.id)}, {"stored", true}};
}

void Api::stream_events(const HttpRequest& request, const Responder& responder) {
  const auto id = parse_id<RunId>(request.parameter("id"));
  RunHost* host = id ? node_->find(*id) : nullptr;
  if (!host) {
    responder.error(
        {Failure::not_found, std::string{request.parameter("id")} + " is not under way"});
    return;
  }
  auto watcher = std::make_shared<Watcher>();
  watcher->stream = responder.open_stream({.overflow = Overflow::drop_oldest});
  // The feed calls its watcher only while it lives; the stream may outlive the host.
  const auto feed = host->feed();
  const auto number = feed->watch([feed = feed.get(), watcher] { send_news(*feed, *watcher); });
  watcher->stream.when_gone([feed, number] { feed->unwatch(number); });
  send_news(*feed, *watcher);
}

void Api::add_routes(HttpServer& server) {
  add_standard_routes(server);
  const auto read = [this](HttpRequest request, Responder responder) {
    answer(responder, get(target_of(request)));
  };
  const auto write = [this](HttpRequest request, Responder responder) {
    const auto body = parse_json_body(request.body.empty() ? "{}" : request.body);
    answer(responder, body ? post(request.path, *body) : Result<Json>{fail(body.error())});
  };
  server.add({.method = "GET",
              .pattern = "/v1/runs",
              .verb = Verb::list,
              .object = ObjectKind::run,
              .handler = read});
  server.add({.method = "POST",
              .pattern = "/v1/runs",
              .verb = Verb::create,
              .object = ObjectKind::run,
              .handler = write,
              .answer_time_max = start_time_max});
  server.add({.method = "GET",
              .pattern = "/v1/runs/{id}/events",
              .verb = Verb::read,
              .object = ObjectKind::run,
              .handler = [this](HttpRequest request, Responder responder) {
                stream_events(request, responder);
              }});
  server.add({.method = "POST",
              .pattern = "/v1/runs/{id}/stop",
              .verb = Verb::control,
              .object = ObjectKind::run,
              .handler = write});
  server.add({.method = "GET",
              .pattern = "/v1/runs/{rest...}",
              .verb = Verb::read,
              .object = ObjectKind::run,
              .handler = read});
  server.add({.method = "GET",
              .pattern = "/v1/waits",
              .verb = Verb::list,
              .object = ObjectKind::wait,
              .handler = read});
  server.add({.method = "GET",
              .pattern = "/v1/checkpoints",
              .verb = Verb::list,
              .object = ObjectKind::checkpoint,
              .handler = read});
  server.add({.method = "GET",
              .pattern = "/v1/votes",
              .verb = Verb::list,
              .object = ObjectKind::vote,
              .handler = read});
  server.add({.method = "POST",
              .pattern = "/v1/votes",
              .verb = Verb::create,
              .object = ObjectKind::vote,
              .handler = write});
}

}  // namespace flywheel
