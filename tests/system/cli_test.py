"""The command line: help, JSON, and what a run leaves behind: checkpoint, report, votes."""
import html.parser
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import time
import unittest

from program import DEADLINE_SECONDS, DONE, INTERRUPTED, WorkspaceCase, spec_text

SUBCOMMANDS = ("plan", "run", "runs", "status", "waits", "report", "eval", "try", "data", "explain",
               "caas", "bench", "synth", "doctor", "fsck")
LOADING = {"src", "href", "data", "action", "poster", "srcset", "xlink:href"}


class Page(html.parser.HTMLParser):
    """What a browser would load from elsewhere, and the text that a reader sees."""

    def __init__(self):
        super().__init__()
        self.loads = []
        self.text = []

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in LOADING and not (value or "").startswith(("#", "data:")):
                self.loads.append((tag, name, value))
        if tag in ("link", "iframe"):
            self.loads.append((tag, "", ""))

    def handle_data(self, data):
        self.text.append(data)


class Help(WorkspaceCase):
    def test_every_subcommand_says_its_purpose_its_options_and_an_example(self):
        top = self.succeed("--help")
        listed = re.findall(r"^  (\w+)  ", top.split("Subcommands:")[1], re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(SUBCOMMANDS))
        for name in listed:
            with self.subTest(name):
                text = self.succeed(name, "--help")
                self.assertRegex(text.splitlines()[0], r"^[A-Z].{10,}")
                self.assertIn("Options:", text)
                self.assertRegex(text, r"Example:\n  flywheel " + name)


