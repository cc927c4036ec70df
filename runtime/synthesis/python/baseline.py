"""Runs all tests of a repository once; the caller compares several runs with other hash seeds."""
import exchange
import suite

TEST_SECONDS_MAX = 10.0


def work(request):
    suite.prepare(request["root"], request["site"])
    tests = suite.Suite(request["root"])
    if not tests.tests:
        raise exchange.Refused("no tests found by pytest")
    names = list(tests.tests)
    results, deadline = {}, request["seconds"]

    def run(write):
        with suite.quiet():
            tests.run(names, lambda name, letter, seconds: write(f"{letter} {seconds:.4f}\n"))

    # A test that kills the interpreter costs the tests behind it nothing: they run in a new child.
    while names and deadline > 0:
        lines, timed_out = suite.forked(run, deadline)
        done = [line.split() for line in lines.splitlines()]
        for name, (letter, seconds) in zip(names, done):
            results[name] = [letter, float(seconds)]
            deadline -= float(seconds)
        if len(done) < len(names):
            results[names[len(done)]] = ["t" if timed_out else "f", TEST_SECONDS_MAX]
            deadline -= TEST_SECONDS_MAX
        names = names[len(done) + 1:]
    for name in names:
        results[name] = ["n", 0.0]
    return {"tests": results}


if __name__ == "__main__":
    exchange.serve(work)
