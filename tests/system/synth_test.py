"""`flywheel synth repo-functions` over a package made for it: yields, cheats, leaks, kill, bad input."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

from program import BAD_INPUT, FAILED, INTERRUPTED, WorkspaceCase

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tests/system/synth_package"
SITE = ROOT / ".deps/synthesis/site"


def setUpModule():
    subprocess.run([sys.executable, str(ROOT / "experiments/repo_function_synthesis/setup"), "--site-only"], check=True,
                   timeout=300)


class Synth(WorkspaceCase):
    def arguments(self, out, *sources, gold_runs=10):
        return ["synth", "repo-functions", *(sources or [PACKAGE]), "--site", SITE, "--out", self.folder / out,
                "--gold-runs", gold_runs]

    def instances(self, out):
        lines = (self.folder / out / "instances.jsonl").read_text(encoding="utf-8").splitlines()
        return {each["target"]["qualname"]: each for each in map(json.loads, lines)}

    def rejections(self, out):
        lines = (self.folder / out / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
        return {each["id"].rpartition(":")[2]: each["reason"] for each in map(json.loads, lines)}

    def check_yield(self, out):
        found = self.instances(out)
        self.assertLessEqual({"runs", "merge_sorted", "Bag.take", "Bag.most", "caesar", "roman"}, set(found))
        reasons = self.rejections(out)
        self.assertEqual(reasons["undocumented"], "neither documented nor typed")
        self.assertEqual(reasons["Bag.draw"], "input, output or outside state")
        for name in ("weighed", "measured"):
            self.assertEqual(reasons[name], "a copy of the body is elsewhere")
        return found

    def check_quality(self, instance):
        quality = instance["quality"]
        self.assertEqual((quality["gold_passes"], quality["gold_runs"]), (10, 10))
        self.assertGreaterEqual(quality["mutants_killed"], 0.8 * quality["mutant_count"])
        self.assertGreaterEqual(len(quality["cheats"]), 12)
        self.assertNotIn("pass", quality["cheats"].values())
        self.assertNotIn("infra_error", quality["cheats"].values())
        self.assertEqual(quality["suite"]["flaky"], 1)
        self.assertFalse(instance["leak_report"]["leaks"])
        self.assertGreaterEqual(len(instance["golden_io"]), 3)
        self.assertTrue(instance["FAIL_TO_PASS"])
        self.assertNotIn("test_order_of_a_set", str(instance["PASS_TO_PASS"]))
        self.assertEqual(instance["license"], "MIT")

    def test_a_killed_run_is_gone_on_with_and_comes_to_the_same(self):
        whole = self.start(*self.arguments("whole"), "--json")
        self.assertEqual(self.wait(whole, 240), 0, self.output_of(whole)[-2000:])
        for instance in self.check_yield("whole").values():
            self.check_quality(instance)
        report = json.loads((self.folder / "whole/report.json").read_text())
        self.assertTrue(report["succeeded"])
        self.assertIn("0 of", report["outcome"])
        self.assertNotIn("://", (self.folder / "whole/report.html").read_text())

        journal = self.folder / "killed/journal"
        killed = self.start(*self.arguments("killed"))
        self.wait_until(lambda: journal.exists() and b"validate/" in journal.read_bytes(), "a validation", killed, 200)
        killed.send_signal(signal.SIGKILL)
        self.wait(killed)
        size = journal.stat().st_size
        again = self.start(*self.arguments("killed"))
        self.assertEqual(self.wait(again, 240), 0, self.output_of(again)[-2000:])
        self.assertGreater(journal.stat().st_size, size)
        for name in ("instances.jsonl", "rejected.jsonl"):
            self.assertEqual((self.folder / "killed" / name).read_bytes(), (self.folder / "whole" / name).read_bytes())

    def test_an_interrupted_run_says_how_to_go_on(self):
        process = self.start(*self.arguments("interrupted"))
        self.wait_until((self.folder / "interrupted/trees").exists, "a tree", process)
        self.assertEqual(self.interrupt(process), INTERRUPTED, self.output_of(process))
        self.assertIn("the same command goes on", self.output_of(process))

    def test_a_licence_that_is_not_on_the_list_and_a_package_without_tests_are_rejected(self):
        for name, change in {"copyleft": lambda folder: (folder / "LICENSE").write_text("GNU General Public License"),
                             "untested": lambda folder: shutil.rmtree(folder / "tests")}.items():
            shutil.copytree(PACKAGE, self.folder / name)
            change(self.folder / name)
        result = self.call(*self.arguments("out", self.folder / "copyleft", self.folder / "untested"))
        self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
        self.assertEqual(self.rejections("out"), {"copyleft": "licence not on the list", "untested": "no tests inside"})

    def test_bad_input_is_one_line(self):
        for arguments, part in (
                (["synth", "repo-functions", self.folder / "nowhere", "--site", SITE], "nowhere"),
                (["synth", "repo-functions", PACKAGE, "--site", self.folder, "--out", self.folder / "o"], "pytest"),
                (["synth", "repo-functions", PACKAGE], "--site"),
                (["synth", "repo-functions", PACKAGE, "--site", SITE, "--gold-runs", "1"], "--gold-runs")):
            result = self.call(*arguments)
            self.assertIn(result.returncode, (BAD_INPUT, FAILED), result.stdout)
            self.assertIn(part, result.stderr.splitlines()[0])

    def test_archives_that_leave_their_folder_or_hold_nothing_are_rejected(self):
        import io
        import tarfile
        for name, path in {"dots": "p/../../evil.py", "root": "/evil.py"}.items():
            with tarfile.open(self.folder / f"{name}.tar.gz", "w:gz") as file:
                member = tarfile.TarInfo(path)
                member.size = 1
                file.addfile(member, io.BytesIO(b"x"))
        with tarfile.open(self.folder / "link.tar.gz", "w:gz") as file:
            member = tarfile.TarInfo("p/link.py")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            file.addfile(member)
        archives = [self.folder / f"{name}.tar.gz" for name in ("dots", "root", "link")]
        result = self.call(*self.arguments("out", *archives))
        self.assertEqual(result.returncode, FAILED, result.stdout + result.stderr)
        self.assertEqual(self.rejections("out"), {"dots": "unsafe archive", "root": "unsafe archive",
                                                  "link": "empty archive"})
        self.assertFalse(os.path.exists(self.folder / "evil.py"))


if __name__ == "__main__":
    unittest.main()
