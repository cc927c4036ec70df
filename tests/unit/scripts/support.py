"""A folder of planted files, and the scripts under test as modules."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))


class PlantedTree(unittest.TestCase):
    """Each test plants files in a folder of its own and reads what a check says of them."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def plant(self, **files):
        """plant(actors__x_hpp="..."): two underscores are a slash, the last one is a dot."""
        for name, text in files.items():
            stem, _, ending = name.replace("__", "/").rpartition("_")
            self.write(f"{stem}.{ending}", text)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def assert_one(self, failures, *parts):
        """Exactly one failure, and it names all of these."""
        self.assertEqual(len(failures), 1, failures)
        for part in parts:
            self.assertIn(part, failures[0])
