#!/usr/bin/env python3
"""Writes the stubs of a new actor: new_actor.py NAME, for example new_actor.py replay_buffer.

Its messages, protocol, behaviour and test; the lines in actors/messages/messages.hpp, README's
actor table and the CHANGELOG. The stubs compile and their test passes; what is left is said.
"""
import pathlib
import re
import shutil
import subprocess
import sys

MESSAGES = '''// The conversation with the {Type}: say what is asked and what is answered.
#pragma once

#include <string>

#include <caf/meta/type_name.hpp>

namespace flywheel {{

// Asks for what the {Type} is there for.
struct Ask{Type} {{
  std::string subject{{}};
}};
struct {Type}Answer {{
  std::string text{{}};
}};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Ask{Type}& x) {{
  return f(caf::meta::type_name("Ask{Type}"), x.subject);
}}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, {Type}Answer& x) {{
  return f(caf::meta::type_name("{Type}Answer"), x.text);
}}

}}  // namespace flywheel
'''

HEADER = '''// {Type} holds, does or decides what one sentence can say.
//
//   Experiment ──Ask{Type}──▶ {Type} ──{Type}Answer──▶
//
// Guarantees: what always holds, and the bound of every queue.
// Runs on:    the shared scheduler; no handler blocks.
// If it dies: who starts it again, and what is lost.
#pragma once

#include <cstdint>

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages/messages.hpp"

namespace flywheel {{

using {Type} =
    caf::typed_actor<caf::replies_to<Ask{Type}>::with<{Type}Answer>>;  // one phrase of promise

struct {Type}Config {{
  std::uint32_t subject_size_max = 4096;  // bytes; a longer subject is refused
}};

{Type} spawn_{name}(caf::actor_system& system, {Type}Config config);

}}  // namespace flywheel
'''

SOURCE = '''#include "actors/{name}.hpp"

#include <utility>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "runtime/base/result.hpp"
#include "runtime/system/caf_failure.hpp"

namespace flywheel {{
namespace {{

struct State {{
  static inline const char* name = "{name}";

  {Type}Config config;

  Result<{Type}Answer> answer(const Ask{Type}& request) const;
}};

Result<{Type}Answer> State::answer(const Ask{Type}& request) const {{
  if (request.subject.size() > config.subject_size_max)
    return fail(Failure::invalid_argument, "the subject is longer than it may be");
  return {Type}Answer{{.text = request.subject}};
}}

{Type}::behavior_type behavior({Type}::stateful_pointer<State> self, {Type}Config config) {{
  self->state.config = config;
  return {{
      [self](const Ask{Type}& request) -> caf::result<{Type}Answer> {{
        auto answer = self->state.answer(request);
        if (!answer) return to_caf(answer.error());
        return std::move(*answer);
      }},
  }};
}}

}}  // namespace

{Type} spawn_{name}(caf::actor_system& system, {Type}Config config) {{
  return system.spawn(behavior, config);
}}

}}  // namespace flywheel
'''

TEST = '''// Asks one {Type} what it promises, and what it must refuse.
#include "actors/{name}.hpp"

#include <chrono>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <doctest/doctest.h>

namespace flywheel {{
namespace {{

struct Rig {{
  caf::actor_system_config config;
  caf::actor_system system;
  caf::scoped_actor self;

  Rig() : system(config.add_message_types<caf::id_block::flywheel>()), self(system) {{}}

  // Whether the request was answered.
  bool is_answered(const {Type}& target, Ask{Type} request) {{
    bool answered = false;
    self->request(target, std::chrono::seconds{{5}}, std::move(request))
        .receive([&](const {Type}Answer&) {{ answered = true; }}, [](const caf::error&) {{}});
    return answered;
  }}
}};

}}  // namespace

TEST_SUITE("actors/{name}") {{
  TEST_CASE("answers what it is asked") {{
    Rig lab;
    const auto {name} = spawn_{name}(lab.system, {{}});

    CHECK(lab.is_answered({name}, {{.subject = "one"}}));
  }}

  TEST_CASE("refuses a subject that is too long") {{
    Rig lab;
    const auto {name} = spawn_{name}(lab.system, {{.subject_size_max = 2}});

    CHECK(lab.is_answered({name}, {{.subject = "on"}}));
    CHECK_FALSE(lab.is_answered({name}, {{.subject = "one"}}));
  }}
}}

}}  // namespace flywheel
'''

