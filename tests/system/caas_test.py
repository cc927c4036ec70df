"""Containers as a service, as clients meet it: a real server, real sockets, real containers."""
import base64
import io
import os
import subprocess
import tarfile
import threading
import time
import unittest

from caas_daemon import CaasCase, tar_of

CONTAINERS = "/v1/containers"


class Life(CaasCase):
    def test_a_container_is_created_used_and_deleted(self):
        made = self.ask("POST", CONTAINERS, {"name": "mine", "metadata": {"team": "a"}})
        self.assertEqual((made["state"], made["status"], made["object"], made["name"]),
                         ("running", "running", "container", "mine"))

        result = self.exec(made["id"], ["sh", "-c", "echo out; echo err >&2; exit 3"])
        self.assertEqual((result["end"], result["exit_code"], result["stdout"], result["stderr"]),
                         ("exited", 3, "out\n", "err\n"))

        gone = self.ask("DELETE", f"{CONTAINERS}/{made['id']}")
        self.assertEqual((gone["deleted"], gone["state"], gone["reason"]),
                         (True, "killed", "deleted"))
        self.assertEqual(self.get(made["id"])["state"], "killed")
        self.refused(410, "POST", f"{CONTAINERS}/{made['id']}/exec", {"command": "true"},
                     names=["killed", "deleted"])
        again = self.ask("DELETE", f"{CONTAINERS}/{made['id']}")
        self.assertEqual(again["reason"], "deleted")

    def test_many_at_once_are_listed_by_label_state_and_page(self):
        made = self.ask("POST", CONTAINERS, {"n": 5, "metadata": {"team": "a"}})["data"]
        other = self.create(metadata={"team": "b"})
        self.assertEqual({each["state"] for each in made}, {"running"})

        listed = self.ask("GET", CONTAINERS + "?label=team=a&limit=3&order=asc")
        self.assertEqual([each["id"] for each in listed["data"]], sorted(e["id"] for e in made)[:3])
        self.assertTrue(listed["has_more"])
        rest = self.ask("GET", f"{CONTAINERS}?label=team=a&order=asc&after={listed['last_id']}")
        self.assertEqual(len(rest["data"]), 2)
        self.assertFalse(rest["has_more"])
        newest = self.ask("GET", CONTAINERS + "?limit=1")["data"]
        self.assertEqual(newest[0]["id"], other)
        self.ask("DELETE", f"{CONTAINERS}/{other}")
        killed = self.ask("GET", CONTAINERS + "?state=killed")["data"]
        self.assertEqual([each["id"] for each in killed], [other])
        self.refused(400, "GET", CONTAINERS + "?state=gone", names=["running"])
        self.refused(400, "GET", CONTAINERS + "?limit=0", names=["limit"])

    def test_one_idempotency_key_makes_one_container(self):
        key = {"Idempotency-Key": "k1"}
        first = self.ask("POST", CONTAINERS, {"name": "a"}, headers=key)
        status, again, headers = self.call("POST", CONTAINERS, {"name": "a"}, key)
        self.assertEqual((status, again["id"], headers["idempotent-replayed"]),
                         (200, first["id"], "true"))
        self.refused(409, "POST", CONTAINERS, {"name": "b"}, headers=key, names=["k1"])

        self.restart()
        _, after, _ = self.call("POST", CONTAINERS, {"name": "a"}, key)
        self.assertEqual((after["id"], after["state"], after["reason"]),
                         (first["id"], "failed", "daemon_restarted"))

    def test_a_main_command_ends_its_container(self):
        made = self.create(command=["sh", "-c", "exit 7"])
        ended = self.wait_for_state(made, "exited")
        self.assertEqual((ended["exit_code"], ended["reason"]), (7, "main_exited"))

    def test_idle_and_old_containers_expire_by_name(self):
        idle = self.create(idle_s=1)
        old = self.create(ttl_s=1, idle_s=0)
        kept = self.create(ttl_s=1, idle_s=0)
        self.ask("POST", f"{CONTAINERS}/{kept}/extend", {"ttl_s": 600})
        self.assertEqual(self.wait_for_state(idle, "expired")["reason"], "idle")
        self.assertEqual(self.wait_for_state(old, "expired")["reason"], "time_to_live")
        self.assertEqual(self.get(kept)["state"], "running")

    def test_a_command_that_runs_is_no_idleness(self):
        made = self.create(idle_s=1)
        self.assertEqual(self.exec(made, "sleep 2.5; echo still")["stdout"], "still\n")
        self.assertEqual(self.wait_for_state(made, "expired")["reason"], "idle")

    def test_pause_and_resume(self):
        made = self.create()
        self.exec(made, "while :; do date +%s%N > /tmp/t; sleep 0.01; done", detach=True)
        self.assertEqual(self.ask("POST", f"{CONTAINERS}/{made}/pause")["state"], "paused")
        self.refused(409, "POST", f"{CONTAINERS}/{made}/exec", {"command": "true"},
                     names=["paused"])
        self.refused(409, "POST", f"{CONTAINERS}/{made}/pause", names=["paused"])
        self.assertEqual(self.ask("POST", f"{CONTAINERS}/{made}/resume")["state"], "running")
        before = self.shell(made, "until [ -s /tmp/t ]; do sleep 0.01; done; cat /tmp/t")
        time.sleep(0.1)
        self.assertNotEqual(self.shell(made, "cat /tmp/t"), before)

    def test_snapshot_and_fork_carry_the_files(self):
        made = self.create()
        self.shell(made, "echo one > /tmp/a")
        snapshot = self.ask("POST", f"{CONTAINERS}/{made}/snapshot")["snapshot"]
        self.shell(made, "echo two > /tmp/a")
        forks = self.ask("POST", f"{CONTAINERS}/{made}/fork", {"n": 3})["data"]
        of_snapshot = self.create(snapshot=snapshot)
        self.shell(made, "echo three > /tmp/a")
        self.assertEqual([self.shell(each["id"], "cat /tmp/a") for each in forks], ["two\n"] * 3)
        self.assertEqual(self.shell(of_snapshot, "cat /tmp/a"), "one\n")

    def test_stats_images_health_and_metrics(self):
        made = self.create()
        self.shell(made, "head -c 1000000 /dev/zero > /tmp/big")
        stats = self.ask("GET", f"{CONTAINERS}/{made}/stats")
        self.assertGreaterEqual(stats["disk_bytes"], 1000000)
        self.assertIn("host", [each["id"] for each in self.ask("GET", "/v1/images")["data"]])
        health = self.ask("GET", "/healthz")
        self.assertIn(health["cgroups"], ("none", "v1", "v2"))
        self.assertEqual(health["containers"], 1)
        self.assertTrue(self.ask("GET", "/readyz")["ready"])
        self.exec(made, "true")
        self.ask("DELETE", f"{CONTAINERS}/{made}")
        metrics = self.ask("GET", "/metrics").decode()
        for name in ("flywheel_caas_create_seconds_count 1",
                     'flywheel_caas_containers{state="running"} 0',
                     'flywheel_caas_exits_total{reason="deleted"} 1',
                     'flywheel_caas_execs_total{end="exited"} 2'):
            self.assertIn(name, metrics)


