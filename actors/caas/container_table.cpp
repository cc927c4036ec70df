#include "actors/caas/container_table.hpp"

#include <utility>

#include <fmt/format.h>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace flywheel {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t forgotten_at_once = 1000;
constexpr std::size_t scanned_max = 20'000;  // records looked at for one page

EndCause restarted_cause() {
  return {ContainerState::failed, "daemon_restarted",
          "the container service ended without stopping it; its processes ended with the service"};
}

}  // namespace

ContainerTable::ContainerTable(const CaasLimits& limits, const Clock& clock, ContainerStore& store,
                               GroupCommit& commit, WorkQueue& enders, Metrics& metrics)
    : limits_(limits),
      clock_(clock),
      store_(store),
      commit_(commit),
      enders_(enders),
      metrics_(metrics) {
  for (int i = 0; i < container_state_count; ++i)
    gauges_[static_cast<std::size_t>(i)] = &metrics.gauge(
        "flywheel_caas_containers", "Containers by state; ended ones are remembered.",
        {{"state", to_string(static_cast<ContainerState>(i))}});
}

std::uint64_t ContainerTable::now_ms() const {
  return static_cast<std::uint64_t>(
      duration_cast<milliseconds>(clock_.now().time_since_epoch()).count());
}

Result<std::size_t> ContainerTable::load() {
  const std::lock_guard lock{mutex};
  WriteBatch batch;
  std::size_t lost = 0;
  FLYWHEEL_TRY_VOID(store_.visit([&](ContainerRecord record) {
    if (!is_ended(record.state)) {
      const EndCause cause = restarted_cause();
      record.state = cause.state;
      record.reason = cause.reason;
      record.message = cause.message;
      record.ended_ms = now_ms();
      ContainerStore::put(batch, record);
      metrics_
          .counter("flywheel_caas_exits_total", "Containers that ended.",
                   {{"reason", record.reason}})
          .add();
      ++lost;
    }
    known_[record.id] = record.state;
    gauge(record.state).add(1);
    return true;
  }));
  if (!batch.empty()) {
    FLYWHEEL_TRY_VOID(store_.write(batch));
    commit_.note_buffered();
  }
  return lost;
}

Result<> ContainerTable::admit(const std::vector<ContainerRecord>& records, WriteBatch& batch) {
  const std::lock_guard lock{mutex};
  if (living_.size() + records.size() > limits_.container_count_max)
    return fail(Failure::resource_exhausted,
                fmt::format("{} containers live and {} are the limit: delete some, or wait",
                            living_.size(), limits_.container_count_max));
  if (limits_.container_count_max_per_owner < limits_.container_count_max) {
    std::size_t owned = records.size();
    for (const auto& [id, live] : living_) owned += live->record.owner == records[0].owner ? 1 : 0;
    if (owned > limits_.container_count_max_per_owner)
      return fail(Failure::resource_exhausted,
                  fmt::format("'{}' may have {} containers at once: delete some, or wait",
                              records[0].owner, limits_.container_count_max_per_owner));
  }
  for (const ContainerRecord& record : records) {
    auto live = std::make_shared<LiveContainer>();
    live->id = record.id;
    live->record = record;
    live->creating_until = clock_.steady_now() + limits_.create_time_max;
    living_.emplace(record.id, std::move(live));
    known_[record.id] = record.state;
    gauge(record.state).add(1);
    ContainerStore::put(batch, record);
  }
  return {};
}

void ContainerTable::set_state(LiveContainer& live, ContainerState state) {
  gauge(live.record.state).add(-1);
  gauge(state).add(1);
  live.record.state = state;
  known_[live.id] = state;
}

void ContainerTable::store_buffered(const ContainerRecord& record) {
  WriteBatch batch;
  ContainerStore::put(batch, record);
  if (auto outcome = store_.write(batch); !outcome)
    log_error("storing {}: {}", to_string(record.id), to_string(outcome.error()));
  commit_.note_buffered();
}

