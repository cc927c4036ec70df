"""Finds the functions of a repository that make tasks, with the tests that call them and their inputs.

Every candidate's code is exchanged for the same code with one more statement in front, which notes
the running test and writes down the arguments; then the stable tests run once.
"""
import ast
import builtins
import gc
import hashlib
import pathlib
import types

import exchange
import functions
import neighbours
import suite
import values

INPUTS_MAX, INPUTS_PER_TEST_MAX, ATTEMPTS_MAX, INPUT_TEXT_MAX = 40, 10, 400, 6000
TESTS_MAX, OTHERS_MAX = 12, 6
NOT_PACKAGE = ("test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks", "scripts",
               "setup.py", "conftest.py", "tools", "ci_tools", "tasks.py", "noxfile.py", "changelog.d")


def package_files(root):
    for path in sorted(pathlib.Path(root).rglob("*.py")):
        parts = path.relative_to(root).parts
        if not any(part in NOT_PACKAGE or part.startswith("test_") or part.endswith("_test.py") for part in parts):
            yield path


def module_name(root, path):
    for base in suite.import_paths(root):
        if path.is_relative_to(base):
            parts = path.relative_to(base).with_suffix("").parts
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise ValueError(path)


def codes_within(code):
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from codes_within(each)


def functions_by_code():
    """(file, qualified name, first line) -> the living function objects."""
    found = {}
    for each in gc.get_objects():
        if type(each) is types.FunctionType:
            code = each.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(each)
    return found


class Tracer:
    """What the statement in front of each candidate calls."""

    def __init__(self, count):
        self.test = ""
        self.tests = [{} for _ in range(count)]    # of each candidate: test -> calls
        self.inputs = [{} for _ in range(count)]   # hash -> [text, test]
        self.attempts = [0] * count
        self.unwritable = [{} for _ in range(count)]
        self.busy = False

    def enter(self, number, arguments):
        if self.busy or not self.test:
            return
        calls = self.tests[number]
        calls[self.test] = calls.get(self.test, 0) + 1
        kept = self.inputs[number]
        if len(kept) >= INPUTS_MAX or self.attempts[number] >= ATTEMPTS_MAX or calls[self.test] > INPUTS_PER_TEST_MAX * 4:
            return
        if sum(1 for _, test in kept.values() if test == self.test) >= INPUTS_PER_TEST_MAX:
            return
        self.attempts[number] += 1
        self.busy = True  # writing an argument may call candidates
        try:
            text = values.dump(values.Writer(False).write(arguments))
            if len(text) <= INPUT_TEXT_MAX:
                kept.setdefault(hashlib.sha256(text.encode()).hexdigest()[:16], [text, self.test])
        except Exception as error:  # a class of the repository may raise whatever it likes
            reasons = self.unwritable[number]
            reasons[str(error)[:60]] = reasons.get(str(error)[:60], 0) + 1
        finally:
            self.busy = False


def trace_statement(number, node):
    """__flywheel_enter__(number, ((positional...), {keywords...})): the arguments as a call would give them."""
    arguments = node.args
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    items = ", ".join(positional + ([f"*{arguments.vararg.arg}"] if arguments.vararg else []))
    keywords = [f"{each.arg!r}: {each.arg}" for each in arguments.kwonlyargs]
    keywords += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return ast.parse(f"__flywheel_enter__({number}, [[{items}], {{{', '.join(keywords)}}}])").body[0]


def instrument(path, text, numbered, living):
    """Exchanges the code of every candidate of one file; returns the reasons of those it can't."""
    tree = ast.parse(text)
    wanted = {(each.qualname, each.code_line): number for number, each in numbered}
    for parent in [tree, *[each for each in tree.body if isinstance(each, ast.ClassDef)]]:
        for node in parent.body:
            if not isinstance(node, ast.FunctionDef):
                continue
            name = f"{parent.name}.{node.name}" if isinstance(parent, ast.ClassDef) else node.name
            number = wanted.get((name, min([node.lineno, *[d.lineno for d in node.decorator_list]])))
            if number is not None:
                statement = ast.fix_missing_locations(ast.copy_location(trace_statement(number, node), node.body[0]))
                node.body.insert(len(node.body) - len(functions.body_of(node)), statement)
    made = {(each.co_qualname, each.co_firstlineno): each for each in codes_within(compile(tree, str(path), "exec"))}
    reasons = {}
    for number, each in numbered:
        objects = living.get((str(path), each.qualname, each.code_line), [])
        code = made.get((each.qualname, each.code_line))
        if not objects or code is None:
            reasons[number] = "not loaded by the tests"
        elif any(len(found.__code__.co_freevars) != len(code.co_freevars) for found in objects):
            reasons[number] = "closure"
        else:
            for found in objects:
                found.__code__ = code
    return reasons


