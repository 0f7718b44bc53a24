"""Keep the root and the template in step: `python tools/sync_template.py` writes both ways,
`--check` names what differs.

Files with answers in them are edited in the template and rendered to the root with the default
answers; every other file is edited at the root and copied into the template.
"""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sluice.core.version import FINGERPRINT, fingerprint  # noqa: E402

TEMPLATE = ROOT / "{{cookiecutter.project}}"
ROOT_ONLY = [
    TEMPLATE.name,
    ".ci",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "benchmarks",
    "cookiecutter.json",
    "data/judged.csv",  # what the test rows of the root judged
    "docs/defaults.md",  # what was measured, and why things are as they are, stays here
    "docs/evaluation.png",
    "docs/false-alarms.md",
    "docs/mutants.md",
    "docs/proposals.md",
    "docs/rare-classes.md",
    "docs/speed.md",
    "docs/tried-on.md",
    "dvc.lock",
    "hooks",
    "reports",
    "tests/engine",
    "tests/template",
    "tools",
]
EXAMPLE = "cookiecutter.data == 'example'"
GITHUB = "cookiecutter.ci == 'github'"
# files of the root, by the beginning of their name, that are rendered only if their name in the
# template is not empty
CHOSEN = {
    "data/README.md": EXAMPLE,
    "data/profile.json": EXAMPLE,
    "data/live/": EXAMPLE,
    "data/raw/": EXAMPLE,
    "data/sources.yaml": EXAMPLE,
    "expectations/challenger.json": None,  # holds for any data, like the next
    "expectations/challengers.json": None,
    "expectations/compared.json": None,
    "expectations/drift.json": None,
    "expectations/model_age.json": None,
    "expectations/performance.json": None,
    "expectations/windows.json": None,
    "expectations/": EXAMPLE,
    "stages/features.py": EXAMPLE,  # own data begin with one that derives nothing
    "tests/test_unbelted_speed.py": EXAMPLE,
    ".github/": GITHUB,
}
LOCK = "uv.lock"  # made at the root, by uv; the only answer in it is the name
JINJA = Environment(undefined=StrictUndefined, keep_trailing_newline=True)


def default_answers() -> dict[str, Any]:
    """Return the default answers: what cookiecutter.json says, and what follows from it."""
    answers: dict[str, Any] = {}
    for name, value in json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8")).items():
        if isinstance(value, str):
            answers[name] = JINJA.from_string(value).render(cookiecutter=answers)
    return answers


def template_name(name: str) -> str:
    """Return the name in the template of a file of the root that is edited there."""
    condition = next(
        (condition for begin, condition in CHOSEN.items() if name.startswith(begin)), None
    )
    folder, _, last = name.rpartition("/")
    return f"{folder}/{{% if {condition} %}}{last}{{% endif %}}" if condition else name


def rendered() -> dict[Path, tuple[str, bytes]]:
    """Return the template's files with answers in text or name: each with its name at the root and
    what it is there.

    The name is empty, or that of a folder, for a file that the default answers do not ask for.
    """
    answers = default_answers()
    files: dict[Path, tuple[str, bytes]] = {}
    for path in sorted(TEMPLATE.rglob("*")):
        inside = path.relative_to(TEMPLATE).as_posix()
        if path.is_file() and path.name != LOCK:
            name = JINJA.from_string(inside).render(cookiecutter=answers)
            content = path.read_bytes()
            if re.search(rb"{[{%].*cookiecutter\.", content) or (
                name != inside and template_name(name) != inside
            ):
                files[path] = (
                    name,
                    JINJA.from_string(content.decode("utf-8"))
                    .render(cookiecutter=answers)
                    .encode(),
                )
    return files


def copied(skip: set[str]) -> dict[Path, bytes]:
    """Return the template's files that follow from the root's: all in git but those of the root
    only, and `skip`.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    verbatim_names = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))[
        "_copy_without_render"
    ]
    files = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        is_root_only = any(f"{name}/".startswith(f"{one}/") for one in ROOT_ONLY)
        if is_root_only or name in skip or not path.is_file():
            continue
        content = path.read_bytes()
        if name == LOCK:
            own = f'name = "{default_answers()["project"]}"\n'.encode()
            content = content.replace(own, b'name = "{{cookiecutter.project}}"\n')
        target = template_name(name)
        verbatim = name == LOCK or any(fnmatch(target, form) for form in verbatim_names)
        if not verbatim and re.search(rb"{[{%#]", content) and not name.endswith(".gz"):
            content = b"{% raw %}" + content + b"{% endraw %}"
        files[TEMPLATE / target] = content
    return files


def main() -> int:
    """Write what is out of step, or with --check name it; return how the process ends."""
    sources = rendered()
    to_root = {
        ROOT / name: content
        for name, content in sources.values()
        if name and not name.endswith("/")
    }
    wanted = to_root | copied({name for name, _ in sources.values()})
    engine = f"{fingerprint(ROOT / 'sluice')}\n".encode()
    wanted |= {folder / "sluice" / FINGERPRINT: engine for folder in (ROOT, TEMPLATE)}
    extra = [
        path
        for path in sorted(TEMPLATE.rglob("*"))
        if path.is_file() and path not in wanted and path not in sources
    ]
    stale = [
        path
        for path, content in wanted.items()
        if not path.is_file() or path.read_bytes() != content
    ]
    for path in [*stale, *extra]:
        print(
            f"{'out of step' if '--check' in sys.argv else 'written' if path in wanted else 'deleted'}: {path.relative_to(ROOT)}"
        )
    if "--check" in sys.argv:
        return 1 if stale or extra else 0
    for path in extra:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