bool ContainerTable::adopt_replay_box(LiveContainer& live, std::shared_ptr<Container> box) {
  const std::lock_guard lock{mutex};
  if (live.cause || !live.replay) return false;
  live.replay->box = std::move(box);
  return true;
}

bool ContainerTable::become_running(ContainerId id, std::shared_ptr<Container> box) {
  const std::string box_id = box ? box->id() : std::string{};
  const bool is_gone = box && is_ended(box->state());
  {
    const std::lock_guard lock{mutex};
    const auto found = living_.find(id);
    if (found == living_.end() || found->second->cause) return false;
    LiveContainer& live = *found->second;
    if (box) boxes_[box_id] = id;
    live.box = std::move(box);
    if (live.record.state == ContainerState::creating) {
      set_state(live, ContainerState::running);
      live.record.active_ms = now_ms();
      store_buffered(live.record);
    }
  }
  if (is_gone) end_box(box_id);  // its own announcement came before anybody knew it
  return true;
}

bool ContainerTable::is_ending(const LiveContainer& live) const {
  const std::lock_guard lock{mutex};
  return live.cause != nullptr;
}

void ContainerTable::set_paused(LiveContainer& live, bool is_paused) {
  const std::lock_guard lock{mutex};
  if (live.cause) return;
  set_state(live, is_paused ? ContainerState::paused : ContainerState::running);
  store_buffered(live.record);
}

void ContainerTable::set_expiry(LiveContainer& live, std::uint64_t expires_ms) {
  const std::lock_guard lock{mutex};
  live.record.expires_ms = expires_ms;
  store_buffered(live.record);
}

std::shared_ptr<LiveContainer> ContainerTable::find(ContainerId id) const {
  const std::lock_guard lock{mutex};
  const auto found = living_.find(id);
  return found == living_.end() ? nullptr : found->second;
}

Result<ContainerRecord> ContainerTable::record(ContainerId id) const {
  {
    const std::lock_guard lock{mutex};
    const auto found = living_.find(id);
    if (found != living_.end()) return found->second->record;
  }
  return store_.container(id);
}

ContainerRecord ContainerTable::record_of(const LiveContainer& live) const {
  const std::lock_guard lock{mutex};
  return live.record;
}

void ContainerTable::touch(LiveContainer& live) {
  const std::lock_guard lock{mutex};
  live.record.active_ms = now_ms();
}

bool ContainerTable::end(ContainerId id, EndCause cause, Ended ended) {
  std::shared_ptr<LiveContainer> live;
  {
    const std::lock_guard lock{mutex};
    const auto found = living_.find(id);
    if (found == living_.end()) return false;
    live = found->second;
    if (ended) live->end_waiters.push_back(std::move(ended));
    if (live->cause) return true;
    live->cause = std::make_shared<EndCause>(std::move(cause));
    set_state(*live, ContainerState::stopping);
  }
  // An end is bounded work that was let in with its container: it has threads of its own.
  enders_.post([this, live] { kill_box(live); });
  return true;
}

void ContainerTable::end_box(const std::string& box_id) {
  enders_.post([this, box_id] {
    std::shared_ptr<Container> box;
    ContainerId id;
    {
      const std::lock_guard lock{mutex};
      const auto found = boxes_.find(box_id);
      if (found == boxes_.end()) return;
      const auto living = living_.find(found->second);
      if (living == living_.end() || living->second->cause) return;
      id = living->first;
      box = living->second->box;
    }
    const ContainerState state = box->state();
    EndCause cause{is_ended(state) ? state : ContainerState::failed,
                   state == ContainerState::oom_killed ? "out_of_memory" : "lost", box->reason()};
    end(id, std::move(cause));
  });
}

