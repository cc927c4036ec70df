// Records with every field filled, awkward floats included: what the tests of storage write.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "storage/records.hpp"

namespace flywheel {

inline std::vector<float> awkward_floats() {
  using Limits = std::numeric_limits<float>;
  return {0.0F,
          -0.0F,
          -1.5F,
          Limits::infinity(),
          -Limits::infinity(),
          Limits::quiet_NaN(),
          std::bit_cast<float>(0x7fc0'1234U),  // a NaN with a payload
          std::bit_cast<float>(0xffc0'0001U),
          Limits::denorm_min(),
          -Limits::denorm_min(),
          Limits::min(),
          Limits::max(),
          Limits::lowest()};
}

inline Task sample_task(std::uint64_t number = 1) {
  return {TaskId{derive_any_id(IdKind::task, AnyId{1, 2}, number)},
          "structured_requests",
          "train",
          {{"count", number}, {"topic", "fruits \xF0\x9F\x8D\x8E"}, {"weights", {1.5, -2.0}}}};
}

// One assistant turn of `token_count` tokens, sampled by `version`, after a user's turn.
inline Transcript sample_transcript(std::size_t token_count = 48, PolicyVersion version = 3) {
  Turn user;
  user.id = derive_id<TurnId>(AnyId{3, 4}, 0);
  user.role = Role::user;
  user.parts.push_back({PartKind::text, "List exactly three fruits and nothing else.", "", ""});
  user.spans.push_back({TokenOrigin::user, false, 0, {1, 2, 3, 2'000'000'000, -1}, {}});
  Turn assistant;
  assistant.id = derive_id<TurnId>(AnyId{3, 4}, 1);
  assistant.parent = 0;
  assistant.role = Role::assistant;
  assistant.finish = FinishReason::length;
  assistant.parts.push_back({PartKind::reasoning, "bytes that are no UTF-8: \xff\xfe", "", ""});
  assistant.parts.push_back({PartKind::tool_call, "{\"a\":1}", "search", "call-1"});
  Span span{TokenOrigin::policy, true, version, {}, {}};
  const auto floats = awkward_floats();
  for (std::size_t i = 0; i < token_count; ++i) {
    span.tokens.push_back(static_cast<Token>(i * 7919));
    span.log_probabilities.push_back(floats[i % floats.size()]);
  }
  assistant.spans.push_back(std::move(span));
  assistant.spans.push_back({TokenOrigin::chat_template, false, 0, {2}, {}});
  return {"simulated_user/terse", RecordOrigin::simulated, true, false, {user, assistant}};
}

inline Verdict sample_verdict() {
  return {VerdictStatus::pass,
          0.75,
          "structured_requests/1",
          "",
          {{1,
            true,
            1.0,
            {{"count exact", 1.0, ComponentKind::pass_condition},
             {"category", 0.1, ComponentKind::guard}}}}};
}

inline RunRecord sample_run(std::uint64_t number = 1, std::uint32_t group_size = 4) {
  RunRecord run;
  run.id = RunId{derive_any_id(IdKind::run, AnyId{number << 20, number}, number)};
  run.name = "structured_requests";
  run.spec_text = "goal: lists\nseed: 7\n";
  run.seed = 0xffff'ffff'ffff'fff0;
  run.created_ms = 1'800'000'000'000;
  run.is_deterministic = true;
  run.group_size = group_size;
  run.base_weights = {11, 12};
  return run;
}

// Rollouts `first` to `first + count - 1` of a run, planned.
inline std::vector<Rollout> sample_rollouts(const RunRecord& run, std::uint64_t first,
                                            std::uint64_t count) {
  std::vector<Rollout> rollouts;
  for (std::uint64_t i = first; i < first + count; ++i) {
    Rollout rollout;
    rollout.id = derive_id<RolloutId>(run.id, i);
    rollout.run = run.id;
    rollout.index = i;
    rollout.group_index = i / run.group_size;
    rollout.sample_index = static_cast<std::uint32_t>(i % run.group_size);
    rollout.task = sample_task(rollout.group_index);
    rollouts.push_back(std::move(rollout));
  }
  return rollouts;
}

inline StepRecord sample_step(const RunRecord& run, std::uint64_t step) {
  StepRecord record;
  record.run = run.id;
  record.step = step;
  record.committed_ms = 1'800'000'000'000 + step;
  record.policy_version = step;
  record.weights_hash = {step, 1};
  record.learner_state_hash = {step, 2};
  record.random_state = std::string("\0\x01\xff", 3);
  record.data_cursors = {{"train", step * 8}};
  record.staleness = {{0, 3}, {1, 1}};
  record.metrics = {{"loss", -0.0}, {"reward", std::numeric_limits<double>::quiet_NaN()}};
  return record;
}

}  // namespace flywheel
