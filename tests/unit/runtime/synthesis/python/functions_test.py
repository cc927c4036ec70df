"""Which functions are fit, how a body is taken out, mutants, normalised trees, copies."""
import ast
import pathlib
import tempfile
import unittest

import support  # noqa: F401
import functions
import leaks
import mutants
import neighbours

SOURCE = '''import os
import sys as system


def fit(values, least):  # a comment
    """Doc."""
    # why
    total = 0
    for each in values:
        if each > least and each != 7:
            total += each * 2
    return total


def undocumented(values, least):
    total = 0
    for each in values:
        if each > least:
            total += each * 3 + least - 1
    return total


def typed(values: list, least: int) -> int:
    total = 0
    for each in values:
        if each > least:
            total += each
    return total * 2 + least * 5 - 1


def short(a):
    """Doc."""
    return a


def reads(path, mode):
    """Doc."""
    with open(path, mode) as file:
        lines = file.readlines()
        return [line.strip() for line in lines if line.strip()]


def asks_system(name, other):
    """Doc."""
    names = [name, other, name + other, other + name]
    found = [system.intern(each) for each in names if each]
    return sorted(found, key=len)


class Thing(dict):
    def method(self, a, b=(1, 2)):
        """Doc."""
        result = [a, b, a, b, a]
        for each in b:
            result.append(each)
        return result

    def parent(self, a, b):
        """Doc."""
        for each in (a, b):
            self.seen = each
        return super().get(a, b) or self.seen or a
'''


def function(name, source=SOURCE):
    return next(each for each in functions.functions_of(source) if each.qualname == name)


class Functions(unittest.TestCase):
    def test_each_rule_names_its_reason(self):
        reasons = {each.qualname: each.reason for each in functions.functions_of(SOURCE)}
        self.assertEqual(reasons, {
            "fit": "", "typed": "", "Thing.method": "", "undocumented": "neither documented nor typed",
            "short": "shorter than 4 lines", "reads": "input, output or outside state",
            "asks_system": "input, output or outside state", "Thing.parent": "refers to its class by super()"})

    def test_the_length_has_two_borders(self):
        def of_length(lines):
            body = "".join(f"    a = a + {n} * b - {n}\n" for n in range(lines - 1))
            return f'def f(a, b):\n    """Doc."""\n{body}'
        self.assertEqual(function("f", of_length(3)).reason, "shorter than 4 lines")
        self.assertEqual(function("f", of_length(4)).reason, "")
        self.assertEqual(function("f", of_length(120)).reason, "")
        self.assertEqual(function("f", of_length(121)).reason, "longer than 120 lines")

    def test_a_body_goes_with_its_comments_and_comes_back(self):
        node = function("fit").node
        blanked = functions.with_body(SOURCE, node, functions.STUB)
        self.assertNotIn("# why", blanked)
        self.assertIn('    """Doc."""\n    raise NotImplementedError', blanked)
        self.assertEqual(len(functions.functions_of(blanked)), len(functions.functions_of(SOURCE)))
        before, body, after = functions.split_body(SOURCE, node)
        self.assertEqual(before + body + after, SOURCE)
        self.assertTrue(body.startswith("    # why\n"))

    def test_a_copy_with_other_names_has_the_same_tree(self):
        node = function("fit").node
        renamed = SOURCE.replace("total", "s").replace("each", "item").replace('"""Doc."""', '"""Other."""')
        other = SOURCE.replace("each * 2", "each * 3")
        self.assertEqual(functions.normal_hash(node), functions.normal_hash(function("fit", renamed).node))
        self.assertNotEqual(functions.normal_hash(node), functions.normal_hash(function("fit", other).node))

    def test_mutants_differ_from_the_body_and_from_each_other_and_are_code(self):
        node = function("fit").node
        made = mutants.mutants_of(node, 16, "seed")
        bodies = {body for _, body in made}
        self.assertGreaterEqual(len(made), 10)
        self.assertEqual(len(bodies), len(made))
        self.assertNotIn(ast.unparse(ast.Module(functions.body_of(node), [])), bodies)
        for _, body in made:
            ast.parse(functions.with_body(SOURCE, node, body))
        self.assertEqual(made, mutants.mutants_of(node, 16, "seed"))
        self.assertLessEqual({"comparison", "number", "result", "statement", "and-or"}, {kind for kind, _ in made})

    def test_neighbours_keep_the_arguments_number_and_are_new(self):
        text = '[[[1,2,3],{"$":"tuple","v":["a",1.5]}],{"$":"dict","v":[["least",4]]}]'
        made = neighbours.neighbours_of([text], "seed")
        self.assertGreater(len(made), 5)
        self.assertEqual(len(set(made) | {text}), len(made) + 1)
        for each in made:
            positional, keywords = ast.literal_eval(each)
            self.assertEqual((len(positional), len(keywords["v"])), (2, 1))


class Leaks(unittest.TestCase):
    def scan(self, **files):
        """What the scan says of `fit` in a tree with these files beside its own."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "repository")
            root.mkdir()
            (root / "own.py").write_text(SOURCE)
            for name, text in files.items():
                (root / name.replace("__", ".")).write_text(text)
            target = function("fit")
            body = functions.split_body(SOURCE, target.node)[1]
            request = {"root": str(root), "top": folder, "targets": [
                {"path": "own.py", "qualname": "fit", "line": target.code_line, "body": body,
                 "tokens": functions.tokens_of(body), "normal_hash": functions.normal_hash(target.node)}]}
            return leaks.work(request)["reports"][0]

    def test_the_body_itself_is_no_copy(self):
        report = self.scan(other__py="def f(values):\n    return sum(values)\n")
        self.assertFalse(report["leaks"], report)

    def test_copies_are_found_wherever_they_are(self):
        body = functions.split_body(SOURCE, function("fit").node)[1]
        renamed = SOURCE.replace("total", "s").replace("each", "item").replace("values", "given")
        for name, text in {"copy__py": SOURCE, "page__rst": "Example::\n\n" + body, "renamed__py": renamed,
                           "notes": "So: " + " ".join(body.split())}.items():
            with self.subTest(name=name):
                self.assertTrue(self.scan(**{name: text})["leaks"])

    def test_byte_code_without_its_source_is_found(self):
        import marshal
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "gone.pyc")
            path.write_bytes(b"\0" * 16 + marshal.dumps(compile(SOURCE, "gone.py", "exec")))
            scan = leaks.Scan([])
            body = type("Body", (), {})()
            node = function("fit")
            body.code = next(each.co_code for each in leaks.codes_within(compile(SOURCE, "own.py", "exec"))
                             if each.co_qualname == node.qualname)
            body.same = ""
            scan.bodies = [body]
            scan.byte_code(str(path))
            self.assertEqual(body.same, str(path))


if __name__ == "__main__":
    unittest.main()
