// Gates are what a spec demands of an experiment's figures: before training, a set that is neither
// too easy nor too hard for the base model; after it, the pass rate that was aimed at, and no fall
// of what is guarded.
#pragma once

#include <string>
#include <vector>

#include "actors/commands/table.hpp"
#include "actors/config.hpp"
#include "runtime/base/json.hpp"

namespace flywheel {

// A gate of the spec and what became of it.
struct GateResult {
  std::string gate{};  // "held-out first turn after at least 90 %"
  std::string found{};
  bool passed = false;
};

// A figure of an evaluation, as /v1/runs/RUN/evaluations/NAME gives it; count 0 where it is
// missing.
Measured measured_from(const Json& evaluation, const std::string& name);

// "held_out_first_turn" as people read it.
std::string title_of(std::string name);

// The gates that the spec sets, in the order in which a round meets them. What was not measured, be
// it for want of an evaluation or of a guard in the grader, passes no gate.
std::vector<GateResult> judge_gates(const GateSpec& spec, const Json& before, const Json& after);

}  // namespace flywheel
