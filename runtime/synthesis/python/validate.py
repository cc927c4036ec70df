"""Proves candidates: golden pairs hold under ten hash seeds, the blank fails, mutants are noticed.

The unchanged code runs once for each hash seed in a process of its own (gold.py). Blank and mutants
are put into living functions of forked children of this process.
"""
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import exchange
import functions
import gold
import mutants
import survey

PAIRS_MIN, PAIRS_FIRST, PAIRS_MAX = 3, 6, 16
MUTANTS_MAX, MUTANT_SCORE_MIN = 16, 0.8
MUTANT_SECONDS = 1.0


def run_gold(request, seed, folder):
    """gold.py under one hash seed; None where it broke."""
    question, answer = pathlib.Path(folder, "question"), pathlib.Path(folder, f"answer_{seed}")
    question.write_text(json.dumps(request))
    script = pathlib.Path(__file__).with_name("gold.py")
    subprocess.run([sys.executable, "-S", "-s", "-B", str(script), str(question), str(answer)], check=False,
                   env={**os.environ, "PYTHONHASHSEED": str(seed)}, stdin=subprocess.DEVNULL)
    try:
        return json.loads(answer.read_text()).get("answers")
    except (OSError, ValueError):
        return None


class Code:
    """Exchanges the body of one function in this process, wherever the function object is held."""

    def __init__(self, root, candidate):
        self.path = pathlib.Path(root, candidate["path"])
        self.text = self.path.read_text(encoding="utf-8")
        self.key = (candidate["qualname"], candidate["line"])
        self.node = next(each.node for each in functions.functions_of(self.text)
                         if (each.qualname, each.code_line) == self.key)

    def compile(self, body):
        """The new code, or None where the body is no code or needs another closure."""
        try:
            code = compile(functions.with_body(self.text, self.node, body), str(self.path), "exec")
        except (SyntaxError, ValueError):
            return None
        made = [each for each in survey.codes_within(code) if (each.co_qualname, each.co_firstlineno) == self.key]
        return made[0] if len(made) == 1 and not made[0].co_freevars else None

    def put(self, code):
        for each in gc.get_objects():
            if type(each) is types.FunctionType and each.__code__.co_filename == str(self.path) \
                    and (each.__code__.co_qualname, each.__code__.co_firstlineno) == self.key:
                each.__code__ = code


def stable_pairs(candidate, answers):
    """[(input, outcome)] of the inputs that came to the same in every run, and how many were traced.

    An error out of an input that no test ever gave says little: such pairs are left out.
    """
    runs = [each["outcomes"] for each in answers]
    pairs, traced = [], 0
    for number, text in enumerate(candidate["inputs"]):
        outcomes = {run[number] if number < len(run) else None for run in runs}
        is_traced = number < candidate["traced_count"]
        if len(outcomes) == 1 and not outcomes & {None, "null"}:
            outcome = outcomes.pop()
            if is_traced or not outcome.startswith('{"raises"'):
                pairs.append((text, outcome))
                traced += is_traced
    return pairs, traced


def choose_pairs(pairs, traced, kills, by_tests):
    """Places of the pairs to keep: different outcomes first, then what kills mutants that are alive;
    pairs that no test gave only while more than a fifth of the mutants would live."""
    order, seen = [], set()
    for place, (_, outcome) in enumerate(pairs[:traced]):
        if outcome not in seen:
            seen.add(outcome)
            order.append(place)
    order += [place for place in range(traced) if place not in order]
    kept = set(order[:PAIRS_FIRST])
    for most in (traced, len(pairs)):
        for killers in kills:
            alive = sum(not (each & kept) for each in kills) - sum(by_tests)
            enough = most > traced and alive <= (1 - MUTANT_SCORE_MIN) * len(kills)
            usable = {place for place in killers if place < most}
            if usable and not killers & kept and len(kept) < PAIRS_MAX and not enough:
                kept.add(min(usable))
    return sorted(kept)


