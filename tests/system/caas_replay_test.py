"""Replays of trajectories, as clients meet them: a rollout that was cut off goes on."""
import unittest

from caas_daemon import CaasCase

CONTAINERS = "/v1/containers"


class Replay(CaasCase):
    def replayed(self, source):
        return self.ask("POST", CONTAINERS + "/replay", {"container": source})["id"]

    def test_a_trajectory_is_replayed_without_running_again(self):
        first = self.create()
        self.ask("PUT", f"{CONTAINERS}/{first}/files?path=/tmp/a", b"1")
        stamp = self.shell(first, "date +%s%N | tee /tmp/stamp")
        counted = self.shell(first, "echo x >> /tmp/count; wc -l < /tmp/count")

        second = self.replayed(first)
        self.ask("PUT", f"{CONTAINERS}/{second}/files?path=/tmp/a", b"1")
        again = self.exec(second, "date +%s%N | tee /tmp/stamp")
        self.assertEqual((again["stdout"], again["replayed"]), (stamp, True))
        self.assertEqual(self.shell(second, "echo x >> /tmp/count; wc -l < /tmp/count"), counted)
        self.assertNotIn("replayed", self.get(second))

        # The first new command finds the files as they were, by a copy of the container that lives.
        self.assertEqual(self.shell(second, "cat /tmp/stamp /tmp/a"), stamp + "1")
        self.assertEqual(self.shell(second, "wc -l < /tmp/count"), "1\n")
        found = self.get(second)["replayed"]
        self.assertEqual((found["files_by"], found["run_again"], found["commands"]), ("fork", 0, 3))
        self.assertEqual([each["kind"] for each in self.ask(
            "GET", f"{CONTAINERS}/{second}/log")["data"]],
            ["put_file", "exec", "exec", "exec", "exec"])

    def test_a_preempted_rollout_goes_on_from_its_last_snapshot(self):
        first = self.create()
        self.shell(first, "echo 1 > /tmp/a; date +%s%N > /tmp/stamp")
        stamp = self.shell(first, "cat /tmp/stamp")
        self.ask("POST", f"{CONTAINERS}/{first}/snapshot")
        self.shell(first, "echo 2 >> /tmp/a")
        self.ask("DELETE", f"{CONTAINERS}/{first}")

        second = self.replayed(first)
        self.shell(second, "echo 1 > /tmp/a; date +%s%N > /tmp/stamp")
        self.assertEqual(self.shell(second, "cat /tmp/stamp"), stamp)
        self.ask("POST", f"{CONTAINERS}/{second}/snapshot")
        self.shell(second, "echo 2 >> /tmp/a")
        self.assertEqual(self.shell(second, "cat /tmp/a /tmp/stamp"), "1\n2\n" + stamp)
        found = self.get(second)["replayed"]
        self.assertEqual((found["files_by"], found["run_again"]), ("snapshot", 1))

    def test_a_killed_daemons_rollout_goes_on_and_another_path_runs_for_real(self):
        first = self.create()
        self.ask("PUT", f"{CONTAINERS}/{first}/files?path=/tmp/a", b"1\n")
        self.shell(first, "echo 2 >> /tmp/a")
        self.restart()
        self.assertEqual(self.get(first)["reason"], "daemon_restarted")

        second = self.replayed(first)
        self.ask("PUT", f"{CONTAINERS}/{second}/files?path=/tmp/a", b"1\n")
        self.assertEqual(self.shell(second, "cat /tmp/a"), "1\n")  # not what was asked then
        self.assertEqual(self.get(second)["replayed"]["files_by"], "rerun")

    def test_what_can_not_be_replayed_is_refused(self):
        self.refused(404, "POST", CONTAINERS + "/replay",
                     {"container": "container_01M83R1ENF000XAZM1KD5QXSFN"})
        main = self.create(command="sleep 60")
        self.refused(400, "POST", CONTAINERS + "/replay", {"container": main}, names=["main"])

    def test_a_refusal_is_replayed_as_one_and_not_done_again(self):
        first = self.create(limits={"disk_bytes": 1 << 19})
        self.shell(first, "echo 1 > /tmp/a")
        refused = self.ask_in_vain(first)
        self.assertEqual([status for status, _ in refused], [403, 404, 507])
        left = self.call("GET", f"{CONTAINERS}/{first}/files?path=/tmp/large")[:2]
        self.ask("DELETE", f"{CONTAINERS}/{first}")

        second = self.replayed(first)
        self.assertTrue(self.exec(second, "echo 1 > /tmp/a")["replayed"])
        self.assertEqual(self.ask_in_vain(second), refused)
        self.assertEqual(self.shell(second, "cat /tmp/a"), "1\n")
        self.assertEqual(self.call("GET", f"{CONTAINERS}/{second}/files?path=/tmp/large")[:2], left)
        found = self.get(second)["replayed"]
        self.assertEqual((found["files_by"], found["commands"]), ("rerun", 4))

    def ask_in_vain(self, container):
        asked = (("PUT", "/usr/bin/a", b"x"), ("DELETE", "/tmp/none", None),
                 ("PUT", "/tmp/large", bytes(1 << 20)))
        return [self.call(method, f"{CONTAINERS}/{container}/files?path={path}", body)[:2]
                for method, path, body in asked]

    def test_a_command_with_open_input_runs_for_real(self):
        first = self.create()
        self.shell(first, "echo 1 > /tmp/a")
        self.feed(first, "hello")
        self.ask("DELETE", f"{CONTAINERS}/{first}")
        self.assertEqual([each["kind"] for each in self.ask(
            "GET", f"{CONTAINERS}/{first}/log")["data"]], ["exec", "exec_open"])

        second = self.replayed(first)
        self.assertTrue(self.exec(second, "echo 1 > /tmp/a")["replayed"])
        self.feed(second, "hello")
        self.assertEqual(self.shell(second, "cat /tmp/a /tmp/f"), "1\nhello")
        third = self.create()
        self.feed(third, "hello")
        self.refused(400, "POST", CONTAINERS + "/replay", {"container": third},
                     names=["stdin_open"])

    def feed(self, container, text):
        """A command that writes to a file what it is sent."""
        with self.events(container, {"command": "cat > /tmp/f", "stdin_open": True}) as events:
            _, start = next(events)
            path = f"{CONTAINERS}/{container}/execs/{start['id']}/stdin"
            self.ask("POST", path, text)
            self.ask("POST", path + "?close=true", "")
            self.assertEqual(next(events)[1]["exit_code"], 0)


if __name__ == "__main__":
    unittest.main()
