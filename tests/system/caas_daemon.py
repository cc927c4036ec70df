"""Runs `flywheel caas` on a free port in a folder of its own, and asks it over real sockets."""
import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import unittest

DEADLINE_SECONDS = 60
END_STATES = {"exited", "expired", "oom_killed", "killed", "failed"}


class Daemon:
    """One process of `flywheel caas`."""

    def __init__(self, state, *arguments, cwd=None):
        self.state = pathlib.Path(state)
        self.log = open(self.state.parent / "daemon.log", "ab")
        self.process = subprocess.Popen(
            [os.environ["FLYWHEEL_PROGRAM"], "caas", "--json", "--port", "0", "--state",
             str(self.state), *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL, cwd=cwd)
        line = self.process.stdout.readline()
        if not line:
            self.kill()
            raise AssertionError("the daemon did not start:\n" + self.errors()[-2000:])
        self.facts = json.loads(line)
        self.port = self.facts["port"]

    def errors(self):
        return (self.state.parent / "daemon.log").read_text(encoding="utf-8", errors="replace")

    def connect(self, timeout=DEADLINE_SECONDS):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def stop(self):
        """In good order; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=DEADLINE_SECONDS)
        self.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=DEADLINE_SECONDS)
        self.close()

    def close(self):
        self.process.stdout.close()
        self.log.close()


class CaasCase(unittest.TestCase):
    """A test with a daemon; what it leaves behind when it has gone is looked at each time."""

    arguments = ()

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fw_caas_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = self.folder / "state"
        self.daemon = Daemon(self.state, *self.arguments)
        self.addCleanup(self.end_daemon)

    def end_daemon(self):
        if self.daemon.process.poll() is None:
            self.assertEqual(self.daemon.stop(), 0, self.daemon.errors()[-2000:])
        self.wait_for_nothing_left()

    def restart(self, *arguments):
        self.daemon.kill()
        self.daemon = Daemon(self.state, *self.arguments, *arguments)

    def left_behind(self):
        return left_behind(self.state)

    def wait_for_nothing_left(self):
        end = time.monotonic() + 20
        while self.left_behind() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.left_behind(), [])

    # --- asking

    def call(self, method, path, body=None, headers=None, connection=None):
        """(status, body, headers); a body of JSON is read, others are bytes."""
        owned = connection is None
        connection = connection or self.daemon.connect()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            if owned:
                connection.close()
        if answer.getheader("content-type", "").startswith("application/json"):
            data = json.loads(data)
        return answer.status, data, answer.headers

    def ask(self, method, path, body=None, status=(200, 201, 202), headers=None):
        got, data, _ = self.call(method, path, body, headers)
        allowed = status if isinstance(status, tuple) else (status,)
        self.assertIn(got, allowed, data)
        return data

    def refused(self, status, method, path, body=None, headers=None, names=()):
        """One clear line, in OpenAI's shape; returns the error."""
        got, data, answer_headers = self.call(method, path, body, headers)
        self.assertEqual(got, status, data)
        error = data["error"]
        self.assertNotIn("\n", error["message"])
        self.assertTrue(error["code"], error)
        for name in names:
            self.assertIn(name, error["message"])
        if status == 429:
            self.assertTrue(answer_headers["retry-after"])
        return error

    def create(self, **body):
        return self.ask("POST", "/v1/containers", body)["id"]

    def exec(self, container, command, **more):
        return self.ask("POST", f"/v1/containers/{container}/exec", {"command": command, **more})

    def shell(self, container, command, **more):
        """What it wrote to standard output; it must succeed."""
        result = self.exec(container, command, **more)
        self.assertEqual((result["end"], result["exit_code"]), ("exited", 0), result)
        return result["stdout"]

    def get(self, container):
        return self.ask("GET", f"/v1/containers/{container}")

    def wait_for_state(self, container, state, seconds=15):
        end = time.monotonic() + seconds
        while True:
            found = self.get(container)
            if found["state"] == state:
                return found
            self.assertLess(time.monotonic(), end, found)
            time.sleep(0.02)

    @contextlib.contextmanager
    def events(self, container, body):
        """The server-sent events of a command, as (type, data)."""
        connection = self.daemon.connect()
        connection.request("POST", f"/v1/containers/{container}/exec",
                           body=json.dumps({"stream": True, **body}))
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.getheader("content-type"), "text/event-stream")
        try:
            yield read_events(answer)
        finally:
            # The socket itself, so that the server sees the client go at once.
            with contextlib.suppress(OSError, AttributeError):
                answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
            answer.close()
            connection.close()


def make_token(state, name, role="researcher"):
    return subprocess.run([os.environ["FLYWHEEL_PROGRAM"], "caas", "--state", str(state), "token",
                           name, "--role", role], capture_output=True, check=True,
                          encoding="utf-8", timeout=30).stdout.strip()


def read_events(answer):
    kind, data = "", []
    for line in answer:
        line = line.decode().rstrip("\n")
        if not line:
            if data:
                yield kind, json.loads("\n".join(data))
            kind, data = "", []
        elif line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            data.append(line[6:])


def left_behind(state):
    """What a daemon with this state folder left: mounts, processes, cgroups, sockets."""
    state, found = str(state), []
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        found += ["mount " + line.split()[4] for line in mounts if state in line]
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if state in command:
                found.append(f"process {process.name}: {command[:80]}")
    for family in pathlib.Path("/sys/fs/cgroup").glob("**/flywheel_box"):
        for owner in family.iterdir():
            # The folder's name is that of the launcher, which must live.
            if owner.is_dir() and not pathlib.Path("/proc", owner.name.split("-")[0]).exists():
                found.append(f"cgroup {owner}")
    return found


def tar_of(*members):
    """members: (name, type, content or link)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, value in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                info.size = len(value)
                archive.addfile(info, io.BytesIO(value))
            else:
                info.linkname = value
                archive.addfile(info)
    return buffer.getvalue()