def try_mutants(tests, code, candidate, pairs, traced, seconds):
    """(kind, places of the pairs that notice it, whether a test was asked and noticed it) of each mutant."""
    results = []
    replayed = {**candidate, "inputs": [text for text, _ in pairs]}
    for kind, body in mutants.mutants_of(code.node, MUTANTS_MAX, candidate["normal_hash"]):
        made = code.compile(body)
        if made is None:
            continue
        outcomes = gold.replay(replayed, seconds, lambda made=made: code.put(made))
        killers = {place for place, (_, outcome) in enumerate(pairs)
                   if place < len(outcomes) and outcomes[place] != outcome}
        if len(outcomes) < len(pairs):
            killers.add(len(outcomes))  # it hung there; what follows is not known
        by_tests = False
        if not any(place < traced for place in killers):
            letters = tests.run_forked(candidate["tests"], MUTANT_SECONDS + candidate["seconds"] * 3,
                                       lambda made=made: code.put(made), stop_at_failure=True)
            by_tests = "f" in letters or "t" in letters
        results.append((kind, killers, by_tests))
    return results


def mutant_table(results, kept):
    table = {}
    for kind, killers, by_tests in results:
        row = table.setdefault(kind, {"made": 0, "golden": 0, "tests": 0})
        row["made"] += 1
        row["golden"] += bool(killers & set(kept))
        row["tests"] += bool(by_tests)
    return table


def prove(request, tests, candidate, answers):
    passes = sum(each is not None and set(each["letters"]) == {"p"} for each in answers)
    result = {"gold_passes": passes, "gold_runs": len(answers)}
    if passes < len(answers):
        return {**result, "rejected": "the unchanged code does not always pass"}
    pairs, traced = stable_pairs(candidate, answers)
    result["inputs_traced"] = candidate["traced_count"]
    result["inputs_unstable"] = candidate["traced_count"] - traced
    if traced < PAIRS_MIN:
        return {**result, "rejected": "fewer than 3 golden pairs"}
    if len({outcome for _, outcome in pairs[:traced]}) < 2:
        return {**result, "rejected": "golden pairs with one outcome only"}
    code = Code(request["root"], candidate)
    blank = code.compile(functions.STUB)
    letters = tests.run_forked(candidate["tests"], request["test_seconds"], lambda: code.put(blank))
    others = tests.run_forked(candidate["others"], request["test_seconds"], lambda: code.put(blank))
    failing = [name for name, letter in zip(candidate["tests"], letters) if letter in "ft"]
    if not failing:
        return {**result, "rejected": "no test fails without the body"}
    if set(others) - {"p"}:
        return {**result, "rejected": "tests that do not call it fail without the body"}
    seconds = MUTANT_SECONDS + 3 * max(each["seconds"] for each in answers)
    results = try_mutants(tests, code, candidate, pairs, traced, seconds)
    kept = choose_pairs(pairs, traced, [killers for _, killers, _ in results], [each[2] for each in results])
    result["pairs_drawn"] = sum(place >= traced for place in kept)
    table = mutant_table(results, kept)
    killed = sum(bool(killers & set(kept)) or by_tests for _, killers, by_tests in results)
    result.update(mutants=table, mutant_count=len(results), mutants_killed=killed)
    if not results or killed < MUTANT_SCORE_MIN * len(results):
        return {**result, "rejected": "more than 20 % of the mutants survive"}
    passing = [name for name, letter in zip(candidate["tests"], letters) if letter == "p"] + candidate["others"]
    return {**result, "fail_to_pass": failing, "pass_to_pass": passing,
            "golden": [[json.loads(pairs[place][0]), json.loads(pairs[place][1])] for place in kept]}


def work(request):
    with tempfile.TemporaryDirectory() as folder:
        runs = [run_gold(request, seed, folder) for seed in request["seeds"]]
    if None in runs:
        raise exchange.Refused("a run of the unchanged code broke")
    tests = gold.load(request)
    results = []
    for number, candidate in enumerate(request["candidates"]):
        try:
            results.append(prove(request, tests, candidate, [run[number] for run in runs]))
        except (LookupError, SyntaxError, StopIteration, RecursionError) as error:
            results.append({"rejected": "can't be examined", "detail": str(error)[:200]})
    return {"results": results}


if __name__ == "__main__":
    exchange.serve(work)
