// ContainerStore keeps what a container service must know after a restart: its containers, the
// commands that each was given with their results, and the idempotency keys it has answered.
//
// Guarantees: what is put is there after kill -9 of the process at once, and after a power failure
//             once a later synced write has returned (see GroupCommit).
// Threads:    any number.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/container_state.hpp"
#include "runtime/base/hash.hpp"
#include "runtime/base/json.hpp"
#include "storage/key_value_store.hpp"

namespace flywheel {

struct ContainerRecord {
  ContainerId id{};
  std::string name{};
  std::string owner{};  // a principal's name
  ContainerState state = ContainerState::creating;
  std::string reason{};        // of an end: a short name, for example idle or deleted
  std::string message{};       // the same in a sentence
  std::int32_t exit_code = 0;  // of the main command, where the state is exited
  std::int32_t signal = 0;
  std::uint64_t created_ms = 0;
  std::uint64_t active_ms = 0;
  std::uint64_t ended_ms = 0;    // 0 = it has not
  std::uint64_t expires_ms = 0;  // 0 = never
  std::uint64_t idle_ms = 0;     // ends after so long without a request; 0 = never
  Json spec = Json::object();    // image, limits, metadata, ... as they were asked for
};

// One entry of a container's trajectory: what was asked for and what came of it.
struct CommandRecord {
  std::uint64_t started_ms = 0;
  std::string kind{};  // exec, session_run, put_file, ...
  Json request = Json::object();
  Json result = Json::object();  // output bounded by the request
};

struct IdempotencyRecord {
  Hash128 request{};  // of the body that came with the key
  std::uint64_t created_ms = 0;
  std::vector<ContainerId> containers{};
};

// `size_bytes`: what the entry takes in the store. Returns false to stop the visit.
using CommandVisitor =
    std::function<bool(std::uint64_t number, std::size_t size_bytes, CommandRecord)>;

class ContainerStore {
 public:
  explicit ContainerStore(KeyValueStore& store) : store_(store) {}

  // Adds to a batch, for one write with others.
  static void put(WriteBatch& batch, const ContainerRecord& record);
  static void put_command(WriteBatch& batch, ContainerId id, std::uint64_t number,
                          const CommandRecord& command);
  static void put_idempotency(WriteBatch& batch, std::string_view owner, std::string_view key,
                              const IdempotencyRecord& record);

  Result<> write(const WriteBatch& batch) { return store_.write(batch, Durability::buffered); }

  Result<ContainerRecord> container(ContainerId id) const;  // not_found
  // Visits in time order; false stops.
  Result<> visit(const std::function<bool(ContainerRecord)>& take) const;

  Result<std::vector<CommandRecord>> commands(ContainerId id, std::uint64_t from,
                                              std::size_t count_max) const;
  Result<> visit_commands(ContainerId id, std::uint64_t from, const CommandVisitor& take) const;
  Result<std::uint64_t> command_count(ContainerId id) const;  // one more than the last number
  Result<> visit_command_numbers(ContainerId id,
                                 const std::function<bool(std::uint64_t)>& take) const;

  Result<IdempotencyRecord> idempotency(std::string_view owner, std::string_view key) const;

  // Adds to a batch: an ended container and its commands go, and keys from before `before_ms`.
  Result<> forget(WriteBatch& batch, ContainerId id) const;
  Result<> forget_idempotency(WriteBatch& batch, std::uint64_t before_ms,
                              std::size_t count_max) const;

 private:
  KeyValueStore& store_;
};

// Whether the bytes under such a key decode: for check_record().
Result<> check_container_record(std::string_view key, std::string_view value);

}  // namespace flywheel
