"""Take the user's file into the new project, and say what to do next."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ANSWERS = json.loads({{cookiecutter | tojson | tojson}})  # noqa: F821
ABOVE = Path.cwd().parent
TEMPORARY = re.escape(os.path.realpath(tempfile.gettempdir())) + r".tmp\w{8}"
IS_UPDATE = "_repo_dir" not in ANSWERS and re.fullmatch(TEMPORARY, str(ABOVE))  # of cruft
LARGEST = 50_000_000  # bytes of a file that git takes
QUOTED = subprocess.list2cmdline if os.name == "nt" else shlex.join


def take_in(data: str) -> list[str]:
    """Copy the user's file to data/raw, or return the command by which DVC takes a large one."""
    folders = (os.environ.get("PWD", "."), ABOVE)
    places = [Path(folder) / Path(data).expanduser() for folder in folders]
    path = next(place for place in places if place.is_file()).resolve()
    raw = Path("data/raw", path.name)
    raw.parent.mkdir(parents=True, exist_ok=True)
    if path.stat().st_size > LARGEST:
        return [QUOTED(["uv", "run", "dvc", "add", "--out", raw.as_posix(), str(path)])]
    shutil.copyfile(path, raw)
    return []


for folder in sorted(Path().rglob("*"), reverse=True):  # rendered also where no file in it is
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
if not IS_UPDATE:
    name, is_own = ANSWERS["project"], ANSWERS["data"] != "example"
    if Path("uv.lock").read_text(encoding="utf-8").count(f'\nname = "{name}"\n') > 1:
        sys.exit(f"project is {name!r}, the name of a package that the project depends on")
    add = take_in(ANSWERS["data"]) if is_own else []
    plain = [*add, *(["uv run sluice scope"] if is_own else []), "uv run sluice repro"]
    steps = ["make scope    # reads the file first", "make repro"] if is_own else ["make demo"]
    steps = [f"cd {name}", "git init", *(["make env", *add] if add else []), *steps]
    sys.stdout.reconfigure(errors="backslashreplace")
    print(f"Made {name}/. Next:\n", *(f"    {step}" for step in steps), sep="\n")
    print(f"\nWithout make: {'; '.join(plain)}")
    if ANSWERS["remote"] not in ("none", "local"):
        print("Before `uv run dvc push`, set the line `url` of .dvc/config; see README.md.")
