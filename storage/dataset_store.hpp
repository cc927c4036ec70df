// DatasetStore keeps versions of data sets: lists of tasks that never change, named by their
// content.
//
// Guarantees: a version is stored whole, with its lineage, in one synced write; storing the same
// tasks
//             under the same name and split again gives the version that is there.
// Threads:    any number.
#pragma once

#include <mutex>
#include <optional>

#include "runtime/base/clock.hpp"
#include "storage/key_value_store.hpp"
#include "storage/records.hpp"

namespace flywheel {

struct NewDataset {
  std::string name{};
  std::string split{};
  std::string source{};  // how it was made
  std::vector<Task> tasks{};
  std::vector<DatasetVersionId> parents{};
};

// Of the tasks in order (family, split, parameters), their ids left out.
Hash128 content_hash_of(const std::vector<Task>& tasks);

class DatasetStore {
 public:
  DatasetStore(KeyValueStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // invalid_argument: no tasks, no name; not_found: a parent is not stored.
  Result<DatasetVersion> put(const NewDataset& dataset);

  Result<DatasetVersion> version(DatasetVersionId id) const;
  Result<std::vector<DatasetVersion>> versions() const;  // in time order
  Result<std::optional<DatasetVersion>> find(std::string_view name, std::string_view split,
                                             Hash128 content_hash) const;
  Result<std::vector<Task>> tasks(DatasetVersionId id, std::uint64_t first = 0,
                                  std::uint64_t count = UINT64_MAX) const;

 private:
  KeyValueStore& store_;
  const Clock& clock_;
  std::mutex put_mutex_;  // equal data sets put at once become one version
};

}  // namespace flywheel
