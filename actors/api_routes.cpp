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
  if (!candidate.contains("checkpoint")) return CheckpointId{};  // the base model
  FLYWHEEL_TRY(const auto text, json_field<std::string>(candidate, "checkpoint", "candidate"));
  if (text.empty()) return CheckpointId{};
  return parse_id<CheckpointId>(text);
}

Result<VoteChoice> choice_of(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(VoteChoice::down); ++i)
    if (text == to_string(static_cast<VoteChoice>(i))) return static_cast<VoteChoice>(i);
  return fail(Failure::invalid_input,
              "choice '" + text + "': left, right, tie, both_bad, up or down");
}

bool is_of_one(VoteChoice choice) {
  return choice == VoteChoice::up || choice == VoteChoice::down;
}

// One answer as a conversation of its own: the prompt, then the answer.
Conversation conversation_of(const Vote& vote, const std::string& prompt, std::string answer) {
  Conversation conversation;
  conversation.title = prompt.substr(0, 80);
  conversation.created_ms = vote.created_ms;
  conversation.transcript.owner = vote.rater;
  conversation.transcript.origin = RecordOrigin::human;
  Turn user{.role = Role::user};
  user.parts.push_back({.text = prompt});
  Turn assistant{.parent = 0, .role = Role::assistant};
  assistant.parts.push_back({.text = std::move(answer)});
  conversation.transcript.turns = {std::move(user), std::move(assistant)};
  return conversation;
}

// A field that may be left out; one of the wrong type is the caller's error all the same.
template <class T>
Result<T> optional_field(const Json& body, const char* name, T fallback) {
  if (!body.contains(name)) return fallback;
  return json_field<T>(body, name, "body");
}

}  // namespace

// {"choice", "rater", "note", "consent", "prompt", "candidates": [{"checkpoint", "answer"}, ...]}:
// each answer becomes a conversation of its own, stored in one write with the vote on them. Two
// candidates for a comparison, one for up or down.
Result<Json> Api::add_vote(const Json& body) {
  FLYWHEEL_TRY(const auto choice_text, json_field<std::string>(body, "choice", "body"));
  FLYWHEEL_TRY(const auto prompt, json_field<std::string>(body, "prompt", "body"));
  FLYWHEEL_TRY(const Json candidates, json_field<Json>(body, "candidates", "body"));
  FLYWHEEL_TRY(const bool consent, optional_field(body, "consent", false));
  Vote vote;
  vote.id = make_id<VoteId>(*services_.clock);
  vote.created_ms = vote.id.created_ms();
  FLYWHEEL_TRY(vote.rater, optional_field(body, "rater", std::string{"local"}));
  FLYWHEEL_TRY(vote.note, optional_field(body, "note", std::string{}));
  FLYWHEEL_TRY(vote.choice, choice_of(choice_text));
  const std::size_t expected = is_of_one(vote.choice) ? 1 : 2;
  if (!candidates.is_array() || candidates.size() != expected)
    return fail(Failure::invalid_input, "body: field 'candidates' must be a list of " +
                                            std::to_string(expected) + " for choice '" +
                                            choice_text + "'");
  std::vector<Conversation> answers;
  for (const Json& each : candidates) {
    VoteCandidate candidate{.turn = 1};
    FLYWHEEL_TRY(auto text, json_field<std::string>(each, "answer", "candidate"));
    FLYWHEEL_TRY(candidate.checkpoint, checkpoint_of(each));
    Conversation& answer = answers.emplace_back(conversation_of(vote, prompt, std::move(text)));
    answer.id = make_id<ConversationId>(*services_.clock);
    answer.checkpoint = candidate.checkpoint;
    answer.transcript.consent = consent;
    for (std::size_t i = 0; i < answer.transcript.turns.size(); ++i)
      answer.transcript.turns[i].id = derive_id<TurnId>(answer.id, i);
    candidate.conversation = answer.id;
    vote.candidates.push_back(candidate);
  }
  FLYWHEEL_TRY_VOID(services_.conversations->add_vote(vote, answers));
  return Json{{"id", to_string(vote.id)}, {"stored", true}};
}

void Api::stream_events(const HttpRequest& request, const Responder& responder) {
  const auto id = parse_id<RunId>(request.parameter("id"));
  const auto host = id ? node_->find(*id) : nullptr;
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
