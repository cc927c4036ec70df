#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

#include "actors/config_keys.hpp"

namespace flywheel {
namespace {

constexpr std::array<std::string_view, 3> precision_names = {"auto", "float32", "bfloat16"};
constexpr std::array<std::string_view, 4> advantage_names = {
    "group_mean_std_unbiased", "group_mean_std_biased", "group_mean", "leave_one_out"};
constexpr std::array<std::string_view, 5> loss_names = {"policy_gradient", "ppo_clip", "cispo",
                                                        "gspo", "decoupled_ppo"};
constexpr std::array<std::string_view, 3> aggregation_names = {"token_mean", "sequence_mean",
                                                               "constant_divisor"};
constexpr std::array<std::string_view, 4> kl_names = {"none", "k1", "k2", "k3"};

// An enum over std::uint8_t may be read and written through its underlying character type.
template <class Enum>
KeySlot named(Enum& value, std::span<const std::string_view> names) {
  static_assert(std::is_same_v<std::underlying_type_t<Enum>, std::uint8_t>);
  return NamedSlot{reinterpret_cast<std::uint8_t*>(&value), names};
}

constexpr KeyBounds any{};
constexpr KeyBounds share{0.0, 1.0};
constexpr KeyBounds positive{0.0, std::numeric_limits<double>::infinity(), true};
constexpr KeyBounds at_least(double least) {
  return {least};
}
constexpr KeyBounds between(double least, double most) {
  return {least, most};
}
// The optimiser computes in float32, where a decay nearer to 1 is 1 and a smaller epsilon is 0.
constexpr KeyBounds below_one{0.0, 0.9999999};
constexpr KeyBounds float_positive{1e-37};

#define FLYWHEEL_SLOT(expression) [](ExperimentSpec& s) -> KeySlot { return expression; }

// Path, unit, meaning, bounds, field.
constexpr KeyRow rows[] = {
    {"format", "", "version of this file's format", between(1, 1), FLYWHEEL_SLOT(&s.format)},
    {"name", "", "what runs of this spec are called; the file's name unless stated", any,
     FLYWHEEL_SLOT(&s.name)},
    {"goal", "", "the long-term goal that this experiment serves", any, FLYWHEEL_SLOT(&s.goal)},
    {"scenario", "", "who asks for what, and what goes wrong today", any,
     FLYWHEEL_SLOT(&s.scenario)},
    {"seed", "", "everything random is a function of it", any, FLYWHEEL_SLOT(&s.seed)},
    {"deterministic", "", "the whole run is a function of its seed; slower", any,
     FLYWHEEL_SLOT(&s.deterministic)},
    {"staleness_max", "policy versions",
     "how far behind a trained token's policy may be; 0 = strictly on policy", between(0, 64),
     FLYWHEEL_SLOT(&s.staleness_max)},

    {"task.family", "", "task family: a name in the task registry", any,
     FLYWHEEL_SLOT(&s.task.family)},
    {"task.parameters", "", "the family's own; ..._file and ..._folder are paths", any,
     FLYWHEEL_SLOT(&s.task.parameters)},
    {"task.tasks_per_step", "tasks", "groups that one optimiser step learns from",
     between(1, 65536), FLYWHEEL_SLOT(&s.task.tasks_per_step)},
    {"task.samples_per_task", "samples",
     "conversations a group; one alone has no baseline to be compared with", between(2, 4096),
     FLYWHEEL_SLOT(&s.task.samples_per_task)},

    {"model.path", "", "smollm2-135m-instruct, tiny, a Hugging Face folder or a .gguf file", any,
     FLYWHEEL_SLOT(&s.model.path), KeyUse::model_path},
    {"model.precision", "",
     "of sampling, forward and backward; auto = bfloat16 where the CPU multiplies it fast", any,
     FLYWHEEL_SLOT(named(s.model.precision, precision_names))},
    {"model.context_length", "tokens", "longest conversation; at most the model's own",
     between(16, 1 << 20), FLYWHEEL_SLOT(&s.model.context_length)},

    {"data.train_tasks", "tasks",
     "generated for training; used again in a new order once all were seen",
     between(1, 100'000'000), FLYWHEEL_SLOT(&s.data.train_tasks)},
    {"data.held_out_tasks", "tasks",
     "generated for evaluation, of topics and phrasings that training never sees",
     between(0, 1'000'000), FLYWHEEL_SLOT(&s.data.held_out_tasks)},
    {"data.hand_written", "", "JSONL file of tasks written by hand, evaluated apart; empty = none",
     any, FLYWHEEL_SLOT(&s.data.hand_written), KeyUse::path},

    {"algorithm.preset", "",
     "a row of `flywheel explain`; the keys below then change single parts of it", any,
     FLYWHEEL_SLOT(&s.algorithm_preset)},
    {"algorithm.advantage", "", "how a group's rewards become advantages", any,
     FLYWHEEL_SLOT(named(s.trainer.algorithm.advantage, advantage_names))},
    {"algorithm.advantage_epsilon", "reward", "added to the standard deviation that divides",
     at_least(0), FLYWHEEL_SLOT(&s.trainer.algorithm.advantage_epsilon)},
    {"algorithm.loss", "", "policy loss of a token", any,
     FLYWHEEL_SLOT(named(s.trainer.algorithm.loss, loss_names))},
    {"algorithm.clip_low", "ratio",
     "a ratio r below 1 - clip_low is clipped (one optimiser step a batch: r = 1, never clipped)",
     share, FLYWHEEL_SLOT(&s.trainer.algorithm.clip_low)},
    {"algorithm.clip_high", "ratio",
     "a ratio r above 1 + clip_high is clipped (one optimiser step a batch: r = 1, never clipped)",
     at_least(0), FLYWHEEL_SLOT(&s.trainer.algorithm.clip_high)},
    {"algorithm.aggregation", "", "how token losses become one number", any,
     FLYWHEEL_SLOT(named(s.trainer.algorithm.aggregation, aggregation_names))},
    {"algorithm.constant_divisor", "tokens",
     "divisor of each sequence's sum; read by aggregation constant_divisor", at_least(0),
     FLYWHEEL_SLOT(&s.trainer.algorithm.constant_divisor)},
    {"algorithm.kl", "", "estimator of the distance to the base weights", any,
     FLYWHEEL_SLOT(named(s.trainer.algorithm.kl, kl_names))},
    {"algorithm.kl_weight", "", "weight of that distance in the loss", at_least(0),
     FLYWHEEL_SLOT(&s.trainer.algorithm.kl_weight)},
    {"algorithm.importance_cap", "ratio",
     "cap of the importance weight between learner and sampler; 0 = no such weight", at_least(0),
     FLYWHEEL_SLOT(&s.trainer.algorithm.importance_cap)},
    {"algorithm.drop_uniform_groups", "", "leave out groups whose rewards are all equal", any,
     FLYWHEEL_SLOT(&s.trainer.algorithm.drop_uniform_groups)},

    {"learning.learning_rate", "per step", "AdamW's, after warm-up", positive,
     FLYWHEEL_SLOT(&s.trainer.learning_rate)},
    {"learning.beta1", "", "AdamW: decay of the mean of gradients", below_one,
     FLYWHEEL_SLOT(&s.trainer.beta1)},
    {"learning.beta2", "", "AdamW: decay of the mean of squared gradients", below_one,
     FLYWHEEL_SLOT(&s.trainer.beta2)},
    {"learning.epsilon", "", "AdamW: added to the root that divides", float_positive,
     FLYWHEEL_SLOT(&s.trainer.epsilon)},
    {"learning.weight_decay", "per step", "decoupled; not on norms and biases", at_least(0),
     FLYWHEEL_SLOT(&s.trainer.weight_decay)},
    {"learning.warmup_steps", "steps", "the learning rate rises linearly from 0", any,
     FLYWHEEL_SLOT(&s.trainer.warmup_steps)},
    {"learning.decay_steps", "steps", "cosine down to decay_floor; 0 = constant", any,
     FLYWHEEL_SLOT(&s.trainer.decay_steps)},
    {"learning.decay_floor", "share", "of learning_rate, where the decay ends", share,
     FLYWHEEL_SLOT(&s.trainer.decay_floor)},
    {"learning.gradient_norm_max", "L2 norm", "gradients above it are scaled down; 0 = no clipping",
     at_least(0), FLYWHEEL_SLOT(&s.trainer.gradient_norm_max)},

    {"sampling.temperature", "",
     "of training samples; greedy samples would all be equal. The sampler's log-probabilities and "
     "the learner's are both those at temperature 1: the importance weight between them corrects "
     "for older weights, not for another temperature",
     positive, FLYWHEEL_SLOT(&s.sampling.temperature)},
    {"sampling.top_k", "tokens",
     "sample from the k most probable; 0 = off. Log-probabilities are those of all tokens: the "
     "importance weight does not correct for what is left out",
     any, FLYWHEEL_SLOT(&s.sampling.top_k)},
    {"sampling.top_p", "share",
     "sample from the fewest tokens with this probability; 1 = off. Log-probabilities are those of "
     "all tokens: the importance weight does not correct for what is left out",
     KeyBounds{0.0, 1.0, true}, FLYWHEEL_SLOT(&s.sampling.top_p)},
    {"sampling.tokens_max", "tokens", "longest answer, a turn", between(1, 1 << 20),
     FLYWHEEL_SLOT(&s.sampling.tokens_max)},

    {"tools.calls_max", "calls", "tool calls that are run between two of the user's moves",
     between(1, 64), FLYWHEEL_SLOT(&s.tools.calls_max)},
    {"tools.call_seconds_max", "seconds", "longest tool call; then it is stopped",
     KeyBounds{0.0, 600.0, true}, FLYWHEEL_SLOT(&s.tools.call_seconds_max)},
    {"tools.output_bytes_max", "bytes", "of a tool result's text that the model reads",
     between(256, 65536), FLYWHEEL_SLOT(&s.tools.output_bytes_max)},
    {"tools.threads", "threads", "tool calls, and code graders, that run at once", between(1, 64),
     FLYWHEEL_SLOT(&s.tools.threads)},
    {"tools.image", "", "image of the containers: host, or one that `flywheel caas image` built",
     any, FLYWHEEL_SLOT(&s.tools.image)},
    {"tools.snapshot", "", "web snapshot that the tool `browse` reads; empty = none", any,
     FLYWHEEL_SLOT(&s.tools.snapshot), KeyUse::path},
    {"tools.live_proxy", "",
     "HTTP proxy, http://HOST:PORT, that `browse` fetches pages through; empty = none is fetched. "
     "What it answers is no function of the seed, so a deterministic run refuses it",
     any, FLYWHEEL_SLOT(&s.tools.live_proxy)},
    {"tools.live_hosts", "",
     "hosts that may be fetched from, with commas: HOST, .DOMAIN (with all below it), HOST:PORT",
     any, FLYWHEEL_SLOT(&s.tools.live_hosts)},
    {"tools.documents", "", "folder that the tool `search` reads; empty = none", any,
     FLYWHEEL_SLOT(&s.tools.documents), KeyUse::path},

    {"compute.threads", "threads", "of samplers and learner each; 0 = all cores", between(0, 1024),
     FLYWHEEL_SLOT(&s.compute.threads)},
    {"compute.samplers", "actors", "samplers, each with its own copy of the weights",
     between(1, 256), FLYWHEEL_SLOT(&s.compute.samplers)},
    {"compute.sequences_max", "sequences", "decoded together in one sampler", between(1, 65536),
     FLYWHEEL_SLOT(&s.compute.sequences_max)},
    {"compute.prefill_tokens_max", "tokens", "prompt tokens that a sampler computes at once",
     at_least(1), FLYWHEEL_SLOT(&s.compute.prefill_tokens_max)},
    {"compute.micro_batch_tokens", "tokens",
     "computed in one forward and backward; more is faster and takes more memory", at_least(1),
     FLYWHEEL_SLOT(&s.trainer.micro_batch_tokens)},

    {"budget.steps", "steps", "optimiser steps of the run", between(1, 100'000'000),
     FLYWHEEL_SLOT(&s.budget.steps)},
    {"budget.minutes", "minutes",
     "the run ends in good order after the step that passes it; 0 = no limit", at_least(0),
     FLYWHEEL_SLOT(&s.budget.minutes)},
    {"budget.disk_gib_min", "GiB", "free space that a run needs to start", at_least(0),
     FLYWHEEL_SLOT(&s.budget.disk_gib_min)},

    {"evaluation.every_steps", "steps",
     "between evaluations during the run; 0 = only before and after", any,
     FLYWHEEL_SLOT(&s.evaluation.every_steps)},
    {"evaluation.samples_per_task", "samples", "k, before and after", between(1, 4096),
     FLYWHEEL_SLOT(&s.evaluation.samples_per_task)},
    {"evaluation.tasks_during", "tasks", "held-out tasks of an evaluation during the run", any,
     FLYWHEEL_SLOT(&s.evaluation.tasks_during)},
    {"evaluation.temperature", "", "of evaluation samples; 0 = greedy", at_least(0),
     FLYWHEEL_SLOT(&s.evaluation.temperature)},

    {"gates.pass_rate_before_min", "share",
     "refuse a set that is too hard to learn from: first-turn held-out pass rate before", share,
     FLYWHEEL_SLOT(&s.gates.pass_rate_before_min)},
    {"gates.pass_rate_before_max", "share",
     "refuse a set that the base model already passes: first-turn held-out pass rate before", share,
     FLYWHEEL_SLOT(&s.gates.pass_rate_before_max)},
    {"gates.pass_rate_after_min", "share",
     "the run fails below it: first-turn held-out pass rate after", share,
     FLYWHEEL_SLOT(&s.gates.pass_rate_after_min)},
    {"gates.guard_fall_max", "share", "how far the mean of a guard component may fall", share,
     FLYWHEEL_SLOT(&s.gates.guard_fall_max)},

    {"snapshots.every_steps", "steps", "between full snapshots of model and optimiser", at_least(1),
     FLYWHEEL_SLOT(&s.snapshots.every_steps)},
    {"snapshots.kept", "snapshots", "newest that are kept", between(1, 1000),
     FLYWHEEL_SLOT(&s.snapshots.kept)},

    {"publish.enabled", "", "write the trained checkpoint as a Hugging Face folder", any,
     FLYWHEEL_SLOT(&s.publish.enabled)},
    {"publish.precision", "", "of its tensors; auto = the run's", any,
     FLYWHEEL_SLOT(named(s.publish.precision, precision_names))},
};

#undef FLYWHEEL_SLOT

}  // namespace

std::span<const KeyRow> key_rows() {
  return rows;
}

const KeyRow* find_key_row(std::string_view path) {
  const auto found = std::ranges::find(rows, path, &KeyRow::path);
  return found == std::end(rows) ? nullptr : found;
}

}  // namespace flywheel
