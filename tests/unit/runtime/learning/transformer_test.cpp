#include "runtime/model/transformer.hpp"

#include <doctest/doctest.h>
#include <torch/types.h>

#include "runtime/base/random.hpp"
#include "runtime/model/transformer_gemm.hpp"
#include "tests/unit/runtime/learning/naive_model.hpp"

using namespace flywheel;

namespace {

std::vector<std::span<const Token>> spans_of(const std::vector<std::vector<Token>>& sequences) {
  return {sequences.begin(), sequences.end()};
}

// Sequences in lexicographic order with nested shared beginnings.
std::vector<std::vector<Token>> branching_sequences(const ModelConfig& config) {
  const auto stem = random_tokens(config, 1, 21);
  std::vector<std::vector<Token>> sequences;
  for (std::uint64_t i = 0; i < 5; ++i) {
    auto sequence = stem;
    if (i >= 2) sequence.push_back(3);
    const auto tail = random_tokens(config, 100 + i, 4 + 9 * i);
    sequence.insert(sequence.end(), tail.begin(), tail.end());
    sequences.push_back(sequence);
  }
  sequences.push_back(random_tokens(config, 2, 50));
  sequences.push_back(stem);
  std::sort(sequences.begin(), sequences.end());
  return sequences;
}

double relative_error(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a.to(torch::kDouble) - b.to(torch::kDouble)).norm() / b.to(torch::kDouble).norm())
      .item<double>();
}

}  // namespace

