"""kill -9 at any moment loses nothing, counts nothing twice, and changes no result.

The deterministic run is compared with one that nobody disturbed: same weights, same optimiser.
Its steps' hashes are looked at too, so that a difference names the first step that went astray.
FLYWHEEL_SEED repeats the moments of a failed test. FLYWHEEL_KILL_MODEL and FLYWHEEL_KILL_STEPS take
another model and number of steps: ctest -R long_kill does it with the real one.
"""
import os
import random
import re
import signal
import subprocess
import time
import unittest

from program import DONE, WorkspaceCase, spec_text

MODEL = os.environ.get("FLYWHEEL_KILL_MODEL", "tiny")
STEPS = int(os.environ.get("FLYWHEEL_KILL_STEPS", "120"))


def kill_spec(deterministic):
    work = {"tokens_max": 32, "steps": STEPS, "deterministic": deterministic}
    if MODEL != "tiny":  # a snapshot of the real model is 1.6 GB
        work |= {"model": MODEL, "learning_rate": "2.0e-5", "snapshot_steps": 5}
    return spec_text(**work)


class Kill(WorkspaceCase):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("FLYWHEEL_SEED", random.SystemRandom().randrange(2**32)))
        self.random = random.Random(self.seed)
        print(f"FLYWHEEL_SEED={self.seed}", flush=True)

    def kill_once(self, arguments, seconds_max):
        """True if the process was killed while it lived; an end of its own must be a good one.

        Three of four kills count from the first progress of this life, else a slow machine would
        see nothing but starts; the fourth hits the start and the recovery.
        """
        process = self.start(*arguments)
        if arguments[1] != "--resume" or self.random.random() < 0.75:
            self.wait_until(lambda: process.poll() is not None or
                            re.search(r" step \d+/", self.output_of(process)), "progress")
        try:
            process.wait(timeout=self.random.uniform(0, seconds_max))
        except subprocess.TimeoutExpired:  # still alive, as it should be
            process.send_signal(signal.SIGKILL)
            self.wait(process)
            return True
        self.assertEqual(process.returncode, DONE, self.output_of(process)[-2000:])
        return False

    def run_with_kills(self, spec, kills, seconds_max):
        """Kills, looks, resumes; the last life is left alone. Returns how many kills hit."""
        arguments = ("run", spec)
        hits = 0
        while hits < kills and self.kill_once(arguments, seconds_max):
            hits += 1
            self.assert_clean()
            arguments = ("run", "--resume", "last")
            if self.read_json("status")["status"] == "finished":  # killed on its way out
                return hits
        if self.read_json("status")["status"] != "finished":
            result = self.call("run", "--resume", "last")
            self.assertEqual(result.returncode, DONE, result.stdout[-1000:] + result.stderr)
        return hits

    def final(self, home):
        status = self.read_json("status", home=home)
        self.assertEqual((status["status"], status["last_step"]), ("finished", STEPS))
        return status["weights_hash"], status["learner_state_hash"]

    def test_twenty_kills_leave_a_deterministic_run_as_it_would_have_been(self):
        spec = self.write("spec.yaml", kill_spec(deterministic=True))
        undisturbed = self.folder / "undisturbed"
        began = time.monotonic()
        self.succeed("run", spec, home=undisturbed)
        seconds = time.monotonic() - began
        hits = self.run_with_kills(spec, kills=20, seconds_max=0.06 * seconds)
        self.assertGreaterEqual(hits, 10, "the run was over before it was killed often enough")
        print(f"{hits} kills in {time.monotonic() - began:.0f} s", flush=True)
        report = self.assert_clean()
        self.assertEqual(report["rollouts"]["consumed"], STEPS * 8)
        self.assertEqual(self.final(self.home), self.final(undisturbed))

    def test_five_kills_leave_a_free_running_run_whole(self):
        spec = self.write("spec.yaml", kill_spec(deterministic=False))
        self.run_with_kills(spec, kills=5, seconds_max=0.5)
        report = self.assert_clean()
        self.assertEqual(report["rollouts"]["consumed"], STEPS * 8)
        self.final(self.home)


if __name__ == "__main__":
    unittest.main()
