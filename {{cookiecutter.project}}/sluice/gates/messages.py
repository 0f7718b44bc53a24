"""Say what a gate found: its findings stay fields until here, where sentences are made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from math import floor, isfinite, log10
from typing import Any

from sluice.core.text import say, terminal

EXAMPLES = 5  # of rows or values, of which the first are named
DIGITS = 2  # significant ones of a number that a person reads
MESSAGE_PARTS = ("found", "required", "fix", "where")
UNWRITTEN = ("values",)  # values of rows stay out of reports


@dataclass(frozen=True)
class Finding:
    """One thing that a gate found.

    code: the type of the expectation without "expect_", or why nothing could be judged. verdict:
    warn, insufficient, fail, or info, which leaves the gate's verdict as it is. blocks: it stops
    the stage. checked, found, required, fix, where: the parts of the message, in words; `found` has
    up to EXAMPLES of them, `more` counts the rest. evidence: the rows of a judged table, in full
    precision. values: of rows, which no report holds.
    """

    code: str
    verdict: str
    blocks: bool
    checked: str
    found: Sequence[str]
    required: str = ""
    fix: str = ""
    where: str = ""
    more: int = 0
    columns: Sequence[str] = ()
    evidence: Sequence[dict[str, Any]] = ()
    values: Sequence[str] = field(default=(), compare=False)

    def parts(self) -> dict[str, str]:
        """Return the text of each of MESSAGE_PARTS, in this order, without those that are empty."""
        more = [f"and {self.more:,} more"] * bool(self.more)
        said = {part: getattr(self, part) for part in MESSAGE_PARTS} | {
            "found": "; ".join([*self.found, *more])
        }
        return {part: terminal(text) for part, text in said.items() if text}

    @property
    def sentence(self) -> str:
        """The finding on one line."""
        parts = {"found": ""} | self.parts()
        text = f"{self.verdict.upper()}: {terminal(self.checked)}: {parts['found']}."
        text += f" Required: {parts['required']}." if "required" in parts else ""
        text += f" {parts['fix']}" if "fix" in parts else ""
        return text + (f" ({parts['where']})" if "where" in parts else "")

    def tell(self) -> None:
        """Print the finding, a line for each part."""
        say(f"  {self.verdict.upper()}  {self.checked}", verdict=self.verdict.upper())
        say(*(f"    {part:<10}{text}" for part, text in self.parts().items()))

    def fields(self) -> dict[str, Any]:
        """Return what a report holds of the finding."""
        rows = [{key: _known(value) for key, value in row.items()} for row in self.evidence]
        written = {key: value for key, value in asdict(self).items() if key not in UNWRITTEN}
        return written | {"evidence": rows}


def _known(value: Any) -> Any:
    """Return None for a number that JSON does not know."""
    return None if isinstance(value, float) and not isfinite(value) else value


def sentences(report: dict[str, Any]) -> list[str]:
    """Return a line for each finding of a gate's `report`."""
    return [Finding(**one).sentence for one in report["findings"]]


def number(value: Any, bounds: Iterable[Any] = ()) -> str:
    """Return a value as a person reads it: a fraction with two significant digits, or as many as
    tell it from each of `bounds`.
    """
    if isinstance(value, tuple | list):
        return " with ".join(number(one) for one in value)
    if not isinstance(value, float):
        return str(value)
    value = float(value)  # of numpy
    if value == 0 or not isfinite(value) or (value.is_integer() and abs(value) < 1e15):
        return f"{value:.15g}"
    sides = [float(bound) for bound in bounds if isinstance(bound, int | float)]
    for digits in range(DIGITS, 16):
        rounded = round(value, digits - 1 - floor(log10(abs(value))))
        if all((rounded < side, rounded > side) == (value < side, value > side) for side in sides):
            break
    return (
        f"{Decimal(repr(rounded)):f}".removesuffix(".0")
        if abs(value) > 1e-5
        else f"{value:.{DIGITS}g}"
    )


def some(values: Iterable[Any], most: int = EXAMPLES) -> str:
    """Return the first of `values` as a list in words, and how many more there are."""
    named = [number(value) for value in values]
    more = f" and {len(named) - most:,} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def count(n: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