class Commands(CaasCase):
    def setUp(self):
        super().setUp()
        self.box = self.create()
        self.path = f"{CONTAINERS}/{self.box}"

    def test_input_environment_and_folder_reach_the_command(self):
        result = self.exec(self.box, "cat; echo $A; pwd", stdin="in\n", env={"A": "1"}, cwd="/tmp")
        self.assertEqual(result["stdout"], "in\n1\n/tmp\n")

    def test_bytes_that_are_no_text_come_back_as_they_were(self):
        every = bytes(range(256))
        result = self.exec(self.box, ["cat"], stdin_base64=base64.b64encode(every).decode(),
                           encoding="base64")
        self.assertEqual(base64.b64decode(result["stdout_base64"]), every)
        self.assertIn("\ufffd", self.exec(self.box, ["cat"], stdin_base64="/w==")["stdout"])

    def test_time_outs_are_named_and_give_what_came_until_then(self):
        wall = self.exec(self.box, "echo begun; while :; do :; done", timeout_ms=300)
        self.assertEqual((wall["end"], wall["stdout"], wall["exit_code"]),
                         ("wall_timeout", "begun\n", None))
        silent = self.exec(self.box, "echo begun; sleep 60", no_output_timeout_ms=300)
        self.assertEqual((silent["end"], silent["stdout"]), ("silence_timeout", "begun\n"))
        self.assertLess(silent["wall_ms"], 5000)
        self.assertEqual(self.shell(self.box, "echo fine"), "fine\n")

    def test_output_keeps_its_head_and_tail(self):
        result = self.exec(self.box, "echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo last",
                           max_output_bytes=1000)
        self.assertTrue(result["truncated"])
        self.assertGreater(result["stdout_bytes"], 50000000)
        self.assertTrue(result["stdout"].startswith("first\n"))
        self.assertTrue(result["stdout"].endswith("last\n"))
        self.assertLess(len(result["stdout"]), 1500)

    def test_a_missing_program_is_a_named_end(self):
        result = self.exec(self.box, ["no-such-program"])
        self.assertEqual((result["end"], result["exit_code"]), ("not_started", 127))

    def test_memory_beyond_the_limit_is_a_named_end(self):
        box = self.create(limits={"memory_bytes": 64 << 20})
        result = self.exec(box, ["python3", "-c", "b = bytearray(1 << 30)"])
        self.assertTrue(result["end"] == "out_of_memory" or "MemoryError" in result["stderr"],
                        result)
        self.assertEqual(self.shell(box, "echo fine"), "fine\n")

    def test_output_is_streamed_as_it_comes(self):
        with self.events(self.box, {"command": "echo one; sleep 0.3; echo two >&2; exit 4"}) as all_:
            events = []
            for event in all_:
                events.append((*event, time.monotonic()))
        self.assertEqual([each[0] for each in events], ["start", "stdout", "stderr", "exit"])
        self.assertEqual((events[1][1]["text"], events[2][1]["text"], events[3][1]["exit_code"]),
                         ("one\n", "two\n", 4))
        self.assertGreater(events[2][2] - events[1][2], 0.15)

    def test_a_stream_never_cuts_a_character(self):
        script = "printf '\\303'; sleep 0.2; printf '\\244!'"
        with self.events(self.box, {"command": script}) as all_:
            text = "".join(data["text"] for kind, data in all_ if kind == "stdout")
        self.assertEqual(text, "\u00e4!")

    def test_a_streamed_command_takes_input_and_signals(self):
        with self.events(self.box, {"command": ["cat"], "stdin_open": True}) as all_:
            _, start = next(all_)
            path = f"{self.path}/execs/{start['id']}"
            self.ask("POST", path + "/stdin", "hello\n")
            self.assertEqual(next(all_)[1]["text"], "hello\n")
            self.ask("POST", path + "/stdin?close=true", "")
            self.assertEqual(next(all_)[1]["exit_code"], 0)
        with self.events(self.box, {"command": ["sleep", "60"]}) as all_:
            _, start = next(all_)
            self.ask("POST", f"{self.path}/execs/{start['id']}/signal", {"signal": "TERM"})
            self.assertEqual(next(all_)[1]["signal"], 15)

    def test_a_detached_command_is_read_by_offsets(self):
        started = self.exec(self.box, "echo one; sleep 0.3; echo two", detach=True)
        self.assertEqual(started["state"], "running")
        path, text, offset = f"{self.path}/execs/{started['id']}", "", 0
        end = time.monotonic() + 10
        while True:
            part = self.ask("GET", f"{path}?offset={offset}")
            text, offset = text + part["stdout"], part["stdout_next_offset"]
            if part["state"] == "ended" and not part["stdout"]:
                break
            self.assertLess(time.monotonic(), end, part)
        self.assertEqual((text, part["exit_code"]), ("one\ntwo\n", 0))
        self.assertEqual(self.ask("GET", path + "?offset=4")["stdout"], "two\n")
        listed = self.ask("GET", self.path + "/execs")["data"]
        self.assertEqual([each["id"] for each in listed], [started["id"]])

    def test_a_detached_command_is_cancelled(self):
        started = self.exec(self.box, "sleep 600", detach=True)
        self.ask("DELETE", f"{self.path}/execs/{started['id']}")
        end = time.monotonic() + 10
        while self.ask("GET", f"{self.path}/execs/{started['id']}")["state"] != "ended":
            self.assertLess(time.monotonic(), end)
        self.assertEqual(self.ask("GET", f"{self.path}/execs/{started['id']}")["end"], "cancelled")

    def test_python_runs_in_a_fresh_interpreter_each_time(self):
        first = self.ask("POST", self.path + "/exec", {"python": "import sys; sys.x = 1; print(2)"})
        again = self.ask("POST", self.path + "/exec", {"python": "import sys; print(hasattr(sys, 'x'))"})
        self.assertEqual((first["stdout"], again["stdout"]), ("2\n", "False\n"))

    def test_the_log_has_every_command_with_its_result(self):
        self.shell(self.box, "echo one")
        self.ask("PUT", self.path + "/files?path=/tmp/a", b"x")
        self.exec(self.box, "exit 2")
        log = self.ask("GET", self.path + "/log")["data"]
        self.assertEqual([each["kind"] for each in log], ["exec", "put_file", "exec"])
        self.assertEqual((log[0]["result"]["stdout"], log[2]["result"]["exit_code"]), ("one\n", 2))
        self.ask("DELETE", self.path)
        self.assertEqual(len(self.ask("GET", self.path + "/log?after=1")["data"]), 2)


