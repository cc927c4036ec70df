#include "actors/api.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "actors/evaluation_figures.hpp"
#include "actors/evaluation_file.hpp"
#include "actors/model_location.hpp"
#include "actors/node.hpp"
#include "runtime/base/metrics.hpp"
#include "runtime/learning/algorithm.hpp"

namespace flywheel {
namespace {

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto slash = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash);
  }
  return segments;
}

// Path segments and query of a target; both decoded.
struct Target {
  std::vector<std::string> segments{};
  NamedValues query{};
};

Result<Target> parse_target(std::string_view text) {
  Target target;
  const auto question = std::min(text.find('?'), text.size());
  for (const auto& segment : segments_of(text.substr(0, question))) {
    FLYWHEEL_TRY(auto decoded, decode_percent(segment));
    target.segments.push_back(std::move(decoded));
  }
  std::string_view query = text.substr(std::min(question + 1, text.size()));
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    FLYWHEEL_TRY(auto value, decode_percent(pair.substr(std::min(equals + 1, pair.size())), true));
    target.query.push_back({std::string{pair.substr(0, equals)}, std::move(value)});
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return target;
}

auto nothing_at(std::string_view target) {
  return fail(Failure::not_found, "there is nothing at " + std::string{target});
}

Result<std::size_t> limit_of(const NamedValues& query, std::size_t fallback) {
  const std::string* text = find_value(query, "limit");
  if (!text) return fallback;
  std::size_t limit = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (code != std::errc{} || end != text->data() + text->size())
    return fail(Failure::invalid_argument, "limit '" + *text + "' is not a whole number");
  return limit;
}

// Nothing said = all states.
Result<std::optional<RolloutState>> state_of(const NamedValues& query) {
  const std::string* text = find_value(query, "state");
  if (!text) return std::nullopt;
  std::string names;
  for (int i = 0; i <= static_cast<int>(RolloutState::discarded); ++i) {
    const auto state = static_cast<RolloutState>(i);
    if (*text == to_string(state)) return state;
    names += (names.empty() ? "" : ", ") + std::string{to_string(state)};
  }
  return fail(Failure::invalid_argument, "state '" + *text + "' is none of " + names);
}

Json run_json(const RunRecord& record, bool is_live) {
  return Json{{"id", to_string(record.id)},
              {"name", record.name},
              {"status", to_string(record.status)},
              {"is_live", is_live},
              {"seed", record.seed},
              {"created_ms", record.created_ms},
              {"is_deterministic", record.is_deterministic},
              {"group_size", record.group_size},
              {"base_weights", to_string(record.base_weights)}};
}

Json measured_json(const Measured& measured) {
  return Json{{"value", measured.value},
              {"low", measured.low},
              {"high", measured.high},
              {"count", measured.count}};
}

}  // namespace

Result<Json> Api::runs() const {
  Json list = Json::array();
  for (const RunRecord& record : services_.ledger->runs()) {
    Json entry = run_json(record, node_->find(record.id) != nullptr);
    FLYWHEEL_TRY(entry["last_step"], services_.ledger->last_step(record.id));
    list.push_back(std::move(entry));
  }
  return Json{{"runs", std::move(list)}};
}

Result<Json> Api::run(RunId id) const {
  FLYWHEEL_TRY(const auto record, services_.ledger->run(id));
  const auto host = node_->find(id);
  Json json = run_json(record, host != nullptr);
  FLYWHEEL_TRY(const auto counts, services_.ledger->counts(id));
  Json states = Json::object();
  for (std::size_t i = 0; i < counts.size(); ++i)
    states[to_string(static_cast<RolloutState>(i))] = counts[i];
  json["rollouts"] = std::move(states);
  FLYWHEEL_TRY(const auto last_step, services_.ledger->last_step(id));
  json["last_step"] = last_step;
  if (last_step > 0) {
    FLYWHEEL_TRY(const auto step, services_.ledger->step(id, last_step));
    json["weights_hash"] = to_string(step.weights_hash);
    json["learner_state_hash"] = to_string(step.learner_state_hash);
  }
  json["spec"] = record.spec_text;
  json["datasets"] = Json::array();
  for (const auto& dataset : record.datasets) {
    FLYWHEEL_TRY(const auto version, services_.datasets->version(dataset));
    json["datasets"].push_back({{"id", to_string(version.id)},
                                {"name", version.name},
                                {"split", version.split},
                                {"task_count", version.task_count},
                                {"content_hash", to_string(version.content_hash)}});
  }
  FLYWHEEL_TRY(const auto events, services_.ledger->events(id));
  json["events"] = Json::array();
  for (const RunEvent& event : events)
    json["events"].push_back(
        {{"at_ms", event.at_ms}, {"kind", event.kind}, {"details", event.details}});
  json["evaluations"] = evaluation_names(services_.workspace->run_folder(id) / "evaluations");
  if (host) {
    FeedCursor cursor;
    const auto view = host->feed()->next(cursor, std::chrono::milliseconds{0});
    json["progress"] = Json::parse(progress_json(view.snapshot).dump());
  }
  return json;
}

