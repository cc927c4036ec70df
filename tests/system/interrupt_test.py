"""Ctrl-C ends a run in good order, and the line it ends with is the way back."""
import re
import signal
import unittest

from program import DONE, INTERRUPTED, WorkspaceCase, spec_text


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


if __name__ == "__main__":
    unittest.main()
