"""Keep the root and the template in step: `python tools/sync_template.py` writes both ways, `--check` names what differs.

Files with answers in them are edited in the template and rendered to the root with the default answers; every other file
is edited at the root and copied into the template. Standard library only, so that it runs before there is an environment.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "{{cookiecutter.project}}"
ROOT_ONLY = [
    TEMPLATE.name,
    ".ci",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "benchmarks",
    "cookiecutter.json",
    "docs",
    "dvc.lock",
    "hooks",
    "reports",
    "template_tests",
    "tools",
]
LOCK = "uv.lock"  # made at the root, by uv; the only answer in it is the name


def default_answers() -> dict[str, str]:
    """Return the default answers, of a choice the first, and what follows from them."""
    asked = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    answers = {key: value[0] if isinstance(value, list) else value for key, value in asked.items() if not key.startswith("_")}
    answers["__title"] = answers["project"].replace("-", " ").capitalize()
    chosen = {key: re.match(r"{{ '(.*?)' if ", value) for key, value in asked.items() if isinstance(value, str)}
    return answers | {key: found[1] for key, found in chosen.items() if found}


def with_answers() -> dict[Path, Path | None]:
    """Return the template's files that have answers in their name or text, with their place at the root; None: they have none there."""
    files: dict[Path, Path | None] = {}
    for path in sorted(TEMPLATE.rglob("*")):
        name = path.relative_to(TEMPLATE).as_posix()
        in_text = path.suffix in {".md", ".toml"} and b"cookiecutter." in path.read_bytes()
        if path.is_file() and ("cookiecutter." in name or in_text):
            place = _render(name)
            files[path] = ROOT / place if place and not place.endswith("/") else None
    return files


def rendered() -> dict[Path, bytes]:
    """Return the root's files that follow from the template's: those that have answers in them."""
    return {place: _render(path.read_text(encoding="utf-8")).encode() for path, place in with_answers().items() if place}


def _render(text: str) -> str:
    """Return `text` with the default answers: all of Jinja that the template uses is answers, text in quotes, `if` equal, and `raw`."""
    parts = re.split(r"{% (?:end)?raw %}", text)
    return "".join(part if nth % 2 else _answered(part) for nth, part in enumerate(parts))


def _answered(text: str) -> str:
    answers = default_answers()
    condition = r"""{% if cookiecutter\.(\w+) == ["'](.*?)["'] %}(.*?){% endif %}"""
    text = re.sub(condition, lambda found: found[3] if answers[found[1]] == found[2] else "", text, flags=re.DOTALL)
    return re.sub(r'{{ "(.*?)" }}|{{cookiecutter\.(\w+)}}', lambda found: found[1] or answers[found[2]], text)


def copied(skip: set[Path]) -> dict[Path, bytes]:
    """Return the template's files that follow from the root's: all in git but those of the root only, and `skip`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    files = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if Path(name).parts[0] in ROOT_ONLY or path in skip or not path.is_file():
            continue
        content = path.read_bytes()
        if name == LOCK:
            own = f'name = "{default_answers()["project"]}"\n'.encode()
            content = content.replace(own, b'name = "{{cookiecutter.project}}"\n')
        files[TEMPLATE / name] = content
    return files


def main() -> int:
    """Write what is out of step, or with --check name it; return how the process ends."""
    to_root = rendered()
    wanted = to_root | copied(set(to_root))
    sources = with_answers()
    extra = [path for path in sorted(TEMPLATE.rglob("*")) if path.is_file() and path not in wanted and path not in sources]
    stale = [path for path, content in wanted.items() if not path.is_file() or path.read_bytes() != content]
    for path in [*stale, *extra]:
        print(f"{'out of step' if '--check' in sys.argv else 'written' if path in wanted else 'deleted'}: {path.relative_to(ROOT)}")
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
