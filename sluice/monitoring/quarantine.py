"""Find the rows of a batch that its suite does not allow, so that the others can be decided.

A row is refused only for what cannot be: by an expectation without exceptions. One that allows
exceptions (`mostly`) says of a table how many of its rows may differ, and of no row that it is
wrong. If it was inferred from training rows, rows that differ are decided and reported: an airport
that an airline did not serve then. If a person confirmed it, rows that differ are set aside where
the file has more of them than chance brings where it has as many as allowed: something is wrong
with the file, and they show where.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from scipy.stats import binom

from sluice.core.command import UserError
from sluice.core.private import without_values
from sluice.gates.gate import required
from sluice.gates.judging import FAULTS, exception_of, validated
from sluice.gates.suite import Expected, Suite
from sluice.metrics.margins import FALSE_ALARM_RATE
from sluice.monitoring.batch import LINE, reasons

NOT_ALLOWED = "not_allowed"
REJECTED_COLUMNS = ["line", "kind", "reason"]
ROW_BY_ROW = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
ROW_BY_OTHERS = (
    "_to_be_unique",
    "creasing",
    "_z_scores_to_be_less_than",
    "_outliers",
    "_of_type",
    "_type_list",
)  # ends of types


@dataclass
class Held:
    """The critical expectations of `suite`, each of which judges a row by itself, and how many rows
    each judged and found wrong so far.

    repeated: the kind of rows that share their key, by line (see `sluice.monitoring.keys`).
    """

    suite: Suite
    judged: dict[int, int] = field(default_factory=dict)
    wrong: dict[int, int] = field(default_factory=dict)
    repeated: pd.Series = field(
        default_factory=lambda: pd.Series(dtype="str", index=pd.Index([], dtype="int64"))
    )

    def quarantine(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return line, kind and reason of the `rows` that expectations without exceptions find
        wrong, and count for the others.
        """
        found = _wrong(rows, self.suite)
        for e, index, judged in found:
            self.judged[e.nth] = self.judged.get(e.nth, 0) + judged
            self.wrong[e.nth] = self.wrong.get(e.nth, 0) + len(index)
        return _told(rows, [(e, index) for e, index, _ in found if _mostly(e) == 1])

    def exceeded(self) -> Suite:
        """Return those that a person confirmed with exceptions, of which the whole file has more
        than chance brings.
        """
        confirmed = [
            e for e in self.suite.expected if e.meta["bound"] == "confirmed" and _mostly(e) < 1
        ]
        return replace(
            self.suite, expected=[e for e in confirmed if self._by_chance(e) < FALSE_ALARM_RATE]
        )

    def repeats(self, rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
        """Return line, kind and reason of those of `rows`, a part of the file in order of lines,
        that share their `key` with another.
        """
        found = self.repeated.loc[rows[LINE].iloc[0] : rows[LINE].iloc[-1]]
        return pd.DataFrame(
            {"line": found.index, "kind": found, "reason": found.map(reasons(key))}
        )[REJECTED_COLUMNS]

    def differences(self) -> list[str]:
        """Return a sentence for each of the others that allows exceptions, but fewer than the
        whole file has; worst first.
        """
        refused = {e.nth for e in self.exceeded().expected}
        shares = {
            e.nth: self.wrong.get(e.nth, 0) / max(1, self.judged.get(e.nth, 0))
            for e in self.suite.expected
        }
        others = [
            e
            for e in self.suite.expected
            if e.nth not in refused and shares[e.nth] > 1 - _mostly(e) > 0
        ]
        return [self._difference(e) for e in sorted(others, key=lambda e: -shares[e.nth])]

    def _by_chance(self, e: Expected) -> float:
        """Return how probable so many wrong rows are where every row is wrong with the
        probability that the suite allows.
        """
        return float(
            binom.sf(self.wrong.get(e.nth, 0) - 1, self.judged.get(e.nth, 0), 1 - _mostly(e))
        )

    def _difference(self, e: Expected) -> str:
        what, wrong, judged = " and ".join(e.columns), self.wrong[e.nth], self.judged[e.nth]
        return (
            f"{what}: {wrong:,} of {judged:,} rows differ, {1 - _mostly(e):.2%} may"
            f" ({self.suite.path}:{e.line})"
        )


def by_chance(suite: dict[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    """Return `suite` with each share of exceptions widened to what chance brings in `rows`, as
    `Held` has it, but never to all of them.
    """
    return {**suite, "expectations": [_widened(one, rows) for one in suite["expectations"]]}


def _widened(one: dict[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    mostly, columns = one["kwargs"].get("mostly", 1), Expected(0, one, None).columns  # type: ignore[arg-type]
    if not isinstance(mostly, float) or not 0 < mostly < 1 or not set(columns) <= set(rows.columns):
        return one
    there = rows[columns].notna()
    n = int(
        (
            there.all(axis=1)
            if one["kwargs"].get("ignore_row_if") == "either_value_is_missing"
            else there.any(axis=1)
        ).sum()
    )
    most = min(int(binom.isf(FALSE_ALARM_RATE, n, 1 - mostly)), n - 1)  # wrong rows
    if most < 1:
        return one
    notes = (
        f"{one['meta'].get('notes', '')} In training it was {mostly:.2%}; of {n:,} rows chance"
        f" alone brings up to {most:,} that differ."
    )
    return {
        **one,
        "kwargs": one["kwargs"] | {"mostly": (n - most - 0.5) / n},
        "meta": one["meta"] | {"notes": notes.strip()},
    }


def quarantine(rows: pd.DataFrame, suite: Suite) -> pd.DataFrame:
    """Return line, kind and reason of the `rows` that an expectation of `suite` finds wrong, in
    order of lines.
    """
    return _told(rows, [(e, index) for e, index, _ in _wrong(rows, suite)])


def parted(suite: Suite, columns: list[str]) -> tuple[Suite, Suite]:
    """Return the expectations that judge each row of a table with `columns` by itself, and the
    others, which judge the table.
    """
    by_row = [e for e in suite.expected if _judges_rows(e) and set(e.columns) <= set(columns)]
    return replace(suite, expected=by_row), replace(
        suite, expected=[e for e in suite.expected if e not in by_row]
    )


def _judges_rows(expected: Expected) -> bool:
    return isinstance(expected.expectation, ROW_BY_ROW) and not expected.raw["type"].endswith(
        ROW_BY_OTHERS
    )


def _mostly(expected: Expected) -> float:
    return float(expected.raw["kwargs"].get("mostly", 1))


def _wrong(rows: pd.DataFrame, suite: Suite) -> list[tuple[Expected, list[int], int]]:
    """Return for each expectation which rows it finds wrong, by their index, and how many it
    judged; raises UserError where it cannot.
    """
    if not suite.expected or rows.empty:
        return []
    problems, found = [], []
    try:
        results = validated(
            rows,
            [e.expectation for e in suite.expected],
            {"result_format": "COMPLETE", "exclude_unexpected_values": True},
        )
    except FAULTS as error:
        raise UserError(
            f"{suite.path} could not be judged:"
            f" {without_values(' '.join(str(error).split()), list(rows.columns))}"
        ) from None
    by_nth: dict[int, Any] = {result.expectation_config.meta["nth"]: result for result in results}
    for e in suite.expected:
        result = by_nth.get(e.nth)
        why = (
            "it was left out"
            if result is None
            else without_values(exception_of(result.exception_info), e.columns)
        )
        if why or result is None:
            problems.append(
                f"{suite.path}:{e.line} ({e.raw['type']} of {' and '.join(e.columns)}) could not be"
                f" judged: {why}; mend it there"
            )
            continue
        judged = result.result.get("element_count", 0) - result.result.get("missing_count", 0)
        found.append((e, result.result.get("unexpected_index_list") or [], judged))
    if problems:
        raise UserError("\n".join(problems))
    return found


def _told(rows: pd.DataFrame, found: list[tuple[Expected, list[int]]]) -> pd.DataFrame:
    """Return one row per row that is wrong, in order of lines, with all its reasons."""
    said = []
    for e, index in found:
        if index:
            wrong, why = rows.loc[index], f"Required: {required(e)}. {e.meta['notes']}"
            values = [
                [f"{column} {_kind(is_missing)}" for is_missing in wrong[column].isna()]
                for column in e.columns
            ]
            reasons = [f"{' and '.join(one)}. {why}" for one in zip(*values, strict=True)]
            said.append(pd.DataFrame({"line": wrong[LINE], "reason": reasons}))
    if not said:
        return pd.DataFrame(columns=REJECTED_COLUMNS).astype({"line": "int64"})
    told = pd.concat(said).groupby("line", sort=True)["reason"].agg(" ".join).reset_index()
    return told.assign(kind=NOT_ALLOWED)[REJECTED_COLUMNS]


def _kind(is_missing: bool) -> str:
    """Say what is wrong with a value without the value, which may tell of a person: its line
    names the row.
    """
    return "is missing" if is_missing else "is not allowed"
