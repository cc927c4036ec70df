#include "runtime/inference/continuous_engine.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace flywheel {
namespace {

// Finished sequences whose blocks are kept: two turns' worth of a full engine.
std::size_t finished_max(const EngineConfig& config) {
  return std::size_t{2} * config.sequences_max;
}

std::int64_t blocks_max(const ModelConfig& model, const EngineConfig& config) {
  if (config.kv_bytes_max > 0)
    return static_cast<std::int64_t>(config.kv_bytes_max) /
           round_up(kv_block_bytes(model, config.precision), 64);
  return static_cast<std::int64_t>(config.sequences_max) *
         (round_up(config.context_length_max, kv_block_tokens) / kv_block_tokens);
}

bool ends_with(const std::vector<Token>& tokens, const std::vector<Token>& end) {
  return tokens.size() >= end.size() &&
         std::equal(end.begin(), end.end(), tokens.end() - static_cast<std::ptrdiff_t>(end.size()));
}

Result<> check_sampling(const SamplingParameters& sampling) {
  constexpr double temperature_min = 1e-5;  // below it, logits / temperature leave float's range
  const double t = sampling.temperature;
  if (!(t == 0.0 || (t >= temperature_min && std::isfinite(t))))
    return fail(Failure::invalid_argument, "temperature must be 0 (greedy) or at least 0.00001");
  if (!(sampling.top_p > 0.0 && sampling.top_p <= 1.0))
    return fail(Failure::invalid_argument, "top_p must be above 0 and at most 1");
  if (sampling.tokens_max == 0)
    return fail(Failure::invalid_argument, "tokens_max must be at least 1");
  for (const std::vector<Token>& stop : sampling.stop_sequences)
    if (stop.empty()) return fail(Failure::invalid_argument, "a stop sequence is empty");
  return {};
}

}  // namespace

ContinuousEngine::ContinuousEngine(std::unique_ptr<ThreadTeam> team,
                                   std::shared_ptr<const PackedModel> model, PolicyVersion version,
                                   const EngineConfig& config)
    : config_(config),
      team_(std::move(team)),
      model_(std::move(model)),
      version_(version),
      decoder_(model_->config(), config.precision, config.context_length_max, *team_),
      store_(kv_block_bytes(model_->config(), config.precision),
             blocks_max(model_->config(), config), finished_max(config)) {}

Result<> ContinuousEngine::check(const GenerateRequest& request) const {
  const std::string who = "request " + std::to_string(request.id) + ": ";
  if (request.prompt.empty()) return fail(Failure::invalid_argument, who + "the prompt is empty");
  for (const Token token : request.prompt)
    if (token < 0 || token >= model_->config().vocabulary_size)
      return fail(Failure::invalid_argument, who + "token " + std::to_string(token) +
                                                 " is outside the vocabulary of " +
                                                 std::to_string(model_->config().vocabulary_size));
  if (auto sampling = check_sampling(request.sampling); !sampling)
    return fail(Failure::invalid_argument, who + sampling.error().message);
  const std::uint64_t length = request.prompt.size() + request.sampling.tokens_max;
  if (length > config_.context_length_max)
    return fail(Failure::invalid_argument, who + "prompt and new tokens, " +
                                               std::to_string(length) + ", exceed the context of " +
                                               std::to_string(config_.context_length_max));
  if (!store_.could_ever_fit(static_cast<std::int64_t>(length) - 1))
    return fail(Failure::invalid_argument,
                who + std::to_string(length) + " tokens exceed kv_bytes_max of the whole engine");
  if (ids_.count(request.id) > 0)
    return fail(Failure::invalid_argument, who + "this id is in flight already");
  if (waiting_.size() >= config_.queue_max)
    return fail(Failure::resource_exhausted,
                who + "the queue is full (" + std::to_string(config_.queue_max) + ")");
  return {};
}

