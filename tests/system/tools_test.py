"""Rollouts that need a sandbox: answers that are run to be graded."""
import pathlib
import unittest

from program import BAD_INPUT, WorkspaceCase

SPEC = """\
name: ladder
task: {{family: one_line_functions, parameters: {parameters}, tasks_per_step: 2, samples_per_task: 2}}
model: {{path: tiny, context_length: 1024}}
data: {{train_tasks: 20, held_out_tasks: 4}}
sampling: {{tokens_max: 8}}
budget: {{steps: 1, disk_gib_min: 0.1}}
evaluation: {{samples_per_task: 1}}
publish: {{enabled: false}}
{more}
"""


def spec_text(parameters="{levels: [1]}", more=""):
    return SPEC.format(parameters=parameters, more=more)


class Ladder(WorkspaceCase):
    def test_answers_are_run_and_graded_and_no_container_is_left(self):
        self.succeed("run", self.write("spec.yaml", spec_text()))

        rollouts = self.read_json("data", "show", "last", "--limit", "4")["rollouts"]
        self.assertEqual(len(rollouts), 4)
        for rollout in rollouts:
            self.assertEqual(rollout["verdict"]["grader"], "one_line_function/2")
            self.assertEqual(rollout["verdict"]["status"], "fail")
        left = [path for path in pathlib.Path("/proc").glob("[0-9]*/comm")
                if self.name_of(path) == "flywheel_box" and str(self.home) in self.line_of(path)]
        self.assertEqual(left, [])

    @staticmethod
    def name_of(path):
        try:
            return path.read_text().strip()
        except OSError:
            return ""

    @staticmethod
    def line_of(path):
        try:
            return (path.parent / "cmdline").read_text()
        except OSError:
            return ""

    def test_specs_that_no_run_can_follow_are_refused_by_key(self):
        for parameters, what in (("{levels: [9]}", "9 is no level"), ("{level: [1]}", "level:")):
            result = self.call("run", self.write("spec.yaml", spec_text(parameters=parameters)))
            self.assertEqual(result.returncode, BAD_INPUT)
            self.assertIn(what, result.stderr)
        result = self.call("run", self.write("spec.yaml", spec_text(more="tools: {threads: 0}")))
        self.assertEqual(result.returncode, BAD_INPUT)
        self.assertIn("tools.threads", result.stderr)


if __name__ == "__main__":
    unittest.main()