TEST_SUITE("model/transformer") {
  TEST_CASE("a forest computes shared beginnings once and knows every token's row") {
    const std::vector<std::vector<Token>> sequences{{1, 2, 3}, {1, 2, 3, 4}, {1, 2, 5}, {7}};

    const auto forest = make_forest(spans_of(sequences));

    CHECK(forest.tokens == std::vector<Token>{1, 2, 3, 4, 5, 7});
    CHECK(forest.positions == std::vector<std::int32_t>{0, 1, 2, 3, 2, 0});
    CHECK(forest.sequence_rows[1] == std::vector<std::int64_t>{0, 1, 2, 3});
    CHECK(forest.sequence_rows[2] == std::vector<std::int64_t>{0, 1, 4});
    CHECK(forest.roots.size() == 2);
    CHECK(forest.position_count == 4);
  }

  TEST_CASE("property: a forest gives every sequence back") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      CAPTURE(seed);
      Random random{derive_key({seed})};
      std::vector<std::vector<Token>> sequences(1 + random.below(12));
      for (auto& sequence : sequences)
        for (std::uint64_t n = 1 + random.below(6); n > 0; --n)
          sequence.push_back(static_cast<Token>(random.below(3)));
      std::sort(sequences.begin(), sequences.end());

      const auto forest = make_forest(spans_of(sequences));

      for (std::size_t i = 0; i < sequences.size(); ++i) {
        REQUIRE(forest.sequence_rows[i].size() == sequences[i].size());
        for (std::size_t t = 0; t < sequences[i].size(); ++t) {
          const auto row = static_cast<std::size_t>(forest.sequence_rows[i][t]);
          CHECK(forest.tokens[row] == sequences[i][t]);
          CHECK(forest.positions[row] == static_cast<std::int32_t>(t));
        }
      }
    }
  }

  TEST_CASE("logits are those of the plain decoder") {
    for (const auto& config : {tiny_config(), tiny_qwen_config()}) {
      CAPTURE(config.architecture);
      const auto weights = lively_weights(config, 3);
      const auto tokens = random_tokens(config, 4, 90);
      const auto expected = naive_logits(config, leaves_of(weights, torch::kDouble), tokens);

      const auto exact = sequence_logits(weights, Precision::float32, tokens);
      const auto rounded = sequence_logits(weights, Precision::bfloat16, tokens);

      REQUIRE(exact);
      REQUIRE(rounded);
      CHECK(relative_error(*exact, expected) < 2e-6);
      CHECK(relative_error(*rounded, expected) < 4e-2);
    }
  }

  TEST_CASE("logits refuse what is no sequence of the model") {
    const auto weights = lively_weights(tiny_config(), 3);

    CHECK(sequence_logits(weights, Precision::float32, {}).error().failure ==
          Failure::invalid_argument);
    CHECK(sequence_logits(weights, Precision::float32, std::vector<Token>{37}).error().failure ==
          Failure::invalid_argument);
    CHECK(sequence_logits(weights, Precision::float32, std::vector<Token>{36}));
  }

  TEST_CASE("weights that lack a tensor or have another shape are refused by name") {
    const auto config = tiny_config();
    auto broken = *lively_weights(config, 3);
    broken.tensors["model.norm.weight"] = torch::zeros({25});

    const auto refused = sequence_logits(std::make_shared<Weights>(broken), Precision::float32,
                                         std::vector<Token>{1});

    REQUIRE(!refused);
    CHECK(refused.error().message.find("model.norm.weight") != std::string::npos);
  }

  TEST_CASE("packed sequences with shared beginnings have the hidden states of separate ones") {
    const auto config = tiny_config();
    const auto model = make_transformer(config, Precision::float32);
    REQUIRE(copy_weights(lively_weights(config, 3), model->layout(), model->parameters()));
    const auto sequences = branching_sequences(config);
    const auto forest = make_forest(spans_of(sequences));
    const auto packed = model->forward(forest, false).clone();

    for (std::size_t i = 0; i < sequences.size(); ++i) {
      CAPTURE(i);
      const std::span<const Token> alone{sequences[i]};
      const auto expected = model->forward(make_forest(std::span{&alone, 1}), false);

      const auto rows = packed.index_select(0, torch::tensor(forest.sequence_rows[i]));

      CHECK(relative_error(rows, expected) < 2e-6);
    }
  }

  TEST_CASE("logits of bfloat16 states are not rounded, for any number of rows and outputs") {
    torch::manual_seed(2);
    for (const std::int64_t rows : {1, 3, 8, 13})
      for (const std::int64_t outputs : {1, 16, 37, 48, 97}) {
        CAPTURE(rows);
        CAPTURE(outputs);
        const auto x = torch::randn({rows, 24}).to(torch::kBFloat16);
        const auto w = torch::randn({outputs, 24}).to(torch::kBFloat16);
        const auto y = torch::full({rows, outputs}, NAN);
        LogitWeight weight;
        weight.refresh(w);

        weight.multiply(x, y);

        CHECK(relative_error(y, x.to(torch::kDouble).mm(w.to(torch::kDouble).t())) < 1e-6);
      }
  }

  TEST_CASE("gradients are those that autograd gives for the plain decoder") {
    for (const auto& config : {tiny_config(), tiny_qwen_config()}) {
      CAPTURE(config.architecture);
      const auto weights = lively_weights(config, 5);
      const auto sequences = branching_sequences(config);
      const auto forest = make_forest(spans_of(sequences));
      const auto model = make_transformer(config, Precision::float32);
      REQUIRE(copy_weights(weights, model->layout(), model->parameters()));
      const auto hidden = model->forward(forest, true);
      torch::manual_seed(1);
      auto leaves = leaves_of(weights, torch::kDouble);
      auto pull = torch::zeros({forest.row_count(), config.hidden_size}, torch::kDouble);
      torch::Tensor loss = torch::zeros({}, torch::kDouble);
      for (std::size_t i = 0; i < sequences.size(); ++i) {
        const auto rows = torch::tensor(forest.sequence_rows[i]);
        const auto factors = torch::randn({rows.size(0), config.vocabulary_size}, torch::kDouble);
        loss = loss + (naive_logits(config, leaves, sequences[i]) * factors).sum();
        const auto head =
            leaves.at(config.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight");
        pull.index_add_(0, rows, factors.matmul(head.detach()));
      }
      loss.backward();
      auto gradient = torch::zeros({model->layout().size});

      model->backward(forest, pull.to(torch::kFloat), gradient);

      for (const auto& slot : model->layout().slots) {
        if (slot.name == "lm_head.weight") continue;
        if (config.tied_embeddings && slot.name == "model.embed_tokens.weight") continue;
        CAPTURE(slot.name);
        const auto mine = gradient.narrow(0, slot.offset, slot.count).view(slot.shape);
        CHECK(relative_error(mine, leaves.at(slot.name).grad()) < 1e-5);
      }
    }
  }

  TEST_CASE("bfloat16 gradients are near the exact ones") {
    const auto config = tiny_config();
    const auto weights = convert(lively_weights(config, 5), Precision::bfloat16);
    const auto sequences = branching_sequences(config);
    const auto forest = make_forest(spans_of(sequences));
    torch::manual_seed(1);
    const auto pull = torch::randn({forest.row_count(), config.hidden_size}).to(torch::kBFloat16);
    std::vector<torch::Tensor> gradients;

    for (const auto precision : {Precision::float32, Precision::bfloat16}) {
      const auto model = make_transformer(config, precision);
      REQUIRE(copy_weights(weights, model->layout(), model->parameters()));
      const auto hidden = model->forward(forest, true);
      gradients.push_back(torch::zeros({model->layout().size}));
      model->backward(forest, pull.to(hidden.scalar_type()), gradients.back());
    }

    CHECK(relative_error(gradients[1], gradients[0]) < 3e-2);
  }
}
