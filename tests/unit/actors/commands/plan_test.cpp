// Plans runs of known shapes and checks the figures against sums done by hand.
#include "actors/commands/plan.hpp"

#include <doctest/doctest.h>

namespace flywheel {
namespace {

ExperimentSpec derisk() {
  ExperimentSpec spec;
  spec.name = "derisk";
  spec.task.family = "structured_requests";
  spec.model.path = "smollm2-135m-instruct";
  spec.budget.steps = 20;
  return spec;
}

const MachineFacts two_cores{.cpu = "test",
                             .cores = 2,
                             .has_fast_bfloat16 = true,
                             .memory_available_bytes = 23e9,
                             .disk_free_bytes = 100e9,
                             .gemm_flops_float32 = 165e9,
                             .gemm_flops_bfloat16 = 700e9,
                             .copy_bytes_per_second = 26e9};

const ModelConfig& small() {
  return known_shapes().front().config;
}

double bytes_of(const Plan& plan, std::string_view name) {
  for (const MemoryPart& part : plan.models.front().memory)
    if (part.name == name) return part.bytes;
  return -1.0;
}

}  // namespace

TEST_SUITE("actors/commands/plan") {
  TEST_CASE("published shapes have their published numbers of parameters") {
    const std::int64_t expected[] = {134'515'008, 361'821'120, 1'711'376'384, 7'615'616'512,
                                     14'770'033'664};
    for (std::size_t i = 0; i < known_shapes().size(); ++i) {
      const auto plan = make_plan(derisk(), known_shapes()[i].config, two_cores);
      REQUIRE(plan);
      CHECK(plan->models.front().parameter_count == expected[i]);
    }
  }

  TEST_CASE("samples, tokens and memory are the sums a reader would do") {
    PlanAssumptions one_turn;
    one_turn.turns = 1.0;
    const auto plan = make_plan(derisk(), small(), two_cores, one_turn);

    REQUIRE(plan);
    CHECK(plan->precision == "bfloat16");
    CHECK(plan->samples_per_step == 64);
    CHECK(plan->samples_in_flight_max == 128);
    CHECK(plan->tokens_sampled_per_step == 64 * 48);
    CHECK(plan->tokens_learned_per_step == 64 * 48 + 8 * 48);
    CHECK(plan->evaluation_samples == 2 * 200 * 2);
    CHECK(bytes_of(*plan, "optimiser") == 8.0 * 134'515'008);
    CHECK(bytes_of(*plan, "KV cache") == 64.0 * 512 * 2 * 30 * 3 * 64 * 2);
    CHECK(bytes_of(*plan, "logits") == 2048.0 * 49152 * 10);
    CHECK(plan->fits());
    CHECK(plan->warnings.empty());
  }

  TEST_CASE("a step's time is bounded below by its products alone") {
    PlanAssumptions ideal;
    ideal.cpu_utilisation = 1.0;
    const auto plan = make_plan(derisk(), small(), two_cores, ideal);

    REQUIRE(plan);
    const double products = double(plan->tokens_learned_per_step) * 6 * 134.4e6 / 700e9;
    CHECK(plan->models.front().devices.front().learning_seconds > products);
    CHECK(plan->models.front().devices.front().learning_seconds < 1.3 * products);
  }

  TEST_CASE("the next two sizes and named GPUs come with it, larger is slower") {
    const auto plan = make_plan(derisk(), small(), two_cores);

    REQUIRE(plan);
    REQUIRE(plan->models.size() == 3);
    CHECK(plan->models[1].model == "SmolLM2-360M");
    CHECK(plan->models[2].model == "SmolLM2-1.7B");
    for (std::size_t d = 0; d < 3; ++d)
      for (std::size_t m = 1; m < 3; ++m)
        CHECK(plan->models[m].devices[d].run_seconds > plan->models[m - 1].devices[d].run_seconds);
    CHECK(plan->models[0].devices[1].run_seconds < plan->models[0].devices[0].run_seconds);
  }

  TEST_CASE("without fast bfloat16 the plan is for float32, and slower") {
    MachineFacts old = two_cores;
    old.has_fast_bfloat16 = false;

    const auto plan = make_plan(derisk(), small(), old);

    REQUIRE(plan);
    CHECK(plan->precision == "float32");
    CHECK(bytes_of(*plan, "working weights of the learner") == 0.0);
    CHECK(plan->models[0].devices[0].run_seconds >
          make_plan(derisk(), small(), two_cores)->models[0].devices[0].run_seconds);
  }

  TEST_CASE("out of memory, a full disk and a short budget are said before the run") {
    MachineFacts poor = two_cores;
    poor.memory_available_bytes = 2e9;
    poor.disk_free_bytes = 1e9;
    ExperimentSpec spec = derisk();
    spec.budget.minutes = 0.1;

    const auto plan = make_plan(spec, small(), poor);

    REQUIRE(plan);
    CHECK_FALSE(plan->fits());
    REQUIRE(plan->warnings.size() == 3);
    CHECK(plan->warnings[0].find("this will run out of memory") != std::string::npos);
    CHECK(plan->warnings[1].find("disk") != std::string::npos);
    CHECK(plan->warnings[2].find("budget of 0.1 minutes") != std::string::npos);
    CHECK(plan_text(*plan).find("does not fit") != std::string::npos);
  }

  TEST_CASE("a model too large for one GPU takes the fewest that hold it") {
    const auto plan = make_plan(derisk(), known_shapes().back().config, two_cores);

    REQUIRE(plan);
    const DevicePlan& h100 = plan->models.front().devices[1];
    CHECK(h100.device_count > 1);
    CHECK(h100.memory_bytes_each <= 0.9 * 80e9);
  }

  TEST_CASE("a context longer than the model's is refused") {
    ExperimentSpec spec = derisk();
    spec.model.context_length = 8193;

    const auto plan = make_plan(spec, small(), two_cores);

    REQUIRE_FALSE(plan);
    CHECK(plan.error().failure == Failure::invalid_input);
  }

  TEST_CASE("rates that were not measured are said to be assumed") {
    MachineFacts unknown = two_cores;
    unknown.gemm_flops_bfloat16 = 0.0;

    const auto text = plan_text(make_plan(derisk(), small(), unknown).value());

    CHECK(text.find("600 GFLOPS (assumed)") != std::string::npos);
    CHECK(plan_json(make_plan(derisk(), small(), unknown).value())["models"].size() == 3);
  }
}

}  // namespace flywheel