Result<Json> Api::rollouts(RunId id, const NamedValues& query) const {
  FLYWHEEL_TRY(const auto limit, limit_of(query, 20));
  FLYWHEEL_TRY(const auto wanted, state_of(query));
  Json list = Json::array();
  for (int i = 0; i <= static_cast<int>(RolloutState::discarded); ++i) {
    const auto state = static_cast<RolloutState>(i);
    if (wanted && *wanted != state) continue;
    FLYWHEEL_TRY(const auto ids,
                 services_.ledger->in_state(id, state, limit - std::min(limit, list.size())));
    FLYWHEEL_TRY(const auto found, services_.ledger->rollouts(ids));
    for (const Rollout& rollout : found) list.push_back(rollout_to_json(rollout));
  }
  return Json{{"rollouts", std::move(list)}};
}

Result<Json> Api::metrics(RunId id) const {
  FLYWHEEL_TRY(const auto names, services_.metrics->names(id));
  Json curves = Json::object();
  for (const auto& name : names) {
    FLYWHEEL_TRY(const auto points, services_.metrics->series(id, name));
    Json curve = Json::array();
    for (const MetricPoint& point : points) curve.push_back({point.step, point.value});
    curves[name] = std::move(curve);
  }
  return Json{{"metrics", std::move(curves)}};
}

Result<Json> Api::evaluations(RunId id, std::string_view name) const {
  const auto folder = services_.workspace->run_folder(id) / "evaluations";
  Json list = Json::array();
  for (const auto& each : evaluation_names(folder)) {
    if (!name.empty() && each != name) continue;
    FLYWHEEL_TRY(const auto evaluation, read_evaluation(folder, each));
    Json figures = Json::object();
    for (const auto& [figure, measured] : evaluation_figures(evaluation))
      figures[figure] = measured_json(measured);
    Json entry{{"name", evaluation.name},
               {"version", evaluation.version},
               {"broken_count", evaluation.broken_count},
               {"seconds", evaluation.seconds},
               {"figures", std::move(figures)}};
    if (!name.empty()) {
      entry["conversations"] = Json::array();
      for (const Rollout& rollout : evaluation.rollouts)
        entry["conversations"].push_back(rollout_to_json(rollout));
    }
    list.push_back(std::move(entry));
  }
  if (!name.empty() && list.empty())
    return fail(Failure::not_found,
                to_string(id) + " has no evaluation '" + std::string{name} + "'");
  return Json{{"evaluations", std::move(list)}};
}

Result<Json> Api::waits() const {
  Json list = Json::array();
  const auto now = services_.clock->now();
  for (const Wait& wait : services_.waits->list()) {
    const std::chrono::duration<double> waited = now - wait.since;
    const std::chrono::duration<double> deadline = wait.wait_for.deadline;
    list.push_back({{"id", wait.id},
                    {"owner", wait.owner},
                    {"what", wait.wait_for.what},
                    {"released_by", wait.wait_for.released_by},
                    {"waited_seconds", waited.count()},
                    {"seconds_left", deadline.count() - waited.count()}});
  }
  return Json{{"waits", std::move(list)}, {"expired_count", services_.waits->expired_count()}};
}

