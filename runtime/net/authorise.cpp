#include "runtime/net/authorise.hpp"

#include "runtime/base/check.hpp"

namespace flywheel {

namespace {

// What a role may do to an object, one letter a verb in the order of `Verb`:
// list, read, create, update, remove, control, extract. A: any; o: one's own; -: none.
struct Row {
  ObjectKind kind;
  std::string_view tester;
  std::string_view annotator;
  std::string_view researcher;
  std::string_view operator_;
};

constexpr Row rows[] = {
    {ObjectKind::run, "-------", "-------", "AAA--AA", "AAAAAAA"},
    {ObjectKind::wait, "-------", "-------", "AA-----", "AA---A-"},
    {ObjectKind::metric, "-------", "-------", "AAA---A", "AAA-A-A"},
    {ObjectKind::report, "-------", "-------", "AAAo--A", "AAAAA-A"},
    {ObjectKind::checkpoint, "AA-----", "-------", "AAA---A", "AAAAA-A"},
    {ObjectKind::channel, "AA-----", "-------", "AA-----", "AAAAAA-"},
    {ObjectKind::proposal, "-------", "-------", "AAAAo--", "AAAAA--"},
    {ObjectKind::dataset, "-------", "-------", "AAAAo-A", "AAAAAAA"},
    {ObjectKind::conversation, "ooooooo", "-------", "ooooooo", "AAAAAAA"},
    {ObjectKind::vote, "ooooo--", "-------", "AAooo-A", "AAAAA-A"},
    {ObjectKind::file, "ooo-o-o", "-------", "ooo-o-o", "AAA-A-A"},
    {ObjectKind::container, "-------", "-------", "ooooooo", "AAAAAAA"},
    {ObjectKind::annotation_task, "-------", "oo---o-", "AAAAAAA", "AAAAAAA"},
    {ObjectKind::label, "-------", "oooo---", "AAoo--A", "AAAAA-A"},
    {ObjectKind::guideline, "-------", "AA-----", "AAAA---", "AAAAA--"},
    {ObjectKind::token, "-------", "-------", "-------", "AAAAA--"},
    {ObjectKind::node, "-------", "-------", "AA-----", "AAAAAA-"},
    {ObjectKind::audit_log, "-------", "-------", "-------", "AA----A"},
    {ObjectKind::workspace, "-------", "-------", "AA-----", "AA-A-AA"},
};
static_assert(std::size(rows) == object_kind_count);

char grant_of(AccessRole role, Verb verb, ObjectKind kind) {
  const Row& row = rows[static_cast<std::size_t>(kind)];
  FLYWHEEL_CHECK(row.kind == kind);
  const auto position = static_cast<std::size_t>(verb);
  switch (role) {
    case AccessRole::anonymous:
      return '-';
    case AccessRole::tester:
      return row.tester[position];
    case AccessRole::annotator:
      return row.annotator[position];
    case AccessRole::researcher:
      return row.researcher[position];
    case AccessRole::operator_:
    case AccessRole::local:
      return row.operator_[position];
  }
  return '-';
}

bool is_granted(AccessRole role, Verb verb, const Object& object, std::string_view name) {
  const char grant = grant_of(role, verb, object.kind);
  if (grant == 'A') return true;
  return grant == 'o' && (object.is_collection || (!name.empty() && object.owner == name));
}

// "researcher or operator", or nothing where no role would do.
std::string sufficient_roles(Verb verb, const Object& object) {
  std::string names;
  for (const AccessRole role :
       {AccessRole::tester, AccessRole::annotator, AccessRole::researcher, AccessRole::operator_}) {
    if (!is_granted(role, verb, object, {})) continue;
    names += (names.empty() ? "" : " or ") + std::string{to_string(role)};
  }
  return names;
}

}  // namespace

const char* to_string(AccessRole role) {
  switch (role) {
    case AccessRole::anonymous:
      return "anonymous";
    case AccessRole::tester:
      return "tester";
    case AccessRole::annotator:
      return "annotator";
    case AccessRole::researcher:
      return "researcher";
    case AccessRole::operator_:
      return "operator";
    case AccessRole::local:
      return "local";
  }
  return "unknown";
}

const char* to_string(Verb verb) {
  switch (verb) {
    case Verb::list:
      return "list";
    case Verb::read:
      return "read";
    case Verb::create:
      return "create";
    case Verb::update:
      return "update";
    case Verb::remove:
      return "remove";
    case Verb::control:
      return "control";
    case Verb::extract:
      return "extract";
  }
  return "unknown";
}

const char* to_string(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::run:
      return "run";
    case ObjectKind::wait:
      return "wait";
    case ObjectKind::metric:
      return "metric";
    case ObjectKind::report:
      return "report";
    case ObjectKind::checkpoint:
      return "checkpoint";
    case ObjectKind::channel:
      return "channel";
    case ObjectKind::proposal:
      return "proposal";
    case ObjectKind::dataset:
      return "dataset";
    case ObjectKind::conversation:
      return "conversation";
    case ObjectKind::vote:
      return "vote";
    case ObjectKind::file:
      return "file";
    case ObjectKind::container:
      return "container";
    case ObjectKind::annotation_task:
      return "annotation task";
    case ObjectKind::label:
      return "label";
    case ObjectKind::guideline:
      return "guideline";
    case ObjectKind::token:
      return "token";
    case ObjectKind::node:
      return "node";
    case ObjectKind::audit_log:
      return "audit log";
    case ObjectKind::workspace:
      return "workspace";
  }
  return "unknown";
}

Result<AccessRole> parse_access_role(std::string_view text) {
  for (const AccessRole role : all_access_roles)
    if (text == to_string(role)) return role;
  return fail(
      Failure::invalid_argument,
      "'" + std::string{text} + "' is not a role: use tester, annotator, researcher or operator");
}

Result<> authorise(const Principal& principal, Verb verb, const Object& object) {
  if (is_granted(principal.role, verb, object, principal.name)) return {};
  std::string message =
      principal.role == AccessRole::anonymous
          ? "a request without a token may not "
          : "'" + principal.name + "' (" + to_string(principal.role) + ") may not ";
  message += std::string{to_string(verb)} + " this kind of object: " + to_string(object.kind);
  if (grant_of(principal.role, verb, object.kind) == 'o') message += " (only one's own)";
  const std::string roles = sufficient_roles(verb, object);
  message += roles.empty() ? "; no role may" : "; the role " + roles + " may";
  return fail(Failure::permission_denied, std::move(message));
}

}  // namespace flywheel
