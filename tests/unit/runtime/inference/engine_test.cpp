// What callers of the engine rely on: stops, bounds, sharing, cancel, swaps, refusals.
#include <algorithm>
#include <limits>

#include "tests/unit/runtime/inference/reference.hpp"

namespace flywheel {
namespace {

constexpr Token vocabulary = 101;

GenerateRequest request_of(std::uint64_t id, std::vector<Token> prompt, std::uint32_t tokens_max) {
  return {.id = id,
          .prompt = std::move(prompt),
          .sampling = {.tokens_max = tokens_max, .ignore_end = true},
          .key = derive_key({id, 17})};
}

Generation greedy(Engine& engine, const std::vector<Token>& prompt, SamplingParameters sampling) {
  sampling.temperature = 0.0;
  REQUIRE(engine.submit({.id = 900, .prompt = prompt, .sampling = sampling}));
  return run_all(engine)[900];
}

}  // namespace

TEST_SUITE("runtime/inference/engine") {
  TEST_CASE("sequences join and leave between steps") {
    auto engine = engine_of(lively_weights(tiny_llama(), 1), {.sequences_max = 2});
    for (std::uint64_t id = 0; id < 3; ++id)
      REQUIRE(engine->submit(request_of(id, random_prompt(id, 5, vocabulary), id == 0 ? 2 : 5)));

    CHECK(engine->step().sampled.size() == 2);
    CHECK(engine->counts().active == 2);
    CHECK(engine->counts().waiting == 1);
    const StepReport second = engine->step();
    REQUIRE(second.finished.size() == 1);
    CHECK(second.finished[0].id == 0);
    CHECK(second.finished[0].finish == FinishReason::length);
    const StepReport third = engine->step();
    CHECK(third.sampled.size() == 2);
    CHECK(third.sampled[1].id == 2);

    CHECK(run_all(*engine).size() == 2);
    CHECK(engine->counts().tokens_sampled == 12);
  }

  TEST_CASE("the prompt of a group is computed once") {
    const WeightsHandle weights = lively_weights(tiny_llama(), 1);
    for (const std::uint32_t prefill : {2048u, 7u}) {
      CAPTURE(prefill);
      auto engine = engine_of(weights, {.prefill_tokens_max = prefill});
      const auto prompt = random_prompt(3, 37, vocabulary);
      for (std::uint64_t id = 0; id < 8; ++id) REQUIRE(engine->submit(request_of(id, prompt, 4)));

      const auto generations = run_all(*engine);

      CHECK(engine->counts().prompt_tokens_computed == 37);
      CHECK(engine->counts().prompt_tokens_reused == 7 * 37);
      for (const auto& [id, generation] : generations)
        CHECK(generation.prompt_tokens_reused == (id == 0 ? 0 : 37));
    }
  }

  TEST_CASE("a second turn reuses what the first has computed, and samples the same") {
    const WeightsHandle weights = lively_weights(tiny_llama(), 1);
    auto engine = engine_of(weights);
    const auto first = random_prompt(4, 30, vocabulary);
    REQUIRE(engine->submit(request_of(1, first, 10)));
    std::vector<Token> second = first;
    const Generation answer = run_all(*engine)[1];
    second.insert(second.end(), answer.tokens.begin(), answer.tokens.end());
    for (const Token token : random_prompt(5, 6, vocabulary)) second.push_back(token);

    REQUIRE(engine->submit(request_of(2, second, 10)));
    const Generation warm = run_all(*engine)[2];
    auto fresh = engine_of(weights);
    REQUIRE(fresh->submit(request_of(2, second, 10)));
    const Generation cold = run_all(*fresh)[2];

    CHECK(warm.prompt_tokens_reused == 39);  // the last token sampled was never computed
    CHECK(warm.tokens == cold.tokens);
    CHECK(warm.log_probabilities == cold.log_probabilities);
  }

  TEST_CASE("ends at the model's end token, at stop tokens and at the limit") {
    ModelConfig model = tiny_llama();
    const WeightsHandle weights = lively_weights(model, 1);
    auto engine = engine_of(weights);
    const auto prompt = random_prompt(6, 9, vocabulary);
    const Generation whole = greedy(*engine, prompt, {.tokens_max = 12, .ignore_end = true});
    REQUIRE(whole.tokens.size() == 12);
    CHECK(whole.finish == FinishReason::length);
    const Token stop = whole.tokens[5];
    const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), stop);
    const std::vector<Token> expected(whole.tokens.begin(), first + 1);

