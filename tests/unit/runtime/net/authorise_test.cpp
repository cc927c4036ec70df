#include "runtime/net/authorise.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace flywheel;

namespace {

// What people may do, written from their side: "any" everywhere, "own" only on what is theirs.
// An operator may do everything but what `nobody` lists.
struct Right {
  const char* role;
  const char* reach;
  ObjectKind kind;
  std::vector<Verb> verbs;
};

const std::vector<Verb> every{Verb::list,   Verb::read,    Verb::create, Verb::update,
                              Verb::remove, Verb::control, Verb::extract};

const std::vector<Right>& rights() {
  using enum Verb;
  static const std::vector<Right> all{
      {"tester", "any", ObjectKind::checkpoint, {list, read}},
      {"tester", "any", ObjectKind::channel, {list, read}},
      {"tester", "own", ObjectKind::conversation, every},
      {"tester", "own", ObjectKind::vote, {list, read, create, update, remove}},
      {"tester", "own", ObjectKind::file, {list, read, create, remove, extract}},
      {"annotator", "own", ObjectKind::annotation_task, {list, read, control}},
      {"annotator", "own", ObjectKind::label, {list, read, create, update}},
      {"annotator", "any", ObjectKind::guideline, {list, read}},
      {"researcher", "any", ObjectKind::run, {list, read, create, control, extract}},
      {"researcher", "any", ObjectKind::wait, {list, read}},
      {"researcher", "any", ObjectKind::metric, {list, read, create, extract}},
      {"researcher", "any", ObjectKind::report, {list, read, create, extract}},
      {"researcher", "own", ObjectKind::report, {update}},
      {"researcher", "any", ObjectKind::checkpoint, {list, read, create, extract}},
      {"researcher", "any", ObjectKind::channel, {list, read}},
      {"researcher", "any", ObjectKind::proposal, {list, read, create, update}},
      {"researcher", "own", ObjectKind::proposal, {remove}},
      {"researcher", "any", ObjectKind::dataset, {list, read, create, update, extract}},
      {"researcher", "own", ObjectKind::dataset, {remove}},
      {"researcher", "own", ObjectKind::conversation, every},
      {"researcher", "any", ObjectKind::vote, {list, read, extract}},
      {"researcher", "own", ObjectKind::vote, {create, update, remove}},
      {"researcher", "own", ObjectKind::file, {list, read, create, remove, extract}},
      {"researcher", "own", ObjectKind::container, every},
      {"researcher", "any", ObjectKind::annotation_task, every},
      {"researcher", "any", ObjectKind::label, {list, read, extract}},
      {"researcher", "own", ObjectKind::label, {create, update}},
      {"researcher", "any", ObjectKind::guideline, {list, read, create, update}},
      {"researcher", "any", ObjectKind::node, {list, read}},
      {"researcher", "any", ObjectKind::workspace, {list, read}},
      {"nobody", "any", ObjectKind::wait, {create, update, remove, extract}},
      {"nobody", "any", ObjectKind::metric, {update, control}},
      {"nobody", "any", ObjectKind::report, {control}},
      {"nobody", "any", ObjectKind::checkpoint, {control}},
      {"nobody", "any", ObjectKind::channel, {extract}},
      {"nobody", "any", ObjectKind::proposal, {control, extract}},
      {"nobody", "any", ObjectKind::vote, {control}},
      {"nobody", "any", ObjectKind::file, {update, control}},
      {"nobody", "any", ObjectKind::label, {control}},
      {"nobody", "any", ObjectKind::guideline, {control, extract}},
      {"nobody", "any", ObjectKind::token, {control, extract}},
      {"nobody", "any", ObjectKind::node, {extract}},
      {"nobody", "any", ObjectKind::audit_log, {create, update, remove, control}},
      {"nobody", "any", ObjectKind::workspace, {create, remove}},
  };
  return all;
}

bool has_right(const std::string& role, const std::string& reach, Verb verb, ObjectKind kind) {
  for (const Right& right : rights())
    if (role == right.role && reach == right.reach && kind == right.kind)
      for (const Verb granted : right.verbs)
        if (granted == verb) return true;
  return false;
}

bool may_any(AccessRole role, Verb verb, ObjectKind kind) {
  if (role == AccessRole::operator_ || role == AccessRole::local)
    return !has_right("nobody", "any", verb, kind);
  return has_right(to_string(role), "any", verb, kind);
}

}  // namespace

TEST_SUITE("net/authorise") {
  TEST_CASE("every role, verb and kind of object: any, one's own, another's, nobody's") {
    for (const AccessRole role : all_access_roles)
      for (const Verb verb : all_verbs)
        for (std::size_t k = 0; k < object_kind_count; ++k) {
          const auto kind = static_cast<ObjectKind>(k);
          const Principal ada{"ada", role};
          const bool any = may_any(role, verb, kind);
          const bool own = any || has_right(to_string(role), "own", verb, kind);
          const std::string what =
              std::string{to_string(role)} + " " + to_string(verb) + " " + to_string(kind);
          CAPTURE(what);
          CHECK(authorise(ada, verb, Object::item(kind, "bob")).has_value() == any);
          CHECK(authorise(ada, verb, Object::item(kind, "")).has_value() == any);
          CHECK(authorise(ada, verb, Object::item(kind, "ada")).has_value() == own);
          CHECK(authorise(ada, verb, Object::collection(kind)).has_value() == own);
        }
  }

  TEST_CASE("a person without a name owns nothing") {
    const Principal nameless{"", AccessRole::tester};
    CHECK_FALSE(authorise(nameless, Verb::read, Object::item(ObjectKind::conversation, "")));
  }

  TEST_CASE("the refusal says who, what, and which role would do") {
    const auto refused =
        authorise({"ada", AccessRole::tester}, Verb::control, Object::collection(ObjectKind::run));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().failure == Failure::permission_denied);
    CHECK(
        refused.error().message ==
        "'ada' (tester) may not control this kind of object: run; the role researcher or operator "
        "may");

    const auto never = authorise({"root", AccessRole::operator_}, Verb::update,
                                 Object::collection(ObjectKind::audit_log));
    REQUIRE_FALSE(never);
    CHECK(never.error().message.ends_with("; no role may"));
  }

  TEST_CASE("roles, verbs and kinds have names of their own, and roles are read back") {
    std::set<std::string> names;
    for (std::size_t k = 0; k < object_kind_count; ++k)
      names.insert(to_string(static_cast<ObjectKind>(k)));
    CHECK(names.size() == object_kind_count);
    CHECK_FALSE(names.contains("unknown"));
    for (const AccessRole role : all_access_roles)
      CHECK(*parse_access_role(to_string(role)) == role);
    CHECK(parse_access_role("Operator").error().failure == Failure::invalid_argument);
  }
}