class Sessions(CaasCase):
    def setUp(self):
        super().setUp()
        self.box = self.create()
        self.path = f"{CONTAINERS}/{self.box}/sessions"

    def open(self, kind):
        return self.path + "/" + self.ask("POST", self.path, {"kind": kind})["id"]

    def run_in(self, session, code, **more):
        return self.ask("POST", session + "/run", {"code": code, **more})

    def test_a_shell_keeps_its_folder_and_variables(self):
        shell = self.open("shell")
        self.run_in(shell, "cd /tmp; A=it\\'s; f() { echo \"$A\"; }")
        result = self.run_in(shell, "pwd; f; echo 'quo''ted' >&2; (exit 5)")
        self.assertEqual((result["stdout"], result["stderr"], result["exit_code"], result["end"]),
                         ("/tmp\nit's\n", "quoted\n", 5, "exited"))
        self.assertEqual(self.run_in(shell, "cat")["stdout"], "")  # its input is empty

    def test_python_keeps_its_names_and_shows_values(self):
        python = self.open("python")
        self.run_in(python, "import math\nx = 20")
        self.assertEqual(self.run_in(python, "x + 1")["stdout"], "21\n")
        failed = self.run_in(python, "print('before')\n1/0")
        self.assertEqual((failed["stdout"], failed["exit_code"]), ("before\n", 1))
        self.assertIn("ZeroDivisionError", failed["stderr"])
        self.assertEqual(self.run_in(python, "def f():\n  return x\nf()")["stdout"], "20\n")
        self.assertIn("SyntaxError", self.run_in(python, "def")["stderr"])

    def test_an_endless_run_is_interrupted_and_the_session_goes_on(self):
        for kind, endless, after in (("shell", "A=1; sleep 60", "echo $A"),
                                     ("python", "A = 1\nwhile True: pass", "print(A)")):
            session = self.open(kind)
            result = self.run_in(session, endless, timeout_ms=300)
            self.assertEqual(result["end"], "wall_timeout", kind)
            self.assertEqual(result["session"]["state"], "idle", result)
            self.assertEqual(self.run_in(session, after)["stdout"], "1\n", kind)

    def test_a_run_that_ignores_the_interrupt_ends_its_session(self):
        python = self.open("python")
        code = ("import signal, time\nprint('begun', flush=True)\n"
                "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1)")
        result = self.run_in(python, code, timeout_ms=300)
        self.assertEqual((result["end"], result["stdout"], result["session"]["state"]),
                         ("wall_timeout", "begun\n", "ended"))
        self.refused(409, "POST", python + "/run", {"code": "1"}, names=["ended"])

    def test_an_exit_ends_the_session_with_its_code(self):
        shell = self.open("shell")
        result = self.run_in(shell, "echo bye; exit 3")
        self.assertEqual((result["stdout"], result["exit_code"]), ("bye\n", 3))
        self.assertEqual(result["session"]["state"], "ended")

    def test_one_run_at_a_time_and_bounded_output(self):
        shell = self.open("shell")
        slow = threading.Thread(target=lambda: self.run_in(shell, "sleep 1"))
        slow.start()
        time.sleep(0.3)
        self.refused(409, "POST", shell + "/run", {"code": "true"}, names=["wait"])
        slow.join()
        result = self.run_in(shell, "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last",
                             max_output_bytes=1000)
        self.assertTrue(result["truncated"])
        self.assertLess(len(result["stdout"]), 1500)
        self.assertTrue(result["stdout"].endswith("last\n"))

    def test_sessions_are_listed_closed_and_bounded(self):
        names = [self.open("shell") for _ in range(16)]
        self.refused(429, "POST", self.path, {"kind": "shell"}, names=["limit"])
        self.ask("DELETE", names[0])
        self.open("shell")
        self.assertEqual(len(self.ask("GET", self.path)["data"]), 16)
        self.refused(404, "POST", self.path + "/session_99/run", {"code": "true"})


    def test_a_session_opens_while_the_files_are_copied(self):
        self.shell(self.box, "mkdir /tmp/d && cd /tmp/d && seq 4000 | xargs touch")
        copies = threading.Thread(target=lambda: [
            self.ask("POST", f"{CONTAINERS}/{self.box}/snapshot") for _ in range(8)])
        copies.start()
        opened = 0
        while copies.is_alive() and opened < 200:
            self.ask("DELETE", self.open("shell"))
            opened += 1
        copies.join()
        self.assertGreater(opened, 0)
        log = self.ask("GET", f"{CONTAINERS}/{self.box}/log?limit=1000")["data"]
        self.assertEqual([each for each in log if "failure" in each["result"]], [])


