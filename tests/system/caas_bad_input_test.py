"""What should not be asked of containers: a named error or end state each, and nothing left behind.

Every test ends with CaasCase's look at mounts, processes, cgroups and sockets.
"""
import json
import socket
import tarfile
import time
import unittest

from caas_daemon import END_STATES, CaasCase, make_token, tar_of

CONTAINERS = "/v1/containers"


class BadInput(CaasCase):
    """Each line of the issue's list: a named error or end state, and nothing left (tearDown)."""

    def test_an_unknown_image_is_not_found(self):
        error = self.refused(404, "POST", CONTAINERS, {"image": "no-such"}, names=["no-such"])
        self.assertEqual(error["code"], "not_found")
        self.refused(404, "POST", CONTAINERS, {"snapshot": "no-such"}, names=["no-such"])
        made = self.ask("POST", CONTAINERS, {"image": "../..", "n": 2})["data"]
        self.assertEqual({(each["state"], each["reason"]) for each in made},
                         {("failed", "create_failed")})

    def test_paths_that_lead_out_are_refused(self):
        box = self.create()
        files = f"{CONTAINERS}/{box}/files?path="
        self.refused(400, "GET", files + "/tmp/../../etc/passwd", names=[".."])
        self.refused(400, "PUT", files + "../x", b"x", names=[".."])
        self.refused(400, "GET", files + "/etc/%00passwd")
        self.refused(400, "GET", f"{CONTAINERS}/{box}/files?list=true&path=")
        self.assertEqual(self.call("GET", f"{CONTAINERS}/{box}/files/../../../etc")[0], 400)

    def test_links_and_devices_lead_nowhere(self):
        box = self.create()
        self.shell(box, "ln -s /proc/1/root/etc/shadow /tmp/a; ln -s / /tmp/b; "
                        "ln -s /proc/self/root /tmp/c")
        for path in ("/tmp/a", "/tmp/b/etc/shadow", "/tmp/c/etc/shadow", "/dev/zero",
                     "/proc/self/mem", "/proc/kcore", "/dev/mem", "/dev/sda"):
            status, data, _ = self.call("GET", f"{CONTAINERS}/{box}/files?path={path}")
            self.assertIn(status, (400, 403, 404), (path, status, str(data)[:100]))
        status, _, _ = self.call("PUT", f"{CONTAINERS}/{box}/files?path=/tmp/b/etc/x", b"x")
        self.assertIn(status, (200, 400, 403))
        with self.assertRaises(FileNotFoundError):
            open("/etc/x", encoding="utf-8").close()
        status, _, _ = self.call("PUT", f"{CONTAINERS}/{box}/files?path=/proc/sys/kernel/x", b"x")
        self.assertIn(status, (400, 403, 404))

    def test_hostile_tar_files_are_refused_by_what_they_do(self):
        box = self.create()
        path = f"{CONTAINERS}/{box}/files?path=/tmp/t&tar=true"
        regular, link, hard = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        for name, kind, value, why in (
                ("/etc/cron.d/x", regular, b"x", "absolute"), ("../x", regular, b"x", "leads out"),
                ("a/../../x", regular, b"x", "leads out"), ("l", link, "/etc", "link"),
                ("l", hard, "../../x", "link"), ("d", tarfile.CHRTYPE, "", "device"),
                ("b", tarfile.BLKTYPE, "", "device"), ("p", tarfile.FIFOTYPE, "", "pipe")):
            self.refused(400, "PUT", path, tar_of((name, kind, value)), names=[why])
        self.refused(400, "PUT", path, b"\x1f\x8b\x08 compressed", names=["tar"])
        self.refused(400, "PUT", path, tar_of(("a", regular, b"x" * 5000))[:2000], names=["cut"])

    def test_bombs_end_by_name_and_the_next_one_lives(self):
        box = self.create(limits={"memory_bytes": 128 << 20, "process_count": 32,
                                  "disk_bytes": 8 << 20, "file_count": 200})
        fork = self.exec(box, "f() { f | f & }; f; sleep 2", timeout_ms=4000)
        self.assertIn(fork["end"], ("exited", "wall_timeout"))
        box = self.create(limits={"disk_bytes": 8 << 20, "file_count": 200})
        disk = self.exec(box, "head -c 100000000 /dev/zero > /tmp/big")
        self.assertRegex(disk["stderr"], "No space left|File size limit")
        inodes = self.exec(box, "rm /tmp/big; for i in $(seq 1000); do : > /tmp/$i || exit 9; done")
        self.assertNotEqual(inodes["exit_code"], 0)
        self.assertIn("No space left", inodes["stderr"])
        full = self.refused(507, "PUT", f"{CONTAINERS}/{box}/files?path=/tmp/f", b"x" * (16 << 20))
        self.assertEqual(full["code"], "resource_exhausted")
        self.shell(self.create(), "true")

    def test_a_deep_document_is_refused(self):
        self.refused(400, "POST", CONTAINERS, "[" * 100000, names=["inside each other"])
        self.refused(400, "POST", CONTAINERS, '{"metadata": ' * 100 + "1" + "}" * 100)

    def test_what_is_no_json_and_fields_that_are_not_there_are_refused(self):
        self.refused(400, "POST", CONTAINERS, "{", names=["request body"])
        self.refused(400, "POST", CONTAINERS, {"imagee": "host"}, names=["imagee", "image"])
        self.refused(400, "POST", CONTAINERS, {"limits": {"memory_bytes": -1}},
                     names=["memory_bytes"])
        box = self.create()
        self.refused(400, "POST", f"{CONTAINERS}/{box}/exec", {"command": "x", "timeout_ms": -1},
                     names=["timeout_ms"])
        self.refused(404, "GET", f"{CONTAINERS}/container_nonsense")
        self.refused(404, "GET", f"{CONTAINERS}/{box}/execs/exec_99", names=["exec_99"])

    def test_an_endless_silent_command_is_bounded(self):
        box = self.create()
        result = self.exec(box, ["sleep", "1000000"], no_output_timeout_ms=200)
        self.assertEqual(result["end"], "silence_timeout")

    def test_a_client_that_vanishes_ends_its_command(self):
        box = self.create()
        with self.events(box, {"command": "while :; do echo x; sleep 0.01; done"}) as all_:
            for _ in range(3):
                next(all_)
        self.wait_for_no_commands(box)
        connection = self.daemon.connect()
        connection.request("POST", f"{CONTAINERS}/{box}/exec",
                           body=json.dumps({"command": "sleep 1000", "timeout_ms": 600000}))
        time.sleep(0.3)
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        self.wait_for_no_commands(box)
        self.assertEqual(self.get(box)["state"], "running")
        ends = [each["result"]["end"] for each in self.ask("GET", f"{CONTAINERS}/{box}/log")["data"]]
        self.assertEqual(ends, ["cancelled", "cancelled"])

    def wait_for_no_commands(self, box):
        end = time.monotonic() + 10
        while self.ask("GET", f"{CONTAINERS}/{box}/execs")["data"]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def test_a_client_that_does_not_read_costs_a_bound(self):
        box = self.create()
        connection = self.daemon.connect()
        connection.request("POST", f"{CONTAINERS}/{box}/exec", body=json.dumps(
            {"command": "head -c 300000000 /dev/zero | tr '\\0' x", "stream": True,
             "max_output_bytes": 1 << 20}))
        end = time.monotonic() + 30
        while True:
            log = self.ask("GET", f"{CONTAINERS}/{box}/log")["data"]
            if log:
                break
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual(log[0]["result"]["stdout_bytes"], 300000000)
        connection.close()
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="utf-8") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        self.assertLess(resident, 400_000)

    def test_a_body_over_the_limit_is_refused(self):
        connection = self.daemon.connect()
        connection.putrequest("POST", CONTAINERS)
        connection.putheader("content-length", str(1 << 40))
        connection.endheaders()
        answer = connection.getresponse()
        self.assertEqual(answer.status, 413)
        self.assertEqual(json.loads(answer.read())["error"]["code"], "resource_exhausted")
        connection.close()

    def test_a_browsers_page_of_another_origin_is_refused(self):
        self.refused(403, "POST", CONTAINERS, {}, headers={"Origin": "http://evil.example"})
        self.refused(403, "GET", CONTAINERS, headers={"Sec-Fetch-Site": "cross-site"})
        self.refused(403, "GET", CONTAINERS, headers={"Host": "evil.example"})


