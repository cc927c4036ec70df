#include "runtime/learning/batch_plan.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>

#include <fmt/format.h>

namespace flywheel {
namespace {

bool is_finite_where_read(const TrainSequence& sequence, const std::vector<float>& values) {
  for (std::size_t t = 0; t < values.size(); ++t)
    if (sequence.loss_mask[t] != 0 && !std::isfinite(values[t])) return false;
  return true;
}

Result<> check_sequence(const TrainSequence& sequence, std::size_t index, const ModelConfig& model,
                        const TrainerConfig& config, PlanFor purpose) {
  const auto refuse = [&](const std::string& what) {
    return fail(Failure::invalid_argument, fmt::format("batch: sequence {}: {}", index, what));
  };
  const auto size = sequence.tokens.size();
  if (size == 0) return refuse("it has no tokens");
  if (static_cast<std::int64_t>(size) > model.context_length_max)
    return refuse(fmt::format("its {} tokens are over the model's context of {}", size,
                              model.context_length_max));
  for (const Token token : sequence.tokens)
    if (token < 0 || token >= model.vocabulary_size)
      return refuse(
          fmt::format("token {} is outside the vocabulary of {}", token, model.vocabulary_size));
  const auto fits = [&](std::size_t length, bool may_be_absent) {
    return length == size || (may_be_absent && length == 0);
  };
  if (!fits(sequence.loss_mask.size(), false)) return refuse("loss_mask has another length");
  if (sequence.loss_mask[0] != 0)
    return refuse("its first token carries loss, but nothing predicts it");
  if (!fits(sequence.advantages.size(), true)) return refuse("advantages have another length");
  if (!fits(sequence.reference_log_probabilities.size(), true))
    return refuse("reference_log_probabilities have another length");
  if (!fits(sequence.sampler_log_probabilities.size(), true))
    return refuse("sampler_log_probabilities have another length");
  if (!is_finite_where_read(sequence, sequence.sampler_log_probabilities))
    return refuse("a loss token's sampler_log_probability is not finite");
  if (!is_finite_where_read(sequence, sequence.reference_log_probabilities))
    return refuse("a loss token's reference_log_probability is not finite");
  if (purpose == PlanFor::scoring) return {};
  if (!sequence.advantages.empty() && sequence.sampler_log_probabilities.empty())
    return refuse("advantages without sampler_log_probabilities");
  if (config.algorithm.kl != KlKind::none && !sequence.advantages.empty() &&
      sequence.reference_log_probabilities.empty())
    return refuse("the KL term needs reference_log_probabilities");
  return {};
}

// Orders by everything a sequence holds. Floats are compared as bits, so that NaNs have a place
// too.
bool comes_before(const TrainSequence& a, const TrainSequence& b) {
  if (const auto order = a.tokens <=> b.tokens; order != 0) return order < 0;
  if (const auto order = a.loss_mask <=> b.loss_mask; order != 0) return order < 0;
  const auto less_bits = [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) < std::bit_cast<std::uint32_t>(y);
  };
  for (const auto member : {&TrainSequence::advantages, &TrainSequence::sampler_log_probabilities,
                            &TrainSequence::reference_log_probabilities}) {
    const auto &x = a.*member, &y = b.*member;
    if (std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), less_bits))
      return true;
    if (std::lexicographical_compare(y.begin(), y.end(), x.begin(), x.end(), less_bits))
      return false;
  }
  return false;
}

std::vector<std::size_t> loss_positions(const TrainSequence& sequence) {
  std::vector<std::size_t> positions;
  for (std::size_t t = 1; t < sequence.loss_mask.size(); ++t)
    if (sequence.loss_mask[t] != 0) positions.push_back(t);
  return positions;
}

bool has_gradient(const TrainSequence& sequence, const std::vector<std::size_t>& positions,
                  const AlgorithmConfig& algorithm) {
  if (sequence.advantages.empty() || !algorithm.drop_uniform_groups) return true;
  if (algorithm.kl != KlKind::none && algorithm.kl_weight != 0) return true;
  return std::any_of(positions.begin(), positions.end(),
                     [&](std::size_t t) { return sequence.advantages[t] != 0.0F; });
}

// The tokens that must be computed: the last one that carries loss is only predicted.
std::span<const Token> needed_tokens(const TrainSequence& sequence,
                                     const PlannedSequence& planned) {
  return std::span{sequence.tokens}.first(planned.positions.back());
}

class MicroBatchPacker {
 public:
  MicroBatchPacker(const TrainBatch& batch, std::uint64_t budget, BatchPlan& plan)
      : batch_(batch), budget_(budget), plan_(plan) {}

  void add(PlannedSequence planned) {
    const auto tokens = needed_tokens(batch_.sequences[planned.index], planned);
    auto added = static_cast<std::uint64_t>(tokens.size());
    if (!pending_.empty())
      added -= static_cast<std::uint64_t>(common_prefix(spans_.back(), tokens));
    if (!pending_.empty() && used_ + added > budget_) {
      close();
      added = tokens.size();
    }
    used_ += added;
    spans_.push_back(tokens);
    pending_.push_back(std::move(planned));
  }

  void close() {
    if (pending_.empty()) return;
    MicroBatch micro;
    micro.forest = make_forest(spans_);
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const auto& tokens = batch_.sequences[pending_[i].index].tokens;
      pending_[i].entry_begin = micro.entries.size();
      for (const auto position : pending_[i].positions)
        micro.entries.push_back({micro.forest.sequence_rows[i][position - 1], tokens[position]});
    }
    micro.sequences = std::move(pending_);
    plan_.computed_token_count += static_cast<std::uint64_t>(micro.forest.row_count());
    plan_.micro_batches.push_back(std::move(micro));
    pending_.clear();
    spans_.clear();
    used_ = 0;
  }

 private:
  const TrainBatch& batch_;
  std::uint64_t budget_, used_ = 0;
  BatchPlan& plan_;
  std::vector<PlannedSequence> pending_;
  std::vector<std::span<const Token>> spans_;
};

}  // namespace

Result<BatchPlan> plan_batch(const TrainBatch& batch, const ModelConfig& model,
                             const TrainerConfig& config, PlanFor purpose) {
  for (std::size_t i = 0; i < batch.sequences.size(); ++i)
    FLYWHEEL_TRY_VOID(check_sequence(batch.sequences[i], i, model, config, purpose));
  std::vector<std::size_t> order(batch.sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return comes_before(batch.sequences[a], batch.sequences[b]);
  });
  BatchPlan plan;
  MicroBatchPacker packer{batch, config.micro_batch_tokens, plan};
  for (const auto index : order) {
    const auto& sequence = batch.sequences[index];
    PlannedSequence planned{.index = index, .positions = loss_positions(sequence)};
    if (planned.positions.empty()) continue;
    plan.totals.token_count += planned.positions.size();
    ++plan.totals.sequence_count;
    if (purpose == PlanFor::scoring || has_gradient(sequence, planned.positions, config.algorithm))
      packer.add(std::move(planned));
  }
  packer.close();
  if (plan.totals.token_count == 0)
    return fail(Failure::invalid_argument, "batch: no token carries loss");
  return plan;
}

}  // namespace flywheel
