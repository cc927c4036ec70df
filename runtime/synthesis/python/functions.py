"""The functions of a source file: which are fit to be cut out, and what they look like without a body."""
import ast
import dataclasses
import hashlib
import io
import re
import tokenize

LINES_MIN, LINES_MAX, TOKENS_MIN = 4, 120, 24
STUB = 'raise NotImplementedError("write this function")'
IO_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}
IO_MODULES = {"os", "sys", "subprocess", "socket", "shutil", "tempfile", "urllib", "requests", "logging", "time",
              "random", "threading", "multiprocessing", "warnings", "inspect", "importlib", "signal", "gc", "secrets",
              "uuid", "pathlib", "io", "traceback", "linecache", "pickle", "asyncio", "ctypes", "webbrowser"}
IO_METHODS = {"today", "now", "utcnow", "write", "read", "readline", "readlines", "flush", "savefig"}


@dataclasses.dataclass
class Function:
    qualname: str
    node: ast.FunctionDef
    parent: str          # the class, or ""
    first_line: int      # of its def, not of its decorators
    code_line: int       # co_firstlineno: of its first decorator
    reason: str = ""     # why it is not fit; empty = fit


def body_of(node):
    """The statements after the docstring."""
    first = node.body[0]
    is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return node.body[1:] if is_doc else node.body


def is_typed(node):
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    own = [each for each in arguments if each.arg not in ("self", "cls")]
    return node.returns is not None and all(each.annotation for each in own)


def root_name(node):
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def does_io(node, io_names):
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id in io_names:
            return True
        if isinstance(each, (ast.Import, ast.ImportFrom)):
            names = [each.module or ""] if isinstance(each, ast.ImportFrom) else [a.name for a in each.names]
            if any(name.split(".")[0] in IO_MODULES for name in names):
                return True
        if isinstance(each, ast.Call):
            function = each.func
            if isinstance(function, ast.Name) and function.id in IO_CALLS:
                return True
            if isinstance(function, ast.Attribute) and function.attr in IO_METHODS:
                return True
    return False


def io_names_of(tree):
    """Names in the file that stand for a module of IO_MODULES or something out of one."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(a.asname or a.name).split(".")[0] for a in node.names if a.name.split(".")[0] in IO_MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in IO_MODULES and not node.level:
            names |= {a.asname or a.name for a in node.names}
    return names - {"maxsize", "StringIO"}


def tokens_of(text):
    """Tokens as the leak scan sees them: words and single marks, without comments and space."""
    return re.findall(r"\w+|[^\w\s]", re.sub(r"(?m)^\s*#.*$", "", text))


def complexity_of(node):
    """Decisions plus one (McCabe)."""
    count = 1
    for each in ast.walk(node):
        if isinstance(each, (ast.If, ast.For, ast.While, ast.IfExp, ast.ExceptHandler, ast.With, ast.Assert)):
            count += 1
        elif isinstance(each, ast.BoolOp):
            count += len(each.values) - 1
        elif isinstance(each, ast.comprehension):
            count += 1 + len(each.ifs)
    return count


def uses_class_cell(node):
    return any(isinstance(each, ast.Name) and each.id in ("super", "__class__") for each in ast.walk(node))


def reason_against(function, lines, io_names):
    node = function.node
    decorators = {root_name(each) if not isinstance(each, ast.Attribute) else each.attr
                  for each in node.decorator_list}
    body = body_of(node)
    if not body:
        return "no body"
    text = "\n".join(lines[body[0].lineno - 1:node.end_lineno])
    length = node.end_lineno - function.first_line + 1
    length -= (body[0].lineno - node.body[0].lineno) if body is not node.body else 0
    if decorators & {"overload", "abstractmethod"}:
        return "no body of its own"
    if node.name in ("__new__", "__del__", "__init_subclass__", "__getattr__", "__getattribute__", "__setattr__"):
        return "called by the language itself"
    if length < LINES_MIN:
        return "shorter than 4 lines"
    if length > LINES_MAX:
        return "longer than 120 lines"
    if len(tokens_of(text)) < TOKENS_MIN:
        return "trivial body"
    if not (ast.get_docstring(node) or is_typed(node)):
        return "neither documented nor typed"
    if does_io(node, io_names):
        return "input, output or outside state"
    if uses_class_cell(node):
        return "refers to its class by super()"
    if body[0].lineno == node.lineno:
        return "body on the line of its def"
    return ""


def functions_of(text):
    """Functions at the top of the file and in its top classes, in order, each fit or with a reason."""
    tree = ast.parse(text)
    lines = text.split("\n")
    io_names = io_names_of(tree)
    generated = re.search(r"(?i)^#.*(auto-?generated|generated by)", text[:2000], re.MULTILINE)
    found = []
    pairs = [("", each) for each in tree.body]
    for each in tree.body:
        if isinstance(each, ast.ClassDef):
            pairs += [(each.name, inner) for inner in each.body]
    for parent, node in pairs:
        if isinstance(node, ast.AsyncFunctionDef):
            continue
        if not isinstance(node, ast.FunctionDef):
            continue
        first = min([node.lineno, *[each.lineno for each in node.decorator_list]])
        function = Function(f"{parent}.{node.name}" if parent else node.name, node, parent, node.lineno, first)
        function.reason = "generated file" if generated else reason_against(function, lines, io_names)
        found.append(function)
    names = [each.qualname for each in found]
    for each in found:
        if names.count(each.qualname) > 1 and not each.reason:
            each.reason = "defined more than once"
    return found


def split_body(text, node):
    """(before, body, after): `before` ends with the signature and docstring, `after` begins on the next line."""
    lines = text.split("\n")
    body = body_of(node)
    start = node.body[0].end_lineno if body is not node.body else signature_end(lines, node)
    return ("\n".join(lines[:start]) + "\n", "\n".join(lines[start:node.end_lineno]) + "\n",
            "\n".join(lines[node.end_lineno:]))


def signature_end(lines, node):
    """The line on which the signature's colon stands: comments between it and the body belong to the body."""
    depth, text = 0, "\n".join(lines[node.lineno - 1:node.end_lineno]) + "\n"
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.OP:
            depth += token.string in "([{"
            depth -= token.string in ")]}"
            if token.string == ":" and depth == 0:
                return node.lineno - 1 + token.end[0]
    raise ValueError("a def without a colon")


def indent_of(node):
    return " " * body_of(node)[0].col_offset


def with_body(text, node, body):
    """The file with other statements (indented as at column 0) in place of the body."""
    before, _, after = split_body(text, node)
    indent = indent_of(node)
    indented = "".join(indent + line + "\n" if line.strip() else "\n" for line in body.rstrip("\n").split("\n"))
    return before + indented + after


class Normaliser(ast.NodeTransformer):
    """Local names become numbers, docstrings go: what a renamed copy still shares."""

    def __init__(self):
        self.names = {}

    def number(self, name):
        return f"v{self.names.setdefault(name, len(self.names))}"

    def visit_Name(self, node):
        return ast.copy_location(ast.Name(self.number(node.id), node.ctx), node)

    def visit_arg(self, node):
        return ast.copy_location(ast.arg(self.number(node.arg), None), node)


def normal_hash(node):
    """Equal for bodies that differ in local names, layout, comments and docstrings only."""
    module = ast.parse(ast.unparse(ast.Module(body_of(node), [])))
    return hashlib.sha256(ast.dump(Normaliser().visit(module)).encode()).hexdigest()[:32]
