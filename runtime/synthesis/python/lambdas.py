"""Small functions as text: a test's `lambda x: x % 2` becomes an input that anybody can read.

Only functions that need nothing but their arguments and builtins are written.
"""
import ast
import builtins
import functools
import linecache
import types


@functools.lru_cache(maxsize=256)
def functions_of_file(path):
    """Line number -> the lambda and def nodes that begin there."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except SyntaxError:
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Lambda, ast.FunctionDef)):
            found.setdefault(node.lineno, []).append(node)
    return found


def needs_only_builtins(node):
    arguments = node.args
    own = {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
                                 *filter(None, (arguments.vararg, arguments.kwarg)))}
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    own |= {each.id for each in names if isinstance(each.ctx, ast.Store)} | {getattr(node, "name", "")}
    return all(each.id in own or hasattr(builtins, each.id) for each in names)


def function_of(source):
    space = {"__builtins__": builtins}
    if source.startswith("lambda"):
        return eval(source, space)
    exec(source, space)
    return next(each for name, each in space.items() if name != "__builtins__")


def source_of(function):
    """The text of the function, or None where it can't stand alone."""
    if not isinstance(function, types.FunctionType) or function.__closure__ or function.__defaults__:
        return None
    code = function.__code__
    same = []
    for node in functions_of_file(code.co_filename).get(code.co_firstlineno, ()):
        if getattr(node, "decorator_list", None) or not needs_only_builtins(node):
            continue
        source = ast.unparse(node)
        try:
            made = function_of(source).__code__
        except Exception:  # a node that can't stand alone
            continue
        if (made.co_code, made.co_names, made.co_varnames) == (code.co_code, code.co_names, code.co_varnames) \
                and [c for c in made.co_consts if not isinstance(c, types.CodeType)] \
                == [c for c in code.co_consts if not isinstance(c, types.CodeType)]:
            same.append(source)
    return same[0] if len(set(same)) == 1 else None
