// Typed, time-ordered 128-bit ids: one id space for everything that is ever referred to.
//
// Layout (big-endian order is time order): 48 bits of milliseconds since 1970, 16 bits of kind,
// 64 bits that tell ids of one millisecond apart. Text: `run_` + 26 digits of Crockford's base 32,
// for example `run_06DW2A8Q5C0M40000000000000`.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace flywheel {

// The numbers are on disk: append, never reuse.
enum class IdKind : std::uint16_t {
  run = 1,
  task = 2,
  rollout = 3,
  turn = 4,
  message = 5,
  vote = 6,
  label = 7,
  dataset_version = 8,
  checkpoint = 9,
  container = 10,
  user = 11,
  conversation = 12,
  evaluation = 13,
  wait = 14,
  proposal = 15,
};

std::string_view prefix_of(IdKind kind);

// Any id, its kind known only at run time: what lineage edges join.
struct AnyId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  IdKind kind() const { return static_cast<IdKind>(high & 0xffff); }
  std::uint64_t created_ms() const { return high >> 16; }
  bool is_nil() const { return high == 0 && low == 0; }
  auto operator<=>(const AnyId&) const = default;

  std::array<unsigned char, 16> bytes() const;  // big-endian: sorts as the id does
  static AnyId from_bytes(const unsigned char* sixteen);
};

std::string to_string(const AnyId& id);
Result<AnyId> parse_any_id(std::string_view text);

template <IdKind Kind>
struct Id : AnyId {
  static constexpr IdKind kind_of = Kind;

  auto operator<=>(const Id&) const = default;
};

using RunId = Id<IdKind::run>;
using TaskId = Id<IdKind::task>;
using RolloutId = Id<IdKind::rollout>;
using TurnId = Id<IdKind::turn>;
using VoteId = Id<IdKind::vote>;
using DatasetVersionId = Id<IdKind::dataset_version>;
using CheckpointId = Id<IdKind::checkpoint>;
using UserId = Id<IdKind::user>;
using ConversationId = Id<IdKind::conversation>;
using EvaluationId = Id<IdKind::evaluation>;

// A new id: the clock's time and 64 random bits.
AnyId make_any_id(IdKind kind, const Clock& clock);
template <class IdType>
IdType make_id(const Clock& clock) {
  return IdType{make_any_id(IdType::kind_of, clock)};
}

// The id of a part of something that has an id: a function of its arguments alone, so that a run
// resumed from its seed names its rollouts and tasks as it did before. Sorts by index within a
// parent.
AnyId derive_any_id(IdKind kind, const AnyId& parent, std::uint64_t index);
template <class IdType>
IdType derive_id(const AnyId& parent, std::uint64_t index) {
  return IdType{derive_any_id(IdType::kind_of, parent, index)};
}

template <class IdType>
Result<IdType> parse_id(std::string_view text) {
  auto id = parse_any_id(text);
  if (!id) return fail(std::move(id.error()));
  if (id->kind() != IdType::kind_of)
    return fail(Failure::invalid_input, "'" + std::string{text} + "' is not the id of a " +
                                            std::string{prefix_of(IdType::kind_of)});
  return IdType{*id};
}

}  // namespace flywheel

template <>
struct std::hash<flywheel::AnyId> {
  std::size_t operator()(const flywheel::AnyId& id) const noexcept {
    return static_cast<std::size_t>(id.high * 0x9e3779b97f4a7c15ULL ^ id.low);
  }
};
template <flywheel::IdKind Kind>
struct std::hash<flywheel::Id<Kind>> : std::hash<flywheel::AnyId> {};
