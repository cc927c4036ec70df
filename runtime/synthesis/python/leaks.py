"""Looks for copies of cut-out bodies in everything that a solver's container shows.

A copy is a file with at least half of a body's 12-grams of tokens, or with a function whose
normalised syntax tree is the body's. Every text of the repository is read closely, archives too; of
the rest of the root what holds the function's name after a `def`, or one of the body's longest lines.
Byte code whose source is gone is compared by its instructions.
"""
import ast
import marshal
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import types
import zipfile

import admit
import exchange
import functions

GRAM, SHARE_MAX, FILE_BYTES_MAX = 12, 0.5, 4 << 20
SKIPPED = ("/proc", "/sys", "/dev", os.path.dirname(os.path.abspath(__file__)), *map(os.path.abspath, sys.argv[1:2]))
WORD = re.compile(r"[A-Za-z_]\w{2,}")


def grams_of(tokens):
    size = min(GRAM, len(tokens))
    return {hash(tuple(tokens[n:n + size])) for n in range(len(tokens) - size + 1)}


class Body:
    def __init__(self, root, target):
        self.path, self.key = os.path.join(root, target["path"]), (target["qualname"], target["line"])
        self.grams = grams_of(target["tokens"])
        self.words = frozenset(each for each in target["tokens"] if WORD.fullmatch(each))
        self.normal_hash = target["normal_hash"]
        text = pathlib.Path(self.path).read_text(encoding="utf-8")
        node = next(each.node for each in functions.functions_of(text) if (each.qualname, each.code_line) == self.key)
        self.def_line, self.shape = node.lineno, shape_of(node)
        self.blanked = functions.with_body(text, node, functions.STUB)
        self.fixed_words = fixed_words_of(node)
        lines = sorted({line.strip() for line in target["body"].split("\n")}, key=lambda line: (-len(line), line))
        self.anchors = [line for line in lines[:3] if len(line) >= 16]
        code = compile(text, self.path, "exec")
        self.code = next((each.co_code for each in codes_within(code)
                          if (each.co_qualname, each.co_firstlineno) == self.key), b"")
        self.share, self.where, self.same = 0.0, "", ""

    def compare(self, path, grams):
        share = len(self.grams & grams) / len(self.grams)
        if share > self.share:
            self.share, self.where = share, path


def codes_within(code):
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from codes_within(each)


def fixed_words_of(node):
    """Words that a copy with other local names still has."""
    body = ast.Module(functions.body_of(node), [])
    return frozenset(each.attr for each in ast.walk(body) if isinstance(each, ast.Attribute) and WORD.fullmatch(each.attr))


def read_text(path):
    try:
        if os.path.getsize(path) > FILE_BYTES_MAX:
            return None
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    return None if b"\0" in data[:8192] else data.decode(errors="replace")


def shape_of(node):
    """Equal for equal trees, and quick: the kinds of the body's statements, and of those within them."""
    body = functions.body_of(node)
    return tuple((type(each).__name__, len(getattr(each, "body", ()))) for each in body)


def functions_by_shape(text):
    """Shape -> nodes of all functions with that shape."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and functions.body_of(node):
            found.setdefault(shape_of(node), []).append(node)
    return found


class Scan:
    def __init__(self, bodies):
        self.bodies = bodies
        self.words = frozenset().union(*[each.words | each.fixed_words for each in bodies])
        self.file_count = self.byte_count = 0

    def text(self, path, text, is_python):
        """Compares one text with every body it could hold."""
        self.file_count, self.byte_count = self.file_count + 1, self.byte_count + len(text)
        words = self.words.intersection(WORD.findall(text))
        likely = [each for each in self.bodies if each.path != path
                  and len(each.words & words) >= len(each.words) * SHARE_MAX]
        if likely:
            grams = grams_of(functions.tokens_of(text))
            for each in likely:
                each.compare(path, grams)
        for each in self.bodies:
            if each.path == path:
                each.compare(path, grams_of(functions.tokens_of(each.blanked)))
        if is_python:
            self.trees(path, text, [each for each in self.bodies if each.fixed_words <= words])

    def trees(self, path, text, bodies):
        if not bodies or "def " not in text:
            return
        found, hashes = functions_by_shape(text), {}
        for each in bodies:
            for node in found.get(each.shape, ()):
                if each.same or (path, node.lineno) == (each.path, each.def_line):
                    continue
                if node not in hashes:
                    hashes[node] = functions.normal_hash(node)
                if hashes[node] == each.normal_hash:
                    each.same = f"{path}:{node.lineno}"

    def byte_code(self, path):
        """Only where the source is gone: else the source was compared."""
        folder, name = os.path.split(path)
        source = os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py") \
            if os.path.basename(folder) == "__pycache__" else path[:-1]
        if os.path.exists(source):
            return
        try:
            with open(path, "rb") as file:
                code = marshal.loads(file.read()[16:])
        except (OSError, ValueError, EOFError, TypeError):
            return
        codes = {each.co_code for each in codes_within(code)}
        for each in self.bodies:
            if each.code in codes:
                each.same = each.same or path

    def archive(self, path):
        try:
            for name, size, _, open_member in admit.members(path):
                if size <= FILE_BYTES_MAX:
                    with open_member() as file:
                        self.text(f"{path}!{name}", file.read().decode(errors="replace"), name.endswith(".py"))
        except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, RuntimeError):
            return


def files_of(top):
    for folder, folders, names in os.walk(top):
        folders[:] = [each for each in folders if os.path.join(folder, each) not in SKIPPED]
        for name in names:
            path = os.path.join(folder, name)
            if path not in SKIPPED and os.path.isfile(path) and not os.path.islink(path):
                yield path


def files_with_signs(top, bodies):
    """Texts that hold a line `def NAME(` of a body's name, or one of its longest lines."""
    signs = sorted({line for each in bodies for line in each.anchors}
                   | {f"def {each.key[0].rpartition('.')[2]}(" for each in bodies})
    folders = [os.path.join(top, each) for each in sorted(os.listdir(top))]
    folders = [each for each in folders if each not in SKIPPED and not os.path.islink(each)]
    result = subprocess.run(["grep", "-rlFIs", "-f", "-", *folders], input="\n".join(signs), capture_output=True,
                            text=True, errors="replace", check=False)
    return [path for path in result.stdout.split("\n") if path and path not in SKIPPED
            and not path.startswith(tuple(each + "/" for each in SKIPPED))]


def work(request):
    root = request["root"]
    bodies = [Body(root, each) for each in request["targets"]]
    scan = Scan(bodies)
    seen = set()
    for path in files_of(request["top"]):
        if path.endswith(".pyc"):
            scan.byte_code(path)
        elif path.startswith(root + "/") and path.endswith((".zip", ".whl", ".egg", ".tar", ".tgz", ".gz", ".bz2", ".xz")):
            scan.archive(path)
        elif path.startswith(root + "/"):
            text = read_text(path)
            if text is not None:
                seen.add(path)
                scan.text(path, text, path.endswith((".py", ".pyi")))
    for path in files_with_signs(request["top"], bodies):
        text = read_text(path) if path not in seen else None
        if text is not None:
            scan.text(path, text, path.endswith((".py", ".pyi")))
    return {"files": scan.file_count, "bytes": scan.byte_count,
            "reports": [{"share": round(each.share, 3), "where": each.where, "same": each.same,
                         "leaks": each.share >= SHARE_MAX or bool(each.same)} for each in bodies]}


if __name__ == "__main__":
    exchange.serve(work)
