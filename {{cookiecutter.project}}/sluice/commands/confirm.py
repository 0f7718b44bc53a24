"""Show the bounds that a program proposed beside the data's own figures, and mark them as
confirmed.
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd

from sluice.core.command import UserError
from sluice.core.tables import AUGMENTED, TEST, TRAIN, LazyParquet, read_csv, write_text
from sluice.core.text import say
from sluice.gates.gate import checked, required
from sluice.gates.messages import count, number, some
from sluice.gates.names import REPORTS
from sluice.gates.suite import Expected, Suite, read_suite, spans
from sluice.gates.thresholds import picked

SUITES = Path("expectations")
JUDGED_FILES = {"prepared": (TRAIN, TEST), "augmented": (AUGMENTED,)}
PROPOSED = re.compile(r'("bound"\s*:\s*)"inferred"')
CELL_WIDTH = 44  # of a cell of the screen


def proposed(suite: Suite, column: str | None = None) -> list[Expected]:
    """Return what a program inferred and nobody confirmed, of all columns or one."""
    inferred = [one for one in suite.expected if one.meta["bound"] == "inferred"]
    return [one for one in inferred if column is None or column in one.columns]


def confirmed(text: str, nths: set[int]) -> str:
    """Return the suite whose JSON is `text` with these expectations confirmed, counted from 1,
    and no other byte changed.
    """
    for nth, (start, end) in reversed(list(enumerate(spans(text), 1))):
        if nth in nths:
            text = text[:start] + PROPOSED.sub(r'\1"confirmed"', text[start:end]) + text[end:]
    return text


def figure(table: pd.DataFrame | LazyParquet | None, one: Expected) -> str:
    """Say what the data hold of what `one` bounds: range or categories, and what is missing."""
    if table is None:
        return "not known before a run"
    if not one.columns:
        return count(len(table), "row")
    if not set(one.columns) <= set(table.columns):
        return "no such column"
    where = picked(one.raw["kwargs"].get("row_condition"))
    needs = list(dict.fromkeys([*one.columns, *(name for name in where if name in table.columns)]))
    rows = table[needs]
    for name, value in where.items():
        rows = rows[rows[name].astype("str") == value] if name in rows else rows
    return "; ".join(_of(rows[column]) for column in one.columns) if len(rows) else "no row"


def _of(values: pd.Series) -> str:
    present, share = values.dropna(), float(values.isna().mean())
    missing = f", {number(100 * share)} % missing" if share else ""
    if present.empty:
        return "no value"
    if pd.api.types.is_numeric_dtype(present) or pd.api.types.is_datetime64_any_dtype(present):
        low, high = (
            (str(x) if isinstance(x, pd.Timestamp) else f"{x:.6g}")
            for x in (present.min(), present.max())
        )
        return (low if low == high else f"{low} to {high}") + missing
    kinds = sorted(present.astype("str").unique())
    return (some(kinds) if len(kinds) <= 20 else f"{len(kinds):,} different values") + missing


def _table(name: str) -> pd.DataFrame | LazyParquet | None:
    """Return the table that the suite `name` judges as it is now, None before a run."""
    paths = JUDGED_FILES.get(name, (REPORTS / f"{name}.csv",))
    if not all(Path(path).is_file() for path in paths):
        return None
    return LazyParquet(*paths) if name in JUDGED_FILES else read_csv(paths[0])


def show(suite: Suite, chosen: list[Expected]) -> None:
    """Print the bounds of `chosen` beside the figures of the data."""
    table = _table(suite.path.stem)
    cells = [("checked", "proposed", "the data", "where")]
    for one in chosen:
        where = f"{suite.path.as_posix()}:{one.line}"
        cells.append((checked(one), required(one), figure(table, one), where))
    cut = [[_cut(cell) for cell in row[:3]] + [row[3]] for row in cells]
    widths = [max(len(row[nth]) for row in cut) for nth in range(3)]
    for row in cut:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, [*widths, 0], strict=True)))


def _cut(text: str) -> str:
    return text if len(text) <= CELL_WIDTH else f"{text[: CELL_WIDTH - 3]}..."


def _suite(name: str) -> Suite:
    path = SUITES / f"{Path(name).name.removesuffix('.json')}.json"
    if not path.is_file():
        known = ", ".join(one.stem for one in sorted(SUITES.glob("*.json")))
        raise UserError(f"there is no suite {path.as_posix()}; there are {known}")
    suite = read_suite(path)
    if suite.problems:
        raise UserError("\n".join(suite.problems))
    return suite


def confirm(name: str, column: str | None) -> None:
    """Show the proposed bounds of the suite `name`, of one column where it is given, and confirm
    them.
    """
    suite = _suite(name)
    chosen = proposed(suite, column)
    if not chosen:
        of = f" of {column}" if column else ""
        say(f"{suite.path.as_posix()}: no bound{of} is left to confirm")
        return
    show(suite, chosen)
    bounds = count(len(chosen), "bound")
    if sys.stdin.isatty() and input(f"Confirm {bounds}? [y/N] ").strip().lower() not in (
        "y",
        "yes",
    ):
        say("Nothing was changed.")
        return
    old = suite.path.read_bytes().decode()
    new = confirmed(old, {one.nth for one in chosen})
    write_text(new, suite.path)
    left = len(proposed(read_suite(suite.path)))
    say(f"{suite.path.as_posix()}: {bounds} confirmed, {left} left")


def overview() -> None:
    """Print how many bounds of each suite are confirmed."""
    for path in sorted(SUITES.glob("*.json")):
        bounds = [
            one["meta"]["bound"]
            for one in json.loads(path.read_text(encoding="utf-8"))["expectations"]
        ]
        say(f"  {path.stem:<14}{bounds.count('confirmed')} of {len(bounds)} bounds confirmed")
    say("`uv run sluice confirm NAME` shows the other bounds beside the data, and confirms them.")


def main(suite: str | None, column: str | None) -> None:
    """Confirm the bounds of a suite; without one, list the suites."""
    if suite:
        confirm(suite, column)
    elif column:
        raise UserError("--column needs a suite: `sluice confirm prepared --column NAME`")
    else:
        overview()
