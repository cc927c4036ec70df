"""The builder of web snapshots: what of a page becomes text, and what is refused."""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[3] / "scripts" / "build_web_snapshot.py"
PAGE = """<html><head><title>A  page</title><style>p { color: red }</style></head><body>
<nav>Home | Next</nav><h1>Lists &amp; sets</h1><p>A list keeps
 items in   order.</p><pre>x = [1]
  y = 2</pre><script>alert(1)</script></body></html>"""


def build(folder, *more):
    out = pathlib.Path(folder) / "snapshot.jsonl"
    done = subprocess.run([sys.executable, "-B", SCRIPT, *more, out], capture_output=True, text=True)
    lines = out.read_text().splitlines() if out.exists() else []
    return done, [json.loads(line) for line in lines]


class BuildWebSnapshotTest(unittest.TestCase):
    def test_pages_become_text_with_their_address_and_title(self):
        with tempfile.TemporaryDirectory() as folder:
            pages = pathlib.Path(folder) / "pages"
            (pages / "inner").mkdir(parents=True)
            (pages / "index.html").write_text(PAGE)
            (pages / "inner" / "b.html.gz").write_bytes(gzip.compress(b"<p>zipped</p>"))
            (pages / "link.html").symlink_to(pages / "index.html")
            (pages / "note.txt").write_text("no page")

            done, lines = build(folder, pages, "https://doc.example/")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(lines[0]["format"], 1)
        self.assertEqual([line["url"] for line in lines[1:]],
                         ["https://doc.example/index.html", "https://doc.example/inner/b.html"])
        self.assertEqual(lines[1]["title"], "A page")
        self.assertEqual(lines[1]["text"],
                         "Lists & sets\n\nA list keeps items in order.\n\nx = [1]\n  y = 2\n")
        self.assertEqual(lines[2]["title"], "inner/b.html")

    def test_what_is_no_package_and_a_folder_without_pages_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            unknown, lines = build(folder, "no-such-package-here", "https://doc.example")
            self.assertEqual(lines, [])
            empty, _ = build(folder, folder, "https://doc.example")
        self.assertIn("no installed Debian package", unknown.stderr)
        self.assertIn("no HTML pages", empty.stderr)


if __name__ == "__main__":
    unittest.main()
