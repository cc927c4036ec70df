#include "runtime/learning/trainer.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>
#include <unistd.h>

#include "runtime/base/random.hpp"
#include "runtime/learning/losses.hpp"
#include "tests/unit/runtime/learning/naive_model.hpp"

using namespace flywheel;

namespace {

// Groups of sequences that share a prompt, as rollouts do; log mu is near what these weights give.
TrainBatch rollout_batch(const ModelConfig& config, std::uint64_t seed, std::size_t groups = 3) {
  Random random{derive_key({seed, 8})};
  TrainBatch batch;
  for (std::size_t group = 0; group < groups; ++group) {
    const auto prompt = random_tokens(config, seed * 100 + group, 5 + 3 * group);
    for (std::uint64_t sample = 0; sample < 4; ++sample) {
      TrainSequence sequence{.tokens = prompt};
      const auto answer = random_tokens(config, seed * 1000 + group * 10 + sample, 3 + 2 * sample);
      sequence.tokens.insert(sequence.tokens.end(), answer.begin(), answer.end());
      for (std::size_t t = 0; t < sequence.tokens.size(); ++t) {
        const bool carries_loss = t >= prompt.size() && t % 5 != 0;
        sequence.loss_mask.push_back(carries_loss ? 1 : 0);
        sequence.sampler_log_probabilities.push_back(-3.5F + static_cast<float>(random.unit()));
        sequence.reference_log_probabilities.push_back(-4.0F + static_cast<float>(random.unit()));
        sequence.advantages.push_back(sample % 2 == 0 ? 1.0F : -0.7F);
      }
      batch.sequences.push_back(sequence);
    }
  }
  return batch;
}

TrainBatch fine_tuning_batch(const ModelConfig& config) {
  auto batch = rollout_batch(config, 4);
  for (auto& sequence : batch.sequences) {
    sequence.advantages.clear();
    sequence.sampler_log_probabilities.clear();
    sequence.reference_log_probabilities.clear();
  }
  return batch;
}

std::unique_ptr<Trainer> trainer_with(const TrainerConfig& config,
                                      const ModelConfig& model = tiny_config()) {
  auto trainer = make_trainer(lively_weights(model, 7), config);
  REQUIRE(trainer);
  return std::move(*trainer);
}

torch::Tensor flat(const WeightsHandle& weights) {
  std::vector<torch::Tensor> parts;
  for (const auto& [name, tensor] : weights->tensors) parts.push_back(tensor.reshape({-1}));
  return torch::cat(parts).to(torch::kDouble);
}

// How far two trainers moved apart, as a share of how far they moved.
double divergence(const Trainer& a, const Trainer& b, const ModelConfig& model = tiny_config()) {
  const auto start = flat(lively_weights(model, 7));
  const auto x = flat(a.weights(Precision::float32)), y = flat(b.weights(Precision::float32));
  return ((x - y).norm() / (x - start).norm()).item<double>();
}

// The loss as losses.hpp states it, over log-probabilities of the plain decoder in float64.
torch::Tensor naive_loss(const AlgorithmConfig& algorithm, const ModelConfig& model,
                         const NamedTensors& leaves, const TrainBatch& batch) {
  BatchTotals totals;
  for (const auto& sequence : batch.sequences) {
    ++totals.sequence_count;
    for (const auto bit : sequence.loss_mask) totals.token_count += bit;
  }
  auto surrogate = torch::zeros({}, torch::kDouble);  // its gradient is the loss's
  for (const auto& sequence : batch.sequences) {
    const auto log_pi = naive_log_probabilities(model, leaves, sequence.tokens);
    std::vector<double> pi, mu, reference, advantages;
    std::vector<std::int64_t> at;
    for (std::size_t t = 1; t < sequence.tokens.size(); ++t) {
      if (sequence.loss_mask[t] == 0) continue;
      at.push_back(static_cast<std::int64_t>(t));
      pi.push_back(log_pi[static_cast<std::int64_t>(t)].item<double>());
      mu.push_back(sequence.sampler_log_probabilities[t]);
      reference.push_back(sequence.reference_log_probabilities[t]);
      advantages.push_back(sequence.advantages[t]);
    }
    std::vector<double> slopes(pi.size());
    sequence_loss(algorithm,
                  {.log_pi = pi,
                   .log_pi_old = pi,
                   .log_mu = mu,
                   .log_pi_ref = reference,
                   .advantages = advantages},
                  totals, slopes);
    surrogate =
        surrogate +
        (log_pi.index_select(0, torch::tensor(at)) * torch::tensor(slopes, torch::kDouble)).sum();
  }
  return surrogate;
}

// A folder of its own, gone at the end.
struct TemporaryFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("flywheel_trainer_" + std::to_string(::getpid()));
  TemporaryFolder() { std::filesystem::create_directories(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
};

// The value that belongs to the sequence's last token with loss.
float& value_of_last(const TrainSequence& sequence, std::vector<float>& values) {
  auto t = values.size() - 1;
  while (sequence.loss_mask[t] == 0) --t;
  return values[t];
}

void change_byte(const std::string& path, std::streamoff from_end) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(-from_end, std::ios::end);
  const auto byte = static_cast<char>(file.get() ^ 1);
  file.seekp(-from_end, std::ios::end);
  file.put(byte);
}

}  // namespace

