"""A resume goes on with the data that the run began with, or says in one line what has changed."""
import pathlib
import signal
import unittest

from program import DONE, FAILED, INTERRUPTED, WorkspaceCase, spec_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
BY_HAND = ROOT / "experiments/structured_requests/data/hand_written.jsonl"


class Resume(WorkspaceCase):
    def test_a_hand_written_file_that_changed_is_named_and_put_back_it_resumes(self):
        tasks = self.folder / "by_hand.jsonl"
        spec = self.write("spec.yaml", spec_text(tokens_max=32, steps=200).replace(
            "held_out_tasks: 4", f"held_out_tasks: 4, hand_written: {tasks}"))
        first, other = BY_HAND.read_text(encoding="utf-8").splitlines(keepends=True)[:2]
        tasks.write_text(first, encoding="utf-8")
        process = self.start("run", spec)
        self.wait_until(lambda: "learning step 2" in self.output_of(process), "step 2", process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.wait(process), INTERRUPTED)

        tasks.write_text(other, encoding="utf-8")
        refused = self.call("run", "--resume", "last")
        self.assertEqual(refused.returncode, FAILED, refused.stderr)
        self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
        self.assertIn(str(tasks), refused.stderr)
        self.assertIn("hand_written", refused.stderr)
        self.assertEqual(self.read_json("status")["status"], "interrupted")

        tasks.write_text(first, encoding="utf-8")
        resumed = self.call("run", "--resume", "last")
        self.assertEqual(resumed.returncode, DONE, resumed.stderr)
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
