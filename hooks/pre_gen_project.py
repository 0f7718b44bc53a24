"""Refuse answers that cannot become a project, before a file is written."""

import json
import re
import sys

ANSWERS = json.loads({{cookiecutter | tojson | tojson}})  # noqa: F821
SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"

if not re.fullmatch(SLUG, ANSWERS["project"]):
    sys.exit(
        f"project is {ANSWERS['project']!r}, must be lower-case letters, digits and single hyphens, begin with a letter "
        "and not end with a hyphen, such as crash-deaths"
    )
