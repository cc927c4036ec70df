// RunIndex is what a LedgerStore remembers of one run so that questions need no disk: the progress
// of every rollout, the open ones by state, the groups that are ready to be learned.
//
// Guarantees: says what the ledger's records say; rebuilt from them when the run is first asked
// for. Threads:    the ledger's lock.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "storage/key_value_store.hpp"
#include "storage/record_format.hpp"

namespace flywheel {

class RunIndex {
 public:
  // corrupt: a rollout between others is missing, or a record does not decode.
  static Result<RunIndex> load(const KeyValueReader& store, const RunRecord& run);

  std::uint64_t size() const { return rollouts_.size(); }
  const RolloutProgress& at(std::uint64_t index) const { return rollouts_[index]; }
  void append(const RolloutProgress& progress);
  void set(std::uint64_t index, RolloutProgress progress);

  // Indices in a state that is not final (planned to leased), ascending.
  const std::set<std::uint64_t>& open(RolloutState state) const {
    return open_[static_cast<std::size_t>(state)];
  }
  std::uint64_t count(RolloutState state) const { return counts_[static_cast<std::size_t>(state)]; }
  const std::set<std::uint64_t>& complete_groups() const { return complete_groups_; }
  std::uint32_t group_size() const { return group_size_; }
  bool is_complete(std::uint64_t group_index) const;

  std::uint64_t last_step = 0;     // the last committed one; 0 = none
  PolicyVersion last_version = 0;  // of the weights after it
  std::uint64_t event_count = 0;

 private:
  void enter(std::uint64_t index, RolloutState state);

  std::uint32_t group_size_ = 1;
  std::vector<RolloutProgress> rollouts_;  // by index
  std::array<std::set<std::uint64_t>, 5> open_;
  std::array<std::uint64_t, 7> counts_{};
  std::set<std::uint64_t> complete_groups_;
};

}  // namespace flywheel
