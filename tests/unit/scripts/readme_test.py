"""Holds README and the guides to the sources: paths, actors, subcommands, registry rows, keys."""
import glob
import re
import unittest

import support

ROOT = support.ROOT
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")),
         ROOT / "experiments/structured_requests/README.md"]
PATH = re.compile(r"`((?:actors|runtime|storage|tests|scripts|docs|cmake|experiments)/[^`\s]*)`")
GENERATED = ("NAME", "<", "(")  # a recipe's own names
README = (ROOT / "README.md").read_text()


def alternatives(path):
    """a/{b,c}.* as the shell reads it."""
    braces = re.search(r"\{([^}]*)\}", path)
    if not braces:
        return [path]
    return [path[:braces.start()] + one + path[braces.end():] for one in braces[1].split(",")]


def table_rows(first_cell):
    """The first cells of the rows of README's table with that first header cell."""
    table = re.search(rf"^\| {first_cell} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    return [row.split(" | ")[0].strip("| `") for row in table[1].splitlines()]


class Readme(unittest.TestCase):
    def test_every_path_that_is_named_exists(self):
        for page in PAGES:
            for path in PATH.findall(page.read_text()):
                if any(mark in path for mark in GENERATED):
                    continue
                for one in alternatives(path):
                    with self.subTest(page=page.name, path=one):
                        self.assertTrue(glob.glob(str(ROOT / one)))

    def test_every_link_leads_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
                with self.subTest(page=page.name, target=target):
                    self.assertTrue((page.parent / target).exists())

    def test_every_actor_has_a_row(self):
        spawned = {header.stem for header in (ROOT / "actors").glob("*.hpp")
                   if re.search(r"\bspawn_" + header.stem + r"\(", header.read_text())}
        named = re.findall(r"^\| `\w+` \| `actors/(\w+)\.hpp` \|", README, re.MULTILINE)
        self.assertEqual(set(named), spawned)
        self.assertEqual(len(named), len(table_rows("actor")))

    def test_every_subcommand_has_a_row(self):
        source = (ROOT / "actors/commands/command_table.cpp").read_text()
        commands = set(re.findall(r"^Command add_(\w+)\(", source, re.MULTILINE))
        rows = {row.split()[0].strip("`") for row in table_rows("subcommand")}
        self.assertEqual(rows, commands)

    def test_what_the_recipes_name_is_in_the_sources(self):
        for file, names in {
            "runtime/grading/grader.hpp": ["turn_verdict", "verdict_of_turns",
                                           "infra_error_verdict", "judge", "components"],
            "runtime/grading/grader_registry.cpp": ["&short_answer_grader(),"],
            "runtime/tasks/task_family.hpp": ["make_task", "next_user_move", "grader"],
            "runtime/tasks/task_registry.cpp": ["&short_answers(),"],
            "runtime/learning/algorithm.cpp": ["AlgorithmPreset{", "explain_", "advantages("],
            "runtime/learning/losses.cpp": ["couples_tokens("],
            "actors/config_table.cpp": ["advantage_names", '"algorithm.preset"'],
            "actors/run_parts.cpp": ["PartSpawner", " kept(", "spawn_supervisor("],
            "runtime/system/request.hpp": ["void ask("],
        }.items():
            text = (ROOT / file).read_text()
            for name in names:
                with self.subTest(file=file, name=name):
                    self.assertIn(name, text)


if __name__ == "__main__":
    unittest.main()
