"""Walks README's recipes with the real compiler: a grader, a task, an algorithm, an actor.

Each is written into a copy of the sources by the scripts that the recipes name, compiled with the
flags of the build, linked in front of its libraries (so that the copy's registries take the place
of the built ones), and run on the tiny model. Nothing of the build itself changes.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

from program import DONE, WorkspaceCase

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["FLYWHEEL_PROGRAM"]).resolve().parent
COMPILE_SECONDS = 240
SOURCES = ("actors", "runtime", "storage", "tests", "scripts")
PRESET = "walked.policy_gradient"
PRESET_ROW = f"""    AlgorithmPreset{{"{PRESET}", "-A log pi, A = R - mean of the others", "this test",
                    with(AdvantageKind::leave_one_out, PolicyLossKind::policy_gradient,
                         LossAggregation::token_mean)}},
"""
TABLE = "constexpr std::array table{\n"
TASK_FILES = ("runtime/tasks/kind_replies.cpp", "runtime/tasks/task_registry.cpp",
              "runtime/grading/kind_replies_grader.cpp", "runtime/grading/grader_registry.cpp")


def run(command, cwd):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False,
                          timeout=COMPILE_SECONDS)


def output_of(result):
    return f"{result.args}\n{result.stdout}\n{result.stderr}"


class Recipes(WorkspaceCase):
    @classmethod
    def setUpClass(cls):
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        cls.commands = {entry["file"]: shlex.split(entry["command"]) for entry in commands}

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        for folder in SOURCES:
            shutil.copytree(ROOT / folder, self.tree / folder, ignore=lambda path, names: [
                name for name in names if name in ("golden", "__pycache__")])
        for page in ("README.md", "CHANGELOG.md", ".clang-format"):
            shutil.copy(ROOT / page, self.tree / page)

    def script(self, *words):
        result = run(words, self.tree)
        self.assertEqual(result.returncode, DONE, output_of(result))

    def compile(self, source, like=None):
        """The object of the tree's `source`, compiled as the build compiles `like`."""
        words = self.commands[str(ROOT / (like or source))]
        start = next(i for i, word in enumerate(words) if re.search(r"(c|g|clang)\+\+", word))
        made = self.folder / (source.replace("/", "_") + ".o")
        words = words[start:words.index("-o")] + ["-o", str(made), "-c", str(self.tree / source)]
        words = [f"-I{self.tree}" if word == f"-I{ROOT}" else word for word in words]
        result = run(words, BUILD)
        self.assertEqual(result.returncode, DONE, output_of(result))
        return str(made)

    def link(self, target, objects):
        """The build's own link of `target` with these objects in front; a test has no others."""
        listed = run(["ninja", "-t", "commands", target], BUILD).stdout.splitlines()
        words = shlex.split(listed[-1].removeprefix(": && ").removesuffix(" && :"))
        made = self.folder / target
        words[words.index("-o") + 1] = str(made)
        words = [w for w in words if not re.search(r"_tests\.dir/.*\.o$", w)]
        words[words.index("-o"):words.index("-o")] = objects
        result = run(words, BUILD)
        self.assertEqual(result.returncode, DONE, output_of(result))
        return str(made)

    def succeed_all(self, tests, case_count_min):
        """Every case of a linked test program passes, and there are at least so many."""
        result = run([tests], self.tree)
        self.assertEqual(result.returncode, DONE, output_of(result))
        passed = re.search(r"test cases:\s+(\d+) \|\s+(\d+) passed", result.stdout)
        self.assertGreaterEqual(int(passed[2]), case_count_min, result.stdout)

    def test_a_new_experiment_and_a_new_algorithm_run_as_they_are_written(self):
        self.script("scripts/new_experiment", "kind_replies")
        algorithm = self.tree / "runtime/learning/algorithm.cpp"
        text = algorithm.read_text()
        self.assertIn(TABLE, text)
        algorithm.write_text(text.replace(TABLE, TABLE + PRESET_ROW))
        task, registry, grader, graders = [
            self.compile(file, like=file if "registry" in file else
                         "runtime/tasks/task_registry.cpp") for file in TASK_FILES]
        self.program = self.link("flywheel", [task, registry, grader, graders,
                                              self.compile("runtime/learning/algorithm.cpp")])

        spec = self.tree / "experiments/kind_replies/first_run.yaml"
        self.succeed("plan", spec)
        self.succeed("run", spec)
        self.assertIn(PRESET, self.succeed("explain"))
        spec.write_text(spec.read_text() + f"algorithm: {{preset: {PRESET}}}\n")
        self.assertIn("mean of the others", self.succeed("explain", spec))
        self.succeed("run", spec)

        runs = self.read_json("runs")["runs"]
        self.assertEqual({(r["status"], r["last_step"]) for r in runs}, {("finished", 5)})
        self.assertEqual(len(runs), 2)
        self.assert_clean()

        for area, parts in (("tasks", [task, registry]),
                            ("grading", [task, registry, grader, graders])):
            name = "kind_replies" if area == "tasks" else "kind_replies_grader"
            case = self.compile(f"tests/unit/runtime/{area}/{name}_test.cpp",
                                like="tests/unit/runtime/tasks/short_answers_test.cpp")
            self.succeed_all(self.link(f"{area}_tests", [case, *parts]), 3)

    def test_a_new_actor_answers_as_its_stubs_promise(self):
        self.script("scripts/new_actor.py", "replay_buffer")
        actor = self.compile("actors/replay_buffer.cpp", like="actors/dataset.cpp")
        case = self.compile("tests/unit/actors/replay_buffer_test.cpp",
                            like="tests/unit/actors/messages_test.cpp")
        self.succeed_all(self.link("actors_tests", [case, actor]), 2)


if __name__ == "__main__":
    unittest.main()
