"""Bad input costs one clear line and a non-zero exit code, and nothing that was stored before."""
import json
import re
import shutil
import struct
import unittest

from program import BAD_INPUT, FAILED, WorkspaceCase, spec_text

LINE_LENGTH_MAX = 300
SIGNS_OF_A_CRASH = ("terminate called", "what():", "Exception raised from", "c10::", "std::",
                    "internal error", "Traceback", "Segmentation", "frame #")


def write_safetensors(path, tensors, header=None):
    """tensors: name -> (dtype, shape, bytes)."""
    body, entries = b"", {}
    for name, (dtype, shape, data) in tensors.items():
        entries[name] = {"dtype": dtype, "shape": shape,
                         "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header or entries).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_safetensors(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    body = data[8 + length:]
    return {name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
            for name, entry in header.items() if name != "__metadata__"}


class BadInput(WorkspaceCase):
    def refuse(self, *arguments, names=(), home=None, codes=(BAD_INPUT, FAILED)):
        """One line on stderr that holds every one of `names`; returns the line."""
        result = self.call(*arguments, home=home)
        lines = result.stderr.splitlines()
        self.assertIn(result.returncode, codes, result.stdout[-500:] + result.stderr)
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertLessEqual(len(lines[0]), LINE_LENGTH_MAX, lines[0])
        for sign in SIGNS_OF_A_CRASH:
            self.assertNotIn(sign, lines[0])
        for name in names:
            self.assertIn(str(name), lines[0])
        return lines[0]


class Specs(BadInput):
    """Nothing may be made of a spec that is refused: no workspace comes into being."""

    def refuse_spec(self, text, *names):
        line = self.refuse("run", self.write("spec.yaml", text), names=names, codes=(BAD_INPUT,))
        self.assertFalse((self.home / "FORMAT").exists() and self.read_json("runs")["runs"])
        return line

    def changed(self, old, new):
        text = spec_text()
        self.assertIn(old, text)
        return text.replace(old, new)

    def test_an_unknown_key_is_named_with_the_nearest_one(self):
        self.refuse_spec(self.changed("tokens_max", "token_max"), "token_max", "tokens_max")
        self.refuse_spec(spec_text() + "staleness: 1\n", "staleness", "staleness_max")

    def test_a_value_of_the_wrong_type_is_named(self):
        self.refuse_spec(self.changed("steps: 4", "steps: four"), "budget.steps", "four")
        self.refuse_spec(self.changed("deterministic: false", "deterministic: 3"), "deterministic")
        self.refuse_spec(self.changed("{steps: 4", "[{steps: 4").replace("0.1}", "0.1}]"), "budget")

    def test_a_value_out_of_its_range_is_named(self):
        for samples in ("0", "1", "-4"):
            self.refuse_spec(self.changed("samples_per_task: 4", f"samples_per_task: {samples}"),
                             "task.samples_per_task")
        self.refuse_spec(spec_text() + "staleness_max: -1\n", "staleness_max")
        self.refuse_spec(self.changed("1.0e-3", ".nan"), "learning.learning_rate")
        self.refuse_spec(self.changed("steps: 4", "steps: 99999999999999999999999"), "budget.steps")

    def test_a_context_longer_than_the_models_is_refused(self):
        self.refuse_spec(self.changed("context_length: 256", "context_length: 1000000"),
                         "context_length", "1000000")

    def test_an_unknown_preset_family_or_version_is_refused(self):
        self.refuse_spec(spec_text() + "algorithm: {preset: grpoo}\n", "grpoo")
        self.refuse_spec(self.changed("family: structured_requests", "family: structured_request"),
                         "structured_request")
        self.refuse_spec(spec_text() + "format: 2\n", "format")

    def test_text_that_is_no_yaml_is_refused_with_its_place(self):
        self.refuse_spec("name: [tiny\n", "spec.yaml")
        self.refuse_spec("\x00\x01\x02", "spec.yaml")
        self.refuse_spec("- a\n- b\n", "spec.yaml")
        self.refuse_spec("", "spec.yaml")
        self.refuse_spec(spec_text() + "seed: 2\n", "seed")

    def test_a_missing_spec_or_one_that_is_a_folder_is_refused(self):
        self.refuse("run", self.folder / "nowhere.yaml", names=["nowhere.yaml"])
        self.refuse("plan", self.folder / "nowhere.yaml", names=["nowhere.yaml"])
        self.refuse("run", self.folder, names=[self.folder])

    def test_too_little_free_disk_is_refused_with_the_figure(self):
        spec = self.write("spec.yaml", self.changed("disk_gib_min: 0.1", "disk_gib_min: 1000000"))
        self.refuse("run", spec, names=["MiB free", "needed"])

    def test_too_little_free_disk_is_refused_by_an_owner_too(self):
        owner = self.start_owner()
        text = self.changed("disk_gib_min: 0.1", "disk_gib_min: 1000000")
        status, body = self.post("/v1/runs", {"spec": text})
        self.assertGreaterEqual(status, 400, body)
        self.assertIn("needed", body["error"]["message"])
        self.refuse("run", self.write("spec.yaml", text), names=["MiB free", "needed"])
        self.assertEqual(len(self.get("/v1/runs")["runs"]), 1)
        self.interrupt(owner)


class Usage(BadInput):
    def test_arguments_that_make_no_sense_are_refused(self):
        self.refuse(codes=(BAD_INPUT,))
        self.refuse("fly", names=["fly"], codes=(BAD_INPUT,))
        self.refuse("run", codes=(BAD_INPUT,))
        self.refuse("run", "--fast", names=["--fast"], codes=(BAD_INPUT,))
        self.refuse("run", "spec.yaml", "--steps", "many", names=["many"], codes=(BAD_INPUT,))
        self.refuse("explain", "grpoo", names=["grpoo"])

    def test_steps_and_a_seed_are_for_a_new_run_and_within_their_bounds(self):
        spec = self.write("spec.yaml", spec_text())
        for steps in ("0", "100000001"):
            self.refuse("run", spec, "--steps", steps, names=["--steps", steps], codes=(BAD_INPUT,))
        self.refuse("run", spec, "--steps=-4", names=["--steps", "-4"], codes=(BAD_INPUT,))
        for option in ("--steps", "--seed"):
            self.refuse("run", "--resume", "last", option, "9", names=[option, "--resume"],
                        codes=(BAD_INPUT,))
        self.assertFalse(self.home.exists())

    def test_no_workspace_is_said_by_every_reader_and_none_is_made(self):
        for arguments in (["status"], ["runs"], ["waits"], ["report"], ["fsck"],
                          ["data", "show", "last"], ["run", "--resume", "last"]):
            with self.subTest(arguments[0]):
                self.refuse(*arguments, names=[self.home])
                self.assertFalse(self.home.exists())

    def test_a_folder_with_other_things_in_it_is_not_taken_for_a_workspace(self):
        self.home.mkdir()
        (self.home / "letter.txt").write_text("mine")
        self.refuse("run", self.write("spec.yaml", spec_text()), names=["letter.txt"])
        self.assertEqual([path.name for path in self.home.iterdir()], ["letter.txt"])


class Stored(BadInput):
    """Everything here is refused on a workspace that holds a finished run."""

    def setUp(self):
        super().setUp()
        self.spec = self.write("spec.yaml", spec_text(steps=2))
        self.succeed("run", self.spec)
        self.checkpoint = next((self.home / "checkpoints").iterdir())
        self.records = self.assert_clean()["records"]

    def check_nothing_changed(self):
        self.assertEqual(self.assert_clean()["records"], self.records)

    def model_spec(self, path):
        return self.write("model.yaml", spec_text().replace("path: tiny", f"path: {path}"))

    def refuse_model(self, path, *names):
        """As a run's model, and as what eval and try are given."""
        self.refuse("run", self.model_spec(path), names=names)
        self.refuse("eval", path, "--spec", self.spec, names=names)
        self.refuse("try", path, "Hello", "--base", "tiny", names=names)

    def copied_checkpoint(self, name):
        return self.folder / shutil.copytree(self.checkpoint, self.folder / name)

    def test_a_model_that_is_not_there_or_damaged_is_refused(self):
        self.refuse_model(self.folder / "nowhere", "nowhere")

        short = self.copied_checkpoint("short")
        weights = short / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000])
        self.refuse_model(short, "model.safetensors")
        weights.write_bytes(weights.read_bytes()[:5])
        self.refuse_model(short, "model.safetensors")

        lacking = self.copied_checkpoint("lacking")
        tensors = read_safetensors(lacking / "model.safetensors")
        name = next(each for each in tensors if "q_proj" in each)
        del tensors[name]
        write_safetensors(lacking / "model.safetensors", tensors)
        self.refuse_model(lacking, name)

        wild = self.copied_checkpoint("wild")
        write_safetensors(wild / "model.safetensors", {}, header={
            name: {"dtype": "BF16", "shape": [2**40, 2**40], "data_offsets": [0, 2**62]}})
        self.refuse_model(wild, "model.safetensors")

        unsaid = self.copied_checkpoint("unsaid")
        (unsaid / "config.json").write_text("{\"hidden_size\": ")
        self.refuse_model(unsaid, "config.json")
        self.check_nothing_changed()

    def test_a_gguf_file_that_is_cut_off_or_none_is_refused(self):
        none = self.folder / "none.gguf"
        none.write_bytes(b"GGML" + bytes(100))
        self.refuse_model(none, "none.gguf")
        cut = self.folder / "cut.gguf"
        cut.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 5, 7) + bytes(3))
        self.refuse_model(cut, "cut.gguf")
        wild = self.folder / "wild.gguf"
        wild.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 2**60, 2**60) + bytes(64))
        self.refuse_model(wild, "wild.gguf")
        self.check_nothing_changed()

    def test_an_unknown_or_misspelt_run_is_refused(self):
        stranger = "run_01M83R1ENF000XAZM1KD5QXSFN"
        for name in (stranger, "run_nonsense", "checkpoint_01M83R1ENF004VEVRGZR000000"):
            for arguments in (["status", name], ["report", name], ["data", "show", name],
                              ["run", "--resume", name]):
                with self.subTest(" ".join(arguments)):
                    self.refuse(*arguments, names=[name])
        self.check_nothing_changed()

    def test_a_state_that_no_rollout_has_is_refused_with_the_seven_that_there_are(self):
        for state in ("consummed", "Consumed", "a&limit=9"):
            self.refuse("data", "show", "last", "--state", state,
                        names=[f"'{state}'", "planned", "discarded"], codes=(BAD_INPUT,))
        shown = self.read_json("data", "show", "last", "--state", "consumed", "--limit", "3")
        self.assertEqual([each["state"] for each in shown["rollouts"]], ["consumed"] * 3)
        self.check_nothing_changed()

    def test_a_finished_run_is_not_resumed(self):
        run = self.read_json("status")["id"]
        self.refuse("run", "--resume", "last", names=[run])
        self.assertEqual(self.read_json("status")["status"], "finished")
        self.check_nothing_changed()

    def test_a_workspace_of_a_newer_version_is_left_alone(self):
        file = self.home / "FORMAT"
        stated = file.read_text()
        file.write_text(re.sub(r"\d+", lambda found: str(int(found[0]) + 1), stated))
        for arguments in (["status"], ["run", self.spec], ["fsck"]):
            self.refuse(*arguments, names=[self.home, "format 2"])
        file.write_text(stated)
        self.check_nothing_changed()

    def test_a_damaged_workspace_is_said_to_be_one(self):
        (self.home / "FORMAT").write_text("nonsense")
        self.refuse("status", names=["FORMAT"])
        (self.home / "FORMAT").write_text("flywheel workspace format 1\n")

        table = max((self.home / "db").glob("*.sst"), default=None,
                    key=lambda path: path.stat().st_size)
        log = max((self.home / "db").glob("*.log"), key=lambda path: path.stat().st_size)
        victim = max((path for path in (table, log) if path), key=lambda path: path.stat().st_size)
        data = bytearray(victim.read_bytes())
        for at in range(len(data) // 4, len(data) // 2):
            data[at] ^= 0xFF
        victim.write_bytes(data)
        result = self.call("fsck")
        self.assertIn(result.returncode, (FAILED, BAD_INPUT), result.stdout)
        for line in (result.stdout + result.stderr).splitlines():
            self.assertFalse(any(sign in line for sign in SIGNS_OF_A_CRASH), line)

    def test_a_workspace_without_its_database_is_not_begun_anew(self):
        aside = self.folder / "aside"
        (self.home / "db").rename(aside)
        self.refuse("status", names=[self.home])
        self.refuse("run", self.spec, names=[self.home])
        shutil.rmtree(self.home / "db", ignore_errors=True)
        aside.rename(self.home / "db")
        self.check_nothing_changed()


if __name__ == "__main__":
    unittest.main()
