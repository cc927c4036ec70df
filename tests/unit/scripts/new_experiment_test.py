"""Walks the recipe of a new experiment on a small tree, and runs the checks over what it wrote."""
import importlib.machinery
import importlib.util
import re

import support
import check_layers
import check_text

LOADER = importlib.machinery.SourceFileLoader("new_experiment",
                                              str(support.ROOT / "scripts/new_experiment"))
new_experiment = importlib.util.module_from_spec(
    importlib.util.spec_from_loader("new_experiment", LOADER))
LOADER.exec_module(new_experiment)

REGISTRIES = ("runtime/tasks/task_registry.cpp", "runtime/grading/grader_registry.cpp")


def rows_of(text):
    """The names in a registry's array, however its lines are broken."""
    return re.findall(r"&(\w+)\(\),", text)


class NewExperiment(support.PlantedTree):
    def setUp(self):
        super().setUp()
        for name in REGISTRIES:  # the real ones: their shape is what the script relies on
            self.write(name, (support.ROOT / name).read_text())
        self.write(".clang-format", (support.ROOT / ".clang-format").read_text())
        self.write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n### Added\n- `B`: c.\n")

    def text(self, name):
        return (self.root / name).read_text()

    def test_what_it_writes_keeps_every_rule(self):
        new_experiment.write_experiment(self.root, "kind_replies")
        self.assertEqual(check_layers.check(self.root), [])
        failures = [f for f in check_text.check(self.root) if "dead file" not in f]
        self.assertEqual(failures, [])

    def test_the_registries_get_rows_in_order_and_count_them(self):
        before = len(rows_of(self.text(REGISTRIES[0])))
        for name in ("kind_replies", "zebra_counts", "apples"):
            new_experiment.write_experiment(self.root, name)
        for file, end in zip(REGISTRIES, ("", "_grader")):
            text = self.text(file)
            rows = rows_of(text)
            self.assertEqual(rows, sorted(rows))
            self.assertEqual(len(rows), before + 3)
            self.assertIn(f"*, {before + 3}>", text)
            for name in ("kind_replies", "zebra_counts", "apples"):
                self.assertIn(f"{name}{end}", rows)
                self.assertEqual(text.count(f"/{name}{end}.hpp\"\n"), 1)
            own = file.replace(".cpp", ".hpp")
            self.assertTrue(text.startswith(f'#include "{own}"\n\n#include <array>\n'))
        self.assertIn("### Added\n- Experiment `apples`", self.text("CHANGELOG.md"))

    def test_a_name_that_is_taken_changes_nothing(self):
        self.write("runtime/tasks/list_items.hpp", "std::vector<int> list_items(int answer);\n")
        self.write("runtime/tasks/kind_replies.cpp", "int mine;\n")
        before = self.text(REGISTRIES[0])
        for name in ("kind_replies", "list_items", "while"):
            with self.assertRaises(SystemExit):
                new_experiment.write_experiment(self.root, name)
        self.assertEqual(self.text(REGISTRIES[0]), before)
        self.assertEqual(self.text("runtime/tasks/kind_replies.cpp"), "int mine;\n")
        self.assertFalse((self.root / "experiments").exists())

    def test_a_registry_of_another_shape_is_left_alone(self):
        self.write(REGISTRIES[1], '#include "runtime/grading/grader_registry.hpp"\n')
        with self.assertRaises(SystemExit):
            new_experiment.write_experiment(self.root, "kind_replies")
        self.assertFalse((self.root / "runtime/tasks/kind_replies.cpp").exists())
