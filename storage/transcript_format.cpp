#include "storage/transcript_format.hpp"

#include "storage/record_envelope.hpp"

namespace flywheel {
namespace {

Json part_to_json(const Part& part) {
  return {{"kind", enum_to_json(part.kind)},
          {"text", part.text},
          {"name", part.name},
          {"call", part.call_id}};
}

Part part_from_json(const Json& json) {
  Part part;
  part.kind = enum_from_json(json.at("kind"), PartKind::file);
  part.text = json.at("text").get<std::string>();
  part.name = json.at("name").get<std::string>();
  part.call_id = json.at("call").get<std::string>();
  return part;
}

Json span_to_json(const Span& span) {
  return {{"origin", enum_to_json(span.origin)},
          {"loss", span.carries_loss},
          {"version", span.policy_version},
          {"tokens", words_to_json(span.tokens)},
          {"log_probabilities", words_to_json(span.log_probabilities)}};
}

Span span_from_json(const Json& json) {
  Span span;
  span.origin = enum_from_json(json.at("origin"), TokenOrigin::tool);
  span.carries_loss = json.at("loss").get<bool>();
  span.policy_version = json.at("version").get<PolicyVersion>();
  span.tokens = tokens_from_json(json.at("tokens"));
  span.log_probabilities = floats_from_json(json.at("log_probabilities"));
  return span;
}

Json component_to_json(const Component& component) {
  return {
      {"name", component.name}, {"value", component.value}, {"kind", enum_to_json(component.kind)}};
}

Component component_from_json(const Json& json) {
  Component component;
  component.name = json.at("name").get<std::string>();
  component.value = json.at("value").get<double>();
  component.kind = enum_from_json(json.at("kind"), ComponentKind::information);
  return component;
}

Json turn_verdict_to_json(const TurnVerdict& verdict) {
  Json components = Json::array();
  for (const Component& component : verdict.components)
    components.push_back(component_to_json(component));
  return {{"turn", verdict.turn},
          {"passed", verdict.passed},
          {"reward", verdict.reward},
          {"components", std::move(components)}};
}

TurnVerdict turn_verdict_from_json(const Json& json) {
  TurnVerdict verdict;
  verdict.turn = json.at("turn").get<std::int32_t>();
  verdict.passed = json.at("passed").get<bool>();
  verdict.reward = json.at("reward").get<double>();
  for (const Json& component : json.at("components"))
    verdict.components.push_back(component_from_json(component));
  return verdict;
}

}  // namespace

Json task_to_json(const Task& task) {
  return {{"id", id_to_json(task.id)},
          {"family", task.family},
          {"split", task.split},
          {"parameters", task.parameters}};
}

Task task_from_json(const Json& json) {
  Task task;
  task.id = TaskId{id_from_json(json.at("id"))};
  task.family = json.at("family").get<std::string>();
  task.split = json.at("split").get<std::string>();
  task.parameters = json.at("parameters");
  return task;
}

Json turn_to_json(const Turn& turn) {
  Json parts = Json::array();
  for (const Part& part : turn.parts) parts.push_back(part_to_json(part));
  Json spans = Json::array();
  for (const Span& span : turn.spans) spans.push_back(span_to_json(span));
  return {{"id", id_to_json(turn.id)},       {"parent", turn.parent},
          {"role", enum_to_json(turn.role)}, {"finish", enum_to_json(turn.finish)},
          {"parts", std::move(parts)},       {"spans", std::move(spans)}};
}

Turn turn_from_json(const Json& json) {
  Turn turn;
  turn.id = TurnId{id_from_json(json.at("id"))};
  turn.parent = json.at("parent").get<std::int32_t>();
  turn.role = enum_from_json(json.at("role"), Role::tool);
  turn.finish = enum_from_json(json.at("finish"), FinishReason::cancelled);
  for (const Json& part : json.at("parts")) turn.parts.push_back(part_from_json(part));
  for (const Json& span : json.at("spans")) turn.spans.push_back(span_from_json(span));
  return turn;
}

Json transcript_to_json(const Transcript& transcript, bool has_turns) {
  Json turns = Json::array();
  if (has_turns)
    for (const Turn& turn : transcript.turns) turns.push_back(turn_to_json(turn));
  return {{"owner", transcript.owner},
          {"origin", enum_to_json(transcript.origin)},
          {"consent", transcript.consent},
          {"deleted", transcript.deleted},
          {"turns", std::move(turns)}};
}

Transcript transcript_from_json(const Json& json) {
  Transcript transcript;
  transcript.owner = json.at("owner").get<std::string>();
  transcript.origin = enum_from_json(json.at("origin"), RecordOrigin::synthetic);
  transcript.consent = json.at("consent").get<bool>();
  transcript.deleted = json.at("deleted").get<bool>();
  for (const Json& turn : json.at("turns")) transcript.turns.push_back(turn_from_json(turn));
  return transcript;
}

Json verdict_to_json(const Verdict& verdict) {
  Json turns = Json::array();
  for (const TurnVerdict& turn : verdict.turns) turns.push_back(turn_verdict_to_json(turn));
  return {{"status", enum_to_json(verdict.status)},
          {"reward", verdict.reward},
          {"grader", verdict.grader},
          {"note", verdict.note},
          {"turns", std::move(turns)}};
}

Verdict verdict_from_json(const Json& json) {
  Verdict verdict;
  verdict.status = enum_from_json(json.at("status"), VerdictStatus::infra_error);
  verdict.reward = json.at("reward").get<double>();
  verdict.grader = json.at("grader").get<std::string>();
  verdict.note = json.at("note").get<std::string>();
  for (const Json& turn : json.at("turns")) verdict.turns.push_back(turn_verdict_from_json(turn));
  return verdict;
}

}  // namespace flywheel