    const Generation stopped = greedy(*engine, prompt, {.tokens_max = 12, .stop_tokens = {stop}});
    CHECK(stopped.tokens == expected);
    CHECK(stopped.finish == FinishReason::stop);
    const Generation ignored =
        greedy(*engine, prompt, {.tokens_max = 12, .ignore_end = true, .stop_tokens = {stop}});
    CHECK(ignored.tokens == whole.tokens);

    model.end_tokens = {stop};
    auto ending = engine_of(lively_weights(model, 1));
    CHECK(greedy(*ending, prompt, {.tokens_max = 12}).tokens == expected);
  }

  TEST_CASE("a stop sequence ends a generation only when all its tokens follow one another") {
    auto engine = engine_of(lively_weights(tiny_llama(), 1));
    const auto prompt = random_prompt(6, 9, vocabulary);
    const auto whole = greedy(*engine, prompt, {.tokens_max = 12, .ignore_end = true}).tokens;
    const std::vector<Token> pair{whole[6], whole[7]};
    const auto found = std::search(whole.begin(), whole.end(), pair.begin(), pair.end());

    const Generation stopped =
        greedy(*engine, prompt,
               {.tokens_max = 12, .stop_sequences = {{whole[6], vocabulary - 1, whole[7]}, pair}});

    CHECK(stopped.tokens == std::vector<Token>(whole.begin(), found + 2));
    CHECK(stopped.finish == FinishReason::stop);
    // A sequence whose beginning is in the prompt does not count: only what is sampled stops.
    const Generation crossing =
        greedy(*engine, prompt, {.tokens_max = 1, .stop_sequences = {{prompt.back(), whole[0]}}});
    CHECK(crossing.finish == FinishReason::length);
  }

  TEST_CASE("cancel frees the cache and reports what was sampled so far") {
    auto engine = engine_of(lively_weights(tiny_llama(), 1), {.sequences_max = 1});
    REQUIRE(engine->submit(request_of(1, random_prompt(1, 20, vocabulary), 50)));
    REQUIRE(engine->submit(request_of(2, random_prompt(2, 20, vocabulary), 50)));
    for (int i = 0; i < 3; ++i) engine->step();
    CHECK(engine->counts().kv_bytes > 0);

    CHECK(engine->cancel(1));
    CHECK(engine->cancel(2));
    CHECK(!engine->cancel(1));
    CHECK(!engine->cancel(99));
    CHECK(engine->counts().kv_bytes == 0);
    CHECK(!engine->is_idle());
    const StepReport report = engine->step();

    REQUIRE(report.finished.size() == 2);
    CHECK(report.finished[0].finish == FinishReason::cancelled);
    CHECK(report.finished[0].tokens.size() == 3);
    CHECK(report.finished[1].tokens.empty());
    CHECK(engine->is_idle());
    CHECK(engine->submit(request_of(1, {5}, 2)));  // the id is free again
  }

  TEST_CASE("one request more than the queue holds is refused, and nothing is lost") {
    auto engine = engine_of(lively_weights(tiny_llama(), 1), {.sequences_max = 1, .queue_max = 2});
    REQUIRE(engine->submit(request_of(1, {1, 4}, 2)));
    REQUIRE(engine->submit(request_of(2, {1, 4}, 2)));

    const auto refused = engine->submit(request_of(3, {1, 4}, 2));

    REQUIRE(!refused);
    CHECK(refused.error().failure == Failure::resource_exhausted);
    CHECK(run_all(*engine).size() == 2);
  }

  TEST_CASE("a swap between steps marks versions and loses no sequence") {
    const WeightsHandle before = lively_weights(tiny_llama(), 1);
    const WeightsHandle after = lively_weights(tiny_llama(), 2);
    auto engine = engine_of(before);
    const auto prompt = random_prompt(8, 20, vocabulary);
    for (std::uint64_t id = 0; id < 3; ++id) REQUIRE(engine->submit(request_of(id, prompt, 6)));
    engine->step();
    engine->step();

    const auto hash = engine->swap_weights(after, 5);

    REQUIRE(hash);
    CHECK(*hash == content_hash(after));
    CHECK(engine->version() == 5);
    // A sequence of the same prompt that comes after the swap computes it anew.
    REQUIRE(engine->submit(request_of(7, prompt, 3)));
    auto generations = run_all(*engine);
    REQUIRE(generations.size() == 4);
    for (std::uint64_t id = 0; id < 3; ++id) {
      REQUIRE(generations[id].versions.size() == 2);
      CHECK(generations[id].versions[0].version == 0);
      CHECK(generations[id].versions[0].token_count == 2);
      CHECK(generations[id].versions[1].version == 5);
      CHECK(generations[id].versions[1].token_count == 4);
    }
    CHECK(generations[7].prompt_tokens_reused == 0);
    auto fresh = engine_of(after);
    REQUIRE(fresh->submit(request_of(7, prompt, 3)));
    CHECK(run_all(*fresh)[7].log_probabilities == generations[7].log_probabilities);
  }

  TEST_CASE("a swap returns the hash of what the engine holds, in either precision and any shape") {
    for (const ModelConfig& model : {tiny_llama(), tiny_qwen2(), tiny_qwen3(), small_llama()})
      for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
        auto engine = engine_of(lively_weights(model, 1), {.precision = precision});
        const WeightsHandle next = lively_weights(model, 2);
        const auto hash = engine->swap_weights(next, 1);
        REQUIRE(hash);
        CHECK(*hash == content_hash(convert(next, precision)));
      }
  }

  TEST_CASE("weights that do not fit are refused by name and the old ones stay") {
    const WeightsHandle weights = lively_weights(tiny_llama(), 1);
    auto engine = engine_of(weights);
    const std::string up = "model.layers.1.mlp.up_proj.weight";
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();

    for (const WeightsHandle& bad :
         {without_tensor(weights, up), with_tensor_changed(weights, up, nan),
          with_tensor_changed(weights, up, infinity), WeightsHandle{},
          with_tensor_changed(weights, "model.norm.weight", nan),
          lively_weights(tiny_qwen2(), 1)}) {
      const auto refused = engine->swap_weights(bad, 3);
      REQUIRE(!refused);
      CHECK(refused.error().failure == Failure::invalid_argument);
    }

    const auto refused = engine->swap_weights(without_tensor(weights, up), 3);
    CHECK(refused.error().message.find(up) != std::string::npos);
    CHECK(engine->version() == 0);
    REQUIRE(engine->submit(request_of(1, {1, 2, 3}, 4)));
    CHECK(run_all(*engine)[1].versions[0].version == 0);
  }

  TEST_CASE("finite weights that overflow end their sequences by name and poison no other") {
    const WeightsHandle weights = lively_weights(tiny_llama(), 1);
    const std::string norm = "model.layers.0.input_layernorm.weight";
    auto engine = engine_of(with_tensor_changed(weights, norm, 3e38F));
    const auto prompt = random_prompt(8, 20, vocabulary);
    for (std::uint64_t id = 0; id < 3; ++id) {
      GenerateRequest request = request_of(id, prompt, 6);
      if (id == 1) request.sampling.top_p = 0.9;
      if (id == 2) request.sampling.top_k = 5;
      REQUIRE(engine->submit(request));
    }

    const auto failed = run_all(*engine);

    REQUIRE(failed.size() == 3);
    for (const auto& [id, generation] : failed) {
      CAPTURE(id);
      CHECK(generation.finish == FinishReason::cancelled);
      CHECK(generation.failure.find("policy version 0 are not finite") != std::string::npos);
      CHECK(generation.tokens.empty());
      CHECK(generation.log_probabilities.empty());
      CHECK(generation.versions.empty());
    }
    // Nobody takes over what they computed, and better weights are served again.
    REQUIRE(engine->submit(request_of(4, prompt, 6)));
    CHECK(run_all(*engine)[4].prompt_tokens_reused == 0);
    REQUIRE(engine->swap_weights(weights, 1));
    REQUIRE(engine->submit(request_of(5, prompt, 6)));
    const Generation healthy = run_all(*engine)[5];
    auto fresh = engine_of(weights);
    REQUIRE(fresh->submit(request_of(5, prompt, 6)));
    CHECK(healthy.failure.empty());
    CHECK(healthy.log_probabilities == run_all(*fresh)[5].log_probabilities);
  }

  TEST_CASE("requests that can't be served are refused; the just possible ones are not") {
    auto engine = engine_of(lively_weights(tiny_llama(), 1), {.context_length_max = 32});
    const auto refuses = [&](GenerateRequest request) {
      const auto result = engine->submit(std::move(request));
      return !result && result.error().failure == Failure::invalid_argument;
    };
    const auto with = [](SamplingParameters sampling) {
      return GenerateRequest{.id = 50, .prompt = {1}, .sampling = std::move(sampling)};
    };

    CHECK(refuses(request_of(1, {}, 4)));
    CHECK(refuses(request_of(1, {1, -1}, 4)));
    CHECK(refuses(request_of(1, {vocabulary}, 4)));
    CHECK(refuses(request_of(1, random_prompt(1, 29, vocabulary), 4)));
    CHECK(refuses(with({.temperature = -1.0})));
    CHECK(refuses(with({.temperature = std::numeric_limits<double>::quiet_NaN()})));
    CHECK(refuses(with({.top_p = 0.0})));
    CHECK(refuses(with({.top_p = 1.5})));
    CHECK(refuses(with({.tokens_max = 0})));
    CHECK(refuses(with({.stop_sequences = {{}}})));
    CHECK(engine->submit(request_of(1, random_prompt(1, 28, vocabulary), 4)));
    CHECK(engine->submit(request_of(2, {vocabulary - 1}, 4)));
    CHECK(refuses(request_of(2, {1}, 4)));
    CHECK(run_all(*engine).size() == 2);
    CHECK(!make_engine(nullptr, 0, {}));
    CHECK(!make_engine(lively_weights(tiny_llama(), 1), 0, {.sequences_max = 0}));
    CHECK(!make_engine(lively_weights(tiny_llama(), 1), 0, {.kv_bytes_max = 100}));
  }

  TEST_CASE("the cache keeps its byte bound: sequences wait, none fails, all sample the same") {
    const WeightsHandle weights = lively_weights(tiny_llama(), 1);
    const std::uint64_t block = 2 * 2 * 16 * (8 + 16) * 4;  // layers, kv heads, slots, K + V, float
    std::map<std::uint64_t, Generation> expected;
    for (const std::uint64_t bound : {std::uint64_t{0}, 7 * block, 4 * block}) {
      CAPTURE(bound);
      auto engine = engine_of(weights, {.kv_bytes_max = bound});
      for (std::uint64_t id = 0; id < 24; ++id)
        REQUIRE(engine->submit(request_of(id, random_prompt(id / 4, 20 + id / 4, vocabulary), 30)));

      std::map<std::uint64_t, Generation> all;
      while (!engine->is_idle()) {
        for (Generation& generation : engine->step().finished)
          all[generation.id] = std::move(generation);
        if (bound > 0) REQUIRE(engine->counts().kv_bytes <= bound);
      }

      REQUIRE(all.size() == 24);
      if (bound == 0) expected = all;
      for (const auto& [id, generation] : all) CHECK(generation.tokens == expected[id].tokens);
    }
    auto engine = engine_of(weights, {.kv_bytes_max = 2 * block});
    CHECK(engine->submit(request_of(1, random_prompt(1, 20, vocabulary), 13)));
    CHECK(!engine->submit(request_of(2, random_prompt(1, 20, vocabulary), 14)));
  }
}

}  // namespace flywheel
