#!/usr/bin/env python3
"""clang-tidy over the sources that changed against the merge base, or over all with --all.

check_tidy.py BUILD_FOLDER [--all | --base REF]. The compile commands are g++'s; what clang does not
know of them (precompiled headers) is left out in a copy under BUILD_FOLDER/tidy. A source that was
found clean is not read again until it, a header of ours that it reads, its command or the rules
change: BUILD_FOLDER/tidy/clean holds a mark for each.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_files  # noqa: E402

CLANG_TIDY = ".deps/site/clang_tidy/data/bin/clang-tidy"  # a wheel of scripts/wheels.txt
# g++'s -Wconversion leaves signs out, and the sources have pragmas of its own.
ARGUMENTS = ("-Wno-unknown-warning-option", "-Wno-deprecated-declarations", "-Wno-sign-conversion",
             "-Wno-unknown-pragmas")
UNKNOWN_TO_CLANG = ("-fpch-preprocess", "-Winvalid-pch")
INCLUDED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def clang_command(command):
    """A compile command of g++ without its precompiled header, as clang takes it."""
    words, kept, position = shlex.split(command), [], 0
    while position < len(words):
        word = words[position]
        if word == "-include" and "cmake_pch" in words[position + 1]:
            position += 2
            continue
        if word not in UNKNOWN_TO_CLANG:
            kept.append(word)
        position += 1
    for position, word in enumerate(kept):  # past a launcher such as ccache
        if re.search(r"(^|/)(c\+\+|g\+\+|clang\+\+)(-\d+)?$", word):
            kept = kept[position:]
            break
    return shlex.join(kept)


def write_commands(build):
    entries = json.loads((build / "compile_commands.json").read_text())
    for entry in entries:
        entry["command"] = clang_command(entry["command"])
    folder = build / "tidy"
    (folder / "clean").mkdir(parents=True, exist_ok=True)
    (folder / "compile_commands.json").write_text(json.dumps(entries))
    return folder, {os.path.realpath(entry["file"]): entry["command"] for entry in entries}


def git(*words):
    result = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return result.stdout.split() if result.returncode == 0 else []


def changed_files(base):
    """Changed since the merge base with the main branch; on that branch, since its parent."""
    head = git("rev-parse", "HEAD")
    for reference in [base] if base else ["origin/main", "main", "origin/master", "master"]:
        merge_base = git("merge-base", "HEAD", reference)
        if merge_base:
            parent = git("rev-parse", "HEAD~1") or head
            since = merge_base[0] if merge_base != head else parent[0]
            break
    else:
        since = "HEAD"
    untracked = git("ls-files", "-o", "--exclude-standard")
    return set(git("diff", "--name-only", since)) | set(untracked)


def headers_tidied_through(changed, known):
    """A changed header is read through the source beside it."""
    return {name[:-4] + ".cpp" for name in changed if name.endswith(".hpp")} & known


@functools.lru_cache(maxsize=None)
def compiler_includes():
    """The folder of g++'s own headers: omp.h is there."""
    return subprocess.run(["g++", "-print-file-name=include"], capture_output=True, text=True,
                          check=True).stdout.strip()


@functools.lru_cache(maxsize=None)
def text_of(name):
    return pathlib.Path(name).read_text(errors="replace")


def texts_read(name):
    """The names of a source and of the project's own headers that it reads, in any depth."""
    names, todo = {name}, [name]
    while todo:
        for included in INCLUDED.findall(text_of(todo.pop())):
            if included not in names and pathlib.Path(included).is_file():
                names.add(included)
                todo.append(included)
    return sorted(names)


def mark_of(name, command):
    """What the verdict on a source hangs on, as a hash."""
    rules = ["scripts/wheels.txt", *(f"{each}/.clang-tidy" for each in pathlib.Path(name).parents)]
    names = texts_read(name) + [each for each in rules if pathlib.Path(each).is_file()]
    return hashlib.sha256("\0".join([command, *names, *map(text_of, names)]).encode()).hexdigest()


def tidy(folder, name, command):
    """The diagnostics of one source, each with its excerpt; none where its mark says clean."""
    mark = folder / "clean" / mark_of(name, command)
    if mark.exists():
        return 0, []
    run = subprocess.run([CLANG_TIDY, "-p", str(folder), "--quiet",
                          *(f"--extra-arg={word}" for word in
                            (*ARGUMENTS, "-idirafter", compiler_includes())),
                          name], capture_output=True, text=True, check=False)
    if run.returncode == 0:
        mark.touch()
        return 0, []
    output = run.stdout.replace(os.getcwd() + "/", "")
    return run.returncode, re.split(r"\n(?=\S+:\d+:\d+: (?:error|warning): )", output.strip())


def main():
    arguments = sys.argv[1:]
    build = pathlib.Path(arguments[0])
    base = arguments[arguments.index("--base") + 1] if "--base" in arguments else None
    if not pathlib.Path(CLANG_TIDY).exists():
        sys.exit(f"check_tidy: {CLANG_TIDY} is not there: run scripts/setup")
    folder, compiled = write_commands(build)
    names = {n for n in check_files.tracked(".") if os.path.realpath(n) in compiled}
    if "--all" not in arguments:
        changed = changed_files(base)
        names &= changed | headers_tidied_through(changed, names)
    failed, seen = False, set()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for code, diagnostics in pool.map(
                lambda n: tidy(folder, n, compiled[os.path.realpath(n)]), sorted(names)):
            failed = failed or code != 0
            for diagnostic in diagnostics:  # a header's come once for every source that reads it
                if diagnostic not in seen:
                    print(diagnostic, file=sys.stderr)
                seen.add(diagnostic)
    print(f"tidy: {len(names)} files")
    sys.exit(failed)


if __name__ == "__main__":
    main()
