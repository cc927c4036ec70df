// Reads specs as a person writes them, right and wrong, and every spec that the table of keys
// allows.
#include "actors/config.hpp"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include <doctest/doctest.h>

#include "actors/config_keys.hpp"
#include "runtime/base/random.hpp"

namespace flywheel {
namespace {

const AlgorithmPreset presets[] = {
    {"group_mean.ppo_clip.constant_divisor", "", "",
     AlgorithmConfig{.advantage = AdvantageKind::group_mean,
                     .aggregation = LossAggregation::constant_divisor,
                     .constant_divisor = 48.0}},
    {"leave_one_out.policy_gradient.token_mean", "", "",
     AlgorithmConfig{.advantage = AdvantageKind::leave_one_out,
                     .loss = PolicyLossKind::policy_gradient}},
};

Result<ExperimentSpec> parse(const std::string& text) {
  return parse_experiment_spec(text, "specs/derisk.yaml", presets);
}

// The error of a spec that is fine but for `lines`, which follow its first two.
std::string error_of(const std::string& lines) {
  const auto spec = parse("task:\n  family: counting\n" + lines);
  return spec ? "" : spec.error().message;
}

// Any value that the row allows, small and huge, with the characters that YAML finds special.
void randomise(const KeyRow& row, KeySlot slot, Random& random) {
  const double least = std::max(row.bounds.least, -1e6);
  const double most = std::min(row.bounds.most, 1e9);
  const double number = least + (most - least) * random.unit();
  if (auto* flag = std::get_if<bool*>(&slot)) **flag = random.below(2) == 1;
  if (auto* whole = std::get_if<std::uint32_t*>(&slot))
    **whole = static_cast<std::uint32_t>(std::ceil(std::max(0.0, number)));
  if (auto* whole = std::get_if<std::uint64_t*>(&slot))
    **whole = row.path == "seed" ? random.next()
                                 : static_cast<std::uint64_t>(std::ceil(std::max(0.0, number)));
  if (auto* real = std::get_if<double*>(&slot))
    **real = random.below(4) == 0 && row.bounds.most > 1e9 ? number * 1e-12 + 1e-300 : number;
  if (auto* choice = std::get_if<NamedSlot>(&slot))
    *choice->value = static_cast<std::uint8_t>(random.below(choice->names.size()));
  const char* const pieces[] = {"a", ": ", "# ", "'",  "\"", "\\",   "\n", "é",   "🙂",
                                "-", "{",  " ",  "\t", "%",  "true", "~",  "\x01"};
  std::string text;
  for (std::uint64_t i = random.below(6); i > 0; --i)
    text += pieces[random.below(std::size(pieces))];
  if (auto* words = std::get_if<std::string*>(&slot))
    **words = row.use == KeyUse::plain ? text : "/models/one: two";
  if (auto* json = std::get_if<Json*>(&slot))
    **json = {{"share", number},
              {"name", text},
              {"12", true},
              {"deep", {{"list", {1, -2, "3", nullptr}}}},
              {"none", Json::array()}};
}

void make_consistent(ExperimentSpec& spec) {
  spec.task.family = "counting";
  spec.algorithm_preset = "leave_one_out.policy_gradient.token_mean";
  spec.model.context_length = spec.sampling.tokens_max + 16;
  spec.trainer.algorithm.constant_divisor += 1.0;
  spec.trainer.algorithm.kl_weight += 1.0;
  spec.data.held_out_tasks += 1;
  spec.evaluation.tasks_during = 1;
  if (spec.gates.pass_rate_before_min > spec.gates.pass_rate_before_max)
    std::swap(spec.gates.pass_rate_before_min, spec.gates.pass_rate_before_max);
  spec.deterministic = false;
  spec.tools.live_proxy = "http://127.0.0.1:3128";
  spec.tools.live_hosts = ".example.org, docs.example.net:8080";
}

}  // namespace

TEST_SUITE("actors/config") {
  TEST_CASE("a spec of one line has every default") {
    const auto spec = parse("task: {family: counting}");

    REQUIRE(spec);
    CHECK(spec->name == "derisk");
    CHECK(spec->task.tasks_per_step == 8);
    CHECK(spec->sampling.tokens_max == 48);
    CHECK(spec->staleness_max == 1);
  }

  TEST_CASE("values of every type are read") {
    const auto spec = parse(
        "goal: \"answers: exact\"\nseed: 18446744073709551615\ndeterministic: true\n"
        "task:\n  family: counting\n  parameters: {items_max: 5, share: 0.7, words: [a, '7']}\n"
        "model: {precision: bfloat16, path: ../models/mine}\n"
        "learning:\n  learning_rate: 2e-5\n");

    REQUIRE(spec);
    CHECK(spec->goal == "answers: exact");
    CHECK(spec->seed == 18446744073709551615ULL);
    CHECK(spec->deterministic);
    CHECK(spec->task.parameters == Json::parse(R"({"items_max":5,"share":0.7,"words":["a","7"]})"));
    CHECK(spec->model.precision == PrecisionChoice::bfloat16);
    CHECK(spec->model.path == (std::filesystem::current_path() / "models/mine").string());
    CHECK(spec->trainer.learning_rate == 2e-5);
  }

  TEST_CASE("a preset comes first and single keys change it, in any order of lines") {
    const auto spec = parse(
        "algorithm:\n  constant_divisor: 64\n  preset: group_mean.ppo_clip.constant_divisor\n"
        "task: {family: counting}\n");

    REQUIRE(spec);
    CHECK(spec->trainer.algorithm.advantage == AdvantageKind::group_mean);
    CHECK(spec->trainer.algorithm.constant_divisor == 64.0);
  }

  TEST_CASE("an unknown key names file, line and the nearest key") {
    CHECK(error_of("sampling:\n  temprature: 1\n") ==
          "specs/derisk.yaml:4: unknown key 'sampling.temprature'; did you mean "
          "'sampling.temperature'?");
    CHECK(error_of("gaol: x\n") == "specs/derisk.yaml:3: unknown key 'gaol'; did you mean 'goal'?");
    CHECK(error_of("learnin: {}\n").ends_with("did you mean 'learning'?"));
    CHECK(error_of("learning_rate: 1\n").ends_with("did you mean 'learning.learning_rate'?"));
    CHECK(error_of("zzzzzzzzzz: 1\n").ends_with("`flywheel plan --keys` lists all keys"));
  }

  TEST_CASE("an impossible number is one line with file, line, bound and meaning") {
    const std::pair<const char*, const char*> cases[] = {
        {"staleness_max: -1", "staleness_max is -1, must be at least 0"},
        {"budget: {steps: 0}", "budget.steps is 0, must be at least 1"},
        {"budget: {steps: 1.5}", "budget.steps is 1.5, must be a whole number"},
        {"seed: -4", "seed is -4, must be a whole number of at least 0"},
        {"learning: {learning_rate: 0}", "learning.learning_rate is 0, must be above 0"},
        {"learning: {learning_rate: -2e-5}", "learning.learning_rate is -2e-5, must be above 0"},
        {"learning: {learning_rate: nan}", "learning.learning_rate is nan, must be a finite"},
        {"learning: {learning_rate: .nan}", "learning.learning_rate is '.nan', must be a number"},
        {"learning: {learning_rate: inf}", "learning.learning_rate is inf, must be a finite"},
        {"learning: {learning_rate: 1e999}", "learning.learning_rate is 1e999, must be a finite"},
        {"learning: {learning_rate: '1'}", "learning.learning_rate is '1', must be a number"},
        {"sampling: {tokens_max: 0}", "sampling.tokens_max is 0, must be at least 1"},
        {"sampling: {tokens_max: 512}", "sampling.tokens_max is 512, which leaves no room"},
        {"learning: {beta1: 0.999999999}", "must be at least 0 and at most 0.9999999"},
        {"learning: {beta2: 0.999999999}", "must be at least 0 and at most 0.9999999"},
        {"learning: {epsilon: 1e-46}", "must be at least 1e-37"},
        {"sampling: {top_p: 0}", "sampling.top_p is 0, must be above 0 and at most 1"},
        {"gates: {pass_rate_after_min: 90}", "must be at least 0 and at most 1 (share)"},
        {"compute: {samplers: 99999999999}", "compute.samplers is 99999999999, must be at least 1"},
        {"data: {train_tasks: 0}", "data.train_tasks is 0, must be at least 1"},
        {"algorithm: {kl: k3}", "algorithm.kl_weight must be above 0"},
        {"algorithm: {aggregation: constant_divisor}", "algorithm.constant_divisor must be above"},
        {"evaluation: {every_steps: 5, tasks_during: 201}", "more than data.held_out_tasks 200"},
    };
    for (const auto& [line, expected] : cases) {
      const std::string message = error_of(std::string{line} + "\n");
      CAPTURE(message);
      CHECK(message.find(expected) != std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
    }
    const auto group = parse("task:\n  family: counting\n  samples_per_task: 0\n");
    REQUIRE_FALSE(group);
    CHECK(group.error().message.starts_with(
        "specs/derisk.yaml:3: task.samples_per_task is 0, must be at least 2"));
    CHECK(exit_code_of(group.error().failure) == 2);
  }

  TEST_CASE("a wrong type, an empty value or a broken file is one line") {
    CHECK(error_of("deterministic: yes\n") ==
          "specs/derisk.yaml:3: deterministic is 'yes', must be true or false");
    CHECK(error_of("seed:\n").find(":3: seed has no value") != std::string::npos);
    CHECK(error_of("seed: [1]\n").find("not a list") != std::string::npos);
    CHECK(error_of("sampling: 3\n").find("section 'sampling' must hold keys") != std::string::npos);
    CHECK(error_of("seed: 1\nseed: 2\n").find(":4: key 'seed' is given twice") !=
          std::string::npos);
    CHECK(error_of("model: {precision: bf16}\n").find("bfloat16") != std::string::npos);
    CHECK(error_of("model: {path: smollm2-135m-instuct}\n")
              .ends_with("did you mean 'smollm2-135m-instruct'?"));
    CHECK(error_of("algorithm: {preset: leave_one_out.policy_gradient.token_meen}\n")
              .ends_with("did you mean 'leave_one_out.policy_gradient.token_mean'?"));
    CHECK(error_of("goal: \"open\nseed: 1\n").find("not YAML") != std::string::npos);
    CHECK(error_of("goal: 'open\nseed: 1\n").find("not YAML") != std::string::npos);
    CHECK(error_of("goal: [open\n").find("not YAML") != std::string::npos);
    CHECK_FALSE(parse("task: {family: counting}\n---\nseed: 2\n"));
    CHECK(parse("# why\n---\ntask: {family: counting}\n...\n"));
    CHECK(error_of("format: 2\n").find("newer than this program reads") != std::string::npos);
    CHECK_FALSE(parse(""));
    CHECK_FALSE(parse("- 1\n"));
    CHECK_FALSE(parse("{}"));
    CHECK(load_experiment_spec("specs/absent.yaml", presets).error().failure == Failure::not_found);
    CHECK_FALSE(load_experiment_spec("tests", presets));
  }

  TEST_CASE("live pages need a proxy and a list of hosts, and are off unless both are there") {
    const std::string proxy = "tools:\n  live_proxy: http://127.0.0.1:3128\n";

    CHECK(parse("task: {family: counting}")->tools.live_proxy.empty());
    CHECK(error_of(proxy + "  live_hosts: docs.example.org, .wiki.example.org\n").empty());
    CHECK(error_of("tools:\n  live_hosts: docs.example.org\n").empty());
    CHECK(error_of(proxy) ==
          "specs/derisk.yaml:1: tools.live_hosts is empty and tools.live_proxy is set: list the "
          "hosts to fetch from");
    CHECK(error_of(proxy + "  live_hosts: 'a.org, *.b.org'\n")
              .find(":5: tools.live_hosts has the entry '*.b.org', must be HOST, .DOMAIN") !=
          std::string::npos);
    CHECK(error_of("tools: {live_proxy: \"socks5://127.0.0.1:1\", live_hosts: a.org}\n")
              .find(":3: tools.live_proxy must be http://HOST:PORT") != std::string::npos);
    CHECK(error_of("deterministic: true\n" + proxy + "  live_hosts: a.org\n")
              .find(":5: tools.live_proxy can't be set in a deterministic run") !=
          std::string::npos);
  }

  TEST_CASE("the model's own limits are checked once it is known") {
    auto spec = parse("task: {family: counting}").value();
    ModelConfig model{.vocabulary_size = 100, .context_length_max = 512};

    CHECK(check_against_model(spec, model));
    model.context_length_max = 511;
    CHECK(check_against_model(spec, model).error().message.find("512") != std::string::npos);
    model.context_length_max = 512;
    spec.sampling.top_k = 101;
    CHECK_FALSE(check_against_model(spec, model));
  }

  TEST_CASE("tokens of older weights are corrected unless the spec says otherwise") {
    const auto cap_of = [](const std::string& text) {
      return parse(text).value().trainer.algorithm.importance_cap;
    };
    CHECK(cap_of("task: {family: counting}") == 2.0);
    CHECK(cap_of("{task: {family: counting}, algorithm: {importance_cap: 0}}") == 0.0);
    const std::string preset = "{task: {family: counting}, algorithm: {preset: ";
    CHECK(cap_of(preset + "group_mean.ppo_clip.constant_divisor}}") == 2.0);
    CHECK(cap_of(preset + "group_mean.ppo_clip.constant_divisor, importance_cap: 3}}") == 3.0);
  }

  TEST_CASE("the experiment's own spec loads and says what the main job states") {
    const auto spec = load_experiment_spec("experiments/structured_requests/derisk.yaml", presets);

    if (!spec) FAIL(spec.error().message);
    CHECK(spec->task.tasks_per_step * spec->task.samples_per_task == 64);
    CHECK(spec->sampling.tokens_max == 48);
    CHECK(spec->trainer.learning_rate == 2e-5);
    CHECK(spec->data.held_out_tasks == 200);
    CHECK(spec->gates.pass_rate_after_min == 0.9);
  }

  TEST_CASE("property: a resolved spec loads to the same struct") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      CAPTURE(seed);
      Random random{RandomKey{seed}};
      ExperimentSpec spec;
      for (const KeyRow& row : key_rows()) randomise(row, row.slot(spec), random);
      make_consistent(spec);

      const std::string text = resolved_spec_text(spec);
      auto again = parse(text);

      if (!again) FAIL(again.error().message << "\n" << text);
      for (const KeyRow& row : key_rows())  // value_text loses nothing, so this is equality
        CHECK(value_text(row.slot(*again)) == value_text(row.slot(spec)));
    }
  }

