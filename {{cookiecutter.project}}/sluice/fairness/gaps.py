"""Whether groups of people are treated alike: rates by group, by pairs of groups and by pairs of
sensitive columns.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from sluice.core.command import UserError
from sluice.core.params import Data
from sluice.data.groups import CROSSED_BY, crossed, groups
from sluice.metrics.bootstrap import effective_sample_size
from sluice.metrics.intervals import clopper_pearson, newcombe

OTHERS = "all others"
ERRORS = ["recall", "false_positive_rate"]
RATES = [*ERRORS, "precision", "calibration"]
SELECTION = "selection_rate"
ERROR = 0.01  # of all gaps of a column together: equal groups stop one run of a hundred at most
MIN_GROUP_ROWS = 30  # rows of a class in a group, below which its rates tell nothing
GAP_COLUMNS = [
    "column",
    "kind",
    "group",
    "against",
    "class",
    "rate",
    "rows",
    "support",
    "value",
    "low",
    "high",
    "other",
]
GAP_COLUMNS += ["gap", "gap_low", "gap_high", "proven_gap", "ratio", "proven_ratio"]


@dataclass(frozen=True)
class Decisions:
    """True and decided labels, (n_samples,), probabilities, (n_samples, n_classes), and clusters
    as whole numbers from 0.
    """

    y_true: np.ndarray
    y_pred: np.ndarray
    y_score: np.ndarray
    classes: list[str]
    clusters: np.ndarray


@dataclass(frozen=True)
class Measured:
    """A rate on some rows, with one-sided 95 % bounds: `n_effective` independent rows, or a
    standard `error` where it is no share.
    """

    support: int
    value: float
    low: float
    high: float
    n_effective: float = 0.0
    error: float | None = None


UNKNOWN = Measured(0, float("nan"), 0.0, 1.0)


def by_group(
    rows: pd.DataFrame,
    y_pred: np.ndarray,
    y_score: np.ndarray,
    classes: list[str],
    data: Data,
    clusters: pd.Series,
) -> pd.DataFrame:
    """Return one row per sensitive column, group, what it is held against, class and rate.

    Each group of a column is held against all others, of three or more also against each (`kind`
    group and pair), and of each two columns each pair of groups against all others (crossed).
    Rates: recall, false_positive_rate, precision, calibration (mean probability less the share of
    the class), and selection_rate of data.favourable where that is named. `support` is what the
    rate is a share of, `other` the rate there, `gap` the one less the other, with an interval that
    holds for all gaps of the column together with 99 % (Bonferroni): Newcombe's of shares, clusters
    count as many rows as they tell (see `effective_sample_size`). `ratio` is the smaller of the two
    selection rates over the greater. `proven_gap` and `proven_ratio` are both where the interval
    excludes 0, else 0 and 1. Raises UserError where `rows` lack a sensitive column.
    """
    _refuse_lacking([column for column in data.sensitive if column not in rows.columns])
    made = Decisions(
        rows[data.target].to_numpy(dtype=object),
        y_pred,
        y_score,
        classes,
        pd.factorize(clusters)[0],
    )
    asked = [(label, rate) for label in classes for rate in RATES]
    asked += [(data.favourable, SELECTION)] if data.favourable is not None else []
    table = []
    for column, of in attributes(rows, data).items():
        table += _of_column(
            column, of.to_numpy(dtype=object), column not in data.sensitive, asked, made
        )
    return pd.DataFrame(table, columns=GAP_COLUMNS)


def _refuse_lacking(columns: list[str]) -> None:
    """Raise UserError where there are such sensitive `columns`."""
    if columns:
        raise UserError(
            f"the test rows lack {', '.join(columns)}, which data.sensitive of params.yaml names:"
            " nobody can look whether its groups are treated alike; run `dvc repro`, or mend"
            " data/sources.yaml"
        )


def without_small(table: pd.DataFrame, fewest_rows: float, fewest_support: float) -> pd.DataFrame:
    """Return what `by_group` returned, with nothing proven of a gap where either side has fewer
    rows, or fewer that a rate is a share of.

    The gate says of such a group that no gap can be told from chance; one that is waived for that
    is not stopped for a gap either.
    """
    key, sizes = ["column", "class", "rate"], ["rows", "support"]
    of_group = table[table["against"] == OTHERS]
    every = table[key].merge(
        of_group.groupby(key)[sizes].sum(), "left", left_on=key, right_index=True
    )[sizes]
    another = table[[*key, "against"]].merge(
        of_group[[*key, "group", *sizes]],
        "left",
        left_on=[*key, "against"],
        right_on=[*key, "group"],
    )[sizes]
    there = (every - table[sizes]).where(table["against"] == OTHERS, another.set_axis(table.index))
    few = (np.minimum(table[sizes], there) < [fewest_rows, fewest_support]).any(axis=1)
    return table.assign(
        proven_gap=table["proven_gap"].mask(few, 0.0),
        proven_ratio=table["proven_ratio"].mask(few, 1.0),
    )


def attributes(rows: pd.DataFrame, data: Data) -> dict[str, pd.Series]:
    """Return the group of each row by each sensitive column, and by each two of them."""
    single = {
        column: groups(rows[column], data.cut_points.get(column)) for column in data.sensitive
    }
    pairs = {
        f"{a}{CROSSED_BY}{b}": crossed(rows, [a, b], data.cut_points)
        for a, b in combinations(single, 2)
    }
    return single | pairs


def largest_gap(y_true: pd.Series, y_pred: np.ndarray, of: dict[str, pd.Series]) -> float:
    """Return the largest difference in recall or false positive rate between two groups of one
    column.

    of: by column, (n_samples,) the group of each row. A group with fewer than MIN_GROUP_ROWS rows
    of the class, or of all others, is left out; NaN where no column has two groups. A point value,
    from which chance is not taken out.
    """
    gaps = []
    for groups_of in of.values():
        for label in sorted(y_true.unique()):
            for concerned in ((y_true == label).to_numpy(), (y_true != label).to_numpy()):
                named = (
                    pd.Series(y_pred[concerned] == label)
                    .groupby(groups_of.to_numpy()[concerned])
                    .agg(["mean", "size"])
                )
                rates = named.loc[named["size"] >= MIN_GROUP_ROWS, "mean"]
                gaps += [rates.max() - rates.min()] if len(rates) > 1 else []
    return float(max(gaps, default=np.nan))


def _of_column(
    column: str, of: np.ndarray, is_crossed: bool, asked: list[tuple[str, str]], made: Decisions
) -> list[dict[str, Any]]:
    """Return the rows of the table for one column, whose groups are `of`."""
    names = sorted(set(of))
    sides = {name: of == name for name in names}
    mine, rest = {}, {}
    for name, is_mine in sides.items():
        for what in asked:
            mine[name, *what] = _measure(is_mine, *what, made)
            rest[name, *what] = _measure(~is_mine, *what, made)
    held = [("crossed" if is_crossed else "group", name, OTHERS) for name in names]
    if len(names) > 2 and not is_crossed:
        held += [("pair", *pair) for pair in combinations(names, 2)]
    found = []
    for kind, group, against in held:
        for label, rate in asked:
            a = mine[group, label, rate]
            b = rest[group, label, rate] if against == OTHERS else mine[against, label, rate]
            row = {
                "column": column,
                "kind": kind,
                "group": group,
                "against": against,
                "class": label,
                "rate": rate,
                "rows": int(sides[group].sum()),
                "support": a.support,
                "value": a.value,
                "low": a.low,
                "high": a.high,
            }
            found.append((row | {"other": b.value}, a, b))
    rates = [row["rate"] for row, a, b in found if a.support and b.support]
    level = 1 - ERROR / max(1, _comparisons(rates, len(names), len(made.classes)))
    return [row | _held(a, b, row["rate"], level) for row, a, b in found]


def _comparisons(rates: list[str], n_groups: int, n_classes: int) -> float:
    """Return how many different comparisons of `rates` were made.

    Of two groups the one against the other is the other against the one, and of two classes each
    error of the one is one of the other, as is its miscalibration.
    """
    twice = (*ERRORS, "calibration") if n_classes == 2 else ()
    return sum(0.5 if rate in twice else 1 for rate in rates) / (2 if n_groups == 2 else 1)


def _measure(concerned: np.ndarray, label: str, rate: str, made: Decisions) -> Measured:
    """Return one rate of one class on the rows `concerned`."""
    is_label, named = made.y_true == label, made.y_pred == label
    if rate == "calibration":
        off = made.y_score[:, made.classes.index(label)] - is_label
        return _mean(off[concerned], made.clusters[concerned])
    among, hit = {
        "recall": (is_label, named),
        "false_positive_rate": (~is_label, named),
        "precision": (named, is_label),
        SELECTION: (np.ones_like(named), named),
    }[rate]
    hits, codes = hit[concerned & among], made.clusters[concerned & among]
    if not len(hits):
        return UNKNOWN
    n_effective, share = effective_sample_size(hits, codes), float(hits.mean())
    return Measured(
        len(hits),
        share,
        *clopper_pearson(share * n_effective, n_effective),
        n_effective=n_effective,
    )


def _mean(values: np.ndarray, codes: np.ndarray) -> Measured:
    """Return the mean of `values` with its standard error over clusters. Source: Liang and Zeger
    (1986), Biometrika 73.
    """
    n = len(values)
    sizes = np.bincount(codes)
    m = int((sizes > 0).sum())
    if m < 2:
        return Measured(n, float(values.mean()) if n else float("nan"), -1.0, 1.0)
    mean = float(values.mean())
    off = np.bincount(codes, weights=values - mean)
    error = float(np.sqrt(m / (m - 1) * (off**2).sum()) / n)
    reach = norm.ppf(0.95) * error
    return Measured(n, mean, max(-1.0, mean - reach), min(1.0, mean + reach), error=error)


def _held(a: Measured, b: Measured, rate: str, level: float) -> dict[str, float]:
    """Return gap and ratio of two rates, and what of them is proven at `level`."""
    gap = a.value - b.value
    if rate == "calibration":
        reach = (
            float("inf")
            if a.error is None or b.error is None
            else norm.ppf((1 + level) / 2) * float(np.hypot(a.error, b.error))
        )
        low, high = max(-2.0, gap - reach), min(2.0, gap + reach)
    else:
        low, high = newcombe(
            a.value * a.n_effective, a.n_effective, b.value * b.n_effective, b.n_effective, level
        )
    low, high = (-1.0, 1.0) if np.isnan(gap) else (low, high)
    is_proven = bool(low > 0 or high < 0)
    found = {
        "gap": gap,
        "gap_low": low,
        "gap_high": high,
        "proven_gap": abs(gap) if is_proven else 0.0,
    }
    if rate != SELECTION or np.isnan(gap):
        return found | {"ratio": float("nan"), "proven_ratio": 1.0}
    ratio = min(a.value, b.value) / max(a.value, b.value) if max(a.value, b.value) > 0 else 1.0
    return found | {"ratio": ratio, "proven_ratio": ratio if is_proven else 1.0}
