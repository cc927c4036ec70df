// Keys of everything that is stored: a byte for the kind of record, then ids and numbers in
// big-endian order, so that a prefix is a parent and byte order is time order. FORMAT.md lists
// them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/id.hpp"

namespace flywheel {

// First byte of a key, and of the record under it. The numbers are on disk: append, never reuse.
enum class RecordKind : std::uint8_t {
  run = 0x10,
  rollout_plan = 0x11,
  rollout_progress = 0x12,
  transcript = 0x13,
  verdict = 0x14,
  step = 0x15,
  run_event = 0x16,
  dataset_version = 0x20,
  dataset_task = 0x21,
  conversation = 0x30,
  conversation_turn = 0x31,
  vote = 0x32,
  vote_on_conversation = 0x33,
  checkpoint = 0x40,
  snapshot = 0x41,
  metric_point = 0x50,
  metric_name = 0x51,
  edge_forward = 0x60,
  edge_backward = 0x61,
  container = 0x70,
  container_command = 0x71,
  idempotency_key = 0x72,
};

const char* to_string(RecordKind kind);  // "unknown" for a number that this version does not know

std::string kind_key(RecordKind kind);
std::string id_key(RecordKind kind, const AnyId& id);
std::string number_key(RecordKind kind, const AnyId& id, std::uint64_t number);
std::string pair_key(RecordKind kind, const AnyId& first, const AnyId& second);

// What the keys of all rollouts of a run begin with: their ids differ in the last four bytes only.
std::string rollouts_key(RecordKind kind, RunId run);

// The metric's points: number_key after its name, which a zero byte ends.
std::string metric_name_key(RecordKind kind, RunId run, std::string_view name);
std::string metric_point_key(RunId run, std::string_view name, std::uint64_t step);

// Reading a key back; `offset` counts bytes after the kind. A key that is too short gives nil or 0.
RecordKind kind_of_key(std::string_view key);
AnyId id_in_key(std::string_view key, std::size_t offset = 0);
std::uint64_t number_in_key(std::string_view key, std::size_t offset);

// For errors and findings: the kind, the ids and the numbers of a key as text.
std::string describe_key(std::string_view key);

// The least key after all that begin with `prefix`; empty where there is none.
std::string after_prefix(std::string_view prefix);

}  // namespace flywheel
