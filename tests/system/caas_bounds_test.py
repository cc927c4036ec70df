"""What one client may cost the others: memory, threads, descriptors, other people's snapshots."""
import base64
import json
import os
import pathlib
import signal
import socket
import threading
import time
import unittest

from caas_daemon import CaasCase, make_token

CONTAINERS = "/v1/containers"


class BoundsCase(CaasCase):
    def memory_kib(self, name="VmRSS"):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))

    def descriptor_count(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def wait_for(self, claim, seconds=15):
        end = time.monotonic() + seconds
        while not claim():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def raw(self):
        return socket.create_connection(("127.0.0.1", self.daemon.port), timeout=30)


class Memory(BoundsCase):
    def test_many_births_share_the_files_of_their_request(self):
        before = self.memory_kib("VmHWM")
        file = base64.b64encode(bytes(16 << 20)).decode()
        made = self.ask("POST", CONTAINERS, {
            "n": 200, "limits": {"disk_bytes": 1 << 16}, "files": [{"path": "/tmp/a",
                                                                    "base64": file}]})["data"]
        self.assertEqual({each["state"] for each in made}, {"failed"})  # no room in any of them
        self.assertLess(self.memory_kib("VmHWM") - before, 400_000)

    def test_answers_that_nobody_reads_cost_a_bound(self):
        box = self.create()
        self.shell(box, "head -c 64M /dev/zero > /tmp/large")
        clients = [self.raw() for _ in range(100)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(f"GET {CONTAINERS}/{box}/files?path=/tmp/large HTTP/1.1\r\n"
                           "Host: localhost\r\n\r\n".encode())
        heads = []
        for client in clients:
            heads.append(client.recv(12))
        self.assertLess(self.memory_kib("VmHWM"), 1_500_000)
        self.assertEqual({head[9:12] for head in heads}, {b"200", b"503"})
        for client in clients:
            client.close()
        self.wait_for(lambda: self.call("GET", f"{CONTAINERS}/{box}/files?path=/tmp/large",
                                        headers={"Range": "bytes=0-9"})[0] == 206)

    def test_detached_commands_that_ended_hold_only_what_they_wrote(self):
        boxes = [self.create(limits={"memory_bytes": 64 << 20}) for _ in range(2)]
        for box in boxes:
            for _ in range(40):  # 80 times 16 MiB are more than all commands may keep
                self.exec(box, "true", detach=True, max_output_bytes=8 << 20)
                self.wait_for(lambda: all(
                    each["state"] == "ended"
                    for each in self.ask("GET", f"{CONTAINERS}/{box}/execs")["data"]))
        self.assertEqual(self.shell(boxes[0], "echo x"), "x\n")

    def test_runs_of_sessions_count_as_commands_do(self):
        boxes = [self.create(limits={"memory_bytes": 64 << 20}) for _ in range(4)]
        answers = []

        def run(path):
            answers.append(self.call("POST", path + "/run", {
                "code": "sleep 3", "timeout_ms": 20000, "max_output_bytes": 8 << 20})[0])

        threads = []
        for box in boxes:
            for _ in range(14):  # 56 times 24 MiB
                made = self.ask("POST", f"{CONTAINERS}/{box}/sessions", {})["id"]
                threads.append(threading.Thread(
                    target=run, args=(f"{CONTAINERS}/{box}/sessions/{made}",)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(answers), {200, 429})

    def test_a_session_whose_client_vanishes_is_interrupted(self):
        box = self.create()
        path = f"{CONTAINERS}/{box}/sessions"
        session = self.ask("POST", path, {"kind": "python"})["id"]
        client = self.daemon.connect()
        client.request("POST", f"{path}/{session}/run", body=json.dumps(
            {"code": "import time\ntime.sleep(600)", "timeout_ms": 600000}))
        time.sleep(0.5)
        client.close()
        self.wait_for(lambda: self.ask("GET", path)["data"][0]["state"] == "idle", 5)
        self.assertEqual(self.ask("POST", f"{path}/{session}/run", {"code": "1 + 1"})["stdout"],
                         "2\n")
        log = self.ask("GET", f"{CONTAINERS}/{box}/log")["data"]
        self.assertEqual(log[1]["result"]["end"], "cancelled")

    def test_a_request_over_the_ceiling_names_it(self):
        for name in ("memory_bytes", "disk_bytes"):
            self.refused(400, "POST", CONTAINERS, {"limits": {name: 1 << 40}},
                         names=[name, "ceiling"])


class Descriptors(BoundsCase):
    def test_no_bad_request_leaves_a_descriptor_open(self):
        box = self.create()
        chunked = (f"PUT {CONTAINERS}/{box}/files?path=/tmp/a HTTP/1.1\r\nHost: localhost\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n").encode()
        piece = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        over = chunked + 65 * piece
        bad = [b"\x16\x03\x01\x02garbage\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /v1/contai",
               chunked + b"3;" + b"x" * 100_000, chunked + b"0\r\nt: " + b"x" * 100_000,
               chunked + piece, over,
               f"POST {CONTAINERS}/{box}/exec HTTP/1.1\r\nHost: localhost\r\n"
               "Content-Length: 5\r\n\r\n{\"a\":".encode(),
               f"POST {CONTAINERS}/{box}/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "multipart/form-data; boundary=b\r\nContent-Length: 100\r\n\r\n--b\r\n".encode()]
        self.call("GET", "/healthz")
        self.wait_for(lambda: self.call("GET", "/healthz")[0] == 200)
        time.sleep(0.2)
        before = self.descriptor_count()
        for request in bad:
            client = self.raw()
            try:
                client.sendall(request)
                client.settimeout(0.5)
                answer = client.recv(64)
            except OSError:
                answer = b""
            if request is over:
                self.assertEqual(answer[9:12], b"413")
            client.close()
            self.wait_for(lambda: self.descriptor_count() <= before)

    def test_a_client_that_vanishes_in_an_upload_or_a_replay_leaves_nothing(self):
        box = self.create()
        self.exec(box, "echo 1; sleep 0.2")
        self.ask("DELETE", f"{CONTAINERS}/{box}")
        time.sleep(0.2)
        before = self.descriptor_count()
        again = self.ask("POST", CONTAINERS + "/replay", {"container": box})["id"]
        self.exec(again, "echo 1; sleep 0.2")
        client = self.daemon.connect()
        client.request("POST", f"{CONTAINERS}/{again}/exec", body=json.dumps({"command": "true"}))
        client.close()
        self.wait_for(lambda: "replayed" in self.get(again))
        client = self.raw()
        client.sendall(f"PUT {CONTAINERS}/{again}/files?path=/tmp/a HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Length: 1000000\r\n\r\nabc".encode())
        client.close()
        time.sleep(0.2)
        self.assertEqual(self.call("GET", f"{CONTAINERS}/{again}/files?path=/tmp/a")[0], 404)
        self.ask("DELETE", f"{CONTAINERS}/{again}")
        self.wait_for(lambda: self.descriptor_count() <= before)


class Ends(BoundsCase):
    def catching_up(self):
        """A replay that runs a slow command again."""
        box = self.create()
        self.exec(box, "sleep 5", timeout_ms=60000)
        self.ask("DELETE", f"{CONTAINERS}/{box}")
        again = self.ask("POST", CONTAINERS + "/replay", {"container": box})["id"]
        self.exec(again, "sleep 5", timeout_ms=60000)
        thread = threading.Thread(
            target=lambda: self.call("POST", f"{CONTAINERS}/{again}/exec", {"command": "true"}))
        thread.start()
        self.addCleanup(thread.join)
        time.sleep(0.5)
        return again

    def test_a_replay_that_catches_up_can_be_deleted_at_once(self):
        again = self.catching_up()
        self.refused(409, "POST", f"{CONTAINERS}/{again}/pause")
        self.refused(409, "POST", f"{CONTAINERS}/{again}/fork", {})
        start = time.monotonic()
        gone = self.ask("DELETE", f"{CONTAINERS}/{again}")
        self.assertLess(time.monotonic() - start, 2)
        self.assertEqual((gone["state"], gone["reason"]), ("killed", "deleted"))

    def test_a_replay_that_catches_up_does_not_hold_up_a_stop(self):
        self.catching_up()
        start = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - start, 5)

    def test_a_zygote_that_stands_still_holds_up_nobody_else(self):
        box = self.create()
        self.ask("POST", f"{CONTAINERS}/{box}/exec", {"python": "print(1)"})
        zygotes = [int(each.name) for each in pathlib.Path("/proc").iterdir()
                   if each.name.isdigit() and self.is_zygote(each)]
        self.assertTrue(zygotes)
        for zygote in zygotes:
            os.kill(zygote, signal.SIGSTOP)
        try:
            for _ in range(300):  # more than its socket holds
                self.call("POST", f"{CONTAINERS}/{box}/exec",
                          {"python": "print(1)  " + "#" * 2000, "detach": True,
                           "timeout_ms": 60000})
            start = time.monotonic()
            other = self.create()
            self.assertEqual(self.shell(other, "echo x"), "x\n")
            self.ask("DELETE", f"{CONTAINERS}/{other}")
            self.assertLess(time.monotonic() - start, 2)
        finally:
            for zygote in zygotes:
                try:
                    os.kill(zygote, signal.SIGCONT)
                except ProcessLookupError:
                    pass

    def is_zygote(self, process):
        """Of this daemon: a child of its launcher."""
        try:
            parent = next(line.split()[1] for line in (process / "status").read_text().splitlines()
                          if line.startswith("PPid:"))
            return (b"libflywheel_zygote" in (process / "cmdline").read_bytes()
                    and str(self.state).encode() in pathlib.Path(
                        "/proc", parent, "cmdline").read_bytes())
        except (OSError, StopIteration):
            return False


class Answers(BoundsCase):
    def test_a_range_through_a_link_is_of_the_file_that_it_leads_to(self):
        box = self.create()
        self.shell(box, "seq 1000 > /tmp/file; ln -s /tmp/file /tmp/link")
        path = f"{CONTAINERS}/{box}/files?path=/tmp/link"
        status, data, headers = self.call("GET", path, headers={"Range": "bytes=100-199"})
        whole = self.call("GET", path)[1]
        self.assertEqual((status, data), (206, whole[100:200]))
        self.assertEqual(headers["content-range"], f"bytes 100-199/{len(whole)}")

    def test_a_replayed_detached_command_can_be_read(self):
        first = self.create()
        made = self.exec(first, "echo out; echo err >&2; exit 3", detach=True)
        path = f"{CONTAINERS}/{first}/execs/"
        self.wait_for(lambda: self.ask("GET", path + made["id"])["state"] == "ended")
        second = self.ask("POST", CONTAINERS + "/replay", {"container": first})["id"]
        status, again, _ = self.call("POST", f"{CONTAINERS}/{second}/exec", {
            "command": "echo out; echo err >&2; exit 3", "detach": True})
        self.assertEqual((status, again["replayed"]), (202, True))
        read = self.ask("GET", f"{CONTAINERS}/{second}/execs/{again['id']}?offset=1")
        self.assertEqual((read["state"], read["exit_code"], read["stdout"], read["stderr"]),
                         ("ended", 3, "ut\n", "err\n"))

    def test_one_key_is_for_one_request(self):
        first, second = self.create(), self.create()
        key = {"Idempotency-Key": "k"}
        made = self.ask("POST", f"{CONTAINERS}/{first}/fork", {}, headers=key)
        self.assertEqual(self.ask("POST", f"{CONTAINERS}/{first}/fork", {}, headers=key)["id"],
                         made["id"])
        self.refused(409, "POST", f"{CONTAINERS}/{second}/fork", {}, headers=key)

    def test_two_requests_at_once_with_one_key_make_one_container(self):
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.call(
            "POST", CONTAINERS, {"name": "once"}, headers={"Idempotency-Key": "two"})[:2]))
            for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLessEqual({status for status, _ in answers}, {200, 201, 409})
        self.assertEqual(len({body["id"] for status, body in answers if status != 409}), 1)
        self.assertEqual(len(self.ask("GET", CONTAINERS + "?name=once")["data"]), 1)


class Snapshots(CaasCase):
    arguments = ("--require-token",)

    def test_a_snapshot_belongs_to_the_owner_of_its_container(self):
        ada, bob = ({"Authorization": "Bearer " + make_token(self.state, name)} for name in ("ada", "bob"))
        time.sleep(1.1)  # a change by another process is seen within a second
        box = self.ask("POST", CONTAINERS, {}, headers=ada)["id"]
        name = self.ask("POST", f"{CONTAINERS}/{box}/snapshot", headers=ada)["snapshot"]
        self.assertRegex(name, "^snap_[0-9a-f]{32}$")
        self.refused(404, "POST", CONTAINERS, {"snapshot": name}, headers=bob, names=["unknown"])
        self.refused(404, "DELETE", f"/v1/snapshots/{name}", headers=bob)
        self.assertEqual(self.ask("GET", "/v1/snapshots", headers=bob)["data"], [])
        mine = self.ask("GET", "/v1/snapshots", headers=ada)["data"]
        self.assertEqual([each["id"] for each in mine], [name])
        user = self.ask("POST", CONTAINERS, {"snapshot": name}, headers=ada)["id"]
        self.refused(409, "DELETE", f"/v1/snapshots/{name}", headers=ada)
        self.ask("DELETE", f"{CONTAINERS}/{user}", headers=ada)
        self.assertTrue(self.ask("DELETE", f"/v1/snapshots/{name}", headers=ada)["deleted"])
        self.refused(404, "POST", CONTAINERS, {"snapshot": name}, headers=ada)

    def test_snapshots_up_to_the_bound_leave_room_for_forks(self):
        root = {"Authorization": "Bearer " + make_token(self.state, "root", "operator")}
        time.sleep(1.1)
        box = self.ask("POST", CONTAINERS, {}, headers=root)["id"]
        names = [self.ask("POST", f"{CONTAINERS}/{box}/snapshot", headers=root)["snapshot"]
                 for _ in range(256)]
        self.refused(429, "POST", f"{CONTAINERS}/{box}/snapshot", headers=root, names=["remove"])
        self.ask("POST", f"{CONTAINERS}/{box}/fork", {}, headers=root)
        self.ask("DELETE", f"/v1/snapshots/{names[0]}", headers=root)
        self.ask("POST", f"{CONTAINERS}/{box}/snapshot", headers=root)


if __name__ == "__main__":
    unittest.main()
