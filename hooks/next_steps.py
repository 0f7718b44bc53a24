"""Take the user's file into the new project, and say what to do next."""

from pathlib import Path

from hooks.answers import find_data, is_update, sensitive
from stages.before.sample import Found, look
from stages.detect import take_in
from stages.text import say

URLS = {
    "s3": "the bucket",
    "gs": "the bucket",
    "azure": "the container",
    "ssh": "the host and the folder",
}


def own_data(answers: dict[str, str]) -> tuple[list[str], list[str]]:
    """Take the user's file in; return how it was read, a line each, and the commands that the user has to call for it."""
    path = find_data(answers["data"])
    if path is None:
        return [], []
    labels = [answers["target"].strip(), *sensitive(answers)]
    found = look(path, labels)
    commands = take_in(path, found, labels)
    return [_said(found), *(f"  {note}" for note in found.notes)], commands


def _said(found: Found) -> str:
    if found.format == "parquet":
        return (
            "It is Parquet: `make scope` looks at its columns first, and writes data/sources.yaml."
        )
    delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[found.delimiter]
    mark = {".": "point", ",": "comma"}[found.decimal]
    missing = ", ".join(repr(word) for word in found.missing)
    how = f"{len(found.columns)} columns parted by {delimiter}, {found.encoding}, decimal {mark}, missing: {missing}"
    return f"Read as {how}; data/sources.yaml says so, correct it there."


def next_steps(answers: dict[str, str], read: list[str], commands: list[str]) -> str:
    """Return what to do in the new project; `read` and `commands` are what `own_data` gave."""
    name, example = answers["project"], answers["data"] == "example"
    make = (
        ["make demo"]
        if example
        else ["make scope    # what the data can carry, and suites to begin with", "make repro"]
    )
    plain = "uv run dvc repro" if example else "uv run python -m stages.scope && uv run dvc repro"
    before = ["make env", *commands] if commands else []
    lines = [
        f"Made {name}/. {' '.join(read[:1])}".strip(),
        *read[1:],
        "Next:",
        "",
        f"    cd {name}",
        "    git init",
    ]
    lines += [f"    {step}" for step in [*before, *make]]
    lines += ["", f"Without make: {'; '.join([*commands, plain])}"]
    if answers["remote"] in URLS:
        lines.append(
            f"Before the first `uv run dvc push` set {URLS[answers['remote']]} in the line `url` of .dvc/config; credentials go into "
            ".dvc/config.local (see README.md)"
        )
    return "\n".join(lines)


def finish(answers: dict[str, str]) -> None:
    """Take the data in and print the next steps; where cruft renders for a difference, do neither.

    A folder is rendered even where no file in it is: those that stay empty go.
    """
    for folder in sorted(Path().rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    if not is_update(answers):
        read, commands = ([], []) if answers["data"] == "example" else own_data(answers)
        say(*next_steps(answers, read, commands).split("\n"))