class Files(CaasCase):
    def setUp(self):
        super().setUp()
        self.box = self.create()
        self.files = f"{CONTAINERS}/{self.box}/files"

    def test_files_go_in_and_come_out_whole_and_in_ranges(self):
        data = bytes(range(256)) * 1000
        self.ask("PUT", self.files + "?path=/tmp/deep/er/a.bin&mode=755", data)
        self.assertEqual(self.ask("GET", self.files + "?path=/tmp/deep/er/a.bin"), data)
        self.assertEqual(self.shell(self.box, "stat -c %a /tmp/deep/er/a.bin"), "755\n")
        for text, expected in (("bytes=0-9", data[:10]), ("bytes=255990-", data[255990:]),
                               ("bytes=-5", data[-5:])):
            status, part, headers = self.call("GET", self.files + "?path=/tmp/deep/er/a.bin",
                                              headers={"Range": text})
            self.assertEqual((status, part), (206, expected))
            self.assertIn("/256000", headers["content-range"])
        self.refused(416, "GET", self.files + "?path=/tmp/deep/er/a.bin",
                     headers={"Range": "bytes=999999-"})
        self.ask("DELETE", self.files + "?path=/tmp/deep")
        self.refused(404, "GET", self.files + "?path=/tmp/deep/er/a.bin")

    def test_a_folder_is_listed(self):
        self.shell(self.box, "mkdir -p /tmp/d/sub; echo hi > /tmp/d/f; ln -s f /tmp/d/l")
        listed = self.ask("GET", self.files + "?path=/tmp/d&list=true")["data"]
        self.assertEqual({(each["name"], each["kind"]) for each in listed},
                         {("sub", "folder"), ("f", "file"), ("l", "link")})
        self.refused(400, "GET", self.files + "?path=/tmp/d", names=["folder"])

    def test_a_tar_goes_in_and_comes_out(self):
        packed = tar_of(("a/b.txt", tarfile.REGTYPE, b"hello"), ("a/l", tarfile.SYMTYPE, "b.txt"))
        unpacked = self.ask("PUT", self.files + "?path=/tmp/t&tar=true", packed)
        self.assertEqual(unpacked["entries"], 2)
        self.assertEqual(self.shell(self.box, "cat /tmp/t/a/l"), "hello")
        back = tarfile.open(fileobj=io.BytesIO(self.ask("GET", self.files + "?path=/tmp/t&tar=true")))
        self.assertIn("./a/b.txt", back.getnames())

    def test_files_of_a_request_are_there_before_its_command(self):
        box = self.create(files=[{"path": "/tmp/x", "text": "there"}],
                          command=["sh", "-c", "cp /tmp/x /tmp/y; sleep 60"])
        end = time.monotonic() + 10
        while self.call("GET", f"{CONTAINERS}/{box}/files?path=/tmp/y")[1] != b"there":
            self.assertLess(time.monotonic(), end)


