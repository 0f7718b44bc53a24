"""Refuse a name that a dependency has already, and say what to do next."""

import json
import re
import sys
from pathlib import Path

ANSWERS = json.loads({{cookiecutter | tojson | tojson}})  # noqa: F821
NAME = ANSWERS["project"]
LOCKED = re.findall(r'^name = "(.+)"$', Path("uv.lock").read_text(encoding="utf-8"), flags=re.MULTILINE)

if LOCKED.count(NAME) > 1:
    sys.exit(f"project is {NAME!r}, the name of a package that the project depends on and that it would replace; take another")

if "_repo_dir" in ANSWERS:  # a person at a keyboard; under cruft, which calls this for every diff, silence
    print(f"Made {NAME}/. Next:\n\n    cd {NAME}\n    git init\n    make demo\n\nWithout make: uv run dvc repro")
