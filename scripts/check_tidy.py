#!/usr/bin/env python3
"""clang-tidy over the sources that changed against the merge base, or over all with --all.

check_tidy.py BUILD_FOLDER [--all | --base REF]. The compile commands are g++'s; what clang does not
know of them (precompiled headers) is left out in a copy under BUILD_FOLDER/tidy.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_files  # noqa: E402

UNKNOWN_TO_CLANG = ("-fpch-preprocess", "-Winvalid-pch")


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
    folder.mkdir(exist_ok=True)
    (folder / "compile_commands.json").write_text(json.dumps(entries))
    return folder, {os.path.realpath(entry["file"]) for entry in entries}


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


def tidy(folder, name, headers):
    """The diagnostics of one source, each with its excerpt; `headers` is a regular expression."""
    run = subprocess.run(["clang-tidy", "-p", str(folder), "--quiet", f"--header-filter={headers}",
                          "--extra-arg=-Wno-unknown-warning-option",
                          name], capture_output=True, text=True, check=False)
    output = run.stdout.replace(os.getcwd() + "/", "")
    diagnostics = re.split(r"\n(?=\S+:\d+:\d+: (?:error|warning): )", output.strip())
    return run.returncode, diagnostics if run.returncode != 0 else []


def main():
    arguments = sys.argv[1:]
    build = pathlib.Path(arguments[0])
    base = arguments[arguments.index("--base") + 1] if "--base" in arguments else None
    folder, compiled = write_commands(build)
    names = {n for n in check_files.tracked(".") if os.path.realpath(n) in compiled}
    headers = "(actors|runtime|storage|tests)/"
    if "--all" not in arguments:
        changed = changed_files(base)
        names &= changed | headers_tidied_through(changed, names)
        headers = "|".join(re.escape(n) + "$" for n in sorted(changed) if n.endswith(".hpp"))
        headers = headers or "^$"
    failed, seen = False, set()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for code, diagnostics in pool.map(lambda n: tidy(folder, n, headers), sorted(names)):
            failed = failed or code != 0
            for diagnostic in diagnostics:  # a header's come once for every source that reads it
                if diagnostic not in seen:
                    print(diagnostic, file=sys.stderr)
                seen.add(diagnostic)
    print(f"tidy: {len(names)} files")
    sys.exit(failed)


if __name__ == "__main__":
    main()