def find_candidates(root):
    """All functions of the package's files: (path, module, function, text)."""
    found = []
    for path in package_files(root):
        try:
            text = path.read_text(encoding="utf-8")
            for each in functions.functions_of(text):
                found.append((path, module_name(root, path), each, text))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
    return found


def describe(root, path, module, each, text, tests):
    node = each.node
    before, body, _ = functions.split_body(text, node)
    lines = text.split("\n")
    signature = "\n".join(lines[node.lineno - 1:functions.signature_end(lines, node)]).strip()
    own = [each.arg for each in (*node.args.posonlyargs, *node.args.args) if each.arg not in ("self", "cls")]
    return {"first_parameter": own[0] if own else "None",
            "path": str(path.relative_to(root)), "module": module, "qualname": each.qualname,
            "line": each.code_line, "span": [node.lineno, node.end_lineno], "signature": signature,
            "doc": ast.get_docstring(node) or "", "body": body, "indent": functions.indent_of(node),
            "before_lines": before.count("\n"), "normal_hash": functions.normal_hash(node), "tests": tests,
            "complexity": functions.complexity_of(node), "tokens": functions.tokens_of(body)}


def choose_tests(covering, seconds):
    """The quickest of the tests that call the function."""
    return sorted(sorted(covering, key=lambda name: (seconds[name], name))[:TESTS_MAX])


def choose_others(chosen, covering, seconds):
    """Quick tests of the same files that do not call the function: they must not notice the blank."""
    files = {name.split("::")[0] for name in chosen}
    others = [name for name in seconds if name not in covering and name.split("::")[0] in files]
    return sorted(sorted(others, key=lambda name: (seconds[name], name))[:OTHERS_MAX])


def work(request):
    root = request["root"]
    suite.prepare(root, request["site"])
    tests = suite.Suite(root)
    seconds = request["tests"]  # stable test -> its duration
    names = [name for name in seconds if name in tests.tests]
    found = find_candidates(root)
    fit = [number for number, each in enumerate(found) if not each[2].reason]
    tracer = Tracer(len(found))
    builtins.__flywheel_enter__ = tracer.enter
    living = functions_by_code()
    for path in {found[number][0] for number in fit}:
        numbered = [(number, found[number][2]) for number in fit if found[number][0] == path]
        text = found[numbered[0][0]][3]
        for number, reason in instrument(path, text, numbered, living).items():
            found[number][2].reason = reason

    def before(name):
        tracer.test = name

    with suite.quiet():
        tests.run(names, lambda *_: None, before)
    tracer.test = ""
    candidates, rejected = [], []
    for number, (path, module, each, text) in enumerate(found):
        covering = tracer.tests[number]
        reason = each.reason or ("covered by fewer than 2 tests" if len(covering) < 2 else "") \
            or ("no input that can be written" if len(tracer.inputs[number]) < 3 else "")
        if reason:
            rejected.append([f"{path.relative_to(root)}:{each.qualname}", reason])
            continue
        entry = describe(root, path, module, each, text, choose_tests(covering, seconds))
        traced = [text for text, _ in tracer.inputs[number].values()]
        entry["inputs"] = traced + neighbours.neighbours_of(traced, entry["normal_hash"])
        entry["traced_count"] = len(traced)
        entry["covering_count"] = len(covering)
        entry["seconds"] = round(sum(seconds[name] for name in entry["tests"]), 3)
        entry["others"] = choose_others(entry["tests"], covering, seconds)
        candidates.append(entry)
    return {"candidates": candidates, "rejected": rejected}


if __name__ == "__main__":
    exchange.serve(work)
