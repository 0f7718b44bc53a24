"""Put what `make demo` shows of the reports in git into the README; `--check` exits with 1 where
it shows something else.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "{{cookiecutter.project}}" / "README.md"
BEGIN, END = "<!-- make demo -->\n```\n", "```\n"


def main() -> int:
    """Replace the block after the mark; return how the process ends."""
    screen = subprocess.run(
        [sys.executable, "-m", "sluice", "summary"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END, 1)
    wanted = before + BEGIN + screen + END + after
    if "--check" in sys.argv:
        return int(wanted != text)
    README.write_text(wanted, encoding="utf-8", newline="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
