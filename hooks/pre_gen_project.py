"""Refuse wrong answers, all at once; what only rows can show, the project's first command says."""

import bz2
import csv
import gzip
import json
import lzma
import os
import re
import sys
import tempfile
import zipfile
import zlib
from difflib import get_close_matches
from pathlib import Path

ANSWERS = json.loads({{cookiecutter | tojson | tojson}})  # noqa: F821
ABOVE = Path.cwd().parent
TEMPORARY = re.escape(os.path.realpath(tempfile.gettempdir())) + r".tmp\w{8}"
IS_UPDATE = "_repo_dir" not in ANSWERS and re.fullmatch(TEMPORARY, str(ABOVE))  # of cruft
CALLED_FROM = Path(os.environ.get("PWD", "."))
ALLOWED = {"remote": "none, local, s3, gs, azure, ssh", "ci": "github, gitlab, none"}
EXAMPLE = {"target": "dead", "sensitive": "sex"}
TAKEN = "data docs expectations models private registry reports scored sluice stages tests"
OPEN = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
OPEN[".zip"] = lambda path, _: next(zipfile.Path(path).iterdir(), path).open("rb")
BROKEN = (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def wrong_project(name: str) -> list[str]:
    """Return why the project cannot be called `name`; cruft does not say where uv.lock is."""
    template = CALLED_FROM / ANSWERS.get("_repo_dir", "no such folder")
    locks = [lock.read_text(encoding="utf-8") for lock in template.glob("*.project*/uv.lock")]
    if len(name) > 100 or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        why = "must be lower-case letters, digits and single hyphens, such as crash-deaths"
    elif name in TAKEN.split() or any(f'\nname = "{name}"\n' in lock for lock in locks):
        why = "the name of a package or folder that the project needs; take another"
    else:
        return []
    return [f"project is {name[:100]!r}, {why}"]


def header(path: Path) -> str:
    """Return the first record of a file, nothing where it is not text, packed or not."""
    try:
        with OPEN.get(path.suffix.lower(), open)(path, "rb") as file:
            content = file.read(2**17)
    except BROKEN:
        return ""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = content.decode("utf-16", "ignore").encode()
    record = re.match(rb'(?:"[^"]*"|[^"\r\n]+)*', content)[0]
    try:
        return "" if content[:4] == b"PAR1" or b"\0" in record else record.decode("utf-8-sig")
    except UnicodeDecodeError:
        return record.decode("cp1252", "replace")


def wrong_columns(path: Path) -> list[str]:
    """Return a sentence for each column that was named and that no reading of the header has."""
    lines, target = re.split(r"(?<=\n)", header(path)), ANSWERS["target"].strip()
    rows = [next(csv.reader(lines, delimiter=mark), []) for mark in ",;\t|"]
    rows = [[re.sub(r"\s*[\r\n]+\s*", " ", name).strip() for name in row] for row in rows]
    columns, known = max(rows, key=len), {name for row in rows for name in row}
    offered = ", ".join(columns[:50]) or "its header names them"
    wrong = [] if target else [f"target is empty, must be the column to predict: {offered}"]
    sensitive = [("sensitive", name.strip()) for name in ANSWERS["sensitive"].split(",")]
    for role, name in [("target", target), *sensitive]:
        if columns and name not in ("", "none", *known):
            near = get_close_matches(name, columns, n=3, cutoff=0.7)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            wrong.append(f"{role} is {name!r}, no column of the file; it has {offered}{hint}")
    if target and ("sensitive", target) in sensitive:
        wrong.append(f"sensitive names the target {target!r}; give each column one role")
    return wrong


def wrong_data(data: str) -> list[str]:
    """Return what is wrong with the file, seen from the caller's folder or the project's."""
    if data == "example":
        wrong = {name: value for name, value in EXAMPLE.items() if ANSWERS[name] != value}
        return [
            f"{name} is {ANSWERS[name]!r}, must be {wrong[name]!r} for the example"
            for name in wrong
        ]
    places = [folder / Path(data).expanduser() for folder in (CALLED_FROM, ABOVE)]
    for place in filter(Path.is_file, places):
        return wrong_columns(place)
    is_folder = any(place.is_dir() for place in places)
    why = "this is a folder" if is_folder else "there is no such file"
    return [f"data is {data!r}, must be 'example' or the path of a CSV or Parquet file: {why}"]


if __name__ == "__main__" and not IS_UPDATE:
    wrong = wrong_project(ANSWERS["project"]) + wrong_data(ANSWERS["data"])
    for name, allowed in ALLOWED.items():
        if ANSWERS[name] not in allowed.split(", "):
            wrong.append(f"{name} is {ANSWERS[name]!r}, must be one of {allowed}")
    lines = ["".join(sign if sign.isprintable() else "?" for sign in line) for line in wrong]
    sys.exit("\n".join([*lines, "", "Nothing was written; cookiecutter stops:"]) if lines else None)
