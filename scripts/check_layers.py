#!/usr/bin/env python3
"""Fails when an include points up the layers, or a library leaks out of the folder that owns it.

check_layers.py [ROOT]. Each failure is one line: file, line, rule, what to do.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_files  # noqa: E402

# The first folder that matches a file decides what of ours it may include.
MAY_INCLUDE = [
    ("runtime/base/", ("runtime/base/",)),
    ("runtime/system/", ("runtime/system/", "runtime/base/")),
    ("runtime/net/", ("runtime/net/", "runtime/base/")),
    ("runtime/statistics/", ("runtime/statistics/", "runtime/base/")),
    ("runtime/sandbox/", ("runtime/sandbox/", "runtime/base/")),
    ("runtime/synthesis/", ("runtime/synthesis/", "runtime/sandbox/", "runtime/base/")),
    ("runtime/tasks/", ("runtime/tasks/", "runtime/synthesis/", "runtime/sandbox/",
                        "runtime/base/")),
    ("runtime/tools/", ("runtime/tools/", "runtime/sandbox/", "runtime/base/")),
    ("runtime/grading/", ("runtime/grading/", "runtime/tasks/", "runtime/synthesis/",
                          "runtime/sandbox/", "runtime/base/")),
    ("runtime/model/", ("runtime/model/", "runtime/base/")),
    ("runtime/inference/", ("runtime/inference/", "runtime/model/", "runtime/base/")),
    ("runtime/learning/", ("runtime/learning/", "runtime/model/", "runtime/base/")),
    ("runtime/", ("runtime/",)),
    ("storage/", ("storage/", "runtime/base/")),
    ("actors/", ("actors/", "storage/", "runtime/")),
]
# A library's headers may be included only from files whose path starts with one of these.
TORCH = ("runtime/model/", "runtime/inference/", "runtime/learning/")
OWNERS = {
    "rocksdb/": ("storage/rocksdb_store",),
    "boost/": ("runtime/net/", "runtime/transfer/"),
    "torch/": TORCH,
    "ATen/": TORCH,
    "c10/": TORCH,
    "caf/": ("actors/", "runtime/system/"),
    "yaml-cpp/": ("actors/config", "runtime/tasks/", "runtime/sandbox/image_recipe"),
    "CLI/": ("actors/",),
    "openssl/": ("runtime/net/", "runtime/transfer/"),
    "curl/": ("runtime/tools/live_address", "runtime/tools/page_fetch"),
    "seccomp.h": ("runtime/sandbox/",),
}
OURS = ("runtime/", "storage/", "actors/", "experiments/", "tests/")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def includes_of(text):
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[2]


def check_file(name, text):
    failures = []
    folder, allowed = next(rule for rule in MAY_INCLUDE if name.startswith(rule[0]))
    for number, target in includes_of(text):
        if target.startswith(OURS) and not target.startswith(allowed):
            failures.append(f"{name}:{number}: layers: {folder} may include only "
                            f"{', '.join(allowed)}, not {target}")
        for library, owners in OWNERS.items():
            if target.startswith(library) and not name.startswith(owners):
                failures.append(f"{name}:{number}: owners: <{library}...> belongs to "
                                f"{' and '.join(owners)}")
    return failures


def reaches(files, name, library, seen=None):
    """The chain of includes by which `name` reaches `library`, or an empty list."""
    seen = seen if seen is not None else set()
    seen.add(name)
    for _, target in includes_of(files.get(name, "")):
        if target.startswith(library):
            return [name]
        if target in files and target not in seen:
            chain = reaches(files, target, library, seen)
            if chain:
                return [name, *chain]
    return []


def check_reach(files):
    """No header hands its reader both CAF and LibTorch, and no actor compiles LibTorch."""
    failures = []
    for name in files:
        chain = reaches(files, name, "torch/")
        if not chain:
            continue
        if name.startswith("actors/"):
            failures.append(f"{name}:1: torch reach: LibTorch comes in by {' > '.join(chain)}; "
                            "take the torch-free header")
        elif reaches(files, name, "caf/"):
            failures.append(f"{name}:1: torch reach: this file pulls in CAF and LibTorch together "
                            f"(LibTorch by {' > '.join(chain)})")
    return failures


def check(root):
    files = dict(check_files.sources(root))
    failures = [failure for name, text in files.items() for failure in check_file(name, text)]
    return failures + check_reach(files)


if __name__ == "__main__":
    check_files.end(check(check_files.root_of(sys.argv)))
