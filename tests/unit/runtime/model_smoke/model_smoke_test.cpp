// The tiny model, written, loaded, sampled from, learned from, saved and restored: each library's
// code that touches a tensor's memory runs once in either precision.
#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "runtime/inference/engine.hpp"
#include "runtime/learning/trainer.hpp"
#include "runtime/model/tiny_checkpoint.hpp"

namespace flywheel {
namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("flywheel_smoke_" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return (path / name).string(); }
};

Checkpoint written_and_loaded(const std::string& folder) {
  REQUIRE(save_checkpoint(folder, tiny_checkpoint(1), Precision::float32));
  auto loaded = load_checkpoint(folder);
  REQUIRE(loaded);
  CHECK(content_hash(loaded->weights) == content_hash(tiny_checkpoint(1).weights));
  return std::move(*loaded);
}

std::vector<Generation> sample(Engine& engine, const std::vector<Token>& prompt) {
  constexpr std::uint64_t count = 6;  // more than are decoded together
  for (std::uint64_t id = 0; id < count; ++id)
    REQUIRE(engine.submit({.id = id,
                           .prompt = prompt,
                           .sampling = {.top_k = 50, .top_p = 0.9, .tokens_max = 12},
                           .key = derive_key({1, id})}));
  std::vector<Generation> finished;
  for (int step = 0; step < 1000 && !engine.is_idle(); ++step)
    for (Generation& generation : engine.step().finished) finished.push_back(std::move(generation));
  CHECK(finished.size() == count);
  return finished;
}

// Odd answers are praised, even ones are blamed.
TrainBatch batch_of(const std::vector<Token>& prompt, const std::vector<Generation>& generations) {
  TrainBatch batch;
  for (const Generation& generation : generations) {
    const auto length = prompt.size() + generation.tokens.size();
    TrainSequence sequence{.tokens = prompt};
    sequence.tokens.insert(sequence.tokens.end(), generation.tokens.begin(),
                           generation.tokens.end());
    sequence.loss_mask.assign(length, 0);
    sequence.sampler_log_probabilities.assign(length, 0.0F);
    sequence.advantages.assign(length, generation.id % 2 == 0 ? -1.0F : 1.0F);
    for (std::size_t i = 0; i < generation.tokens.size(); ++i) {
      sequence.loss_mask[prompt.size() + i] = 1;
      sequence.sampler_log_probabilities[prompt.size() + i] = generation.log_probabilities[i];
    }
    batch.sequences.push_back(std::move(sequence));
  }
  return batch;
}

}  // namespace

TEST_SUITE("runtime/model_smoke") {
  TEST_CASE("the tiny model is loaded, sampled from, learned from, saved and restored") {
    for (const auto precision : {Precision::float32, Precision::bfloat16}) {
      CAPTURE(to_string(precision));
      const Folder folder;
      const Checkpoint checkpoint = written_and_loaded(folder.file("model"));
      const auto weights = convert(checkpoint.weights, precision);
      const auto prompt = checkpoint.tokenizer->encode("List 3 fruits.", false);
      auto engine = make_engine(
          weights, 0,
          {.precision = precision, .sequences_max = 4, .context_length_max = 64, .threads = 2});
      REQUIRE(engine);
      const auto generations = sample(**engine, prompt);
      auto trainer = make_trainer(checkpoint.weights,
                                  {.learning_rate = 1e-3, .precision = precision, .threads = 2});
      REQUIRE(trainer);

      const auto report = (*trainer)->step(batch_of(prompt, generations));

      REQUIRE(report);
      CHECK(report->gradient_norm > 0.0);
      const auto learned = (*trainer)->weights(precision);
      CHECK(content_hash(learned) != content_hash(weights));
      REQUIRE((*engine)->swap_weights(learned, 1));
      CHECK(sample(**engine, prompt)[0].versions[0].version == 1);

      const auto copy = (*trainer)->copy_state(UINT64_MAX);
      REQUIRE(copy);
      REQUIRE((*copy)->save(folder.file("snapshot")));
      auto other = make_trainer(checkpoint.weights,
                                {.learning_rate = 1e-3, .precision = precision, .threads = 2});
      REQUIRE(other);
      REQUIRE((*other)->load(folder.file("snapshot")));
      CHECK((*other)->state_hash() == (*trainer)->state_hash());
    }
  }
}

}  // namespace flywheel