  TEST_CASE("a resolved spec survives its file") {
    const auto folder = std::filesystem::temp_directory_path() / "flywheel_config_test";
    std::filesystem::create_directories(folder);
    auto spec = parse("task: {family: counting}\nsampling: {temperature: 0.1}\n").value();

    std::ofstream{folder / "spec.yaml"} << resolved_spec_text(spec);
    const auto again = load_experiment_spec((folder / "spec.yaml").string(), presets);

    REQUIRE(again);
    CHECK(again->name == "derisk");
    CHECK(again->sampling.temperature == 0.1);
    std::filesystem::remove_all(folder);
  }

  TEST_CASE("the table names every key once, says what it means and covers the algorithm") {
    std::set<std::string> paths;
    std::set<const void*> fields;
    ExperimentSpec spec;
    for (const KeyRow& row : key_rows()) {
      CHECK(paths.insert(std::string{row.path}).second);
      CHECK_FALSE(row.meaning.empty());
      std::visit(
          [&](auto slot) {
            if constexpr (std::is_same_v<decltype(slot), NamedSlot>)
              CHECK(fields.insert(slot.value).second);
            else
              CHECK(fields.insert(slot).second);
          },
          row.slot(spec));
    }
    // Eleven parts: one more is a compile error here, and needs a row in the table.
    const auto& [advantage, epsilon, loss, low, high, aggregation, divisor, kl, weight, cap, drop] =
        spec.trainer.algorithm;
    for (const void* field :
         {static_cast<const void*>(&advantage), static_cast<const void*>(&epsilon),
          static_cast<const void*>(&loss), static_cast<const void*>(&low),
          static_cast<const void*>(&high), static_cast<const void*>(&aggregation),
          static_cast<const void*>(&divisor), static_cast<const void*>(&kl),
          static_cast<const void*>(&weight), static_cast<const void*>(&cap),
          static_cast<const void*>(&drop)})
      CHECK(fields.contains(field));
    for (const char* path : {"algorithm.clip_low", "algorithm.clip_high"})
      CHECK(find_key_row(path)->meaning.find("r = 1, never clipped") != std::string_view::npos);
    for (const char* path : {"sampling.temperature", "sampling.top_k", "sampling.top_p"})
      CHECK(find_key_row(path)->meaning.find("importance weight") != std::string_view::npos);
    CHECK(experiment_keys_text().find("in policy versions, at least 0 and at most 64") !=
          std::string::npos);
  }

  TEST_CASE("engine and trainer get what the spec says") {
    auto spec =
        parse("task: {family: counting}\ncompute: {threads: 3, sequences_max: 9}\n").value();

    CHECK(engine_config_of(spec, Precision::bfloat16).sequences_max == 9);
    CHECK(engine_config_of(spec, Precision::bfloat16).context_length_max == 512);
    CHECK(trainer_config_of(spec, Precision::bfloat16).threads == 3);
    CHECK(trainer_config_of(spec, Precision::bfloat16).precision == Precision::bfloat16);
  }
}

}  // namespace flywheel
