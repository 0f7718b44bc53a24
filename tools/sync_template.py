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
    """Return the default answers: the project's name, and what follows from it."""
    project = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["project"]
    return {"project": project, "__title": project.replace("-", " ").capitalize()}


def rendered() -> dict[Path, bytes]:
    """Return the root's files that follow from the template's: those that have answers in them."""
    files = {}
    for path in sorted(TEMPLATE.rglob("*")):
        if path.is_file() and path.name != LOCK and path.suffix in {".md", ".toml"} and b"cookiecutter." in path.read_bytes():
            files[ROOT / path.relative_to(TEMPLATE)] = _render(path.read_text(encoding="utf-8")).encode()
    return files


def _render(text: str) -> str:
    """Return `text` with the default answers: all of Jinja that the template uses is answers, text in quotes, and `if`."""
    answers = default_answers()
    text = re.sub(r'{{ "(.*?)" }}|{{cookiecutter\.(\w+)}}', lambda found: found[1] or answers[found[2]], text)
    return re.sub(r"{% (if .*?|endif) %}", "", text)


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
    sources = {TEMPLATE / path.relative_to(ROOT) for path in to_root}
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
