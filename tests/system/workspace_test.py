"""One workspace, many callers: a second run goes to the owner, and readers get in between."""
import concurrent.futures
import json
import re
import signal
import unittest

from program import BAD_INPUT, DONE, INTERRUPTED, WorkspaceCase, spec_text

READERS = (("status",), ("runs",), ("waits",), ("data", "show", "last", "--limit", "3"))


class Workspace(WorkspaceCase):
    def test_two_runs_and_four_readers_share_a_workspace(self):
        first_spec = self.write("first.yaml", spec_text(name="first", tokens_max=32, steps=150))
        second_spec = self.write("second.yaml", spec_text(name="second", seed=2, steps=60))
        first = self.start("run", first_spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(first), "step 2", first)
        second = self.start("run", second_spec)
        readers = [self.start(*arguments) for arguments in READERS for _ in range(3)]
        for reader in readers:
            self.assertEqual(self.wait(reader), DONE, self.output_of(reader))
        self.assertIsNone(first.poll(), "the owner was through before the readers had read")
        self.assertEqual(self.wait(second), DONE, self.output_of(second)[-2000:])
        self.assertEqual(self.wait(first), DONE, self.output_of(first)[-2000:])

        runs = self.read_json("runs")["runs"]
        self.assertEqual({(run["name"], run["status"], run["last_step"]) for run in runs},
                         {("first", "finished", 150), ("second", "finished", 60)})
        report = self.assert_clean()
        self.assertEqual((report["runs"], report["rollouts"]["consumed"]), (2, 8 * (150 + 60)))

    def test_two_runs_started_at_the_same_moment_on_no_workspace_both_finish(self):
        spec = self.write("spec.yaml", spec_text(steps=20))
        processes = [self.start("run", spec), self.start("run", spec)]
        for process in processes:
            self.assertEqual(self.wait(process), DONE, self.output_of(process)[-2000:])
        self.assertEqual([run["status"] for run in self.read_json("runs")["runs"]],
                         ["finished", "finished"])
        self.assert_clean()

    def start_second(self, name, owner, **work):
        """A run that the owner conducts; returns it and its id once it has learned."""
        spec = self.write(f"{name}.yaml", spec_text(name=name, seed=2, **work))
        process = self.start("run", spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(process), "step 2", process)
        self.assertIsNone(owner.poll(), self.output_of(owner)[-2000:])
        return process, self.get("/v1/runs")["runs"][-1]["id"]

    def test_a_run_that_comes_while_the_owner_follows_another_goes_on_to_its_end(self):
        spec = self.write("first.yaml", spec_text(name="first", tokens_max=32, steps=200))
        first = self.start("run", spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(first), "step 2", first)
        second, second_id = self.start_second("second", first, steps=1000000)
        self.wait_until(lambda: "\nreport " in self.output_of(first), "report", first)
        third, _ = self.start_second("third", first, tokens_max=32, steps=150)
        status, body = self.post(f"/v1/runs/{second_id}/stop", {})
        self.assertLess(status, 300, body)
        self.assertEqual(self.wait(second), INTERRUPTED, self.output_of(second)[-2000:])
        self.assertEqual(self.wait(third), DONE, self.output_of(third)[-2000:])
        self.assertEqual(self.wait(first), DONE, self.output_of(first)[-2000:])
        self.assert_clean()

    def test_a_run_whose_owner_is_killed_says_how_to_go_on(self):
        owner = self.start_owner()
        second, second_id = self.start_second("second", owner, tokens_max=32, steps=150)
        owner.send_signal(signal.SIGKILL)
        self.assertEqual(self.wait(second), INTERRUPTED, self.output_of(second)[-2000:])
        told = re.findall(r"flywheel run --resume (run_\w+)", self.output_of(second))
        self.assertEqual(told, [second_id])
        self.assertEqual(self.call("run", "--resume", second_id).returncode, DONE)
        self.assert_clean()

    def test_what_the_owner_answers_is_what_a_reader_prints(self):
        owner = self.start_owner()
        run = self.get("/v1/runs")["runs"][0]
        self.assertTrue(run["is_live"])
        self.assertEqual(self.read_json("runs")["runs"][0]["id"], run["id"])
        refused = self.call("data", "show", "last", "--state", "consummed")
        self.assertEqual((refused.returncode, refused.stdout), (BAD_INPUT, ""), refused.stderr)
        self.assertIn("'consummed'", refused.stderr)
        waits = self.get("/v1/waits")
        self.assertEqual(waits["expired_count"], 0)
        for wait in waits["waits"]:
            self.assertGreater(wait["seconds_left"], 0, json.dumps(wait))
            self.assertTrue(wait["owner"] and wait["what"] and wait["released_by"], json.dumps(wait))
        self.interrupt(owner)
        self.assert_clean()

    def test_a_run_that_two_callers_resume_at_once_is_under_way_once(self):
        spec = self.write("short.yaml", spec_text(name="short", tokens_max=32, steps=300))
        short = self.start("run", spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(short), "step 2", short)
        self.assertEqual(self.interrupt(short), INTERRUPTED)
        run = self.read_json("status")["id"]
        owner = self.start_owner()
        with concurrent.futures.ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(lambda _: self.post("/v1/runs", {"resume": run}), range(8)))
        taken = [body for status, body in answers if status < 300]
        self.assertEqual(taken, [{"id": run}], answers)
        for status, body in answers:
            self.assertIn(status, (200, 201, 409), body)
        self.interrupt(owner)
        self.assert_clean()

    def test_a_vote_that_makes_no_sense_is_refused_in_one_line_and_nothing_is_stored(self):
        owner = self.start_owner()
        answers = [{"answer": "apple"}, {"answer": "pear"}]
        vote = {"choice": "left", "prompt": "Say a fruit.", "rater": "ann", "candidates": answers}
        for change in ({"candidates": []}, {"candidates": answers * 2}, {"candidates": "apple"},
                       {"choice": "up"}, {"rater": 7}, {"note": []}, {"consent": "yes"},
                       {"candidates": [{"answer": "apple", "checkpoint": 3}, {"answer": "pear"}]},
                       {"candidates": ["apple", "pear"]}):
            status, body = self.post("/v1/votes", vote | change)
            self.assertEqual(status, 400, (change, body))
        self.assertEqual(self.get("/v1/votes")["votes"], [])
        status, body = self.post("/v1/votes", vote)
        self.assertLess(status, 300, body)
        self.assertEqual([each["rater"] for each in self.get("/v1/votes")["votes"]], ["ann"])
        self.interrupt(owner)
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