TEST_SUITE("learning/trainer") {
  TEST_CASE("a step's gradient norm is that of autograd for every kind of loss") {
    for (const auto& model : {tiny_config(), tiny_qwen_config()})
      for (const auto& preset : algorithm_table()) {
        CAPTURE(model.architecture);
        CAPTURE(preset.name);
        TrainerConfig config{.algorithm = preset.config};
        config.algorithm.kl = KlKind::k3;
        config.algorithm.kl_weight = 0.1;
        const auto batch = rollout_batch(model, 4);
        auto leaves = leaves_of(lively_weights(model, 7), torch::kDouble);
        naive_loss(config.algorithm, model, leaves, batch).backward();
        double squares = 0;
        for (const auto& [name, leaf] : leaves)
          squares += leaf.grad().square().sum().item<double>();

        const auto report = trainer_with(config, model)->step(batch);

        REQUIRE(report);
        CHECK(report->gradient_norm == doctest::Approx(std::sqrt(squares)).epsilon(1e-5));
      }
  }

  TEST_CASE("three steps are those of torch's AdamW on the plain decoder") {
    const auto model = tiny_config();
    TrainerConfig config{.learning_rate = 1e-3, .weight_decay = 0.1, .gradient_norm_max = 0};
    const auto trainer = trainer_with(config);
    auto leaves = leaves_of(lively_weights(model, 7), torch::kDouble);
    std::vector<torch::Tensor> matrices, norms;
    for (auto& [name, leaf] : leaves) (leaf.dim() > 1 ? matrices : norms).push_back(leaf);
    const auto options = [](double decay) {
      return std::make_unique<torch::optim::AdamWOptions>(
          torch::optim::AdamWOptions(1e-3).betas({0.9, 0.95}).eps(1e-8).weight_decay(decay));
    };
    torch::optim::AdamW reference{{torch::optim::OptimizerParamGroup{matrices, options(0.1)},
                                   torch::optim::OptimizerParamGroup{norms, options(0)}}};

    for (std::uint64_t step = 0; step < 3; ++step) {
      const auto batch = rollout_batch(model, step);
      REQUIRE(trainer->step(batch));
      reference.zero_grad();
      naive_loss(config.algorithm, model, leaves, batch).backward();
      reference.step();
    }

    const auto weights = trainer->weights(Precision::float32);
    const auto start = lively_weights(model, 7);
    for (const auto& [name, leaf] : leaves) {
      CAPTURE(name);
      const auto moved = (leaf.detach() - start->tensors.at(name)).norm().item<double>();
      const auto apart = (leaf.detach() - weights->tensors.at(name)).norm().item<double>();
      CHECK(apart < 2e-3 * moved);  // AdamW's first steps are signs: tiny gradients may round over
    }
  }

  TEST_CASE("a step does not depend on how the batch is split into micro-batches") {
    const auto model = tiny_config();
    for (const auto loss : {PolicyLossKind::ppo_clip, PolicyLossKind::gspo})
      for (const auto aggregation : {LossAggregation::token_mean, LossAggregation::sequence_mean,
                                     LossAggregation::constant_divisor}) {
        TrainerConfig config{.learning_rate = 1e-3,
                             .epsilon = 1e-2};  // no sign(), so rounding stays small
        config.algorithm.loss = loss;
        config.algorithm.aggregation = aggregation;
        config.algorithm.constant_divisor = 9;
        config.algorithm.importance_cap = 1.2;
        const auto whole = trainer_with(config);
        REQUIRE(whole->step(rollout_batch(model, 4)));
        for (const std::uint64_t budget : {1, 17, 40}) {
          CAPTURE(budget);
          config.micro_batch_tokens = budget;
          const auto split = trainer_with(config);

          REQUIRE(split->step(rollout_batch(model, 4)));

          CHECK(divergence(*split, *whole) < 1e-5);
        }
      }
  }

  TEST_CASE("in bfloat16 a split matters no more than rounding of gradients does") {
    TrainerConfig config{.learning_rate = 1e-3, .epsilon = 1e-2, .precision = Precision::bfloat16};
    const auto whole = trainer_with(config);
    REQUIRE(whole->step(rollout_batch(tiny_config(), 4)));
    config.micro_batch_tokens = 17;
    const auto split = trainer_with(config);

    REQUIRE(split->step(rollout_batch(tiny_config(), 4)));

    CHECK(divergence(*split, *whole) < 1e-2);
  }

  TEST_CASE("a step has the same bits again, and for any order of the sequences") {
    for (const auto precision : {Precision::float32, Precision::bfloat16}) {
      TrainerConfig config{.micro_batch_tokens = 40, .precision = precision};
      auto batch = rollout_batch(tiny_config(), 4);
      const auto first = trainer_with(config), again = trainer_with(config);
      const auto shuffled = trainer_with(config);
      REQUIRE(first->step(batch));
      REQUIRE(again->step(batch));
      Random random{derive_key({3})};
      for (auto i = batch.sequences.size(); i > 1; --i)
        std::swap(batch.sequences[i - 1], batch.sequences[random.below(i)]);

      REQUIRE(shuffled->step(batch));

      CHECK(again->state_hash() == first->state_hash());
      CHECK(shuffled->state_hash() == first->state_hash());
      CHECK(trainer_with(config)->state_hash() != first->state_hash());
    }
  }

  TEST_CASE("sequences with no advantage are not computed, and the result is the same") {
    TrainerConfig config{.learning_rate = 1e-3};
    auto batch = rollout_batch(tiny_config(), 4);
    for (std::size_t i = 0; i < 4; ++i)
      for (auto& advantage : batch.sequences[i].advantages) advantage = 0;
    const auto dropping = trainer_with(config);
    config.algorithm.drop_uniform_groups = false;
    const auto computing = trainer_with(config);

    const auto dropped = dropping->step(batch), computed = computing->step(batch);

    REQUIRE(dropped);
    REQUIRE(computed);
    CHECK(dropped->computed_token_count < computed->computed_token_count);
    CHECK(dropped->loss_token_count == computed->loss_token_count);
    CHECK(dropped->loss == doctest::Approx(computed->loss));
    CHECK(divergence(*dropping, *computing) < 1e-5);
  }

  TEST_CASE("shared prompts are computed once") {
    const auto batch = rollout_batch(tiny_config(), 4, 1);
    std::uint64_t separate = 0;
    for (const auto& sequence : batch.sequences) separate += sequence.tokens.size();

    const auto report = trainer_with({})->step(batch);

    REQUIRE(report);
    CHECK(report->computed_token_count + 3 * 5 <= separate);
  }

  TEST_CASE("log-probabilities are those of the plain decoder") {
    const auto model = tiny_config();
    const auto batch = rollout_batch(model, 4);
    const auto leaves = leaves_of(lively_weights(model, 7), torch::kDouble);

    const auto rows = trainer_with({})->log_probabilities(batch);

    REQUIRE(rows);
    for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
      const auto expected = naive_log_probabilities(model, leaves, batch.sequences[i].tokens);
      for (std::size_t t = 0; t < (*rows)[i].size(); ++t)
        CHECK(std::abs((*rows)[i][t] - expected[static_cast<std::int64_t>(t)].item<double>()) <
              1e-5);
    }
  }

  TEST_CASE("a sampler with the learner's own log-probabilities shows no mismatch") {
    auto batch = rollout_batch(tiny_config(), 4);
    const auto trainer = trainer_with({});
    const auto rows = trainer->log_probabilities(batch);
    REQUIRE(rows);
    for (std::size_t i = 0; i < rows->size(); ++i)
      batch.sequences[i].sampler_log_probabilities = (*rows)[i];

    const auto report = trainer->step(batch);

    REQUIRE(report);
    CHECK(report->mismatch_k3_mean < 1e-9);
    CHECK(report->mismatch_abs_max < 1e-5);
    CHECK(report->effective_sample_share == doctest::Approx(1.0));
    CHECK(report->ratio_max == doctest::Approx(1.0).epsilon(1e-4));
  }

  TEST_CASE("uneven importance weights leave less than all of the samples") {
    auto batch = rollout_batch(tiny_config(), 4);
    const auto trainer = trainer_with({});
    const auto rows = trainer->log_probabilities(batch);
    REQUIRE(rows);
    double sum = 0, squares = 0, count = 0;
    for (std::size_t i = 0; i < rows->size(); ++i)
      for (std::size_t t = 1; t < (*rows)[i].size(); ++t) {
        if (batch.sequences[i].loss_mask[t] == 0) continue;
        const double weight = i % 3 == 0 ? 3 : 1;
        const auto log_weight = static_cast<float>(std::log(weight));
        batch.sequences[i].sampler_log_probabilities[t] = (*rows)[i][t] - log_weight;
        sum += weight;
        squares += weight * weight;
        ++count;
      }

    const auto report = trainer->step(batch);

    REQUIRE(report);
    CHECK(sum * sum / (count * squares) < 0.9);
    CHECK(report->effective_sample_share ==
          doctest::Approx(sum * sum / (count * squares)).epsilon(1e-4));
  }

  TEST_CASE("evaluate gives the mean negative log-likelihood and changes nothing") {
    const auto model = tiny_config();
    const auto batch = rollout_batch(model, 4);
    const auto leaves = leaves_of(lively_weights(model, 7), torch::kDouble);
    double sum = 0, count = 0;
    for (const auto& sequence : batch.sequences) {
      const auto log_pi = naive_log_probabilities(model, leaves, sequence.tokens);
      for (std::size_t t = 0; t < sequence.tokens.size(); ++t)
        if (sequence.loss_mask[t] != 0) {
          sum -= log_pi[static_cast<std::int64_t>(t)].item<double>();
          ++count;
        }
    }
    const auto trainer = trainer_with({});
    const auto before = trainer->state_hash();

    const auto report = trainer->evaluate(batch);

    REQUIRE(report);
    CHECK(report->loss == doctest::Approx(sum / count).epsilon(1e-5));
    CHECK(static_cast<double>(report->loss_token_count) == count);
    CHECK(trainer->state_hash() == before);
  }

  TEST_CASE("fine-tuning overfits a few sequences") {
    for (const auto precision : {Precision::float32, Precision::bfloat16}) {
      TrainerConfig config{.learning_rate = 1e-2, .warmup_steps = 2, .precision = precision};
      const auto trainer = trainer_with(config);
      const auto batch = fine_tuning_batch(tiny_config());
      double loss = 0;

      for (int step = 0; step < 80; ++step) {
        const auto report = trainer->step(batch);
        REQUIRE(report);
        loss = report->loss;
      }

      CHECK(loss < 0.35);  // first tokens of answers to one prompt can't all be certain
    }
  }

  TEST_CASE("policy gradients raise what was good and lower what was bad") {
    const auto model = tiny_config();
    const auto trainer = trainer_with({.learning_rate = 3e-3});
    const auto batch = rollout_batch(model, 4);
    const auto before = trainer->log_probabilities(batch);

    for (int step = 0; step < 10; ++step) REQUIRE(trainer->step(batch));

    const auto after = trainer->log_probabilities(batch);
    REQUIRE(before);
    REQUIRE(after);
    for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
      CAPTURE(i);
      double change = 0;
      for (std::size_t t = 0; t < (*before)[i].size(); ++t)
        if (batch.sequences[i].loss_mask[t] != 0) change += (*after)[i][t] - (*before)[i][t];
      CHECK((change > 0) == (batch.sequences[i].advantages[0] > 0));
    }
  }

  TEST_CASE("a loss that is not finite is refused, and the state is as it was") {
    const auto trainer = trainer_with({});
    REQUIRE(trainer->step(rollout_batch(tiny_config(), 1)));
    const auto before = trainer->state_hash();
    auto batch = rollout_batch(tiny_config(), 4);
    batch.sequences[5].advantages.assign(batch.sequences[5].tokens.size(), NAN);

    const auto refused = trainer->step(batch);

    REQUIRE(!refused);
    CHECK(refused.error().failure == Failure::internal);
    CHECK(trainer->state_hash() == before);
    CHECK(trainer->steps_taken() == 1);
    CHECK(trainer->step(rollout_batch(tiny_config(), 2)));
  }

  TEST_CASE("batches that can't be learned from are refused by sequence") {
    const auto trainer = trainer_with({});
    const auto refusal = [&](auto change) {
      auto batch = rollout_batch(tiny_config(), 4);
      change(batch.sequences[2]);
      const auto result = trainer->step(batch);
      REQUIRE(!result);
      CHECK(result.error().failure == Failure::invalid_argument);
      CHECK(result.error().message.find("sequence 2") != std::string::npos);
    };

    refusal([](TrainSequence& s) { s.tokens.clear(); });
    refusal([](TrainSequence& s) { s.tokens[1] = 37; });
    refusal([](TrainSequence& s) { s.tokens[1] = -1; });
    refusal([](TrainSequence& s) { s.loss_mask.pop_back(); });
    refusal([](TrainSequence& s) { s.loss_mask[0] = 1; });
    refusal([](TrainSequence& s) { s.advantages.pop_back(); });
    refusal([](TrainSequence& s) { s.sampler_log_probabilities.clear(); });
    refusal([](TrainSequence& s) { s.tokens.resize(257); });
    for (const float value : {NAN, INFINITY, -INFINITY}) {
      refusal([&](TrainSequence& s) { value_of_last(s, s.sampler_log_probabilities) = value; });
      refusal([&](TrainSequence& s) { value_of_last(s, s.reference_log_probabilities) = value; });
    }
    auto unread = rollout_batch(tiny_config(), 4);
    unread.sequences[2].sampler_log_probabilities[0] = NAN;  // of a token without loss
    CHECK(trainer->step(unread));
    CHECK(trainer->step({}).error().failure == Failure::invalid_argument);
    auto silent = rollout_batch(tiny_config(), 4);
    for (auto& sequence : silent.sequences) sequence.loss_mask.assign(sequence.loss_mask.size(), 0);
    CHECK(trainer->step(silent).error().failure == Failure::invalid_argument);
  }

  TEST_CASE("a snapshot restores the very bits, and the next step is the same") {
    const TemporaryFolder folder;
    for (const auto precision : {Precision::float32, Precision::bfloat16}) {
      const auto trainer = trainer_with({.precision = precision});
      REQUIRE(trainer->step(rollout_batch(tiny_config(), 1)));
      const auto saved = trainer->save(folder.file("snapshot"));
      REQUIRE(saved);
      const auto other = trainer_with({.precision = precision});

      REQUIRE(other->load(folder.file("snapshot")));

      CHECK(other->state_hash() == *saved);
      CHECK(other->steps_taken() == 1);
      REQUIRE(trainer->step(rollout_batch(tiny_config(), 2)));
      REQUIRE(other->step(rollout_batch(tiny_config(), 2)));
      CHECK(other->state_hash() == trainer->state_hash());
      CHECK(content_hash(other->weights(Precision::bfloat16)) ==
            content_hash(trainer->weights(Precision::bfloat16)));
      CHECK(std::distance(std::filesystem::directory_iterator{folder.path},
                          std::filesystem::directory_iterator{}) == 1);
    }
  }

  TEST_CASE("a copied state is saved as it was copied, while the trainer goes on") {
    const TemporaryFolder folder;
    for (const auto precision : {Precision::float32, Precision::bfloat16}) {
      const auto trainer = trainer_with({.precision = precision});
      REQUIRE(trainer->step(rollout_batch(tiny_config(), 1)));
      const auto before = trainer->state_hash();
      const auto copy = trainer->copy_state(UINT64_MAX);
      REQUIRE(copy);

      REQUIRE(trainer->step(rollout_batch(tiny_config(), 2)));
      const auto saved = (*copy)->save(folder.file("copied"));

      REQUIRE(saved);
      CHECK(*saved == before);
      CHECK(trainer->state_hash() != before);
      const auto other = trainer_with({.precision = precision});
      REQUIRE(other->load(folder.file("copied")));
      CHECK(other->state_hash() == before);
      REQUIRE(other->step(rollout_batch(tiny_config(), 2)));
      CHECK(other->state_hash() == trainer->state_hash());
    }
  }

  TEST_CASE("a copy that does not fit into memory is refused, one that just fits is made") {
    const TemporaryFolder folder;
    const auto trainer = trainer_with({});
    REQUIRE(trainer->save(folder.file("snapshot")));  // two lines, then the state's bytes
    std::ifstream file{folder.file("snapshot"), std::ios::binary};
    std::string line;
    std::getline(file, line);
    std::getline(file, line);
    const auto bytes = std::filesystem::file_size(folder.file("snapshot")) -
                       static_cast<std::uint64_t>(file.tellg());

    CHECK(trainer->copy_state(bytes - 1).error().failure == Failure::resource_exhausted);
    CHECK(trainer->copy_state(bytes));
  }

  TEST_CASE("bad snapshots are refused, and the trainer stays as it was") {
    const TemporaryFolder folder;
    const auto trainer = trainer_with({});
    REQUIRE(trainer->step(rollout_batch(tiny_config(), 1)));
    REQUIRE(trainer->save(folder.file("good")));
    const auto size = std::filesystem::file_size(folder.file("good"));
    const auto damaged = [&](const char* name, auto damage) {
      std::filesystem::copy_file(folder.file("good"), folder.file(name));
      damage(folder.file(name));
      const auto fresh = trainer_with({});
      const auto before = fresh->state_hash();
      const auto refused = fresh->load(folder.file(name));
      REQUIRE(!refused);
      CHECK(refused.error().message.find(name) != std::string::npos);
      CHECK(fresh->state_hash() == before);
      return refused.error().failure;
    };

    CHECK(damaged("cut", [&](const std::string& path) {
            std::filesystem::resize_file(path, size - 1);
          }) == Failure::corrupt);
    CHECK(damaged("cut_in_header", [&](const std::string& path) {
            std::filesystem::resize_file(path, 60);
          }) == Failure::corrupt);
    CHECK(damaged("empty", [&](const std::string& path) {
            std::filesystem::resize_file(path, 0);
          }) == Failure::corrupt);
    CHECK(damaged("longer", [&](const std::string& path) {
            std::filesystem::resize_file(path, size + 1);
          }) == Failure::corrupt);
    CHECK(damaged("flipped", [](const std::string& path) { change_byte(path, 99); }) ==
          Failure::corrupt);
    const auto rewritten = [](const std::string& text) {
      return [text](const std::string& path) {
        std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
      };
    };
    const std::string first = "flywheel trainer snapshot ";
    CHECK(damaged("newer", rewritten(first + "2\n{}\n")) == Failure::too_new);
    CHECK(damaged("no_number", rewritten(first + "one\n{}\n")) == Failure::corrupt);
    CHECK(damaged("no_format", rewritten(first + "\n{}\n")) == Failure::corrupt);
    CHECK(damaged("endless", rewritten(first + std::string(3 << 20, '1'))) == Failure::corrupt);
    CHECK(damaged("endless_header", rewritten(first + "1\n" + std::string(3 << 20, ' '))) ==
          Failure::corrupt);
    CHECK(trainer->load(folder.file("absent")).error().failure == Failure::not_found);
    CHECK(trainer_with({}, tiny_qwen_config())->load(folder.file("good")).error().failure ==
          Failure::invalid_input);
    CHECK(!trainer->save(folder.file("no/such/folder")));
  }

  TEST_CASE("the callback is called between micro-batches") {
    const auto trainer = trainer_with({.micro_batch_tokens = 17});
    int calls = 0;
    trainer->on_pause([&] { ++calls; });

    REQUIRE(trainer->step(rollout_batch(tiny_config(), 4)));

    CHECK(calls > 2);
  }

  TEST_CASE("what is thrown in the midst of a step refuses it with its words") {
    const auto trainer = trainer_with({.micro_batch_tokens = 17});
    trainer->on_pause([] { throw std::runtime_error{"the gate is gone"}; });

    const auto refused = trainer->step(rollout_batch(tiny_config(), 4));

    REQUIRE_FALSE(refused);
    CHECK(refused.error().failure == Failure::internal);
    CHECK(refused.error().message == "trainer: step: the gate is gone");
  }
}
