"""Inputs near the traced ones: one leaf of the tree is another value of its type.

They are drawn on only where the traced inputs let too many mutants live.
"""
import json
import random

import values

NEIGHBOURS_MAX, ATTEMPTS_MAX = 24, 200


def leaves(tree, path=()):
    """(path, subtree) of what may be changed: not the tags, classes and names."""
    if isinstance(tree, list):
        yield path, tree
        for place, each in enumerate(tree):
            yield from leaves(each, (*path, place))
    elif isinstance(tree, dict):
        if tree["$"] in ("tuple", "set", "iterator"):
            yield from leaves(tree["v"], (*path, "v"))
        elif tree["$"] == "dict":
            for place, (_, item) in enumerate(tree["v"]):
                yield from leaves(item, (*path, "v", place, 1))
        elif tree["$"] == "graph" and tree["edges"]:
            yield (*path, "edges"), tree["edges"]
    elif tree is not None:
        yield path, tree


def near(value, rng):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice([value + 1, value - 1, -value, 0, value * 2])
    if isinstance(value, float):
        return rng.choice([value + 1.0, -value, value / 2, 0.0])
    if isinstance(value, str):
        middle = len(value) // 2
        return rng.choice([value[:-1], value[1:], value + value[-1:], value[middle:] + value[:middle],
                           value.swapcase(), value + " "])
    middle = len(value) // 2
    return rng.choice([value[:-1], value[1:], value[::-1], value + value[-1:], value[middle:] + value[:middle]])


def changed(tree, path, value):
    if not path:
        return value
    copy = list(tree) if isinstance(tree, list) else dict(tree)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


def neighbours_of(texts, seed):
    """At most NEIGHBOURS_MAX new inputs, the same for the same seed."""
    rng = random.Random(seed)
    trees, known, made = [json.loads(each) for each in texts], set(texts), []
    for _ in range(ATTEMPTS_MAX):
        if len(made) == NEIGHBOURS_MAX:
            break
        tree = rng.choice(trees)
        # The outermost lists hold the arguments: their number stays.
        places = [each for each in leaves(tree[0], (0,)) if len(each[0]) > 1]
        places += [each for each in leaves(tree[1], (1,)) if len(each[0]) > 1]
        if not places:
            continue
        path, value = rng.choice(places)
        text = values.dump(changed(tree, path, near(value, rng)))
        if text not in known:
            known.add(text)
            made.append(text)
    return made
