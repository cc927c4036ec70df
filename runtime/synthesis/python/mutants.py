"""Small wrong versions of a function's body: each differs in one place."""
import ast
import copy
import random

import functions

COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
               ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
             ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
             ast.LShift: ast.RShift, ast.RShift: ast.LShift}


def changes_at(node):
    """(kind, change) of a node: `change` alters the node, or returns what stands in its place."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield "comparison", lambda n: n.ops.__setitem__(0, COMPARISONS[type(n.ops[0])]())
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in OPERATORS:
        yield "operator", lambda n: setattr(n, "op", OPERATORS[type(n.op)]())
    if isinstance(node, ast.BoolOp):
        yield "and-or", lambda n: setattr(n, "op", ast.Or() if isinstance(n.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", lambda n: n.operand
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield "number", lambda n: setattr(n, "value", n.value + 1)
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "truth value", lambda n: setattr(n, "value", not n.value)
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield "condition", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
    if isinstance(node, ast.Return) and node.value is not None:
        yield "result", lambda n: setattr(n, "value", ast.Constant(None))
    if isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign)):
        yield "statement", lambda n: ast.Pass()
    if isinstance(node, (ast.Break, ast.Continue)):
        yield "jump", lambda n: ast.Continue() if isinstance(n, ast.Break) else ast.Break()


class Replace(ast.NodeTransformer):
    def __init__(self, place, kind):
        self.place, self.kind, self.count = place, kind, -1

    def visit(self, node):
        self.count += 1
        if self.count == self.place:
            change = dict(changes_at(node))[self.kind]
            replaced = change(node)
            return node if replaced is None or not isinstance(replaced, ast.AST) else ast.copy_location(replaced, node)
        return self.generic_visit(node)


def places_of(body):
    """(place, kind) of every mutation of the statements, in the order of Replace."""
    found, count = [], -1

    class Visit(ast.NodeTransformer):
        def visit(self, node):
            nonlocal count
            count += 1
            found.extend((count, kind) for kind, _ in changes_at(node))
            return self.generic_visit(node)

    Visit().visit(ast.Module(copy.deepcopy(body), []))
    return found


def mutants_of(node, count_max, seed):
    """[(kind, body text)], at most count_max, spread over kinds, the same for the same seed."""
    body = functions.body_of(node)
    original = ast.unparse(ast.Module(body, []))
    places = places_of(body)
    random.Random(seed).shuffle(places)
    by_kind = {}
    for place, kind in places:
        by_kind.setdefault(kind, []).append((place, kind))
    order = [row[n] for n in range(len(places)) for row in by_kind.values() if n < len(row)]
    made, seen = [], {original}
    for place, kind in order:
        module = Replace(place, kind).visit(ast.Module(copy.deepcopy(body), []))
        text = ast.unparse(ast.fix_missing_locations(module))
        if text not in seen:
            seen.add(text)
            made.append((kind, text))
        if len(made) == count_max:
            break
    return made
