"""Inside the judge's second container: runs hidden tests and sends a letter for each.

Reads {"root", "site", "tests", "end"} from standard input; writes a line a test: its number and its
letter, and when all have run the line "end" with the word that it was given. What is judged shares
this process: a number twice, or no last line, tells the judge that it wrote or ended the report.
"""
import json
import os
import sys

import suite


def main():
    request = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w", buffering=1)
    null = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1):
        os.dup2(null, each)
    suite.prepare(request["root"], request["site"])
    names, end = request["tests"], request["end"]
    tests = suite.Suite(request["root"], sorted({name.split("::")[0] for name in names}))
    found = [name for name in names if name in tests.tests]
    tests.run(found, lambda name, letter, _: results.write(f"{names.index(name)} {letter}\n"))
    results.write(f"end {end}\n")
    results.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
