#include "actors/train_batch.hpp"

#include <algorithm>
#include <map>

namespace flywheel {

TrainSequence train_sequence(const Transcript& transcript, double advantage) {
  TrainSequence sequence;
  const auto leaf = static_cast<std::int32_t>(transcript.turns.size()) - 1;
  std::size_t length = 0;
  for (const auto index : path_to(transcript, leaf)) {
    for (const Span& span : transcript.turns[static_cast<std::size_t>(index)].spans) {
      const std::size_t count = span.tokens.size();
      const bool has_log_probabilities = span.log_probabilities.size() == count;
      sequence.tokens.insert(sequence.tokens.end(), span.tokens.begin(), span.tokens.end());
      sequence.loss_mask.resize(sequence.tokens.size(), span.carries_loss ? 1 : 0);
      sequence.advantages.resize(sequence.tokens.size(),
                                 span.carries_loss ? static_cast<float>(advantage) : 0.0F);
      if (has_log_probabilities)
        sequence.sampler_log_probabilities.insert(sequence.sampler_log_probabilities.end(),
                                                  span.log_probabilities.begin(),
                                                  span.log_probabilities.end());
      sequence.sampler_log_probabilities.resize(sequence.tokens.size(), 0.0F);
      if (span.carries_loss) length = sequence.tokens.size();
    }
  }
  sequence.tokens.resize(length);
  sequence.loss_mask.resize(length);
  sequence.advantages.resize(length);
  sequence.sampler_log_probabilities.resize(length);
  return sequence;
}

TrainBatch make_train_batch(const std::vector<Rollout>& rollouts, const AlgorithmConfig& algorithm,
                            PolicyVersion version) {
  std::map<std::uint64_t, std::vector<const Rollout*>> groups;
  for (const Rollout& rollout : rollouts) groups[rollout.group_index].push_back(&rollout);
  TrainBatch batch;
  batch.is_on_policy = true;
  for (const auto& [index, members] : groups) {
    std::vector<double> rewards;
    for (const Rollout* rollout : members) rewards.push_back(rollout->verdict.reward);
    const auto group_advantages =
        advantages(algorithm.advantage, rewards, algorithm.advantage_epsilon);
    const bool is_uniform = std::all_of(group_advantages.begin(), group_advantages.end(),
                                        [](double advantage) { return advantage == 0.0; });
    if (is_uniform && algorithm.drop_uniform_groups) continue;
    for (std::size_t i = 0; i < members.size(); ++i) {
      batch.is_on_policy = batch.is_on_policy && members[i]->oldest_version == version;
      batch.sequences.push_back(train_sequence(members[i]->transcript, group_advantages[i]));
    }
  }
  return batch;
}

}  // namespace flywheel
