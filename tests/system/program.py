"""Runs the program under test in workspaces of its own, each call under a deadline.

FLYWHEEL_PROGRAM names the program. Nothing here waits without a bound: a call that takes longer
than its deadline is killed and fails its test.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 3
DEADLINE_SECONDS = int(os.environ.get("FLYWHEEL_DEADLINE", "90"))

SPEC = """\
name: {name}
seed: {seed}
deterministic: {deterministic}
task: {{family: structured_requests, tasks_per_step: 2, samples_per_task: 4}}
model: {{path: {model}, context_length: 256}}
data: {{train_tasks: 50, held_out_tasks: 4}}
sampling: {{tokens_max: {tokens_max}}}
learning: {{learning_rate: {learning_rate}}}
budget: {{steps: {steps}, disk_gib_min: 0.1}}
evaluation: {{samples_per_task: 1}}
compute: {{threads: 1}}
snapshots: {{every_steps: {snapshot_steps}}}
"""


def spec_text(name="tiny", seed=1, deterministic=False, tokens_max=16, steps=4, model="tiny",
              learning_rate="1.0e-3", snapshot_steps=2):
    return SPEC.format(name=name, seed=seed, deterministic=str(deterministic).lower(),
                       tokens_max=tokens_max, steps=steps, model=model,
                       learning_rate=learning_rate, snapshot_steps=snapshot_steps)


class HttpOverSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_SECONDS)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class WorkspaceCase(unittest.TestCase):
    """A test with a temporary folder, a workspace `home` in it, and the processes it started."""

    def setUp(self):
        # Short on purpose: a socket's path may have 107 bytes only.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fw_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.home = self.folder / "home"
        self.program = os.environ["FLYWHEEL_PROGRAM"]
        self.started = []
        self.addCleanup(self.end_started)

    def end_started(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, arguments, home=None):
        return [self.program, "--home", str(home or self.home),
                *map(str, arguments)]

    def call(self, *arguments, home=None, cwd=None):
        """Runs to the end; the result has returncode, stdout and stderr."""
        return subprocess.run(self.command(arguments, home), capture_output=True, check=False,
                              cwd=cwd or self.folder, timeout=DEADLINE_SECONDS, encoding="utf-8",
                              errors="replace", stdin=subprocess.DEVNULL)

    def succeed(self, *arguments, home=None):
        result = self.call(*arguments, home=home)
        self.assertEqual(result.returncode, DONE, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def read_json(self, *arguments, home=None):
        return json.loads(self.succeed(*arguments, "--json", home=home))

    def start(self, *arguments, home=None):
        """Starts and returns at once; what it writes goes to a file that `output_of` reads."""
        log = open(self.folder / f"output_{len(self.started)}", "w+b")
        self.addCleanup(log.close)
        process = subprocess.Popen(self.command(arguments, home), stdout=log,
                                   stderr=subprocess.STDOUT, cwd=self.folder,
                                   stdin=subprocess.DEVNULL)
        process.log_path = log.name
        self.started.append(process)
        return process

    def output_of(self, process):
        return pathlib.Path(process.log_path).read_text(encoding="utf-8", errors="replace")

    def wait(self, process, seconds=DEADLINE_SECONDS):
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.fail(f"not through after {seconds} s:\n{self.output_of(process)[-2000:]}")

    def wait_until(self, holds, what, process=None, seconds=DEADLINE_SECONDS):
        end = time.monotonic() + seconds
        while not holds():
            if process is not None and process.poll() is not None:
                self.fail(f"ended with {process.returncode} before {what}:\n"
                          f"{self.output_of(process)[-2000:]}")
            if time.monotonic() > end:
                self.fail(f"no {what} after {seconds} s")
            time.sleep(0.02)

    def start_owner(self, name="owner"):
        """A run that goes on for long; returns once it serves the workspace and has learned."""
        spec = self.write(f"{name}.yaml", spec_text(name=name, steps=1000000))
        process = self.start("run", spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(process), "step 2", process)
        return process

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        return self.wait(process)

    def get(self, target):
        """What the workspace's owner answers over its socket."""
        connection = HttpOverSocket(self.home / "owner.sock")
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200, target)
            return json.loads(answer.read())
        finally:
            connection.close()

    def post(self, target, body):
        """The status and the body that the workspace's owner answers."""
        connection = HttpOverSocket(self.home / "owner.sock")
        try:
            connection.request("POST", target, json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def assert_clean(self, home=None):
        """Every stored invariant holds; returns the report of fsck."""
        result = self.call("fsck", "--json", home=home)
        self.assertEqual(result.returncode, DONE, result.stdout + result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual((report["clean"], report["lost"], report["twice"], report["findings"]),
                         (True, 0, 0, []))
        return report