class AfterARun(WorkspaceCase):
    def setUp(self):
        super().setUp()
        self.spec = self.write("spec.yaml", spec_text())
        self.succeed("run", self.spec)
        self.checkpoint = next((self.home / "checkpoints").iterdir())

    def test_json_of_reading_subcommands_is_one_document(self):
        for arguments in (["status"], ["runs"], ["waits"], ["data", "show", "last"], ["report"],
                          ["fsck"], ["explain"], ["explain", "keys"], ["doctor"],
                          ["plan", self.spec], ["plan", "--keys"], ["eval", self.checkpoint, "--spec", self.spec],
                          ["try", self.checkpoint, "Hello", "--base", "tiny", "--tokens", "4"]):
            with self.subTest(arguments[0]):
                result = self.call(*arguments, "--json")
                self.assertEqual(result.returncode, DONE, result.stderr)
                self.assertIsInstance(json.loads(result.stdout), (dict, list))

    def test_plan_and_explain_print_the_same_keys(self):
        keys = self.read_json("plan", "--keys")
        self.assertIn("budget.steps", [key["path"] for key in keys["keys"]])
        self.assertEqual(keys, self.read_json("explain", "keys"))

    def test_status_says_what_fsck_counts(self):
        status = self.read_json("status")
        self.assertEqual((status["status"], status["last_step"]), ("finished", 4))
        self.assertEqual(status["rollouts"]["consumed"], 32)
        self.assertEqual(self.assert_clean()["rollouts"]["consumed"], 32)

    def test_the_written_checkpoint_measures_as_the_run_measured_it(self):
        figures = self.read_json("eval", self.checkpoint, "--spec", self.spec)
        self.assertEqual((figures["broken"], figures["conversations"]), (0, 4))

    def test_a_vote_with_and_without_an_owner_is_stored_and_counted(self):
        vote = ("try", self.checkpoint, "List three fruits.", "--base", "tiny", "--tokens", "8")
        text = self.succeed(*vote, "--vote", "trained", "--rater", "alone")
        ids = re.findall(r"^stored (vote_\w+)$", text, re.MULTILINE)
        self.assertEqual(len(ids), 1, text)
        owner = self.start_owner()
        ids.append(self.read_json(*vote, "--vote", "tie", "--rater", "owned")["vote"]["id"])
        votes = {each["id"]: each for each in self.get("/v1/votes")["votes"]}
        self.assertEqual(sorted(votes), sorted(ids))
        alone, owned = votes[ids[0]], votes[ids[1]]
        self.assertEqual((alone["rater"], owned["rater"], owned["choice"]), ("alone", "owned", "tie"))
        preferred = alone["candidates"][0 if alone["choice"] == "left" else 1]
        self.assertEqual(preferred["checkpoint"], self.checkpoint.name)
        self.assertEqual(self.interrupt(owner), INTERRUPTED)
        self.assert_clean()

    def test_a_vote_names_the_checkpoint_however_the_workspaces_are_spelled(self):
        long = self.write("long.yaml", spec_text(name="long", steps=1000000))
        owner = self.start("run", long, home=self.home.name)  # in our folder, relative
        self.wait_until(lambda: "learning step 2" in self.output_of(owner), "step 2", owner)
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        result = self.call("try", self.checkpoint, "Say a fruit.", "--base", "tiny", "--tokens", "4",
                           "--vote", "trained", cwd=elsewhere)
        self.assertEqual(result.returncode, DONE, result.stderr)
        vote = self.get("/v1/votes")["votes"][0]
        preferred = vote["candidates"][0 if vote["choice"] == "left" else 1]
        self.assertEqual(preferred["checkpoint"], self.checkpoint.name)
        known = self.get("/v1/checkpoints")["checkpoints"]
        self.assertEqual([each["folder"] for each in known], [str(self.checkpoint)])
        self.assertEqual(self.interrupt(owner), INTERRUPTED)

    def read_terminal(self, terminal, text, seconds=DEADLINE_SECONDS):
        """What came up to and with `text`."""
        shown, end = "", time.monotonic() + seconds
        while text not in shown:
            ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
            self.assertTrue(ready, f"no '{text}' in {shown[-2000:]}")
            shown += os.read(terminal, 4096).decode("utf-8", "replace")
        return shown

    def test_who_thinks_about_a_vote_keeps_nobody_from_the_workspace(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        vote = self.command(["try", self.checkpoint, "Say a fruit.", "--base", "tiny",
                             "--tokens", "4"])
        process = subprocess.Popen(vote, stdin=theirs, stdout=theirs, stderr=theirs,
                                   cwd=self.folder)
        self.started.append(process)
        os.close(theirs)
        self.read_terminal(ours, "Which is better?")
        began = time.monotonic()
        self.assertEqual(self.read_json("status")["status"], "finished")
        self.assertLess(time.monotonic() - began, 10)
        os.write(ours, b"t\n")
        self.read_terminal(ours, "stored vote_")
        self.assertEqual(process.wait(timeout=DEADLINE_SECONDS), DONE)
        self.assert_clean()

    def test_a_vote_for_nothing_known_is_refused_and_nothing_is_stored(self):
        before = self.assert_clean()["records"]
        result = self.call("try", self.checkpoint, "Hello", "--base", "tiny", "--tokens", "4",
                           "--vote", "middle")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(self.assert_clean()["records"], before)

    def test_the_report_loads_nothing_and_holds_the_transcripts(self):
        path = pathlib.Path(self.folder / self.read_json("report")["report"])
        page = Page()
        source = path.read_text(encoding="utf-8")
        page.feed(source)
        self.assertEqual(page.loads, [])
        self.assertNotRegex(source, r"<script[^>]*src|@import|url\(\s*['\"]?https?:")
        text = " ".join("".join(page.text).split())
        evaluation = json.loads((path.parent / "evaluations" / "after.json").read_text("utf-8"))
        asked = [turn["parts"][0]["text"] for rollout in evaluation["conversations"]
                 for turn in rollout["turns"] if turn["role"] == "user"]
        self.assertGreater(len(asked), 0)
        for said in asked:
            self.assertIn(" ".join(said.split()), text)


if __name__ == "__main__":
    unittest.main()
