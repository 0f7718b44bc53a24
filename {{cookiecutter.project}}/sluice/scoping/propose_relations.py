"""Propose what holds between columns of a table: codes that go together, orders, copies, and
what names a row.
"""

from collections.abc import Collection
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd

from sluice.metrics.margins import most, mostly, mostly_unique
from sluice.scoping.propose_columns import MAX_CODES, REPEATED, expect, is_code, kind_of, plain

# rows on which a relation is looked for before it is held against all
ORDER_ROWS, LOOK = 1000, 50_000
MAX_ADDED = 100  # columns of numbers among which sums are looked for: the time grows with the cube
MAX_PAIRS = 20  # so many pair sets are proposed, those first that say most
MAX_LISTED = 50  # more pairs than this nobody reads
# a relation that unrelated columns would break in fewer rows than this share says nothing
TELLING = 0.01


def propose_relations(
    table: pd.DataFrame, is_whole: bool, moving: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the relations between the columns of `table`; is_whole: it is no sample, so that
    repeated rows can be counted.

    moving: columns whose values move on with time, so that the pairs which they are in do, too.
    """
    sizes = {column: table[column].nunique() for column in table.columns}
    kinds = {column: kind_of(table[column]) for column in table.columns}
    numbers, dates = (
        [column for column in kinds if kinds[column] == kind and sizes[column] > 2]
        for kind in ("number", "date")
    )
    codes = [
        column
        for column in kinds
        if 1 < sizes[column] <= max(MAX_CODES.values())
        and column not in moving
        and is_code(table[column].value_counts(), kinds[column])
    ]
    orders = [*_orders(table[numbers]), *_orders(table[dates])]
    relations = [*orders, *_sums(table[numbers]), *_pairs(table[codes])]
    return relations + (_names(table, sizes) if is_whole else [])


def _orders(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return pairs of columns that are equal, or of which one is never above the other, in all rows
    that have both.

    What follows from two other orders is left out. Codes of two values are left to `_pairs`.
    """
    found: list[tuple[str, str]] = []
    equal: list[tuple[str, str]] = []
    values = {column: table[column].to_numpy() for column in table.columns}
    for low, high in permutations(values, 2):
        if _holds(values[low], values[high]):
            (equal if _holds(values[high], values[low]) else found).append((low, high))
    order = list(values)
    equal = [(low, high) for low, high in equal if order.index(low) < order.index(high)]
    twins = {high for _, high in equal}
    found = [pair for pair in found if not twins & set(pair)]
    direct = [
        (a, b) for a, b in found if not any((a, c) in found and (c, b) in found for c in order)
    ]
    return [_order(table, low, high, True) for low, high in equal] + [
        _order(table, low, high, False) for low, high in direct
    ]


def _order(table: pd.DataFrame, low: str, high: str, is_equal: bool) -> dict[str, Any]:
    n, how = len(table[[low, high]].dropna()), "equal to" if is_equal else "never above"
    notes = (
        f"{low} is {how} {high} in {n:,} rows; up to {most(0)} can break it by chance in as many."
    )
    pair: dict[str, Any] = {
        "column_A": high,
        "column_B": low,
        "mostly": mostly(0, n),
        "ignore_row_if": "either_value_is_missing",
    }
    if is_equal:
        return expect("column_pair_values_to_be_equal", "critical", notes, **pair)
    kind = "column_pair_values_a_to_be_greater_than_b"
    return expect(kind, "critical", notes, **pair, or_equal=True)


def _holds(low: np.ndarray, high: np.ndarray) -> bool:
    """Return whether `low` is never above `high`, in enough rows, and not just because their
    ranges lie apart.
    """
    if (low[:ORDER_ROWS] > high[:ORDER_ROWS]).any() or (
        low > high
    ).any():  # False where either is missing
        return False
    both = ~(pd.isna(low) | pd.isna(high))
    shuffled = np.random.default_rng(0).permutation(low[both][:LOOK])
    return both.sum() > 10 * most(0) and bool((shuffled > high[both][:LOOK]).mean() >= TELLING)


def _sums(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return numbers of which one is the sum of two others in all rows that have the three; of
    more than MAX_ADDED none.
    """
    columns = list(table.columns)
    look, found = table[columns].head(ORDER_ROWS).to_numpy("float64"), []
    for a, b in combinations(range(len(columns)), 2) if len(columns) <= MAX_ADDED else []:
        total = (look[:, a] + look[:, b])[:, None]
        agree = (np.isclose(total, look) | np.isnan(total) | np.isnan(look)).all(axis=0)
        found += [
            [columns[a], columns[b], columns[c]] for c in np.flatnonzero(agree) if c not in (a, b)
        ]
    return [_sum(parts, len(rows)) for parts in found if _adds_up(rows := table[parts].dropna())]


def _adds_up(rows: pd.DataFrame) -> bool:
    """Return whether the third column is the sum of the first two, in enough rows, and not just
    because one of them is 0.
    """
    a, b, total = (rows[column].to_numpy("float64") for column in rows)
    telling = (
        min((a != 0).mean(), (b != 0).mean()) >= TELLING if len(rows) > 10 * most(0) else False
    )
    return bool(telling and np.isclose(a + b, total).all())


def _sum(parts: list[str], n: int) -> dict[str, Any]:
    notes = (
        f"{parts[2]} is {parts[0]} and {parts[1]} together in {n:,} rows; up to {most(0)} can break"
        " it by chance in as many."
    )
    options = {
        "column_list": parts,
        "mostly": mostly(0, n),
        "ignore_row_if": "any_value_is_missing",
    }
    return expect("last_column_to_equal_sum", "critical", notes, **options)


def _pairs(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the pairs of codes that occur, for the columns where pairs are lacking that
    unrelated columns would have.
    """
    codes = {column: pd.factorize(table[column], sort=True) for column in table.columns}
    scored = []
    for nth, (a, b) in enumerate(combinations(codes, 2)):
        counts = _crossed(codes[a], codes[b])
        n = counts.sum()
        if not 0 < np.count_nonzero(counts) <= MAX_LISTED:
            continue
        by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n**2
        lacking = float(by_chance[counts == 0].sum())
        tolerated = 1 - mostly(int((counts == 1).sum()), int(n))
        if lacking >= max(TELLING, 2 * tolerated):
            scored.append((-lacking, nth, a, b, counts))
    return [
        _pair(codes[a][1], codes[b][1], a, b, counts, -lacking)
        for lacking, _, a, b, counts in sorted(scored)[:MAX_PAIRS]
    ]


def _crossed(a: tuple[np.ndarray, Any], b: tuple[np.ndarray, Any]) -> np.ndarray:
    """Return (n_values_a, n_values_b) counts of rows that have both."""
    both = (a[0] >= 0) & (b[0] >= 0)
    flat = np.bincount(a[0][both] * len(b[1]) + b[0][both], minlength=len(a[1]) * len(b[1]))
    return flat.reshape(len(a[1]), len(b[1]))


def _pair(
    values_a: Any, values_b: Any, a: str, b: str, counts: np.ndarray, lacking: float
) -> dict[str, Any]:
    n, once = int(counts.sum()), int((counts == 1).sum())
    pairs = [[plain(values_a[i]), plain(values_b[j])] for i, j in np.argwhere(counts > 0)]
    notes = (
        f"{len(pairs)} of {counts.size} pairs occur in {n:,} rows; unrelated columns would have"
        f" another in {lacking:.0%} of them."
    )
    fixes = [
        f" {one} fixes {other}."
        for one, other, axis in ((a, b, 1), (b, a, 0))
        if (np.count_nonzero(counts, axis=axis) == 1).all()
    ]
    notes += [*fixes, " Neither fixes the other, so that a new pair can be right."][0]
    options = {
        "column_A": a,
        "column_B": b,
        "value_pairs_set": pairs,
        "mostly": mostly(once, n),
        "ignore_row_if": "either_value_is_missing",
    }
    severity = "critical" if fixes else "warning"
    return expect("column_pair_values_to_be_in_set", severity, notes, **options)


def _names(table: pd.DataFrame, sizes: dict[str, int]) -> list[dict[str, Any]]:
    """Return up to two sets of columns, none in both, that together hardly ever repeat: a join that
    multiplies rows repeats them.

    Each set is grown by the column with most different values, to at most half of the columns. A
    column that never repeats is left to its own expectation.
    """
    order = sorted(
        (column for column in table.columns if 1 < sizes[column] < len(table)),
        key=lambda column: -sizes[column],
    )
    sets: list[dict[str, Any]] = []
    while order and len(sets) < 2:
        ids, chosen = np.zeros(len(table), dtype="int64"), []
        for column in order[: len(table.columns) // 2]:
            chosen.append(column)
            ids = pd.factorize(ids * (sizes[column] + 1) + pd.factorize(table[column])[0] + 1)[0]
            repeated = int((np.bincount(ids)[ids] > 1).sum())
            if repeated <= REPEATED * len(table):
                sets += [_name(chosen, repeated, len(table))] if len(chosen) > 1 else []
                break
        order = [column for column in order if column not in chosen]
    return sets


def _name(chosen: list[str], repeated: int, n: int) -> dict[str, Any]:
    notes = (
        f"{repeated:,} of {n:,} rows agree with another in all of these; a join that multiplies"
        " rows adds such."
    )
    options: dict[str, Any] = {"column_list": chosen, "mostly": mostly_unique(repeated, n)}
    return expect("compound_columns_to_be_unique", "warning", notes, **options)