class Images(CaasCase):
    def call_image(self, *arguments):
        return subprocess.run([os.environ["FLYWHEEL_PROGRAM"], "caas", "--state", str(self.state), "image",
                               *map(str, arguments)], capture_output=True, encoding="utf-8", timeout=60)

    def test_a_built_image_is_listed_and_a_container_starts_from_it(self):
        package = self.folder / "package"
        (package / "DEBIAN").mkdir(parents=True)
        (package / "DEBIAN" / "control").write_text(
            "Package: greeting\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example>\nDescription: x\n")
        (package / "opt").mkdir()
        (package / "opt" / "greeting").write_text("hello from an image")
        subprocess.run(["dpkg-deb", "--build", package, self.folder / "greeting.deb"], check=True,
                       capture_output=True, timeout=60)
        recipe = self.folder / "image.yaml"
        recipe.write_text("name: greeting\narchives: [greeting.deb]\n")
        built = self.call_image("build", recipe)
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertIn("image greeting", built.stdout)
        self.assertIn("greeting", self.call_image("list").stdout)

        self.assertIn("greeting", [each["id"] for each in self.ask("GET", "/v1/images")["data"]])
        box = self.create(image="greeting")
        self.assertEqual(self.ask("GET", f"{CONTAINERS}/{box}/files?path=/opt/greeting"),
                         b"hello from an image")

    def test_a_recipe_that_makes_no_sense_is_one_line(self):
        recipe = self.folder / "image.yaml"
        recipe.write_text("name: x\npackges: [a]\n")
        refused = self.call_image("build", recipe)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertEqual(len(refused.stderr.splitlines()), 1)
        self.assertIn("packges", refused.stderr)


class Restart(CaasCase):
    def test_a_restart_ends_every_container_with_a_name(self):
        made = [each["id"] for each in self.ask("POST", CONTAINERS, {"n": 5})["data"]]
        self.exec(made[0], "sleep 600", detach=True)
        self.ask("DELETE", f"{CONTAINERS}/{made[1]}")
        self.restart()

        self.assertEqual(self.daemon.facts["lost"], 4)
        for each in made:
            found = self.get(each)
            expected = ("killed", "deleted") if each == made[1] else ("failed", "daemon_restarted")
            self.assertEqual((found["state"], found["reason"]), expected)
            self.assertTrue(found["ended_at"])
        self.shell(self.create(), "true")

    def test_a_stop_in_good_order_ends_every_container_with_a_name(self):
        made = self.create()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.left_behind(), [])
        self.daemon = type(self.daemon)(self.state)
        found = self.get(made)
        self.assertEqual((found["state"], found["reason"]), ("killed", "daemon_stopped"))

    def test_a_second_daemon_on_the_same_folder_is_refused(self):
        with self.assertRaises(AssertionError) as refused:
            type(self.daemon)(self.state)
        self.assertIn(str(self.state), str(refused.exception))


if __name__ == "__main__":
    unittest.main()
