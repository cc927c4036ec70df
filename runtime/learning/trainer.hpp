// Trainer holds master weights and optimiser state and takes one optimiser step at a time.
//
// Guarantees: a step is bit-reproducible on the same CPU, thread count and build; its result does
// not
//             depend on how the batch is split into micro-batches beyond rounding, nor on the order
//             of the sequences (they are ordered inside).
// Threads:    one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/hash.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/transcript.hpp"
#include "runtime/learning/algorithm.hpp"
#include "runtime/model/weights_handle.hpp"

namespace flywheel {

struct TrainerConfig {
  double learning_rate = 2e-5;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.0;       // decoupled (AdamW); not on norms and biases
  std::uint64_t warmup_steps = 0;  // linear from 0
  std::uint64_t decay_steps = 0;   // cosine to decay_floor * learning_rate; 0 = constant
  double decay_floor = 0.1;
  double gradient_norm_max = 1.0;            // global L2 norm; 0 = no clipping
  std::uint64_t micro_batch_tokens = 2048;   // tokens computed in one forward and backward
  Precision precision = Precision::float32;  // of forward and backward; master weights are float32
  int threads = 0;                           // 0 = all cores
  AlgorithmConfig algorithm{};
};

// One sequence of tokens to learn from. All vectors have the length of `tokens`; entry t speaks of
// token t, which is predicted from tokens 0..t-1; entry 0 carries no loss.
struct TrainSequence {
  std::vector<Token> tokens{};
  std::vector<std::uint8_t> loss_mask{};             // 1 = carries loss
  std::vector<float> sampler_log_probabilities{};    // log mu; read where loss_mask is 1
  std::vector<float> advantages{};                   // policy-gradient steps; empty for fine-tuning
  std::vector<float> reference_log_probabilities{};  // log pi_ref; only where a KL term is on
};

struct TrainBatch {
  std::vector<TrainSequence> sequences{};  // shared beginnings (a group's prompt) are computed once
  bool is_on_policy =
      false;  // sampled by exactly these weights: mismatch figures mean what they say
};

struct TrainReport {
  std::uint64_t step = 0;  // after this step: 1 for the first
  double loss = 0.0;
  double gradient_norm = 0.0;  // before clipping
  double learning_rate = 0.0;
  std::uint64_t sequence_count = 0;
  std::uint64_t loss_token_count = 0;  // of the whole batch, computed or not
  std::uint64_t computed_token_count =
      0;  // what forward and backward ran over, prompts counted once
  // From here on, of the loss tokens that were computed: where the algorithm drops uniform groups,
  // theirs are not among them.
  double mean_log_probability = 0.0;    // under the weights before the step
  double entropy = 0.0;                 // mean, nats
  double clip_fraction = 0.0;           // share whose gradient was clipped away
  double ratio_max = 0.0;               // pi / mu
  double kl_to_reference = 0.0;         // mean k3; 0 where no KL term is on
  double mismatch_k3_mean = 0.0;        // mean of k3(log mu, log pi_old)
  double mismatch_abs_max = 0.0;        // largest |log mu - log pi_old|
  double effective_sample_share = 1.0;  // (sum w)^2 / (n sum w^2), w = pi_old / mu
  double forward_seconds = 0.0, backward_seconds = 0.0, optimizer_seconds = 0.0;
};

// What a snapshot holds, as it was when it was copied: written by any thread while learning goes
// on.
class TrainerState {
 public:
  virtual ~TrainerState() = default;
  // Atomic (temporary file, fsync, rename); returns the hash of what was written.
  virtual Result<Hash128> save(const std::string& path) const = 0;
};

class Trainer {
 public:
  virtual ~Trainer() = default;

  // One optimiser step. Refuses (invalid_argument) an empty batch, vectors of unequal length,
  // tokens outside the vocabulary, a log mu or log pi_ref that is not finite; refuses (internal) a
  // loss or gradient that is not finite: weights and optimiser state are then as they were.
  virtual Result<TrainReport> step(const TrainBatch& batch) = 0;

  // Mean negative log-likelihood and the number of loss tokens, without learning.
  virtual Result<TrainReport> evaluate(const TrainBatch& batch) = 0;

  // Log-probabilities of each sequence's tokens under the current weights (0 at entry 0): for
  // reference models and mismatch checks.
  virtual Result<std::vector<std::vector<float>>> log_probabilities(const TrainBatch& batch) = 0;

  virtual std::uint64_t steps_taken() const = 0;
  virtual WeightsHandle weights(Precision precision) const = 0;  // an immutable copy
  virtual Hash128 state_hash() const = 0;  // master weights, optimiser state and step count

  // A snapshot: master weights, optimiser state, step count. Atomic (temporary file, fsync,
  // rename). load() refuses a file that is truncated, of another model, or whose hash is wrong.
  virtual Result<Hash128> save(const std::string& path) const = 0;  // returns state_hash()
  // A copy to save from another thread; refuses (resource_exhausted) where it does not fit into
  // `memory_bytes_max`.
  virtual Result<std::shared_ptr<const TrainerState>> copy_state(
      std::uint64_t memory_bytes_max) const = 0;
  virtual Result<> load(const std::string& path) = 0;

  // Called between micro-batches, where another user of the cores may take a turn.
  virtual void on_pause(std::function<void()> callback) = 0;
};

Result<std::unique_ptr<Trainer>> make_trainer(const WeightsHandle& initial,
                                              const TrainerConfig& config);

}  // namespace flywheel