void ContainerTable::kill_box(const std::shared_ptr<LiveContainer>& live) {
  std::shared_ptr<Container> box;
  std::shared_ptr<EndCause> cause;
  {
    const std::lock_guard lock{mutex};
    box = !live->box && live->replay ? live->replay->box : live->box;
    cause = live->cause;
  }
  // The box knows only the ends that somebody can ask for.
  const ContainerState asked =
      cause->state == ContainerState::oom_killed ? ContainerState::failed : cause->state;
  if (box) box->kill(asked, cause->message);
  finish(live);
}

void ContainerTable::finish(const std::shared_ptr<LiveContainer>& live) {
  std::vector<Ended> waiters;
  ContainerRecord record;
  WriteBatch batch;
  std::shared_ptr<Container> box;  // these three are let go without the lock
  decltype(live->execs) execs;
  decltype(live->sessions) sessions;
  {
    const std::lock_guard lock{mutex};
    const EndCause& cause = *live->cause;
    live->record.reason = cause.reason;
    live->record.message = cause.message;
    live->record.exit_code = cause.exit_code;
    live->record.signal = cause.signal;
    live->record.ended_ms = now_ms();
    set_state(*live, cause.state);
    if (live->box) boxes_.erase(live->box->id());
    living_.erase(live->id);
    box.swap(live->box);
    execs.swap(live->execs);
    sessions.swap(live->sessions);
    waiters.swap(live->end_waiters);
    record = live->record;
    // Written now so that a reader finds it; the waiters hear of it when it is on the disk.
    store_buffered(record);
    ContainerStore::put(batch, record);
  }
  metrics_
      .counter("flywheel_caas_exits_total", "Containers that ended.", {{"reason", record.reason}})
      .add();
  if (record.state == ContainerState::oom_killed)
    metrics_.counter("flywheel_caas_oom_kills_total", "Containers that ended for memory.").add();
  if (waiters.empty()) return;
  commit_.write(std::move(batch), [record, waiters](const Result<>& outcome) {
    if (!outcome) log_error("storing an end: {}", to_string(outcome.error()));
    for (const Ended& waiter : waiters) waiter(record);
  });
}

void ContainerTable::sweep() {
  const std::uint64_t now = now_ms();
  const SteadyTime steady_now = clock_.steady_now();
  std::vector<std::pair<ContainerId, EndCause>> due;
  {
    const std::lock_guard lock{mutex};
    for (const auto& [id, live] : living_) {
      const ContainerRecord& record = live->record;
      if (live->cause) continue;
      if (record.state == ContainerState::creating) {
        if (steady_now >= live->creating_until)
          due.emplace_back(id, EndCause{ContainerState::failed, "create_deadline",
                                        fmt::format("it did not come to be within {} ms",
                                                    limits_.create_time_max.count())});
      } else if (record.expires_ms > 0 && now >= record.expires_ms) {
        due.emplace_back(
            id, EndCause{ContainerState::expired, "time_to_live", "its time to live ran out"});
      } else if (record.idle_ms > 0 && live->running_count == 0 &&
                 now >= record.active_ms + record.idle_ms) {
        due.emplace_back(id,
                         EndCause{ContainerState::expired, "idle",
                                  fmt::format("nobody used it for {} s", record.idle_ms / 1000)});
      }
    }
  }
  for (auto& [id, cause] : due) end(id, std::move(cause));
}

bool ContainerTable::matches(const ContainerRecord& record, const Filter& filter) const {
  if (!filter.owner.empty() && record.owner != filter.owner) return false;
  if (!filter.name.empty() && record.name != filter.name) return false;
  if (filter.state >= 0 && static_cast<int>(record.state) != filter.state) return false;
  if (filter.label.empty()) return true;
  const auto equals = filter.label.find('=');
  const auto metadata = record.spec.find("metadata");
  if (metadata == record.spec.end()) return false;
  const auto label = metadata->find(filter.label.substr(0, equals));
  if (label == metadata->end()) return false;
  return equals == std::string::npos || *label == filter.label.substr(equals + 1);
}

