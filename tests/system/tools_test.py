"""Rollouts that need a sandbox: answers that are run to be graded, and tools that a model calls."""
import pathlib
import unittest

from program import BAD_INPUT, WorkspaceCase

SPEC = """\
name: ladder
task: {{family: one_line_functions, parameters: {parameters}, tasks_per_step: 2, samples_per_task: 2}}
model: {{path: {model}, context_length: 1024}}
data: {{train_tasks: 20, held_out_tasks: 2}}
sampling: {{tokens_max: {tokens_max}}}
budget: {{steps: 1, disk_gib_min: 0.1}}
evaluation: {{samples_per_task: 1}}
publish: {{enabled: false}}
{more}
"""


def spec_text(model="tiny", parameters="{levels: [1]}", tokens_max=8, more=""):
    return SPEC.format(model=model, parameters=parameters, tokens_max=tokens_max, more=more)


class Ladder(WorkspaceCase):
    def test_answers_are_run_and_graded_and_no_container_is_left(self):
        self.succeed("run", self.write("spec.yaml", spec_text()))

        rollouts = self.read_json("data", "show", "last", "--limit", "4")["rollouts"]
        self.assertEqual(len(rollouts), 4)
        for rollout in rollouts:
            self.assertEqual(rollout["verdict"]["grader"], "one_line_function/1")
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

    def test_a_model_calls_tools_and_reads_their_results(self):
        more = "tools: {calls_max: 2, call_seconds_max: 5, output_bytes_max: 512}"
        self.succeed("run", self.write("spec.yaml", spec_text(
            "smollm2-135m-instruct", "{levels: [1], tools: true}", 96, more)))

        rollouts = self.read_json("data", "show", "last", "--limit", "4")["rollouts"]
        self.assertEqual(len(rollouts), 4)
        for rollout in rollouts:
            calls, results = [], []
            for turn in rollout["turns"]:
                for part in turn["parts"]:
                    (calls if part["kind"] == "tool_call" else
                     results if part["kind"] == "tool_result" else []).append(part.get("call_id"))
            # The last turn's calls may be past the bound or cut: every other one has its result.
            self.assertEqual(results, calls[:len(results)])

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
