#include "actors/dataset.hpp"

#include <numeric>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "runtime/base/random.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {
namespace {

struct State {
  static inline const char* name = "dataset";

  RunContextPtr context;

  Result<TaskBatch> batch(const NextTasks& request) const;
};

Result<TaskBatch> State::batch(const NextTasks& request) const {
  const auto& spec = context->spec;
  TaskBatch batch;
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const auto index = task_index_at(request.first + i, spec.data.train_tasks, spec.seed);
    FLYWHEEL_TRY(auto task, context->family->make_task(split_train, index, spec.seed));
    batch.tasks.push_back(std::move(task));
  }
  return batch;
}

Dataset::behavior_type behavior(Dataset::stateful_pointer<State> self, RunContextPtr context) {
  keep_words(self);
  self->state.context = std::move(context);
  return {
      [self](const NextTasks& request) -> caf::result<TaskBatch> {
        auto batch = self->state.batch(request);
        if (!batch) return to_caf(batch.error());
        return std::move(*batch);
      },
  };
}

}  // namespace

std::uint64_t task_index_at(std::uint64_t position, std::uint64_t task_count, std::uint64_t seed) {
  const std::uint64_t epoch = position / task_count;
  std::vector<std::uint64_t> order(task_count);
  std::iota(order.begin(), order.end(), 0);
  Random random{derive_key({seed, hash_text("task order").low, epoch})};
  for (std::uint64_t i = task_count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order[position % task_count];
}

Dataset spawn_dataset(caf::actor_system& system, RunContextPtr context) {
  return system.spawn(behavior, std::move(context));
}

}  // namespace flywheel
