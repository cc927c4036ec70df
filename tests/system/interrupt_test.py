"""Ctrl-C ends a run in good order, and the line it ends with is the way back."""
import json
import re
import shutil
import signal
import unittest

from program import DONE, FAILED, INTERRUPTED, WorkspaceCase, spec_text


class Interrupt(WorkspaceCase):
    def check_signal(self, number):
        spec = self.write("spec.yaml", spec_text(tokens_max=32, steps=200))
        process = self.start("run", spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(process), "step 2", process)
        process.send_signal(number)
        self.assertEqual(self.wait(process), INTERRUPTED)
        told = re.findall(r"flywheel run --resume (run_\w+)", self.output_of(process))
        self.assertEqual(len(told), 1, self.output_of(process)[-1000:])

        before = self.read_json("status")
        self.assertEqual((before["status"], before["id"]), ("interrupted", told[0]))
        self.assertGreaterEqual(before["last_step"], 2)
        self.assert_clean()
        return told[0], before["last_step"]

    def test_sigint_ends_with_code_3_and_the_line_it_prints_resumes_to_the_end(self):
        run, step = self.check_signal(signal.SIGINT)
        stray = self.home / "runs" / run / "snapshots" / "step_7.tmp"
        stray.write_bytes(b"half a snapshot of a process that was killed")
        result = self.call("run", "--resume", run)
        self.assertEqual(result.returncode, DONE, result.stderr)
        after = self.read_json("status")
        self.assertEqual((after["status"], after["last_step"]), ("finished", 200))
        self.assertGreater(after["last_step"], step)
        self.assertFalse(stray.exists())
        self.assert_clean()

    def test_sigterm_does_the_same(self):
        self.check_signal(signal.SIGTERM)

    def start_json(self, **work):
        """A run that tells of itself in JSON, and its id once it has learned."""
        process = self.start("run", self.write("spec.yaml", spec_text(tokens_max=32, **work)),
                             "--json")
        self.wait_until(lambda: '"step":2' in self.output_of(process), "step 2", process)
        return process, self.get("/v1/runs")["runs"][0]["id"]

    def ended(self, lines):
        """The last of `lines`, all of which are objects."""
        events = [json.loads(line) for line in lines]
        self.assertEqual(events[-1]["event"], "ended")
        self.assertNotIn("ended", [each.get("event") for each in events[:-1]])
        return events[-1]

    def test_json_of_an_interrupted_run_ends_with_an_object_that_says_so(self):
        process, run = self.start_json(steps=1000000)
        self.assertEqual(self.interrupt(process), INTERRUPTED)
        ended = self.ended(self.output_of(process).splitlines())
        self.assertEqual((ended["run"], ended["status"], ended["reason"]),
                         (run, "interrupted", "interrupted"))

    def test_json_of_a_failed_run_ends_with_an_object_that_says_so(self):
        process, run = self.start_json(steps=60)
        evaluations = self.home / "runs" / run / "evaluations"
        shutil.rmtree(evaluations)
        evaluations.write_text("in the way of the last evaluation")
        self.assertEqual(self.wait(process), FAILED, self.output_of(process)[-2000:])
        lines = self.output_of(process).splitlines()
        ended = self.ended([line for line in lines if line.startswith("{")])
        self.assertEqual((ended["run"], ended["status"]), (run, "failed"))
        self.assertIn("evaluation", ended["reason"])
        self.assertIn(f"flywheel run --resume {run}", lines[-1])

    def test_sigint_to_the_client_of_an_owner_ends_a_long_evaluation_at_once(self):
        owner = self.start_owner()
        text = spec_text(name="measuring", tokens_max=64)
        text = text.replace("held_out_tasks: 4", "held_out_tasks: 400")
        text = text.replace("{samples_per_task: 1}", "{samples_per_task: 64}")
        client = self.start("run", self.write("measuring.yaml", text))
        self.wait_until(lambda: "evaluating before" in self.output_of(client), "evaluation", client)
        self.assertEqual(self.interrupt(client), INTERRUPTED, self.output_of(client)[-2000:])
        run = self.get("/v1/runs")["runs"][-1]
        self.assertEqual((run["name"], run["status"]), ("measuring", "interrupted"))
        self.assertEqual(self.get("/v1/runs/" + run["id"])["evaluations"], [])
        self.assertIn(f"flywheel run --resume {run['id']}", self.output_of(client))
        self.assertEqual(self.interrupt(owner), INTERRUPTED)
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
