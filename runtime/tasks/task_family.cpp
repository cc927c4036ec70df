#include "runtime/tasks/task_family.hpp"

#include "runtime/base/hash.hpp"

namespace flywheel {

Result<std::shared_ptr<const TaskFamily>> TaskFamily::with_parameters(
    const Json& parameters) const {
  if (!parameters.empty())
    return fail(Failure::invalid_input,
                "task.parameters: " + std::string{name()} + " takes none; remove the key");
  return std::shared_ptr<const TaskFamily>{std::shared_ptr<const void>{}, this};
}

TaskId generated_task_id(std::string_view family, std::string_view split, std::uint64_t index,
                         std::uint64_t seed) {
  const Hash128 place = combine(combine(hash_text(family), hash_text(split)), {0, seed});
  const AnyId parent{static_cast<std::uint64_t>(IdKind::dataset_version), place.low};
  return derive_id<TaskId>(parent, index);
}

TaskId content_task_id(std::string_view family, const Json& parameters) {
  const Hash128 content = combine(hash_text(family), hash_text(dump_json(parameters)));
  return TaskId{AnyId{static_cast<std::uint64_t>(IdKind::task), content.low}};
}

std::vector<std::string> assistant_texts(const Transcript& transcript, std::int32_t leaf) {
  std::vector<std::string> texts;
  for (const std::int32_t i : path_to(transcript, leaf)) {
    const Turn& turn = transcript.turns[static_cast<std::size_t>(i)];
    if (turn.role == Role::assistant) texts.push_back(text_of(turn));
  }
  return texts;
}

}  // namespace flywheel