TEST_FOLDER = "flywheel_tests(actors LABEL unit LINKS flywheel_actors)\n"


def type_of(name):
    return "".join(part.capitalize() for part in name.split("_"))


def register_messages(root, name, written):
    """The include, in its sorted place, and the type ids, appended."""
    path = root / "actors/messages/messages.hpp"
    text = path.read_text()
    include = f'#include "actors/messages/{name}.hpp"\n'
    others = [m for m in re.finditer(r'#include "actors/messages/[^"]+"\n', text)]
    after = [m for m in others if m.group() < include]
    place = after[-1].end() if after else (others[0].start() if others else None)
    if place is None or "CAF_END_TYPE_ID_BLOCK(flywheel)" not in text:
        sys.exit(f"new_actor: {path} is not as expected: it lacks message includes or type ids")
    text = text[:place] + include + text[place:]
    ids = "".join(f"  CAF_ADD_TYPE_ID(flywheel, (flywheel::{message}))\n"
                  for message in (f"Ask{type_of(name)}", f"{type_of(name)}Answer"))
    text = text.replace("CAF_END_TYPE_ID_BLOCK(flywheel)", ids + "CAF_END_TYPE_ID_BLOCK(flywheel)")
    path.write_text(text)
    written.append(path)


def add_row(root, file, pattern, row, written):
    """Adds `row` after the block of lines that `pattern` finds; nothing where the file has none."""
    path = root / file
    if not path.exists():
        return False
    text = path.read_text()
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        return False
    path.write_text(text[:match.end()] + row + text[match.end():])
    written.append(path)
    return True


def write_stubs(root, name):
    """Writes everything; returns what was written and what is left to do."""
    values = {"name": name, "Type": type_of(name)}
    stubs = {
        f"actors/messages/{name}.hpp": MESSAGES,
        f"actors/{name}.hpp": HEADER,
        f"actors/{name}.cpp": SOURCE,
        f"tests/unit/actors/{name}_test.cpp": TEST,
    }
    existing = [file for file in stubs if (root / file).exists()]
    if existing:
        sys.exit(f"new_actor: {existing[0]} exists already; choose another name")
    written = []
    register_messages(root, name, written)
    for file, stub in stubs.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(stub.format(**values))
        written.append(root / file)
    if shutil.which("clang-format"):
        subprocess.run(["clang-format", "-i", *[str(root / file) for file in stubs]], check=True)
    tests = root / "tests/unit/actors/CMakeLists.txt"
    if not tests.exists():
        tests.write_text(TEST_FOLDER)
        written.append(tests)
    left = [f"say in actors/{name}.hpp what it does, guarantees and who starts it again",
            "spawn it in actors/run_parts.cpp; its settings belong in actors/config.hpp",
            f"round-trip Ask{values['Type']} and {values['Type']}Answer in the messages test"]
    row = (f"| `{values['Type']}` | `actors/{name}.hpp` | the shared scheduler "
           "| say who starts it again |\n")
    name = values["Type"]
    table = r"^\| *[Aa]ctor *\|.*\n\|[-| :]+\|\n(?:\|.*\n)*"
    if not add_row(root, "README.md", table, row, written):
        left.append("a row in README's actor table")
    line = f"- `{name}`: say what a user sees of it.\n"
    newest = r"^## .*[Uu]nreleased.*\n(?:\n|### Added\n)*"
    if not add_row(root, "CHANGELOG.md", newest, line, written):
        left.append("a line in CHANGELOG.md")
    return written, left


def main():
    if len(sys.argv) != 2 or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", sys.argv[1]):
        sys.exit("usage: scripts/new_actor.py NAME    (a role noun in snake_case: replay_buffer)")
    root = pathlib.Path(__file__).resolve().parent.parent
    written, left = write_stubs(root, sys.argv[1])
    for path in written:
        print(f"wrote {path.relative_to(root)}")
    print("left to do:")
    for step in left:
        print(f"  - {step}")


if __name__ == "__main__":
    main()
