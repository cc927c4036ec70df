#!/usr/bin/env python3
"""Makes a web snapshot for the tool `browse` from a Debian documentation package.

build_web_snapshot.py PACKAGE|FOLDER BASE_URL OUT.jsonl [--limit N]

PACKAGE is an installed Debian package with HTML pages (for example debian-reference-en); FOLDER is a
folder of them. Each page becomes one line: its address below BASE_URL, its title and its text, in the
form that runtime/tools/page_store.hpp describes. Scripts, styles and navigation are left out.
"""
import argparse
import gzip
import html.parser
import json
import os
import pathlib
import re
import subprocess
import sys

SKIPPED = {"script", "style", "nav", "head", "footer", "noscript", "template", "svg"}
BLOCKS = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "ul", "ol",
          "dl", "dt", "dd", "section", "article", "blockquote", "br", "hr", "figure"}
PAGE_BYTES_MAX = 4 << 20


class PageText(html.parser.HTMLParser):
    """The words of a page, one line a block."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.pieces, self.title = [], ""
        self.skipped, self.in_title, self.in_pre = 0, False, 0

    def handle_starttag(self, tag, attrs):
        self.in_title = self.in_title or tag == "title"
        self.skipped += tag in SKIPPED
        self.in_pre += tag == "pre"
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag):
        if tag == "title":
            self.in_title = False
        self.skipped = max(0, self.skipped - (tag in SKIPPED))
        self.in_pre = max(0, self.in_pre - (tag == "pre"))
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data):
        if self.in_title:
            self.title += data
        elif not self.skipped:
            self.pieces.append(data if self.in_pre else re.sub(r"\s+", " ", data))

    def text(self):
        lines = [re.sub(r"[ \t]+$", "", line) for line in "".join(self.pieces).split("\n")]
        lines = [line if line.startswith("  ") else line.strip() for line in lines]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def page_files(source):
    if os.path.isdir(source):
        return sorted(path for path in pathlib.Path(source).rglob("*") if is_page(path))
    listed = subprocess.run(["dpkg", "-L", source], capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"{source}: no folder and no installed Debian package; apt-get install {source}")
    return sorted(path for path in map(pathlib.Path, listed.stdout.split("\n")) if is_page(path))


def is_page(path):
    return path.name.endswith((".html", ".html.gz", ".htm")) and path.is_file() \
        and not path.is_symlink()


def read(path):
    opened = gzip.open(path, "rb") if path.name.endswith(".gz") else open(path, "rb")
    with opened as file:
        return file.read(PAGE_BYTES_MAX).decode("utf-8", errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source")
    parser.add_argument("base_url")
    parser.add_argument("out")
    parser.add_argument("--limit", type=int, default=100000, help="pages at most")
    options = parser.parse_args()
    files = page_files(options.source)[:options.limit]
    if not files:
        sys.exit(f"{options.source}: no HTML pages in it")
    root = os.path.commonpath([path.parent for path in files])
    part = options.out + ".part"
    with open(part, "w", encoding="utf-8") as out:
        out.write(json.dumps({"format": 1, "source": options.source}) + "\n")
        for path in files:
            page = PageText()
            page.feed(read(path))
            name = os.path.relpath(path, root).removesuffix(".gz")
            url = options.base_url.rstrip("/") + "/" + name
            title = " ".join(page.title.split()) or name
            out.write(json.dumps({"url": url, "title": title, "text": page.text()},
                                 ensure_ascii=False) + "\n")
    os.replace(part, options.out)
    print(f"{len(files)} pages in {options.out}")


if __name__ == "__main__":
    main()
