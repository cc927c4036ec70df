// Finding graders, and what every grader gets for free.
#include "runtime/grading/grader_registry.hpp"

#include <stdexcept>

#include <doctest/doctest.h>

#include "tests/unit/runtime/grading/list_lab.hpp"

using namespace flywheel;
using namespace flywheel::testing;

TEST_SUITE("runtime/grading/grader_registry") {
  TEST_CASE("finds graders with and without their version, and names them all when it can't") {
    for (const Grader* grader : graders()) CHECK(*find_grader(grader->name()) == grader);
    CHECK(*find_grader("structured_list") == &structured_list_grader());
    const auto missing = find_grader("structured_list/99");
    REQUIRE(!missing);
    CHECK(missing.error().message.find("structured_list/2") != std::string::npos);
  }

  TEST_CASE("a failing turn earns part of what it met, and never as much as half a pass") {
    const auto reward = [](std::vector<double> values) {
      std::vector<Component> components;
      for (const double value : values) components.push_back({"one", value});
      components.push_back({"guard", 0.0, ComponentKind::guard});
      return turn_verdict(0, components);
    };
    CHECK(reward({1, 1, 1, 1}).reward == 1.0);
    CHECK(reward({1, 1, 1, 1}).passed);
    CHECK(reward({1, 1, 1, 0}).reward == 0.375);
    CHECK_FALSE(reward({1, 1, 1, 0}).passed);
    CHECK(reward({0, 0}).reward == 0.0);
    CHECK_FALSE(reward({1.5, 0.5}).passed);
    CHECK_FALSE(reward({}).passed);
    CHECK(reward({}).reward == 0.0);
  }

  TEST_CASE("a grader that throws gives an infra_error") {
    class Throwing final : public Grader {
     public:
      std::string_view name() const override { return "throwing/1"; }
      std::vector<ComponentInfo> components() const override { return {}; }

     private:
      Verdict judge(const Task& task, const Transcript&) const override {
        if (task.split == "odd") throw 7;
        throw std::runtime_error("out of ideas");
      }
    };
    const Verdict verdict = Throwing{}.grade({}, {});
    CHECK(verdict.status == VerdictStatus::infra_error);
    CHECK(verdict.note == "out of ideas");
    Task odd;
    odd.split = "odd";
    CHECK(Throwing{}.grade(odd, {}).status == VerdictStatus::infra_error);
  }
}
