"""Unpacks a repository into a clean tree and reads its licence, version and size.

Clean: regular files only, no .git, no caches, no build results. The byte code of every module is
made anew, so that later processes start quickly; whoever hides a body hides its byte code too.
"""
import calendar
import compileall
import email.parser
import os
import pathlib
import py_compile
import re
import shutil
import tarfile
import time
import zipfile

import exchange

FILES_MAX, BYTES_MAX, FILE_BYTES_MAX = 20000, 128 << 20, 8 << 20
LEFT_OUT = {".git", ".hg", ".svn", ".tox", ".nox", ".eggs", ".idea", ".vscode", "__pycache__", ".mypy_cache",
            ".pytest_cache", ".ruff_cache", ".hypothesis", ".coverage", "htmlcov", "node_modules", "build", "dist"}
LICENCES = {  # found in: the licence field, classifiers, or the licence file's text
    "MIT": r"\bMIT\b|Permission is hereby granted, free of charge",
    "Apache-2.0": r"Apache(-|\s+)(License,?\s+)?(Version\s+)?2",
    "BSD-2-Clause": r"BSD[- ]2|Simplified BSD",
    "BSD-3-Clause": r"BSD[- ]3|New BSD|BSD License|Redistribution and use in source and binary forms",
    "ISC": r"\bISC\b",
    "PSF-2.0": r"PSF|Python Software Foundation License",
    "0BSD": r"\b0BSD\b",
    "Unlicense": r"Unlicense",
}
TITLE_BYTES = 300  # of a licence's text: further down permissive ones may speak of others
COPYLEFT = r"\b(A|L)?GPL|GNU (Affero|Lesser|General)|Mozilla Public|MPL|Creative Commons|\bCC-BY"


def members(archive):
    """(path, size, when changed, open) of every regular file of a tar or zip archive or a folder."""
    if os.path.isdir(archive):
        for folder, folders, names in os.walk(archive):
            folders[:] = sorted(each for each in folders if each not in LEFT_OUT)
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield os.path.relpath(path, archive), os.path.getsize(path), \
                        os.path.getmtime(path), lambda p=path: open(p, "rb")
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            for each in file.infolist():
                if not each.is_dir() and (each.external_attr >> 28) in (0, 8):
                    yield each.filename, each.file_size, \
                        calendar.timegm((*each.date_time, 0, 0, 0)), lambda e=each: file.open(e)
    else:
        with tarfile.open(archive) as file:
            for each in file:
                if each.isreg():
                    yield each.name, each.size, each.mtime, lambda e=each: file.extractfile(e)


def is_safe(parts):
    return parts and not any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts)


def unpack(archive, root):
    """Writes the files under `root` and returns when the newest was changed; an archive's one outer folder goes."""
    total = count = newest = 0
    is_folder = os.path.isdir(archive)
    for name, size, changed, open_member in members(archive):
        if name.startswith("/"):
            raise exchange.Refused("unsafe archive", name)
        parts = name.removeprefix("./").split("/")
        if not is_safe(parts):
            raise exchange.Refused("unsafe archive", name)
        parts = parts if is_folder else parts[1:]
        if not parts or LEFT_OUT & set(parts[:-1]) or parts[-1].endswith((".pyc", ".pyo", ".so", ".orig", ".rej")):
            continue
        total, count, newest = total + size, count + 1, max(newest, int(changed))
        if size > FILE_BYTES_MAX:
            continue
        if total > BYTES_MAX or count > FILES_MAX:
            raise exchange.Refused("too large", f"more than {BYTES_MAX >> 20} MiB or {FILES_MAX} files")
        target = pathlib.Path(root, *parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_member() as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file)
    if not count:
        raise exchange.Refused("empty archive")
    return newest


def licence_of(root, metadata):
    files = [each for each in sorted(root.iterdir())
             if re.match(r"(?i)(licen[cs]e|copying)", each.name) and each.is_file()]
    fields = [metadata.get("License-Expression"), metadata.get("License"),
              *[each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]]
    text = "\n".join(each for each in fields if each)
    texts = [each.read_text(errors="replace") for each in files]
    for source in (text, *[each[:TITLE_BYTES] for each in texts]):
        if re.search(COPYLEFT, source):
            raise exchange.Refused("licence not on the list", re.search(COPYLEFT, source)[0])
    for source in (text, "\n".join(texts)):
        for name, pattern in LICENCES.items():
            if re.search(pattern, source):
                return name
    raise exchange.Refused("licence not on the list", text[:80] or "none found")


def read_metadata(root):
    for name in ("PKG-INFO", "METADATA"):
        if (root / name).is_file():
            return email.parser.Parser().parsestr((root / name).read_text(errors="replace"))
    project = (root / "pyproject.toml").read_text(errors="replace") if (root / "pyproject.toml").is_file() else ""
    found = email.message.Message()
    for field, key in (("Name", "name"), ("Version", "version"), ("License", "license")):
        match = re.search(rf'(?m)^{key}\s*=\s*(?:\{{\s*text\s*=\s*)?"([^"]+)"', project)
        if match:
            found[field] = match[1]
    return found


def work(request):
    root = pathlib.Path(os.path.abspath(request["tree"]))
    newest = unpack(request["archive"], root)
    metadata = read_metadata(root)
    licence = licence_of(root, metadata)
    tests = [each for each in root.rglob("*.py") if re.match(r"(test_.*|.*_test|tests?)\.py$", each.name)]
    if not tests:
        raise exchange.Refused("no tests inside")
    compileall.compile_dir(root, quiet=2, ddir=request["installed_root"], workers=1,
                           invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    files = sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())
    return {"name": re.sub(r"[^A-Za-z0-9.-]", "-", metadata.get("Name") or request["name"]).lower(),
            "version": metadata.get("Version") or "0", "license": licence, "files": files,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(newest)),
            "source_bytes": sum((root / each).stat().st_size for each in files if each.endswith(".py"))}


if __name__ == "__main__":
    exchange.serve(work)
