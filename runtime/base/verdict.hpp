// Verdict is what a grader says of one conversation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flywheel {

// infra_error: the grader could not judge; it is retried, then quarantined, and is never a reward
// of 0.
enum class VerdictStatus : std::uint8_t { pass = 0, fail = 1, timeout = 2, infra_error = 3 };

const char* to_string(VerdictStatus status);

// pass_condition: the verdict passes only if all of these are 1. guard: must not fall while the
// pass rate rises; never part of the pass.
enum class ComponentKind : std::uint8_t { pass_condition = 0, guard = 1, information = 2 };

struct Component {
  std::string name{};
  double value = 0.0;  // 0 to 1
  ComponentKind kind = ComponentKind::pass_condition;
};

// The judgement of one assistant turn.
struct TurnVerdict {
  std::int32_t turn = 0;  // index into Transcript::turns
  bool passed = false;
  double reward = 0.0;  // 0 to 1
  std::vector<Component> components{};
};

struct Verdict {
  VerdictStatus status = VerdictStatus::infra_error;
  double reward = 0.0;   // mean of the turns' rewards; what advantages are made of
  std::string grader{};  // name and version, for example "structured_requests/1"
  std::string note{};    // for infra_error: what went wrong
  std::vector<TurnVerdict> turns{};
};

}  // namespace flywheel
