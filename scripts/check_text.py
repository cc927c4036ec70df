#!/usr/bin/env python3
"""Text rules: columns, tabs, leftovers, lengths, machine paths, dead files.

check_text.py [ROOT]. Each failure is one line: file, line, rule, what to do.
"""
import ast
import fnmatch
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_files  # noqa: E402

COLUMNS_MAX, SCRIPT_COLUMNS_MAX, FILE_MAX, TEST_MAX, HEADER_MAX, FUNCTION_MAX = 100, 130, 420, 600, 140, 70
CODE = (".cpp", ".hpp", ".py", ".cmake", ".yaml", ".sh")
DATA = (".json", ".jsonl", ".svg", ".png", ".gguf", ".safetensors", ".bin", ".txt", ".md", ".csv",
        ".html", ".js", ".css", ".gz", ".ico", ".woff2")
# The folder for work and the home inside a container are the same on every machine.
CONTAINER_PATHS = ("runtime/sandbox/", "tests/unit/runtime/sandbox/", "tests/system/sandbox/")
LEFTOVER = re.compile(r"\b(FIX" r"ME|TO" r"DO|XX" r"X)\b")
MACHINE = re.compile(r"(?<![\w.])/(work|root|home)/\w|--(extra-)?index" r"-url|trusted" r"-host")
CONTROL = re.compile(r"^\s*(\}\s*)?(if|else|for|while|switch|do|try|catch|namespace|class|struct"
                     r"|enum|union|extern|return|TEST_SUITE|=)\b")


def is_code(name, text):
    if name.endswith(DATA):
        return False
    return name.endswith((*CODE, "CMakeLists.txt")) or text.startswith("#!")


def check_lines(name, text):
    failures = []
    code = is_code(name, text) or name.endswith("CMakeLists.txt")
    # clang-format keeps C++ in 100 columns; nothing folds scripts, and lists of cases are data.
    columns_max = COLUMNS_MAX if name.endswith((".cpp", ".hpp")) else SCRIPT_COLUMNS_MAX
    for number, line in enumerate(text.split("\n"), start=1):
        if code and len(line) > columns_max and not name.endswith("_cases.py"):
            failures.append(f"{name}:{number}: columns: {len(line)} characters, at most "
                            f"{columns_max}")
        if code and "\t" in line:
            failures.append(f"{name}:{number}: tabs: use spaces")
        if code and line != line.rstrip():
            failures.append(f"{name}:{number}: trailing space: drop it")
        if (code or name.endswith(".md")) and LEFTOVER.search(line):
            failures.append(f"{name}:{number}: leftovers: file an issue instead")
        is_text = code or name.endswith((".md", ".txt"))
        if is_text and MACHINE.search(line) and not name.startswith(CONTAINER_PATHS):
            failures.append(f"{name}:{number}: machine paths: name no path or host of a machine")
    if code and text and not text.endswith("\n"):
        failures.append(f"{name}:{text.count(chr(10)) + 1}: last line: end it with a line feed")
    return failures


def check_lengths(name, text):
    lines = text.count("\n")
    failures = []
    if name.endswith(".hpp"):
        # Kernels live in headers to be inlined, and x_body.hpp is included once an instruction set:
        # both are sources by another name.
        is_source = name.endswith("_body.hpp") or "/kernels/" in name
        most = FILE_MAX if is_source or name.startswith("tests/") else HEADER_MAX
        if lines > most:
            failures.append(f"{name}:{lines}: header length: {lines} lines, at most {most}")
        if not text.startswith("//"):
            failures.append(f"{name}:1: purpose: a header opens with a comment that says what it "
                            "is for")
        if "#pragma once" not in text and not name.endswith("_body.hpp"):
            failures.append(f"{name}:1: include guard: #pragma once is missing")
    elif is_code(name, text):
        most = TEST_MAX if name.startswith("tests/") else FILE_MAX
        if lines > most:
            failures.append(f"{name}:{lines}: file length: {lines} lines, at most {most}")
    return failures


