"""Take a raw file into the project: refuse labels that cannot be, copy it to data/raw, and write
data/sources.yaml.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from string import Template

from sluice.core.command import UserError
from sluice.core.formats import MAX_CLASSES, PACKED, check_rows, is_parquet
from sluice.core.params import load_params
from sluice.core.text import say
from sluice.scoping.notations import one_line
from sluice.scoping.sample import Found, look

LARGEST = 50_000_000  # bytes of a file that git takes
SOURCES, RAW = Path("data/sources.yaml"), Path("data/raw")
MAX_CLASS_NUMBERS = 20  # different numbers with fractions that may still be names of classes
LIST = re.compile(r"^\s*(\[.*\]|\{.*\}|\(.*\))\s*$")
PURPOSE = (
    "this pipeline sorts the rows of a table into classes, by one label a row, two classes or more"
)


def problems(found: Found, target: str, sensitive: list[str]) -> list[str]:
    """Return a sentence for each thing that is wrong with these answers, each with what the
    header offers.
    """
    columns = list(found.columns)
    wrong = []
    if not target:
        wrong.append(f"target is empty, must be the column to predict: {_offered(columns)}")
    for role, name in [("target", target), *(("sensitive", name) for name in sensitive)]:
        if name and name not in columns:
            near = get_close_matches(name, columns, n=3, cutoff=0.7) or [
                c for c in columns if c.lower() == name.lower()
            ]
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            wrong.append(
                f"{role} is {name!r}, no column of the file; it has {_offered(columns)}{hint}"
            )
    if target in sensitive:
        wrong.append(f"sensitive names the target {target!r}; give each column one role")
    if target in found.values:
        wrong += [f"target is {target!r}, {why}" for why in _no_label(found, target)]
    for name in dict.fromkeys(sensitive):
        if name in found.columns and (kind := _label_kind(found, name)) in ("number", "date"):
            later = (
                "; name a number in params.yaml afterwards, with its cut points"
                if kind == "number"
                else ""
            )
            wrong.append(
                f"sensitive is {name!r}, a {kind}; groups need a text, integer or boolean{later}"
            )
    if not set(columns) - {target, *sensitive}:
        wrong.append("no column is left to predict from: each one is the target or sensitive")
    return wrong


def _offered(columns: list[str]) -> str:
    return ", ".join(columns[:50]) + (f" and {len(columns) - 50} more" if len(columns) > 50 else "")


def _no_label(found: Found, target: str) -> list[str]:
    """Return why the values of `target` cannot be labels; nothing if they can."""
    cells, kind = found.values[target], _label_kind(found, target)
    some = ", ".join(sorted(cells)[:3])
    if lists := sorted(cell for cell in cells if LIST.match(cell)):
        return [f"which holds lists such as {lists[0][:80]!r}; {PURPOSE}"]
    if kind in ("number", "date") or (kind == "integer" and len(cells) > MAX_CLASSES):
        return [
            f"which is continuous ({kind}s such as {some}); {PURPOSE}: make classes of it first"
        ]
    if len(cells) > MAX_CLASSES:
        return [
            f"which has over {MAX_CLASSES} different values such as {some[:200]}: a name or free"
            f" text, not a class; {PURPOSE}"
        ]
    if not cells:
        return [f"which has no value at all; {PURPOSE}"]
    if len(cells) == 1 and found.whole:
        return [f"which is {some!r} in every row; {PURPOSE}"]
    return []


def _label_kind(found: Found, column: str) -> str:
    """Return the type of `column` as a label: text where it is a boolean, so that it keeps its
    words, or a few numbers.
    """
    kind, cells = found.columns[column], found.values.get(column, set())
    return (
        "text"
        if kind == "boolean" or (kind == "number" and 0 < len(cells) <= MAX_CLASS_NUMBERS)
        else kind
    )


def sources_yaml(found: Found, path: str, labels: list[str]) -> str:
    """Return data/sources.yaml for the file at `path`; `labels` are the target and the sensitive
    columns.
    """
    name = re.sub(r"[^a-z0-9]+", "_", Path(path).name.split(".")[0].lower()).strip("_") or "table"
    labels = [column for column in labels if column in found.columns]
    kinds = found.columns | {column: _label_kind(found, column) for column in labels}
    numbers = [column for column, kind in kinds.items() if kind in ("integer", "number")]
    missing_in = {column: f"[{_list(words)}]" for column, words in found.missing_in.items()}
    formats = {c: one_line(found.number_formats[c]) for c in numbers if c in found.number_formats}
    text = (files(__package__) / "sources.yaml.txt").read_text(encoding="utf-8")
    head = Template(text).substitute(
        name=_plain(name),
        path=_plain(path),
        format=found.format,
        packed=", ".join(PACKED),
        delimiter=_quoted(found.delimiter),
        encoding=found.encoding,
        decimal=found.decimal,
        missing=_list(found.missing),
        missing_in=_mapping(missing_in),
        number_formats=_mapping(formats),
        one_spelling=", ".join(
            _plain(column) for column in numbers if column in found.one_spelling
        ),
        date_formats=_mapping({column: _quoted(how) for column, how in found.date_formats.items()}),
    )
    return head + "".join(f"      {_plain(column)}: {kind}\n" for column, kind in kinds.items())


def _list(words: Iterable[str]) -> str:
    return ", ".join(map(_quoted, words))


def _mapping(values: dict[str, str]) -> str:
    """Return a mapping of columns to what is YAML already, on one line."""
    return "{" + ", ".join(f"{_plain(column)}: {value}" for column, value in values.items()) + "}"


def _plain(text: str) -> str:
    """Return `text` as YAML, in quotes unless it is a name that cannot be taken for anything
    else.
    """
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    safe = re.match(r"^[A-Za-z_][A-Za-z0-9_./-]*$", text) and text.lower() not in words
    return text if safe else _quoted(text)


def _quoted(text: str) -> str:
    """Return `text` as a quoted scalar of YAML, which reads JSON's escapes, but no bare
    character that cannot be printed.
    """
    unprintable = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
    return re.sub(
        unprintable, lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def take_in(path: Path, found: Found, labels: list[str]) -> list[str]:
    """Write data/sources.yaml, and copy `path` to data/raw; return commands left to call.

    A file above LARGEST is too large for git: the command puts it into DVC's cache and links it
    from there.
    """
    raw = RAW / path.name
    RAW.mkdir(parents=True, exist_ok=True)  # where nothing is copied, `dvc add` wants the folder
    SOURCES.write_text(sources_yaml(found, raw.as_posix(), labels), encoding="utf-8", newline="\n")
    if raw.exists() and raw.samefile(path):
        return []
    if path.stat().st_size > LARGEST:
        command = ["uv", "run", "dvc", "add", "--out", raw.as_posix(), str(path)]
        return [subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)]
    shutil.copyfile(path, raw)
    return []


def ensure_sources(path: Path | None = None) -> None:
    """Write data/sources.yaml from what `path`, or the one file of data/raw, shows; do nothing
    where it is there already.

    Raises UserError where the columns that params.yaml names are not in the file or cannot be
    labels, or which file is not plain.
    """
    if SOURCES.exists():
        if path:
            raise UserError(
                f"{SOURCES.as_posix()} says already what the raw file is; correct it there, or"
                " delete it and run this again"
            )
        return
    path, data = path or _only_raw_file(), load_params().data
    labels = [data.target, *data.sensitive]
    found = _look(path, labels)
    if wrong := problems(found, data.target, data.sensitive):
        raise UserError("\n".join(f"params.yaml: data.{problem}" for problem in wrong))
    left = take_in(path, found, labels)
    say(
        f"{SOURCES.as_posix()} is written: {_described(found)}; correct it there",
        *found.notes,
        *(f"now run: {command}" for command in left),
    )


def _only_raw_file() -> Path:
    raw = [
        file
        for file in sorted(RAW.glob("*"))
        if file.is_file() and file.name != ".gitignore" and file.suffix != ".dvc"
    ]
    if len(raw) != 1:
        raise UserError(
            f"data/raw has {len(raw)} files, and no data/sources.yaml says which; run `python -m"
            " sluice.scoping.detect FILE`"
        )
    return raw[0]


def _look(path: Path, labels: list[str]) -> Found:
    if is_parquet(path) and path.is_file():
        from sluice.scoping.parquet import look_at_parquet

        return look_at_parquet(path, labels)
    found = look(path, labels)
    check_rows(path, found.delimiter, found.encoding, len(found.columns))
    return found


def _described(found: Found) -> str:
    """Return in words how a file was read."""
    if found.format == "parquet":
        return f"Parquet with {len(found.columns)} columns"
    delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[found.delimiter]
    mark = {".": "point", ",": "comma"}[found.decimal]
    missing = ", ".join(repr(word) for word in found.missing)
    return (
        f"{len(found.columns)} columns separated by {delimiter}, {found.encoding}, decimal {mark},"
        f" missing values {missing}"
    )


def main() -> None:
    """Take in the file that the command names, or else the one of data/raw."""
    ensure_sources(Path(sys.argv[1]).expanduser() if len(sys.argv) > 1 else None)
