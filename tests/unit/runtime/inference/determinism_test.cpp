// What a sequence samples depends on its tokens, key, parameters and weights alone: bit for bit.
#include <algorithm>

#include "tests/unit/runtime/inference/reference.hpp"

namespace flywheel {
namespace {

GenerateRequest request_of(std::uint64_t id, Token vocabulary) {
  // Groups of four share their prompt; groups of eight begin alike.
  auto prompt = random_prompt(id / 8, 18, vocabulary);
  const auto rest = random_prompt(1000 + id / 4, 1 + (id / 4 * 7) % 40, vocabulary);
  prompt.insert(prompt.end(), rest.begin(), rest.end());
  SamplingParameters sampling{.tokens_max = 24, .ignore_end = true};
  if (id % 5 == 1) sampling.temperature = 0.7;
  if (id % 5 == 2) sampling.top_k = 20;
  if (id % 5 == 3) sampling.top_p = 0.9;
  return {.id = id, .prompt = prompt, .sampling = sampling, .key = derive_key({id, 3})};
}

std::map<std::uint64_t, Generation> run_ids(const WeightsHandle& weights, EngineConfig config,
                                            const std::vector<std::uint64_t>& ids, int delay) {
  auto engine = engine_of(weights, config);
  std::map<std::uint64_t, Generation> all;
  std::size_t next = 0;
  while (next < ids.size() || !engine->is_idle()) {
    for (int i = 0; next < ids.size() && (delay == 0 || i < delay); ++i)
      REQUIRE(engine->submit(
          request_of(ids[next++], static_cast<Token>(config_of(weights).vocabulary_size))));
    for (Generation& generation : engine->step().finished)
      all[generation.id] = std::move(generation);
  }
  return all;
}

void check_equal(std::map<std::uint64_t, Generation>& got,
                 std::map<std::uint64_t, Generation>& expected) {
  for (auto& [id, generation] : got) {
    CAPTURE(id);
    REQUIRE(generation.tokens == expected[id].tokens);
    REQUIRE(generation.log_probabilities == expected[id].log_probabilities);
  }
}

void check_independence(const ModelConfig& model, Precision precision) {
  const std::uint64_t seed = 11;
  CAPTURE(seed);
  const WeightsHandle weights = lively_weights(model, seed);
  std::vector<std::uint64_t> ids(64);
  for (std::uint64_t id = 0; id < 64; ++id) ids[id] = id;
  EngineConfig config{.precision = precision};
  auto expected = run_ids(weights, config, ids, 0);
  REQUIRE(expected.size() == 64);

  SUBCASE("alone") {
    for (std::uint64_t id = 0; id < 64; id += 9) {
      auto alone = run_ids(weights, config, {id}, 0);
      check_equal(alone, expected);
    }
  }
  SUBCASE("in a batch of 7, in the other order") {
    std::reverse(ids.begin(), ids.end());
    config.sequences_max = 7;
    auto got = run_ids(weights, config, ids, 0);
    check_equal(got, expected);
  }
  SUBCASE("arriving three at a time while others decode") {
    auto got = run_ids(weights, config, ids, 3);
    check_equal(got, expected);
  }
  SUBCASE("with prompts computed in parts of any size") {
    for (const std::uint32_t part : {1u, 5u, 33u}) {
      config.prefill_tokens_max = part;
      auto got = run_ids(weights, config, ids, 0);
      check_equal(got, expected);
    }
  }
  SUBCASE("with one thread, with three, with little cache") {
    config.threads = 1;
    auto got = run_ids(weights, config, ids, 0);
    check_equal(got, expected);
    config.threads = 3;
    config.kv_bytes_max = 1 << 20;
    got = run_ids(weights, config, ids, 0);
    check_equal(got, expected);
  }
}

}  // namespace

TEST_SUITE("runtime/inference/determinism") {
  TEST_CASE("property: float32 samples do not depend on batch mates") {
    check_independence(tiny_llama(), Precision::float32);
  }
  TEST_CASE("property: float32 samples do not depend on batch mates, wide heads") {
    check_independence(small_llama(), Precision::float32);
  }
  TEST_CASE("property: bfloat16 samples do not depend on batch mates") {
    if (fastest_precision() != Precision::bfloat16)
      MESSAGE("skipped in its fast form: this CPU has no bfloat16 products; the plain ones run");
    check_independence(small_llama(), Precision::bfloat16);
  }
}

}  // namespace flywheel
