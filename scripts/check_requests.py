#!/usr/bin/env python3
"""The request lint: every wait between actors goes through ask() of runtime/system/request.hpp and
has a deadline, every wait for a lock's condition has one too, and no message hands CAF a raw
floating-point number.

check_requests.py [ROOT]. Each failure is one line: file, line, rule, what to do.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_files  # noqa: E402

FOLDERS = ("actors/", "runtime/system/")
HELPERS = ("runtime/system/request.",)  # the one place that may call CAF's request

RULES = [
    (re.compile(r"(->|\.)\s*(template\s+)?request\s*(<[^;()]*>)?\s*\("), "requests",
     "ask another actor through ask() of runtime/system/request.hpp"),
    (re.compile(r"\binfinite\b"), "deadlines", "every wait has a finite deadline"),
    (re.compile(r"(->|\.)\s*(do_)?receive(_while|_for)?\s*\("), "blocking",
     "an actor handles messages in its behaviour and never blocks to receive"),
    (re.compile(r"\b\w*future\w*\s*\.\s*(wait|get)\s*\(\s*\)"), "deadlines",
     "wait_for a deadline before get()"),
    (re.compile(r"(replies_to|reacts_to|with)\s*<[^;]*?\b(float|double)\b[^;]*?>"), "raw numbers",
     "a protocol carries message structs, never a bare float or double"),
]
# std::condition_variable, by its lock or by its name; wait_for and wait_until are not meant.
CONDITION_FOLDERS = ("actors/", "runtime/", "storage/")
CONDITION_WAIT = re.compile(r"(\.|->)\s*wait\s*\(\s*\w*lock"
                            r"|\b\w*(condition|changed|wakeup|ready)_?\w*\s*\.\s*wait\s*\(")
# Waits that end by what another thread guarantees: file, and who sees to it.
ENDED_BY_OTHERS = {
    "runtime/sandbox/exec_core.cpp": "the loop's timer ends every command, or costs its container",
}
FLOATING = re.compile(r"\b(float|double)\b")
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*(?:final\s*)?(?::[^;{]*)?\{")
FIELD = re.compile(r"^\s*([\w:<>,\s*&]+?)\s+(\w+(?:\s*=[^,;]*|\s*\{[^;]*\})?"
                   r"(?:\s*,\s*\w+(?:\s*=[^,;]*|\s*\{[^;]*\})?)*)\s*$", re.DOTALL)
INSPECT = re.compile(r"\binspect\s*\(\s*\w+\s*&\s*(\w+)\s*,\s*(?:const\s+)?([\w:]+)\s*&\s*(\w+)"
                     r"\s*\)\s*\{")


def body_after(code, start):
    """The code between the brace at `start - 1` and its match."""
    depth, position = 1, start
    while position < len(code) and depth > 0:
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        position += 1
    return code[start:position - 1]


def floating_fields(code):
    """{struct: names of its fields whose type holds a float or a double}."""
    found = {}
    for match in STRUCT.finditer(code):
        names = found.setdefault(match[1], set())
        body = body_after(code, match.end())
        depth, statement = 0, ""
        for character in body:
            depth += {"{": 1, "}": -1, "(": 1, ")": -1}.get(character, 0)
            if character == ";" and depth == 0:
                field = FIELD.match(statement)
                if field and FLOATING.search(field[1]):
                    for declared in re.split(r",(?![^{]*\})", field[2]):
                        names.add(re.match(r"\s*(\w+)", declared)[1])
                statement = ""
            else:
                statement += character
    return found


def arguments_of(code, start):
    """The top-level arguments of the call whose parenthesis ends at `start`, with their places."""
    depth, argument, begun = 0, "", start
    for position in range(start, len(code)):
        character = code[position]
        if depth == 0 and character in ",)":
            yield begun, argument.strip()
            if character == ")":
                return
            argument, begun = "", position + 1
            continue
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(character, 0)
        argument += character


LOCAL = re.compile(r"\b(?:std::vector<\s*)?(?:float|double)(?:\s*>)?\s*&?\s+(\w+)\s*[;={(]")


def check_inspects(name, code, fields):
    failures = []
    for match in INSPECT.finditer(code):
        inspector, type_name, variable = match[1], match[2].split("::")[-1], match[3]
        body = body_after(code, match.end())
        raw = {f"{variable}.{field}" for field in fields.get(type_name, ())}
        raw.update(LOCAL.findall(body))
        for call in re.finditer(rf"(?<![\w.]){inspector}\s*\(", body):
            for begun, argument in arguments_of(body, call.end()):
                if argument in raw:
                    start = match.end() + begun + 1
                    line = code.count("\n", 0, code.index(argument, start - 1)) + 1
                    failures.append(f"{name}:{line}: raw numbers: {argument} of {type_name} is "
                                    "floating point; pass as_bits() or as_raw() of it "
                                    "(runtime/system/wire.hpp)")
    return failures


def is_bounded_shutdown(name, code, start):
    """A thread outside the actor system may wait for actors to end, for a stated time."""
    arguments = [argument for _, argument in arguments_of(code, start)]
    return name.startswith("runtime/system/") and any("after(" in a for a in arguments)


def check_conditions(name, code):
    if not name.startswith(CONDITION_FOLDERS) or name in ENDED_BY_OTHERS:
        return []
    return [f"{name}:{code.count(chr(10), 0, match.start()) + 1}: deadlines: "
            "use wait_for or wait_until with a deadline"
            for match in CONDITION_WAIT.finditer(code)]


def check(root):
    codes = {n: check_files.code_of(t) for n, t in check_files.sources(root)}
    fields = {}
    for code in codes.values():
        for struct, names in floating_fields(code).items():
            fields.setdefault(struct, set()).update(names)
    failures = []
    for name, code in codes.items():
        failures += check_conditions(name, code)
        if not name.startswith(FOLDERS):
            continue
        if not name.startswith(HELPERS):
            for pattern, rule, remedy in RULES:
                for match in pattern.finditer(code):
                    if rule == "blocking" and is_bounded_shutdown(name, code, match.end()):
                        continue
                    line = code.count("\n", 0, match.start()) + 1
                    failures.append(f"{name}:{line}: {rule}: {remedy}")
        failures += check_inspects(name, code, fields)
    return failures


if __name__ == "__main__":
    check_files.end(check(check_files.root_of(sys.argv)))