class Quota(CaasCase):
    arguments = ("--containers", "3")

    def test_beyond_the_limit_is_429_with_retry_after(self):
        made = [self.create() for _ in range(3)]
        self.refused(429, "POST", CONTAINERS, {}, names=["3"])
        self.refused(429, "POST", CONTAINERS, {"n": 2})
        self.ask("DELETE", f"{CONTAINERS}/{made[0]}")
        self.create()


class Tokens(CaasCase):
    arguments = ("--require-token",)

    def test_nobody_without_a_token_and_nobody_into_anothers_container(self):
        self.refused(401, "POST", CONTAINERS, {})
        self.refused(401, "GET", CONTAINERS, headers={"Authorization": "Bearer flyw_a_b"})
        self.assertEqual(self.ask("GET", "/healthz")["status"], "ok")
        ada, bob, root = (
            {"Authorization": "Bearer " + make_token(self.state, name, role)}
            for name, role in (("ada", "researcher"), ("bob", "researcher"), ("root", "operator")))
        time.sleep(1.1)  # a change by another process is seen within a second
        made = self.ask("POST", CONTAINERS, {}, headers=ada)["id"]
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/exec"), ("POST", "/pause"),
                             ("GET", "/log"), ("GET", "/stats"), ("GET", "/files?path=/etc/passwd"),
                             ("POST", "/fork"), ("POST", "/sessions")):
            self.refused(403, method, f"{CONTAINERS}/{made}{path}", headers=bob)
        self.refused(403, "POST", CONTAINERS + "/replay", {"container": made}, headers=bob)
        self.assertEqual(self.ask("GET", CONTAINERS, headers=bob)["data"], [])
        self.assertEqual(len(self.ask("GET", CONTAINERS, headers=root)["data"]), 1)
        self.assertIn(self.ask("DELETE", f"{CONTAINERS}/{made}", headers=root)["state"], END_STATES)


if __name__ == "__main__":
    unittest.main()
