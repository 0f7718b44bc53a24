"""Render a self-contained HTML page in the one style that all pages share."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PAGES = Path(__file__).parent / "pages"


def render(template: str, **values: Any) -> str:
    """Return the page that `template` of stages/pages/ makes of `values`; text in them is escaped, a lacking one is an error."""
    environment = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
