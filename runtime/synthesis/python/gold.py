"""One run of the unchanged code under one hash seed: outcomes of all inputs, and the chosen tests."""
import importlib
import json
import time

import calls
import exchange
import suite

CALL_SECONDS = 10.0


def replay(candidate, seconds=CALL_SECONDS, change=None):
    """Outcomes as text, in the order of the inputs; fewer where the calls hang or kill the process."""
    def work(write):
        with suite.quiet():
            if change:
                change()
            module = importlib.import_module(candidate["module"])
            function = calls.find_function(module, candidate["qualname"])
            calls.answer_calls(function, [json.loads(each) for each in candidate["inputs"]], write)
    text, _ = suite.forked(work, seconds)
    return text.split("\n")[:-1]


def test_files(candidates):
    return sorted({name.split("::")[0] for each in candidates for name in (*each["tests"], *each["others"])})


def load(request):
    suite.prepare(request["root"], request["site"])
    return suite.Suite(request["root"], test_files(request["candidates"]))


def work(request):
    tests = load(request)
    answers = []
    for each in request["candidates"]:
        names = [name for name in each["tests"] if name in tests.tests]
        letters = tests.run_forked(names, request["test_seconds"]) if len(names) == len(each["tests"]) else "n"
        start = time.monotonic()
        outcomes = replay(each)
        answers.append({"outcomes": outcomes, "letters": letters, "seconds": time.monotonic() - start})
    return {"answers": answers}


if __name__ == "__main__":
    exchange.serve(work)