Result<> ContinuousEngine::submit(GenerateRequest request) {
  FLYWHEEL_TRY_VOID(check(request));
  auto sequence = std::make_unique<Sequence>();
  ids_.insert(request.id);
  sequence->tokens = request.prompt;
  sequence->result.id = request.id;
  sequence->request = std::move(request);
  waiting_.push_back(std::move(sequence));
  return {};
}

bool ContinuousEngine::cancel(std::uint64_t id) {
  if (ids_.count(id) == 0) return false;
  const auto take_from = [&](auto& sequences) {
    const auto found = std::find_if(sequences.begin(), sequences.end(),
                                    [id](const SequencePointer& s) { return s->request.id == id; });
    if (found == sequences.end()) return;
    (*found)->result.finish = FinishReason::cancelled;
    store_.release((*found)->held);
    cancelled_.push_back(std::move((*found)->result));
    sequences.erase(found);
  };
  take_from(waiting_);
  take_from(active_);
  ids_.erase(id);
  return true;
}

std::vector<BlockNeed> ContinuousEngine::needs() const {
  std::vector<BlockNeed> all;
  all.reserve(active_.size());
  for (const SequencePointer& s : active_)
    all.push_back({&s->held, s->planned, s->positions_max()});
  return all;
}

void ContinuousEngine::admit() {
  while (!waiting_.empty() && active_.size() < config_.sequences_max) {
    if (!store_.has_room(needs(), waiting_.front()->positions_max())) return;
    active_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

// Finds what others have computed of the sequence's prompt and takes it over. False: a sequence
// that is computing more of it now is worth waiting for.
bool ContinuousEngine::begin(Sequence& sequence) {
  const std::int64_t own_last = sequence.prompt_size() - 1;  // its logits are needed: computed anew
  const HeldBlocks* from = nullptr;
  std::int64_t best = 0;
  std::int64_t best_to_come = 0;
  for (const SequencePointer& other : active_) {
    if (!other->is_begun || other->weights_number != weights_number_) continue;
    const std::int64_t common = common_length(sequence.tokens, other->tokens);
    if (common == sequence.prompt_size() && other->prompt_size() == common &&
        other->planned == common && other->logits_row != no_row) {
      // The same prompt, whose last position is computed in this very pass: share its logits too.
      store_.share(sequence.held, other->held, common);
      sequence.planned = common;
      sequence.logits_row = other->logits_row;
      best = common;
      break;
    }
    const std::int64_t limit = std::min(common, own_last);
    // Blocks whose prompt this pass computes can be read in it, but not copied from before it; what
    // a decoding row computes, it alone may read.
    const bool is_decoding = other->computed >= other->prompt_size();
    std::int64_t usable = std::min(limit, is_decoding ? other->computed : other->planned);
    if (usable > other->computed)
      usable =
          std::max(std::min(limit, other->computed), usable / kv_block_tokens * kv_block_tokens);
    if (other->planned < other->prompt_size()) best_to_come = std::max(best_to_come, limit);
    if (usable > best) {
      best = usable;
      from = &other->held;
    }
  }
  if (sequence.logits_row == no_row) {
    for (const PrefixStore::Finished& other : store_.finished()) {
      const std::int64_t common = std::min(common_length(sequence.tokens, other.tokens), own_last);
      if (common > best) {
        best = common;
        from = &other.held;
      }
    }
    if (best_to_come > best) return false;
    if (from != nullptr) store_.share(sequence.held, *from, best);
    sequence.planned = best;
  }
  sequence.is_begun = true;
  sequence.weights_number = weights_number_;
  sequence.result.prompt_tokens_reused = static_cast<std::uint32_t>(best);
  counts_.prompt_tokens_reused += static_cast<std::uint64_t>(best);
  return true;
}

// Adds the next `count` positions of the sequence to the pass.
void ContinuousEngine::plan(Sequence& sequence, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    store_.make_writable(sequence.held, sequence.planned);
    rows_.push_back(
        {sequence.tokens[static_cast<std::size_t>(sequence.planned)], sequence.planned});
    ++sequence.planned;
  }
  for (std::size_t i = rows_.size() - static_cast<std::size_t>(count); i < rows_.size(); ++i) {
    rows_[i].blocks = sequence.held.data.data();
    rows_[i].is_alone = sequence.computed >= sequence.prompt_size();
  }
  if (sequence.planned == static_cast<std::int64_t>(sequence.tokens.size())) {
    sequence.logits_row = static_cast<std::uint32_t>(wanted_.size());
    wanted_.push_back(static_cast<std::uint32_t>(rows_.size() - 1));
  }
}

void ContinuousEngine::plan_rows() {
  rows_.clear();
  wanted_.clear();
  prompt_budget_ = config_.prefill_tokens_max;
  for (const SequencePointer& sequence : active_) {
    sequence->computed = sequence->planned;
    sequence->logits_row = no_row;
  }
  for (const SequencePointer& sequence : active_) {
    if (!sequence->is_begun && !begin(*sequence)) continue;
    const std::int64_t left =
        static_cast<std::int64_t>(sequence->tokens.size()) - sequence->planned;
    if (sequence->planned >= sequence->prompt_size()) {
      if (sequence->logits_row == no_row) plan(*sequence, left);
      continue;
    }
    const std::int64_t count = std::min<std::int64_t>(left, prompt_budget_);
    plan(*sequence, count);
    prompt_budget_ -= static_cast<std::uint32_t>(count);
  }
}

void ContinuousEngine::sample(const float* logits) {
  const auto draw = [&](std::int64_t begin, std::int64_t end) {
    thread_local TokenSampler sampler;
    for (std::int64_t i = begin; i < end; ++i) {
      Sequence& sequence = *active_[static_cast<std::size_t>(i)];
      if (sequence.logits_row == no_row) continue;
      Random random(sequence.request.key, sequence.result.tokens.size());
      sequence.choice = sampler.draw(
          decoder_.kernels(),
          logits + static_cast<std::int64_t>(sequence.logits_row) * decoder_.logits_stride(),
          model_->config().vocabulary_size, sequence.request.sampling, random.unit());
    }
  };
  team_->for_each(static_cast<std::int64_t>(active_.size()), 1, draw);
}

FinishReason ContinuousEngine::finish_of(const Sequence& sequence) const {
  const SamplingParameters& sampling = sequence.request.sampling;
  const std::vector<Token>& sampled = sequence.result.tokens;
  const auto is_among = [&](const std::vector<Token>& tokens) {
    return std::find(tokens.begin(), tokens.end(), sampled.back()) != tokens.end();
  };
  if (!sampling.ignore_end) {
    if (is_among(model_->config().end_tokens) || is_among(sampling.stop_tokens))
      return FinishReason::stop;
    for (const std::vector<Token>& stop : sampling.stop_sequences)
      if (ends_with(sampled, stop)) return FinishReason::stop;
  }
  return sampled.size() >= sampling.tokens_max ? FinishReason::length : FinishReason::none;
}

void ContinuousEngine::finish(Sequence& sequence, FinishReason reason, StepReport& report) {
  sequence.result.finish = reason;
  ids_.erase(sequence.request.id);
  sequence.tokens.resize(static_cast<std::size_t>(sequence.planned));
  if (reason != FinishReason::cancelled && sequence.weights_number == weights_number_)
    store_.keep_finished(std::move(sequence.tokens), std::exchange(sequence.held, {}));
  else
    store_.release(sequence.held);
  report.finished.push_back(std::move(sequence.result));
}

void ContinuousEngine::advance(StepReport& report) {
  for (const SequencePointer& pointer : active_) {
    Sequence& sequence = *pointer;
    if (sequence.logits_row == no_row) continue;
    if (sequence.choice.token == no_token) {
      sequence.result.failure = "the logits of policy version " + std::to_string(version_) +
                                " are not finite: its weights overflow";
      finish(sequence, FinishReason::cancelled, report);
      continue;
    }
    Generation& result = sequence.result;
    sequence.tokens.push_back(sequence.choice.token);
    result.tokens.push_back(sequence.choice.token);
    result.log_probabilities.push_back(sequence.choice.log_probability);
    if (result.versions.empty() || result.versions.back().version != version_)
      result.versions.push_back({version_, 0});
    ++result.versions.back().token_count;
    ++counts_.tokens_sampled;
    report.sampled.push_back({sequence.request.id, sequence.choice.token});
    const FinishReason reason = finish_of(sequence);
    if (reason != FinishReason::none) finish(sequence, reason, report);
  }
  std::erase_if(active_,
                [](const SequencePointer& s) { return s->result.finish != FinishReason::none; });
}

StepReport ContinuousEngine::step() {
  StepReport report;
  report.finished = std::exchange(cancelled_, {});
  admit();
  plan_rows();
  if (rows_.empty()) return report;
  sample(decoder_.forward(*model_, rows_, wanted_));
  report.prompt_tokens = config_.prefill_tokens_max - prompt_budget_;
  counts_.prompt_tokens_computed += report.prompt_tokens;
  advance(report);
  return report;
}

Result<Hash128> ContinuousEngine::swap_weights(const WeightsHandle& weights,
                                               PolicyVersion version) {
  if (weights != nullptr && !(config_of(weights) == model_->config()))
    return fail(Failure::invalid_argument, "weights of version " + std::to_string(version) +
                                               " are of another model shape than the engine's");
  FLYWHEEL_TRY(auto model, PackedModel::pack(weights, config_.precision, *team_));
  const Hash128 hash = model->hash(*team_);
  model_ = std::move(model);
  version_ = version;
  ++weights_number_;
  store_.forget_finished();
  return hash;
}

bool ContinuousEngine::is_idle() const {
  return active_.empty() && waiting_.empty() && cancelled_.empty();
}

EngineCounts ContinuousEngine::counts() const {
  EngineCounts counts = counts_;
  counts.active = static_cast<std::uint32_t>(active_.size());
  counts.waiting = static_cast<std::uint32_t>(waiting_.size());
  counts.kv_bytes = store_.bytes_of(needs());
  return counts;
}

Result<std::unique_ptr<Engine>> make_engine(const WeightsHandle& weights, PolicyVersion version,
                                            const EngineConfig& config) {
  const auto refuse = [](const std::string& what) {
    return fail(Failure::invalid_argument, "engine: " + what);
  };
  if (weights == nullptr) return refuse("no weights were given");
  if (config.sequences_max == 0) return refuse("sequences_max must be at least 1");
  if (config.prefill_tokens_max == 0) return refuse("prefill_tokens_max must be at least 1");
  if (config.context_length_max < 2) return refuse("context_length_max must be at least 2");
  EngineConfig bounded = config;
  bounded.context_length_max = static_cast<std::uint32_t>(
      std::min<std::int64_t>(config.context_length_max, config_of(weights).context_length_max));
  if (blocks_max(config_of(weights), bounded) == 0)
    return refuse("kv_bytes_max is below one block of " +
                  std::to_string(kv_block_bytes(config_of(weights), config.precision)) + " bytes");
  try {
    auto team = std::make_unique<ThreadTeam>(config.threads);
    FLYWHEEL_TRY(auto model, PackedModel::pack(weights, config.precision, *team));
    return std::unique_ptr<Engine>(
        std::make_unique<ContinuousEngine>(std::move(team), std::move(model), version, bounded));
  } catch (const std::exception& error) {
    return fail(Failure::resource_exhausted, std::string{"engine: "} + error.what());
  }
}

}  // namespace flywheel
