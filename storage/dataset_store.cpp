#include "storage/dataset_store.hpp"

#include <chrono>

#include "storage/keys.hpp"
#include "storage/lineage.hpp"
#include "storage/record_format.hpp"
#include "storage/stored_records.hpp"

namespace flywheel {

Hash128 content_hash_of(const std::vector<Task>& tasks) {
  Hash128 hash;
  for (const Task& task : tasks)
    for (const std::string& text : {task.family, task.split, dump_json(task.parameters)})
      hash = combine(hash, hash_text(text));
  return hash;
}

Result<DatasetVersion> DatasetStore::put(const NewDataset& dataset) {
  if (dataset.name.empty() || dataset.tasks.empty())
    return fail(Failure::invalid_argument, "a data set needs a name and at least one task");
  for (const DatasetVersionId& parent : dataset.parents) FLYWHEEL_TRY_VOID(version(parent));
  const Hash128 content_hash = content_hash_of(dataset.tasks);
  const std::lock_guard lock{put_mutex_};
  FLYWHEEL_TRY(const auto stored, find(dataset.name, dataset.split, content_hash));
  if (stored) return *stored;

  using std::chrono::milliseconds;
  const auto now = std::chrono::duration_cast<milliseconds>(clock_.now().time_since_epoch());
  DatasetVersion version;
  version.id = make_id<DatasetVersionId>(clock_);
  version.name = dataset.name;
  version.split = dataset.split;
  version.content_hash = content_hash;
  version.task_count = dataset.tasks.size();
  version.created_ms = static_cast<std::uint64_t>(now.count());
  version.source = dataset.source;
  version.parents = dataset.parents;

  WriteBatch batch;
  batch.put(id_key(RecordKind::dataset_version, version.id), encode(version));
  for (std::size_t i = 0; i < dataset.tasks.size(); ++i)
    batch.put(number_key(RecordKind::dataset_task, version.id, i), encode(dataset.tasks[i]));
  for (const DatasetVersionId& parent : dataset.parents)
    put_edge(batch, {version.id, Relation::derived_from, parent});
  FLYWHEEL_TRY_VOID(store_.write(batch, Durability::synced));
  return version;
}

Result<DatasetVersion> DatasetStore::version(DatasetVersionId id) const {
  return read_record<DatasetVersion>(store_, id_key(RecordKind::dataset_version, id));
}

Result<std::vector<DatasetVersion>> DatasetStore::versions() const {
  return read_records<DatasetVersion>(store_, kind_key(RecordKind::dataset_version));
}

Result<std::optional<DatasetVersion>> DatasetStore::find(std::string_view name,
                                                         std::string_view split,
                                                         Hash128 content_hash) const {
  FLYWHEEL_TRY(const auto all, versions());
  for (const DatasetVersion& each : all)
    if (each.content_hash == content_hash && each.name == name && each.split == split)
      return std::optional<DatasetVersion>{each};
  return std::optional<DatasetVersion>{};
}

Result<std::vector<Task>> DatasetStore::tasks(DatasetVersionId id, std::uint64_t first,
                                              std::uint64_t count) const {
  FLYWHEEL_TRY_VOID(version(id));
  std::vector<Task> tasks;
  if (count == 0) return tasks;
  const auto take = [&](std::string_view, Task task) -> Result<bool> {
    tasks.push_back(std::move(task));
    return tasks.size() < count;
  };
  FLYWHEEL_TRY_VOID(visit_records<Task>(store_, id_key(RecordKind::dataset_task, id), take,
                                        number_key(RecordKind::dataset_task, id, first)));
  return tasks;
}

}  // namespace flywheel
