"""Render a self-contained HTML page in the one style that all pages share."""

from math import floor, log10
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PAGES = Path(__file__).parent / "pages"
MISSING = "–"


def render(template: str, **values: Any) -> str:
    """Return the page that `template` of sluice/reports/pages/ makes of `values`; text in them
    is escaped, a lacking one is an error.
    """
    environment = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"two": two, "percent": percent, "count": count}
    return environment.get_template(template).render(**values)


def two(x: float | None, sign: str = "") -> str:
    """Return a number as people read it, with two significant digits; `sign` "+" shows a plus,
    too.
    """
    if x is None or x != x:
        return MISSING
    if x == 0:
        return "0"
    if abs(x) < 1e-5:
        return f"{x:{sign}.1e}"
    digits = 1 - floor(log10(abs(x)))
    rounded = round(x, digits)
    digits = 1 - floor(log10(abs(rounded)))  # 0.0996 rounds to 0.10
    return f"{rounded:{sign},.{max(digits, 0)}f}"


def percent(share: float | None, sign: str = "") -> str:
    """Return a share as a percentage with two significant digits; with more where 100 % would
    not be true.
    """
    text = two(None if share is None else 100 * share, sign)
    if text == "100" and share is not None and share < 1:
        text = f"{100 * share:.1f}" if share < 0.9995 else f"{100 * share:.2f}"
    return MISSING if text == MISSING else f"{text}\u00a0%"


def count(n: float | None) -> str:
    """Return a whole number with a comma between thousands."""
    return MISSING if n is None or n != n else f"{int(n):,}"
