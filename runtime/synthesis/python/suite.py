"""A repository's tests in this process: collected once, then run one by one in forked children.

A child runs what it is given and writes one letter a test: p passed, f failed, s skipped. What it
did not get to within its time is t (the test it hung in) and n (never run).
"""
import contextlib
import os
import pathlib
import select
import signal
import sys
import time

ARGUMENTS = ["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-o", "addopts=",
             "-o", "filterwarnings=", "-o", "xfail_strict=false", "--continue-on-collection-errors",
             "--import-mode=prepend", "--capture=sys", "--no-header"]


def import_paths(root):
    """Where the repository's packages are imported from: src or lib where there is one, else itself."""
    root = pathlib.Path(root)
    return [str(each) for each in (root / "src", root / "lib") if each.is_dir()
            and not (each / "__init__.py").exists()] + [str(root)]


def prepare(root, site):
    """Lets this process import the repository, and pytest from `site`."""
    sys.dont_write_bytecode = True
    sys.path[:0] = [*import_paths(root), *([site] if site else [])]
    os.chdir(root)


@contextlib.contextmanager
def quiet():
    """What the tests print goes nowhere."""
    sys.stdout.flush()
    saved = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        yield
    finally:
        for number, each in enumerate(saved, start=1):
            os.dup2(each, number)
            os.close(each)
        os.close(null)


class Suite:
    def __init__(self, root, paths=()):
        from _pytest.config import get_config
        from _pytest.main import Session

        self.root = str(root)
        with quiet():
            config = get_config([*ARGUMENTS, *paths])
            config.parse([*ARGUMENTS, f"--rootdir={root}", *(paths or [self.root])])
            config._do_configure()
            session = Session.from_config(config)
            config.hook.pytest_sessionstart(session=session)
            try:
                session.perform_collect()
            except Exception:  # a usage error names a path that is not there: no tests
                session.items = []
        self.session = session
        self.tests = {item.nodeid: item for item in session.items}

    def run(self, names, report, before=None, stop_at_failure=False):
        """Runs in this very process; report(name, letter, seconds)."""
        from _pytest.runner import runtestprotocol

        items = [self.tests[name] for name in names]
        for item, following in zip(items, [*items[1:], None]):
            if before:
                before(item.nodeid)
            start = time.monotonic()
            reports = runtestprotocol(item, log=False, nextitem=following)
            outcomes = {each.outcome for each in reports}
            xfailed = any(hasattr(each, "wasxfail") for each in reports)
            letter = "f" if "failed" in outcomes else "s" if "skipped" in outcomes or xfailed else "p"
            report(item.nodeid, letter, time.monotonic() - start)
            if stop_at_failure and letter == "f":
                return

    def run_forked(self, names, seconds, change=None, stop_at_failure=False):
        """One letter a test, in the order of `names`; `change` is called in the child first."""
        def work(write):
            if change:
                change()
            with quiet():
                self.run(names, lambda name, letter, _: write(letter), stop_at_failure=stop_at_failure)
        letters, timed_out = forked(work, seconds)
        missing = len(names) - len(letters)
        if missing and stop_at_failure and letters.endswith("f"):
            return letters + "n" * missing
        if missing:  # the child hung, died or was ended: the test it was in did that
            letters += ("t" if timed_out else "f") + "n" * (missing - 1)
        return letters


def forked(work, seconds):
    """What `work(write)` wrote in a child, and whether it ran out of time."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setpgid(0, 0)
            work(lambda text: os.write(writer, text.encode()))
        except BaseException:
            pass
        os._exit(0)
    os.close(writer)
    parts, end, timed_out = [], time.monotonic() + seconds, False
    while True:
        left = end - time.monotonic()
        ready = left > 0 and select.select([reader], [], [], left)[0]
        if not ready:
            timed_out = True
            break
        part = os.read(reader, 1 << 16)
        if not part:
            break
        parts.append(part)
    for target in (-child, child):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            (os.killpg(child, signal.SIGKILL) if target < 0 else os.kill(child, signal.SIGKILL))
    os.close(reader)
    os.waitpid(child, 0)
    return b"".join(parts).decode(), timed_out
