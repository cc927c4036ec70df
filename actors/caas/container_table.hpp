// ContainerTable knows every container: those that live, with their boxes, and those that ended, by
// their records. It is the one place where a container changes its state.
//
//   admit ─▶ creating ─become_running─▶ running ⇄ paused ──end──▶ stopping ─▶ an end state, stored
//
// Guarantees: a container ends once, with a state and a reason, whatever asks for it first; its
//             waiters are called after the end is durable; none stays in `creating` or `stopping`
//             beyond its deadline.
// Threads:    any; callbacks run on the commit thread or one of `enders`.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/caas/caas_config.hpp"
#include "actors/caas/live_container.hpp"
#include "actors/caas/work_queue.hpp"
#include "runtime/base/clock.hpp"
#include "storage/container_store.hpp"
#include "storage/group_commit.hpp"

namespace flywheel {

struct EndCause {
  ContainerState state = ContainerState::killed;
  std::string reason{};   // a short name
  std::string message{};  // a sentence
  int exit_code = 0;
  int signal = 0;
};

class ContainerTable {
 public:
  using Ended = std::function<void(const ContainerRecord&)>;

  ContainerTable(const CaasLimits& limits, const Clock& clock, ContainerStore& store,
                 GroupCommit& commit, WorkQueue& enders, Metrics& metrics);

  // Reads what is stored; what had not ended then ends as failed, daemon_restarted. Their count.
  Result<std::size_t> load();

  // Takes them as `creating` and adds their records to the batch; resource_exhausted: the quota.
  Result<> admit(const std::vector<ContainerRecord>& records, WriteBatch& batch);
  // Notes the box of a replay that catches up, so that an end finds it. False as the next.
  bool adopt_replay_box(LiveContainer& live, std::shared_ptr<Container> box);
  // False: it has been ended meanwhile, and the box is the caller's to kill.
  bool become_running(ContainerId id, std::shared_ptr<Container> box);
  bool is_ending(const LiveContainer& live) const;
  void set_paused(LiveContainer& live, bool is_paused);
  void set_expiry(LiveContainer& live, std::uint64_t expires_ms);

  std::shared_ptr<LiveContainer> find(ContainerId id) const;  // none: ended or unknown
  Result<ContainerRecord> record(ContainerId id) const;
  ContainerRecord record_of(const LiveContainer& live) const;
  void touch(LiveContainer& live);  // somebody uses it

  // Asks for its end; `ended` is called once it is durable. False: it does not live any more.
  bool end(ContainerId id, EndCause cause, Ended ended = {});
  void end_box(const std::string& box_id);  // a box that ended by itself
  // The ends that are due: time to live, idleness, creation that takes too long.
  void sweep();

  struct Page {
    std::vector<ContainerRecord> records{};
    bool has_more = false;
    ContainerId last{};  // go on after this one
  };
  struct Filter {
    std::string owner{};  // empty: everybody's
    std::string name{};   // empty: any
    std::string label{};  // NAME or NAME=VALUE of the metadata; empty: any
    int state = -1;       // of ContainerState; -1: any
    ContainerId after{};
    std::size_t limit = 20;
    bool is_ascending = false;
  };
  Result<Page> list(const Filter& filter) const;

  std::vector<ContainerId> living() const;
  std::size_t living_count() const;
  std::vector<std::shared_ptr<Session>> sessions() const;

  // Drops records of containers that ended long ago, or are too many: a bounded number at once.
  Result<std::size_t> forget_old();
  Result<> forget_old_keys();  // likewise, of idempotency

  mutable std::mutex mutex;  // also guards what LiveContainer says it does

 private:
  void set_state(LiveContainer& live, ContainerState state);
  void store_buffered(const ContainerRecord& record);
  void kill_box(const std::shared_ptr<LiveContainer>& live);
  void finish(const std::shared_ptr<LiveContainer>& live);
  bool matches(const ContainerRecord& record, const Filter& filter) const;
  std::uint64_t now_ms() const;
  std::uint64_t forgotten_before_ms() const;
  Gauge& gauge(ContainerState state) { return *gauges_[static_cast<std::size_t>(state)]; }

  const CaasLimits& limits_;
  const Clock& clock_;
  ContainerStore& store_;
  GroupCommit& commit_;
  WorkQueue& enders_;
  Metrics& metrics_;
  std::array<Gauge*, container_state_count> gauges_{};
  std::map<ContainerId, std::shared_ptr<LiveContainer>> living_;
  std::unordered_map<std::string, ContainerId> boxes_;
  std::map<ContainerId, ContainerState> known_;  // every container that is stored
};

}  // namespace flywheel
