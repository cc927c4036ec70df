#include "actors/evaluation_file.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "runtime/base/file.hpp"

namespace flywheel {
namespace {

// File names of evaluations: "step 10" is kept as step_10.json.
std::filesystem::path path_of(const std::filesystem::path& folder, std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return folder / (name + ".json");
}

template <class Enum>
Enum enum_from(const Json& json, const char* name, int count) {
  const int number = json.value(name, 0);
  return static_cast<Enum>(number >= 0 && number < count ? number : 0);
}

Json turn_to_json(const Turn& turn) {
  std::size_t token_count = 0;
  for (const Span& span : turn.spans) token_count += span.tokens.size();
  Json parts = Json::array();
  for (const Part& part : turn.parts) {
    Json entry{{"kind", to_string(part.kind)},
               {"kind_number", static_cast<int>(part.kind)},
               {"text", part.text}};
    if (!part.name.empty()) entry["name"] = part.name;
    if (!part.call_id.empty()) entry["call_id"] = part.call_id;
    parts.push_back(std::move(entry));
  }
  return Json{{"role", to_string(turn.role)},
              {"role_number", static_cast<int>(turn.role)},
              {"parent", turn.parent},
              {"finish", to_string(turn.finish)},
              {"finish_number", static_cast<int>(turn.finish)},
              {"tokens", token_count},
              {"parts", std::move(parts)}};
}

Json verdict_to_json(const Verdict& verdict) {
  Json turns = Json::array();
  for (const TurnVerdict& turn : verdict.turns) {
    Json components = Json::array();
    for (const Component& component : turn.components)
      components.push_back({{"name", component.name},
                            {"value", component.value},
                            {"kind", static_cast<int>(component.kind)}});
    turns.push_back({{"turn", turn.turn},
                     {"passed", turn.passed},
                     {"reward", turn.reward},
                     {"components", std::move(components)}});
  }
  return Json{{"status", to_string(verdict.status)},
              {"status_number", static_cast<int>(verdict.status)},
              {"reward", verdict.reward},
              {"grader", verdict.grader},
              {"note", verdict.note},
              {"turns", std::move(turns)}};
}

Turn turn_from_json(const Json& json) {
  Turn turn;
  turn.role = enum_from<Role>(json, "role_number", 4);
  turn.parent = json.at("parent").get<std::int32_t>();
  turn.finish = enum_from<FinishReason>(json, "finish_number", 4);
  for (const Json& part : json.at("parts"))
    turn.parts.push_back({enum_from<PartKind>(part, "kind_number", 5), part.at("text"),
                          part.value("name", ""), part.value("call_id", "")});
  return turn;
}

Verdict verdict_from_json(const Json& json) {
  Verdict verdict;
  verdict.status = enum_from<VerdictStatus>(json, "status_number", 4);
  verdict.reward = json.at("reward");
  verdict.grader = json.at("grader");
  verdict.note = json.at("note");
  for (const Json& entry : json.at("turns")) {
    TurnVerdict turn{
        .turn = entry.at("turn"), .passed = entry.at("passed"), .reward = entry.at("reward")};
    for (const Json& component : entry.at("components"))
      turn.components.push_back({component.at("name"), component.at("value"),
                                 enum_from<ComponentKind>(component, "kind", 3)});
    verdict.turns.push_back(std::move(turn));
  }
  return verdict;
}

}  // namespace

Json rollout_to_json(const Rollout& rollout) {
  Json turns = Json::array();
  for (const Turn& turn : rollout.transcript.turns) turns.push_back(turn_to_json(turn));
  return Json{{"id", to_string(rollout.id)},
              {"index", rollout.index},
              {"group_index", rollout.group_index},
              {"sample_index", rollout.sample_index},
              {"state", to_string(rollout.state)},
              {"step", rollout.step},
              {"oldest_version", rollout.oldest_version},
              {"discard_reason", rollout.discard_reason},
              {"task",
               {{"id", to_string(rollout.task.id)},
                {"family", rollout.task.family},
                {"split", rollout.task.split},
                {"parameters", rollout.task.parameters}}},
              {"turns", std::move(turns)},
              {"verdict", verdict_to_json(rollout.verdict)}};
}

Result<Rollout> rollout_from_json(const Json& json, const std::string& where) {
  try {
    Rollout rollout;
    FLYWHEEL_TRY(rollout.id, parse_id<RolloutId>(json.at("id").get<std::string>()));
    rollout.index = json.at("index");
    rollout.group_index = json.at("group_index");
    rollout.sample_index = json.at("sample_index");
    const Json& task = json.at("task");
    FLYWHEEL_TRY(rollout.task.id, parse_id<TaskId>(task.at("id").get<std::string>()));
    rollout.task.family = task.at("family");
    rollout.task.split = task.at("split");
    rollout.task.parameters = task.at("parameters");
    for (const Json& turn : json.at("turns"))
      rollout.transcript.turns.push_back(turn_from_json(turn));
    rollout.verdict = verdict_from_json(json.at("verdict"));
    return rollout;
  } catch (const nlohmann::json::exception& error) {
    return fail(Failure::corrupt, where + ": not a conversation: " + error.what());
  }
}

Result<> write_evaluation(const std::filesystem::path& folder, const EvaluationFile& evaluation) {
  Json conversations = Json::array();
  for (const Rollout& rollout : evaluation.rollouts)
    conversations.push_back(rollout_to_json(rollout));
  const Json json{{"format", 1},
                  {"name", evaluation.name},
                  {"version", evaluation.version},
                  {"broken_count", evaluation.broken_count},
                  {"seconds", evaluation.seconds},
                  {"conversations", std::move(conversations)}};
  return write_file_durably(path_of(folder, evaluation.name), dump_json(json));
}

Result<EvaluationFile> read_evaluation(const std::filesystem::path& folder,
                                       const std::string& name) {
  const auto path = path_of(folder, name);
  FLYWHEEL_TRY(const std::string text, read_file(path));
  FLYWHEEL_TRY(const Json json, parse_json(text, path.string()));
  EvaluationFile evaluation;
  FLYWHEEL_TRY(evaluation.name, json_field<std::string>(json, "name", path.string()));
  FLYWHEEL_TRY(evaluation.version, json_field<std::uint64_t>(json, "version", path.string()));
  FLYWHEEL_TRY(evaluation.broken_count,
               json_field<std::uint32_t>(json, "broken_count", path.string()));
  FLYWHEEL_TRY(evaluation.seconds, json_field<double>(json, "seconds", path.string()));
  FLYWHEEL_TRY(const Json conversations, json_field<Json>(json, "conversations", path.string()));
  for (const Json& conversation : conversations) {
    FLYWHEEL_TRY(auto rollout, rollout_from_json(conversation, path.string()));
    evaluation.rollouts.push_back(std::move(rollout));
  }
  return evaluation;
}

bool has_evaluation_file(const std::filesystem::path& folder, const std::string& name) {
  std::error_code ignored;
  return std::filesystem::exists(path_of(folder, name), ignored);
}

Result<> drop_evaluations_after(const std::filesystem::path& folder, PolicyVersion version) {
  for (const std::string& name : evaluation_names(folder)) {
    FLYWHEEL_TRY(const auto evaluation, read_evaluation(folder, name));
    if (evaluation.version <= version) continue;
    std::error_code code;
    std::filesystem::remove(path_of(folder, name), code);
    if (code)
      return fail(Failure::unavailable,
                  "can't remove " + path_of(folder, name).string() + ": " + code.message());
  }
  return {};
}

std::vector<std::string> evaluation_names(const std::filesystem::path& folder) {
  std::vector<std::pair<PolicyVersion, std::string>> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{folder, ignored}) {
    if (entry.path().extension() != ".json") continue;
    const auto evaluation = read_evaluation(folder, entry.path().stem().string());
    if (evaluation) found.emplace_back(evaluation->version, evaluation->name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  names.reserve(found.size());
  for (auto& [version, name] : found) names.push_back(std::move(name));
  return names;
}

}  // namespace flywheel
