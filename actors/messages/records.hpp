// How the shared records (ids, tasks, transcripts, verdicts, rollouts) travel in messages.
#pragma once

#include <caf/meta/type_name.hpp>

#include "runtime/base/hash.hpp"
#include "runtime/base/rollout.hpp"
#include "runtime/system/wire.hpp"

namespace flywheel {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AnyId& x) {
  return f(caf::meta::type_name("AnyId"), x.high, x.low);
}

template <class Inspector, IdKind Kind>
typename Inspector::result_type inspect(Inspector& f, Id<Kind>& x) {
  return f(caf::meta::type_name("Id"), x.high, x.low);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Hash128& x) {
  return f(caf::meta::type_name("Hash128"), x.high, x.low);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Part& x) {
  auto kind = as_number(x.kind);
  return f(caf::meta::type_name("Part"), kind, x.text, x.name, x.call_id);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Span& x) {
  auto origin = as_number(x.origin);
  auto tokens = as_raw(x.tokens);
  auto log_probabilities = as_raw(x.log_probabilities);
  return f(caf::meta::type_name("Span"), origin, x.carries_loss, x.policy_version, tokens,
           log_probabilities);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Turn& x) {
  auto role = as_number(x.role);
  auto finish = as_number(x.finish);
  return f(caf::meta::type_name("Turn"), x.id, x.parent, role, finish, x.parts, x.spans);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Transcript& x) {
  auto origin = as_number(x.origin);
  return f(caf::meta::type_name("Transcript"), x.owner, origin, x.consent, x.deleted, x.turns);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Task& x) {
  auto parameters = as_text(x.parameters);
  return f(caf::meta::type_name("Task"), x.id, x.family, x.split, parameters);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Component& x) {
  auto value = as_bits(x.value);
  auto kind = as_number(x.kind);
  return f(caf::meta::type_name("Component"), x.name, value, kind);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, TurnVerdict& x) {
  auto reward = as_bits(x.reward);
  return f(caf::meta::type_name("TurnVerdict"), x.turn, x.passed, reward, x.components);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Verdict& x) {
  auto status = as_number(x.status);
  auto reward = as_bits(x.reward);
  return f(caf::meta::type_name("Verdict"), status, reward, x.grader, x.note, x.turns);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Rollout& x) {
  auto state = as_number(x.state);
  return f(caf::meta::type_name("Rollout"), x.id, x.run, x.index, x.group_index, x.sample_index,
           x.task, state, x.step, x.discard_reason, x.oldest_version, x.transcript, x.verdict);
}

}  // namespace flywheel
