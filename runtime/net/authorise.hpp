// authorise() is the one place that says who may do what to which object.
//
//   connection ──authenticate──▶ Principal ──authorise(principal, verb, object)──▶ yes, or one line
//   why not
//
// Guarantees: a table of verbs x objects x roles (authorise.cpp), nothing outside it; what the
// table
//             does not grant is refused; the audit log can be changed by nobody. The server asks
//             for every route before the handler runs; a handler asks again with the object's owner
//             once it knows it.
// Threads:    pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace flywheel {

// local is a peer on the unix socket with our own user id, or root: it may do what operators may.
enum class AccessRole : std::uint8_t {
  anonymous = 0,
  tester = 1,
  annotator = 2,
  researcher = 3,
  operator_ = 4,
  local = 5,
};

// control: start, cancel, pause, promote, roll back. extract: take out in bulk (exports,
// downloads).
enum class Verb : std::uint8_t { list, read, create, update, remove, control, extract };

enum class ObjectKind : std::uint8_t {
  run,
  wait,
  metric,
  report,
  checkpoint,
  channel,  // which checkpoint people are served
  proposal,
  dataset,
  conversation,
  vote,
  file,
  container,
  annotation_task,
  label,
  guideline,
  token,
  node,
  audit_log,
  workspace,
};

inline constexpr std::array all_access_roles{AccessRole::anonymous, AccessRole::tester,
                                             AccessRole::annotator, AccessRole::researcher,
                                             AccessRole::operator_, AccessRole::local};
inline constexpr std::array all_verbs{Verb::list,   Verb::read,    Verb::create, Verb::update,
                                      Verb::remove, Verb::control, Verb::extract};
inline constexpr std::size_t object_kind_count = 19;

const char* to_string(AccessRole role);
const char* to_string(Verb verb);
const char* to_string(ObjectKind kind);
Result<AccessRole> parse_access_role(std::string_view text);

// Who asks. Two tokens of the same name are the same person.
struct Principal {
  std::string name{};
  AccessRole role = AccessRole::anonymous;
};

// What is asked for: an item with its owner (a principal's name; empty where it belongs to nobody),
// or the collection it lies in, for listing, creating, and where the owner is not known yet.
struct Object {
  ObjectKind kind = ObjectKind::run;
  bool is_collection = true;
  std::string owner{};

  static Object collection(ObjectKind kind) { return {kind, true, {}}; }
  static Object item(ObjectKind kind, std::string owner) { return {kind, false, std::move(owner)}; }
};

// permission_denied names the role and the roles that would do.
Result<> authorise(const Principal& principal, Verb verb, const Object& object);

}  // namespace flywheel