def opens_function(head):
    """Whether the code before a brace is the head of a function (or of a test case)."""
    head = head.strip()
    if CONTROL.match(head) or "(" not in head or head.endswith(("=", ",", "(", "return")):
        return False
    head = re.sub(r"\b(const|noexcept|override|final|mutable)\b|->[\w:<>,&*\s]+$", "", head).strip()
    return head.endswith(")") or re.search(r"\)\s*:\s*[\w:]+[({]", head) is not None


def cpp_functions(text):
    """(first line, last line) of every outermost function body of C++ code."""
    code = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  check_files.code_of(text), flags=re.MULTILINE)
    line, head_start, head, depth, inside = 1, 1, "", 0, None
    initialisers = 0  # open braces that follow a name at once: member{value}
    for character in code:
        if character == "\n":
            line += 1
        if inside is None and character == "{" and (initialisers or re.search(r"\w$", head)):
            initialisers += 1
        elif inside is None and character == "}" and initialisers:
            initialisers -= 1
        elif character == "{":
            if inside is None and opens_function(head):
                inside = (head_start, depth)
            depth += 1
            head = ""
        elif character == "}":
            depth -= 1
            head = ""
            if inside is not None and depth == inside[1]:
                yield inside[0], line
                inside = None
        elif character == ";":
            head = ""
        else:
            if not head.strip() and not character.isspace():
                head_start = line
            head += character


def check_functions(name, text):
    if name.endswith((".cpp", ".hpp")):
        spans = list(cpp_functions(text))
    elif name.endswith(".py"):
        try:
            nodes = ast.walk(ast.parse(text))
        except SyntaxError as error:
            return [f"{name}:{error.lineno}: syntax: {error.msg}"]
        spans = [(n.lineno, n.end_lineno) for n in nodes if isinstance(n, ast.FunctionDef)]
    else:
        return []
    return [f"{name}:{first}: function length: {last - first + 1} lines, at most {FUNCTION_MAX}"
            for first, last in spans if last - first + 1 > FUNCTION_MAX]


def is_built(name, cmake_files):
    """Whether a CMakeLists.txt of the file's folder or above takes the file."""
    path = pathlib.PurePosixPath(name)
    for folder in path.parents:
        text = cmake_files.get(str(folder / "CMakeLists.txt"))
        if text is None:
            continue
        relative = str(path.relative_to(folder))
        own = folder == path.parent
        words = re.findall(r"[^\s()\"]+", re.sub(r"#[^\n]*", "", text))
        words = [re.sub(r"^\$\{[A-Z_]+\}/", "", word) for word in words]
        if any(word == relative or ("*" in word and fnmatch.fnmatch(relative, word))
               for word in words):
            return True
        if own and path.name.endswith("_test.cpp") and "flywheel_tests(" in text:
            return True
        if own and re.search(r"flywheel_library\(\s*\w+\s+LINKS", text):
            return True
    return False


def check_dead(texts):
    """Sources that no CMakeLists.txt builds, headers that nothing includes."""
    cmake_files = {n: t for n, t in texts.items() if n.endswith("CMakeLists.txt")}
    included = set()
    for name, text in texts.items():
        folder = pathlib.PurePosixPath(name).parent
        for target in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.MULTILINE):
            included.update((target, str(folder / target)))
    failures = []
    for name in texts:
        if name.endswith(".cpp") and not is_built(name, cmake_files):
            failures.append(f"{name}:1: dead file: no CMakeLists.txt builds it")
        if name.endswith(".hpp") and name not in included:
            failures.append(f"{name}:1: dead file: nothing includes it")
    return failures


def check(root):
    texts = {}
    for name in check_files.tracked(root):
        data = (pathlib.Path(root) / name).read_bytes()
        if b"\0" not in data[:8000]:
            texts[name] = data.decode(errors="replace")
    failures = []
    for name, text in texts.items():
        failures += check_lines(name, text) + check_lengths(name, text)
        failures += check_functions(name, text)
    return failures + check_dead(texts)


if __name__ == "__main__":
    check_files.end(check(check_files.root_of(sys.argv)))
