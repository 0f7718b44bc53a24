"""Say all that is wrong with the template's answers, before a file is written.

`tools/sync_template.py` makes the hooks of this, of hooks/next_steps.py and of the modules of stages/ that they import: a hook is
one script, run by cookiecutter's own Python.
"""

import os
import re
import sys
import tempfile
from difflib import get_close_matches
from pathlib import Path

from stages.before.sample import look
from stages.command import Refused
from stages.detect import problems
from stages.formats import check_rows
from stages.text import terminal

SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
CHOICES = {
    "remote": ("none", "local", "s3", "gs", "azure", "ssh"),
    "ci": ("github", "gitlab", "none"),
}
EXAMPLE = {"target": "dead", "sensitive": "sex"}


def is_update(answers: dict[str, str]) -> bool:
    """Whether cruft renders the project once more into a temporary folder, to compare: neither data nor a reader are there."""
    above = Path.cwd().parent
    temporary = re.fullmatch(r"tmp[a-z0-9_]{8}", above.name) and above.parent.samefile(
        tempfile.gettempdir()
    )
    return "_repo_dir" not in answers and bool(temporary)


def find_data(answer: str) -> Path | None:
    """Return the file that the answer `data` means, seen from where cookiecutter was called or from where the project is made."""
    return next((path for path in _places(answer) if path.is_file()), None)


def _places(answer: str) -> list[Path]:
    folders = [Path(os.environ.get("PWD", ".")), Path.cwd().parent]
    return [(folder / Path(answer).expanduser()).resolve() for folder in folders]


def _files_in(folder: Path) -> str:
    """Return the first files of a folder, to choose from."""
    names = sorted(
        path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")
    )
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f" ({', '.join(names[:5])}{more})" if names else ", which has none"


def sensitive(answers: dict[str, str]) -> list[str]:
    """Return the columns that the answer `sensitive` names."""
    return [
        name
        for part in answers["sensitive"].split(",")
        if (name := part.strip()) not in ("", "none")
    ]


def wrong_answers(answers: dict[str, str], locked: set[str]) -> list[str]:
    """Return a sentence for each answer that cannot be; `locked` are the names of the packages that the project depends on."""
    project, wrong = answers["project"], []
    if not re.fullmatch(SLUG, project):
        wrong.append(
            f"project is {project!r}, must be lower-case letters, digits and single hyphens, begin with a letter and not end with a "
            "hyphen, such as crash-deaths"
        )
    elif project in locked:
        wrong.append(
            f"project is {project!r}, the name of a package that the project depends on and that it would replace; take another"
        )
    wrong += _wrong_example(answers) if answers["data"] == "example" else _wrong_data(answers)
    for name, allowed in CHOICES.items():
        if answers[name] not in allowed:
            near = get_close_matches(answers[name].lower(), allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            wrong.append(f"{name} is {answers[name]!r}, must be one of {', '.join(allowed)}{hint}")
    return wrong


def _wrong_example(answers: dict[str, str]) -> list[str]:
    return [
        f"{name} is {answers[name]!r}, but the example has {value!r} there; leave it out, or give a file of your own as data"
        for name, value in EXAMPLE.items()
        if answers[name] != value
    ]


def _wrong_data(answers: dict[str, str]) -> list[str]:
    """Return what is wrong with a file of the user's, or with the columns that are named of it."""
    path = find_data(answers["data"])
    if path is None and (
        folder := next((place for place in _places(answers["data"]) if place.is_dir()), None)
    ):
        return [
            f"data is {answers['data']!r}, which is a folder; name the one CSV or Parquet file in it{_files_in(folder)}"
        ]
    if path is None:
        return [
            f"data is {answers['data']!r}, must be 'example' or the path of a CSV or Parquet file: there is no such file, so that target "
            "and sensitive were not looked at"
        ]
    try:
        target, groups = answers["target"].strip(), sensitive(answers)
        found = look(path, [target, *groups], only_labels=True)
        if found.format == "csv":
            check_rows(path, found.delimiter, found.encoding, len(found.columns))
        return problems(found, target, groups)
    except Refused as refusal:
        return [f"data: {line}" for line in str(refusal).splitlines()]
    except OSError as error:
        return [f"data: {path}: {error.strerror or error}"]


def wrong_paths(answers: dict[str, str]) -> list[str]:
    """Return a sentence for each place of files that was given, although it follows from the answer `ci`: it may lie anywhere."""
    is_github = answers["ci"] == "github"
    follow = {
        "__workflows": ".github/workflows" if is_github else ".dvc/tmp",
        "__dependabot": ".github/dependabot.yml" if is_github else "",
    }
    return [
        f"{name} is {answers[name]!r}, which is no answer but follows from ci: leave it out"
        for name, value in follow.items()
        if answers[name] != value
    ]


def check(answers: dict[str, str], locked: set[str]) -> None:
    """End the process with all that is wrong."""
    wrong = wrong_paths(answers) + ([] if is_update(answers) else wrong_answers(answers, locked))
    if wrong:
        sys.exit(
            "\n".join(
                [
                    *map(terminal, wrong),
                    "",
                    "Nothing was written. What follows is how cookiecutter says that it stopped:",
                ]
            )
        )
