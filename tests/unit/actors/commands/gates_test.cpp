#include "actors/commands/gates.hpp"

#include <doctest/doctest.h>

namespace flywheel {
namespace {

Json evaluation(double first_turn, double guard) {
  const auto figure = [](double value) {
    return Json{{"value", value}, {"low", value}, {"high", value}, {"count", 100}};
  };
  return {
      {"figures", {{"held_out_first_turn", figure(first_turn)}, {"guard_style", figure(guard)}}}};
}

std::vector<std::string> refused(const GateSpec& spec, const Json& before, const Json& after) {
  std::vector<std::string> names;
  for (const GateResult& gate : judge_gates(spec, before, after))
    if (!gate.passed) names.push_back(gate.gate + ": " + gate.found);
  return names;
}

TEST_CASE("a set is refused where the base model nearly always or hardly ever passes") {
  const GateSpec spec{.pass_rate_before_min = 0.05, .pass_rate_before_max = 0.20};
  const auto verdict = [&](double before) {
    const auto names = refused(spec, evaluation(before, 0.5), evaluation(0.9, 0.5));
    REQUIRE(names.size() <= 1);
    return names.empty() ? std::string{"passed"} : names.front();
  };
  CHECK(verdict(0.0) ==
        "held-out first turn before at least 5 %: 0.0 % [0.0, 0.0], too hard: the base model "
        "hardly ever passes");
  CHECK(verdict(0.05) == "passed");
  CHECK(verdict(0.20) == "passed");
  CHECK(verdict(0.21) ==
        "held-out first turn before at most 20 %: 21.0 % [21.0, 21.0], too easy: the base model "
        "passes already");
}

TEST_CASE("the aim and every guard are judged after training") {
  const GateSpec spec{.pass_rate_after_min = 0.90, .guard_fall_max = 0.10};
  CHECK(refused(spec, evaluation(0.1, 0.5), evaluation(0.95, 0.45)).empty());
  CHECK(refused(spec, evaluation(0.1, 0.5), evaluation(0.80, 0.30)) ==
        std::vector<std::string>{
            "held-out first turn after at least 90 %: 80.0 % [80.0, 80.0], below what was aimed at",
            "guard style falls by at most 10 points: fell by 20.0 points"});
}

TEST_CASE("what was not measured passes no gate") {
  const Json nothing{{"figures", Json::object()}};
  const GateSpec spec{.pass_rate_before_min = 0.05, .guard_fall_max = 0.5};
  CHECK(refused(spec, nothing, nothing) ==
        std::vector<std::string>{"held-out first turn before at least 5 %: nothing was measured",
                                 "no guard falls by more than 50 points: no guard was measured"});

  const auto whole = evaluation(0.5, 0.5);
  auto without_guard = whole;
  without_guard["figures"].erase("guard_style");
  const std::string guard = "guard style falls by at most 50 points: was not measured ";
  CHECK(refused(spec, whole, without_guard) == std::vector<std::string>{guard + "after the run"});
  CHECK(refused(spec, without_guard, whole) == std::vector<std::string>{guard + "before the run"});
}

TEST_CASE("a spec without gates is judged by none") {
  CHECK(judge_gates(GateSpec{}, evaluation(1.0, 0.9), evaluation(0.0, 0.1)).empty());
}

TEST_CASE("an evaluation that is missing passes no gate that speaks of it") {
  const GateSpec spec{.pass_rate_before_max = 0.2, .pass_rate_after_min = 0.9};
  const std::string before = "held-out first turn before at most 20 %: nothing was measured";
  const std::string after = "held-out first turn after at least 90 %: nothing was measured";
  CHECK(refused(spec, evaluation(0.1, 0.5), Json{}) == std::vector<std::string>{after});
  CHECK(refused(spec, Json{}, evaluation(0.95, 0.5)) == std::vector<std::string>{before});
  CHECK(refused(spec, Json{}, Json{}) == std::vector<std::string>{before, after});

  const GateSpec guarded{.guard_fall_max = 0.1};
  CHECK(refused(guarded, evaluation(0.1, 0.5), Json{}) ==
        std::vector<std::string>{
            "guard style falls by at most 10 points: was not measured after the run"});
  CHECK(refused(guarded, Json{}, Json{}).size() == 1);
}

TEST_CASE("a bound on guards is refused where the grader has none, and only there") {
  auto without_guard = evaluation(0.1, 0.5);
  without_guard["figures"].erase("guard_style");
  CHECK(refused({.guard_fall_max = 0.1}, without_guard, without_guard) ==
        std::vector<std::string>{"no guard falls by more than 10 points: no guard was measured"});
  CHECK(judge_gates({.pass_rate_after_min = 0.05}, without_guard, without_guard).size() == 1);
  CHECK(refused({.pass_rate_after_min = 0.05}, without_guard, without_guard).empty());
}

}  // namespace
}  // namespace flywheel
