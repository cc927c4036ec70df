#!/usr/bin/env python3
"""Makes a web snapshot for the tool `browse` from a Debian documentation package.

build_web_snapshot.py PACKAGE|FOLDER BASE_URL OUT.jsonl [--limit N]

PACKAGE is an installed Debian package with HTML pages (for example debian-reference-en); FOLDER is a
folder of them. Each page becomes one line: its address below BASE_URL, its title and its text, in the
form that runtime/tools/page_store.hpp describes.
"""
import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import page_text  # noqa: E402

PAGE_BYTES_MAX = 4 << 20


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
        return file.read(PAGE_BYTES_MAX)


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
            title, text = page_text.read_page(read(path))
            name = os.path.relpath(path, root).removesuffix(".gz")
            url = options.base_url.rstrip("/") + "/" + name
            out.write(json.dumps({"url": url, "title": title or name, "text": text},
                                 ensure_ascii=False) + "\n")
    os.replace(part, options.out)
    print(f"{len(files)} pages in {options.out}")


if __name__ == "__main__":
    main()
