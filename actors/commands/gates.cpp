#include "actors/commands/gates.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace flywheel {
namespace {

constexpr const char* first_turn = "held_out_first_turn";

// A figure that nobody measured passes no gate.
GateResult judged(std::string gate, const Measured& found, bool passed, std::string_view verdict) {
  if (found.count == 0) return {std::move(gate), "nothing was measured", false};
  std::string text = measured_text(found);
  if (!passed) text += fmt::format(", {}", verdict);
  return {std::move(gate), std::move(text), passed};
}

GateResult judged_guard(const std::string& name, const GateSpec& spec, const Measured& before,
                        const Measured& after) {
  std::string gate =
      fmt::format("{} falls by at most {:.0f} points", title_of(name), 100 * spec.guard_fall_max);
  if (before.count == 0 || after.count == 0)
    return {std::move(gate),
            fmt::format("was not measured {} the run", before.count == 0 ? "before" : "after"),
            false};
  const double fall = before.value - after.value;
  return {std::move(gate), fmt::format("fell by {:.1f} points", 100 * fall),
          fall <= spec.guard_fall_max};
}

void judge_guards(const GateSpec& spec, const Json& before, const Json& after,
                  std::vector<GateResult>& gates) {
  std::set<std::string> guards;
  for (const Json* evaluation : {&before, &after}) {
    if (!evaluation->is_object()) continue;
    for (const auto& [name, figure] : (*evaluation)["figures"].items())
      if (name.starts_with("guard_")) guards.insert(name);
  }
  if (guards.empty())
    gates.push_back(
        {fmt::format("no guard falls by more than {:.0f} points", 100 * spec.guard_fall_max),
         "no guard was measured", false});
  for (const std::string& name : guards)
    gates.push_back(
        judged_guard(name, spec, measured_from(before, name), measured_from(after, name)));
}

}  // namespace

Measured measured_from(const Json& evaluation, const std::string& name) {
  if (!evaluation.is_object() || !evaluation["figures"].contains(name)) return {};
  const Json& figure = evaluation["figures"][name];
  return {figure["value"], figure["low"], figure["high"], figure["count"]};
}

std::string title_of(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::vector<GateResult> judge_gates(const GateSpec& spec, const Json& before, const Json& after) {
  std::vector<GateResult> gates;
  const Measured start = measured_from(before, first_turn);
  const Measured end = measured_from(after, first_turn);
  if (spec.pass_rate_before_max < 1.0)
    gates.push_back(judged(
        fmt::format("held-out first turn before at most {:.0f} %", 100 * spec.pass_rate_before_max),
        start, start.value <= spec.pass_rate_before_max,
        "too easy: the base model passes already"));
  // Without a pass now and then no reward tells one answer from another.
  if (spec.pass_rate_before_min > 0.0)
    gates.push_back(judged(fmt::format("held-out first turn before at least {:.0f} %",
                                       100 * spec.pass_rate_before_min),
                           start, start.value >= spec.pass_rate_before_min,
                           "too hard: the base model hardly ever passes"));
  if (spec.pass_rate_after_min > 0.0)
    gates.push_back(judged(
        fmt::format("held-out first turn after at least {:.0f} %", 100 * spec.pass_rate_after_min),
        end, end.value >= spec.pass_rate_after_min, "below what was aimed at"));
  if (spec.guard_fall_max < 1.0) judge_guards(spec, before, after, gates);
  return gates;
}

}  // namespace flywheel
