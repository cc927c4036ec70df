"""Inside the judge's first container: calls the solution and sends what came of it.

Reads {"root", "module", "entry", "inputs"} from standard input; writes a line a call, its number
and its outcome. Nothing here knows what the outcome should be.
"""
import importlib
import json
import os
import sys

import calls
import suite


def main():
    request = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1):
        os.dup2(null, each)
    suite.prepare(request["root"], "")
    function = calls.find_function(importlib.import_module(request["module"]), request["entry"])
    number = 0

    def write(line):
        nonlocal number
        results.write(f"{number} {line}")
        number += 1

    calls.answer_calls(function, request["inputs"], write)
    results.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
