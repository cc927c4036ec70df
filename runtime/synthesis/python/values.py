"""Python values as JSON trees: what golden pairs are written in, and the judge compares.

What JSON has (None, bool, int, finite float, str, list) stands for itself; everything else is an
object whose key "$" names its kind. `canonical` puts what has no order (sets, dictionaries, graphs)
into one order, for outcomes; inputs keep theirs. What can't be written raises Unwritable.
"""
import base64
import copy
import copyreg
import functools
import importlib
import itertools
import json
import math
import types

import lambdas

NODES_MAX, DEPTH_MAX, ITEMS_MAX, TEXT_MAX = 2000, 24, 64, 8000
INT_BITS_MAX = 1 << 14
ITERATORS = tuple(type(each) for each in (
    iter([]), iter(()), iter(""), iter(b""), iter(range(0)), iter({}), iter({}.values()), iter({}.items()),
    iter(set()), reversed([]), iter(range(1 << 70))))


class Unwritable(Exception):
    """The value has no faithful text."""


def dump(tree):
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def resolve(reference):
    """module:qualified.name to the object."""
    module_name, _, path = reference.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module_name))


def reference_of(value):
    module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module is None and isinstance(value, types.BuiltinFunctionType):
        module = "builtins"
    if not isinstance(module, str) or not isinstance(path, str) or "<" in path or module == "__main__":
        raise Unwritable(f"no reference to {type(value).__name__}")
    last = module.split(".")[-1]
    if last.startswith("test") or last.endswith(("_test", "_tests", "conftest")) or ".tests." in module:
        raise Unwritable("defined by a test")
    try:
        found = resolve(f"{module}:{path}")
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not value:
        raise Unwritable(f"{module}:{path} is another object")
    return f"{module}:{path}"


class Writer:
    def __init__(self, canonical):
        self.canonical = canonical
        self.nodes = 0
        self.open = []  # ids of the containers that are being written: a cycle is refused

    def write(self, value):
        self.nodes += 1
        if self.nodes > NODES_MAX or len(self.open) > DEPTH_MAX:
            raise Unwritable("too large")
        kind = type(value)
        plain = PLAIN.get(kind)
        if plain:
            return plain(value)
        if id(value) in self.open:
            raise Unwritable("refers to itself")
        self.open.append(id(value))
        try:
            return self.write_container(kind, value)
        finally:
            self.open.pop()

    def write_all(self, values):
        return [self.write(each) for each in values]

    def ordered(self, trees):
        return sorted(trees, key=dump) if self.canonical else trees

    def write_container(self, kind, value):
        if kind is list:
            return self.write_all(value)
        if kind is tuple:
            return {"$": "tuple", "v": self.write_all(value)}
        if kind in (set, frozenset):
            return {"$": kind.__name__, "v": sorted(self.write_all(value), key=dump)}
        if kind is dict:
            return {"$": "dict", "v": self.write_pairs(value)}
        if isinstance(value, type):
            return {"$": "ref", "v": reference_of(value)}
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            return self.write_function(value)
        if isinstance(value, types.ModuleType):
            return {"$": "module", "v": value.__name__}
        if hasattr(kind, "__next__"):
            return self.write_iterator(kind, value)
        if is_graph(value):
            return self.write_graph(value)
        return self.write_object(value)

    def write_pairs(self, mapping):
        return self.ordered([[self.write(key), self.write(item)] for key, item in mapping.items()])

    def write_function(self, value):
        if getattr(value, "__self__", None) is not None and not isinstance(value.__self__, types.ModuleType):
            raise Unwritable("bound method")
        try:
            return {"$": "ref", "v": reference_of(value)}
        except Unwritable:
            source = lambdas.source_of(value)
            if source is None:
                raise
            return {"$": "function", "v": source}

    def write_iterator(self, kind, value):
        if self.canonical:  # an outcome: using it up harms nobody
            items = list(itertools.islice(value, ITEMS_MAX + 1))
            tree = {"$": "iterator", "v": self.write_all(items[:ITEMS_MAX])}
            return {**tree, "more": True} if len(items) > ITEMS_MAX else tree
        if kind not in ITERATORS:
            raise Unwritable("an iterator that can't be copied")
        items = list(itertools.islice(copy.copy(value), ITEMS_MAX * 4 + 1))
        if len(items) > ITEMS_MAX * 4:
            raise Unwritable("too large")
        return {"$": "iterator", "v": self.write_all(items)}

    def write_graph(self, graph):
        directed, multiple = graph.is_directed(), graph.is_multigraph()
        edges = []
        for edge in graph.edges(keys=True, data=True) if multiple else graph.edges(data=True):
            ends = self.write_all(edge[:2])
            if self.canonical and not directed:
                ends.sort(key=dump)
            edges.append([*ends, *self.write_all(edge[2:])])
        nodes = [[self.write(node), self.write(data)] for node, data in graph.nodes(data=True)]
        return {"$": "graph", "class": reference_of(type(graph)), "graph": self.write(graph.graph),
                "nodes": self.ordered(nodes), "edges": self.ordered(edges)}

    def write_object(self, value):
        try:
            reduced = value.__reduce_ex__(2)
        except Exception as error:  # whatever a class does when it is asked
            raise Unwritable(f"{type(value).__name__} can't be taken apart: {error}") from error
        if isinstance(reduced, str):
            return {"$": "ref", "v": reference_of(value)}
        function, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if function is copyreg.__newobj__:
            tree = {"$": "new", "class": reference_of(arguments[0]), "args": self.write_all(arguments[1:])}
        else:
            tree = {"$": "call", "f": reference_of(function), "args": self.write_all(arguments)}
        if state is not None:
            tree["state"] = self.write(state)
        if items is not None:
            tree["items"] = self.write_all(items)
        if pairs is not None:
            tree["pairs"] = self.ordered([self.write_all(pair) for pair in pairs])
        return tree