Result<ContainerTable::Page> ContainerTable::list(const Filter& filter) const {
  // The ids first, under the lock; records of ended ones are read without it.
  std::vector<ContainerId> ids;
  {
    const std::lock_guard lock{mutex};
    const auto take = [&](ContainerId id, ContainerState state) {
      if (filter.state < 0 || static_cast<int>(state) == filter.state) ids.push_back(id);
      return ids.size() < scanned_max;
    };
    if (filter.is_ascending) {
      auto at = filter.after.is_nil() ? known_.begin() : known_.upper_bound(filter.after);
      while (at != known_.end() && take(at->first, at->second)) ++at;
    } else {
      auto at = filter.after.is_nil() ? known_.end() : known_.lower_bound(filter.after);
      while (at != known_.begin() && take(std::prev(at)->first, std::prev(at)->second)) --at;
    }
  }
  Page page;
  for (const ContainerId id : ids) {
    auto each = record(id);
    if (!each && each.error().failure == Failure::not_found) continue;  // forgotten meanwhile
    if (!each) return fail(std::move(each.error()));
    if (!matches(*each, filter)) continue;
    if (page.records.size() == filter.limit) {
      page.has_more = true;
      break;
    }
    page.last = id;
    page.records.push_back(std::move(*each));
  }
  if (page.has_more || ids.size() < scanned_max) return page;
  page.has_more = true;  // unless the last one looked at was the very last: the next page is empty
  page.last = ids.back();
  return page;
}

std::vector<ContainerId> ContainerTable::living() const {
  const std::lock_guard lock{mutex};
  std::vector<ContainerId> ids;
  ids.reserve(living_.size());
  for (const auto& [id, live] : living_) ids.push_back(id);
  return ids;
}

std::size_t ContainerTable::living_count() const {
  const std::lock_guard lock{mutex};
  return living_.size();
}

std::vector<std::shared_ptr<Session>> ContainerTable::sessions() const {
  const std::lock_guard lock{mutex};
  std::vector<std::shared_ptr<Session>> sessions;
  for (const auto& [id, live] : living_)
    for (const auto& [number, session] : live->sessions) sessions.push_back(session);
  return sessions;
}

std::uint64_t ContainerTable::forgotten_before_ms() const {
  const auto age_ms = static_cast<std::uint64_t>(milliseconds{limits_.record_age_max}.count());
  return now_ms() - std::min(now_ms(), age_ms);
}

Result<> ContainerTable::forget_old_keys() {
  WriteBatch batch;
  FLYWHEEL_TRY_VOID(store_.forget_idempotency(batch, forgotten_before_ms(), forgotten_at_once));
  return batch.empty() ? Result<>{} : store_.write(batch);
}

Result<std::size_t> ContainerTable::forget_old() {
  std::vector<std::pair<ContainerId, ContainerState>> old;
  const std::uint64_t before_ms = forgotten_before_ms();
  {
    const std::lock_guard lock{mutex};
    std::size_t excess =
        known_.size() > limits_.record_count_max ? known_.size() - limits_.record_count_max : 0;
    for (const auto& [id, state] : known_) {
      if (old.size() == forgotten_at_once) break;
      if (excess == 0 && id.created_ms() >= before_ms) break;
      if (!is_ended(state)) continue;
      old.emplace_back(id, state);
      excess -= excess > 0 ? 1 : 0;
    }
  }
  WriteBatch batch;
  for (const auto& [id, state] : old) FLYWHEEL_TRY_VOID(store_.forget(batch, id));
  if (batch.empty()) return 0;
  FLYWHEEL_TRY_VOID(store_.write(batch));
  const std::lock_guard lock{mutex};
  for (const auto& [id, state] : old)
    if (known_.erase(id) > 0) gauge(state).add(-1);
  return old.size();
}

}  // namespace flywheel
