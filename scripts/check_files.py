"""What the checks share: the files they look at, C++ without comments and strings, how they end."""
import pathlib
import re
import subprocess
import sys

FOLDERS = ("runtime", "storage", "actors")


def tracked(root):
    """Files that git tracks or would track, as paths relative to `root`; all files outside git."""
    command = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"]
    listing = subprocess.run(command, capture_output=True, check=False)
    if listing.returncode == 0 and (pathlib.Path(root) / ".git").exists():
        names = [name for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [str(p.relative_to(root)) for p in pathlib.Path(root).rglob("*") if p.is_file()]
    return sorted(name for name in set(names) if (pathlib.Path(root) / name).is_file())


def sources(root, folders=FOLDERS):
    """C++ files under `folders`, each with its text."""
    for name in tracked(root):
        if name.endswith((".cpp", ".hpp")) and name.split("/")[0] in folders:
            yield name, (pathlib.Path(root) / name).read_text(errors="replace")


HIDDEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"'
    r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'",
    re.DOTALL)


def code_of(text):
    """The text with comments and the insides of strings blanked, every line where it was."""
    def blank(match):
        hidden = match.group()
        if hidden.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", hidden)
        return hidden[0] + re.sub(r"[^\n]", " ", hidden[1:-1]) + hidden[-1]
    return HIDDEN.sub(blank, text)


def end(failures):
    """Prints the failures and ends with 1 if there are any."""
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(bool(failures))


def root_of(arguments):
    return pathlib.Path(arguments[1] if len(arguments) > 1 else ".")