def is_graph(value):
    return type(value).__module__.startswith("networkx.classes.") and hasattr(value, "is_multigraph") \
        and type(value).__name__ in ("Graph", "DiGraph", "MultiGraph", "MultiDiGraph")


def write_int(value):
    if value.bit_length() > INT_BITS_MAX:
        raise Unwritable("too large")
    return value if -(1 << 53) < value < (1 << 53) else {"$": "int", "v": hex(value)}


def write_float(value):
    return value if math.isfinite(value) else {"$": "float", "v": repr(value)}


def write_text(value):
    if len(value) > TEXT_MAX:
        raise Unwritable("too large")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Unwritable("not UTF-8") from error
    return value


def write_bytes(kind):
    def write(value):
        if len(value) > TEXT_MAX:
            raise Unwritable("too large")
        return {"$": kind, "v": base64.b64encode(bytes(value)).decode()}
    return write


PLAIN = {
    type(None): lambda value: None, bool: lambda value: value, int: write_int, float: write_float,
    str: write_text, bytes: write_bytes("bytes"), bytearray: write_bytes("bytearray"),
    complex: lambda value: {"$": "complex", "v": [write_float(value.real), write_float(value.imag)]},
    range: lambda value: {"$": "range", "v": [write_int(each) for each in (value.start, value.stop, value.step)]},
    slice: lambda value: {"$": "slice", "v": [Writer(False).write(each)
                                              for each in (value.start, value.stop, value.step)]},
    type(Ellipsis): lambda value: {"$": "ref", "v": "builtins:Ellipsis"},
    type(NotImplemented): lambda value: {"$": "ref", "v": "builtins:NotImplemented"},
}


def write(value, canonical=False):
    try:
        return Writer(canonical).write(value)
    except (RecursionError, RuntimeError, TypeError, AttributeError, ValueError, KeyError) as error:
        raise Unwritable(f"{type(value).__name__}: {error}") from error


def read_graph(tree):
    graph = resolve(tree["class"])()
    graph.graph.update(read(tree["graph"]))
    for node, data in tree["nodes"]:
        graph.add_node(read(node), **read(data))
    for edge in tree["edges"]:
        first, second, *key, data = [read(each) for each in edge]
        graph.add_edge(first, second, *key)
        (graph[first][second][key[0]] if key else graph[first][second]).update(data)
    return graph


def read_object(tree):
    arguments = [read(each) for each in tree["args"]]
    if tree["$"] == "new":
        kind = resolve(tree["class"])
        value = kind.__new__(kind, *arguments)
    else:
        value = resolve(tree["f"])(*arguments)
    for item in tree.get("items", ()):
        value.append(read(item))
    for key, item in tree.get("pairs", ()):
        value[read(key)] = read(item)
    if "state" in tree:
        set_state(value, read(tree["state"]))
    return value


def set_state(value, state):
    if hasattr(value, "__setstate__"):
        value.__setstate__(state)
        return
    slots = {}
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        value.__dict__.update(state)
    for name, item in (slots or {}).items():
        object.__setattr__(value, name, item)


READERS = {
    "tuple": lambda tree: tuple(read(each) for each in tree["v"]),
    "set": lambda tree: {read(each) for each in tree["v"]},
    "frozenset": lambda tree: frozenset(read(each) for each in tree["v"]),
    "dict": lambda tree: {read(key): read(item) for key, item in tree["v"]},
    "int": lambda tree: int(tree["v"], 16),
    "float": lambda tree: float(tree["v"]),
    "complex": lambda tree: complex(*[read(each) for each in tree["v"]]),
    "bytes": lambda tree: base64.b64decode(tree["v"]),
    "bytearray": lambda tree: bytearray(base64.b64decode(tree["v"])),
    "range": lambda tree: range(*[read(each) for each in tree["v"]]),
    "slice": lambda tree: slice(*[read(each) for each in tree["v"]]),
    "ref": lambda tree: resolve(tree["v"]),
    "module": lambda tree: importlib.import_module(tree["v"]),
    "function": lambda tree: lambdas.function_of(tree["v"]),
    "iterator": lambda tree: iter([read(each) for each in tree["v"]]),
    "graph": read_graph,
    "new": read_object,
    "call": read_object,
}


def read(tree):
    if isinstance(tree, list):
        return [read(each) for each in tree]
    if isinstance(tree, dict):
        return READERS[tree["$"]](tree)
    return tree