Result<Json> Api::checkpoints() const {
  FLYWHEEL_TRY(const auto records, services_.checkpoints->checkpoints());
  Json list = Json::array();
  for (const CheckpointRecord& record : records)
    list.push_back({{"id", to_string(record.id)},
                    {"run", to_string(record.run)},
                    {"step", record.step},
                    {"created_ms", record.created_ms},
                    {"folder", (services_.workspace->home() / record.folder).string()},
                    {"content_hash", to_string(record.content_hash)}});
  return Json{{"checkpoints", std::move(list)}};
}

Result<Json> Api::get(std::string_view text) {
  FLYWHEEL_TRY(const Target target, parse_target(text));
  const auto& path = target.segments;
  if (path.size() < 2 || path[0] != "v1") return nothing_at(text);
  if (path[1] == "waits" && path.size() == 2) return waits();
  if (path[1] == "checkpoints" && path.size() == 2) return checkpoints();
  if (path[1] == "votes" && path.size() == 2) return votes();
  if (path[1] != "runs") return nothing_at(text);
  if (path.size() == 2) return runs();
  FLYWHEEL_TRY(const auto id, parse_id<RunId>(path[2]));
  if (path.size() == 3) return run(id);
  if (path[3] == "rollouts" && path.size() == 4) return rollouts(id, target.query);
  if (path[3] == "metrics" && path.size() == 4) return metrics(id);
  if (path[3] == "evaluations") return evaluations(id, path.size() > 4 ? path[4] : "");
  return nothing_at(text);
}

Result<Json> Api::post(std::string_view text, const Json& body) {
  FLYWHEEL_TRY(const Target target, parse_target(text));
  const auto& path = target.segments;
  if (path.size() < 2 || path[0] != "v1") return nothing_at(text);
  if (path[1] == "votes" && path.size() == 2) return add_vote(body);
  if (path[1] == "runs" && path.size() == 2) return start_run(body);
  if (path[1] == "runs" && path.size() == 4 && path[3] == "stop") {
    FLYWHEEL_TRY(const auto id, parse_id<RunId>(path[2]));
    return stop_run(id);
  }
  return nothing_at(text);
}

Result<Json> Api::start_run(const Json& body) {
  if (!services_.system)
    return fail(Failure::unavailable, "this process only reads; start runs with `flywheel run`");
  std::shared_ptr<RunHost> host;
  if (body.contains("resume")) {
    FLYWHEEL_TRY(const auto text, json_field<std::string>(body, "resume", "body"));
    FLYWHEEL_TRY(const auto id, parse_id<RunId>(text));
    FLYWHEEL_TRY(host, node_->resume(id));
  } else {
    FLYWHEEL_TRY(const auto text, json_field<std::string>(body, "spec", "body"));
    FLYWHEEL_TRY(auto spec,
                 parse_experiment_spec(text, body.value("where", "body"), algorithm_table()));
    FLYWHEEL_TRY(auto checkpoint, load_named_checkpoint(spec.model.path));
    FLYWHEEL_TRY(host, node_->submit(std::move(spec), std::move(checkpoint)));
  }
  return Json{{"id", to_string(host->run())}};
}

Result<Json> Api::stop_run(RunId id) {
  const auto host = node_->find(id);
  if (!host) return fail(Failure::not_found, to_string(id) + " is not under way");
  host->stop("asked to stop");
  return Json{{"id", to_string(id)}, {"stopping", true}};
}

Result<Json> Api::votes() const {
  FLYWHEEL_TRY(const auto stored, services_.conversations->votes());
  Json list = Json::array();
  for (const Vote& vote : stored) {
    Json candidates = Json::array();
    for (const VoteCandidate& candidate : vote.candidates)
      candidates.push_back({{"checkpoint", to_string(candidate.checkpoint)},
                            {"conversation", to_string(candidate.conversation)}});
    list.push_back({{"id", to_string(vote.id)},
                    {"created_ms", vote.created_ms},
                    {"rater", vote.rater},
                    {"origin", to_string(vote.origin)},
                    {"choice", to_string(vote.choice)},
                    {"note", vote.note},
                    {"candidates", std::move(candidates)}});
  }
  return Json{{"votes", std::move(list)}};
}

}  // namespace flywheel
