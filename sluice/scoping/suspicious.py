"""Look for what makes a test lie: giveaways, an order in time, clusters, labels that contradict
each other, unequal groups.
"""

import re
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from pandas.api.types import is_datetime64_any_dtype, is_float_dtype, is_integer_dtype
from scipy.stats import chi2, chi2_contingency, fisher_exact

from sluice.audits.attributes import sensitive, words
from sluice.audits.proxies import groups_of
from sluice.core.formats import RESERVED
from sluice.core.params import Data
from sluice.data.groups import cut
from sluice.data.rejecting import KIND, N
from sluice.data.roles import clusters, features
from sluice.gates.thresholds import Thresholds
from sluice.metrics.intervals import newcombe
from sluice.metrics.single_feature import ONE_SIDED, in_words, one_sided, single_feature_auc
from sluice.scoping.column_findings import is_named_id
from sluice.scoping.finding import Finding, Weight, finding
from sluice.scoping.propose_judged import MIN_PROVEN_ROWS

TELLS = 0.6  # below, it does no harm
GAP = 0.5  # a share missing that differs so much between classes says what the class is
LATER_WORDS = """
    outcome result results resolution resolved closed closing final finished discharge
    discharged cancelled canceled refund refunded payout settlement settled verdict approved
    rejected diagnosis severity cause delivered returned paid recovered
"""
TREND_BLOCKS = 10
MOVES = 0.05  # total variation between the class shares of a block and of all rows
# by which the share of one class rises or falls: however small it is, the model is soon of another
# world
FACTOR = 2
MIN_TREND_ROWS = 10  # rows of a class, below which no trend is told from chance
ALIKE = 0.05  # by how much more often rows of a cluster share a class than chance has it
SUSPICION_CHANCE = 0.01
GROUPS = 20
SHIFTS = 3  # classes whose shares are told
NO_SPLIT = (
    "if the rows came about in its order, name it in data.time of params.yaml; a split by it waits"
    " until each class has rows before and after a cut-off"
)
SPLIT = (
    "if the rows came about in its order, name it in data.time of params.yaml and split by it"
    " (prepare.split.by: time); a date that orders nothing, such as one of birth, can stay a"
    " feature"
)
IN_FILE = "the order in the file"


@dataclass(frozen=True)
class Contradictions:
    """Rows that agree in all features but not in the target: how many, in how many `groups`, and
    how many any model must miss.
    """

    rows: int
    groups: int
    lost: int


def contradictions(judged: ibis.Table, columns: list[str], target: str) -> Contradictions:
    """Return the contradictions among the kept rows of a table that `prepare` judged; columns:
    the features.
    """
    kept = judged.filter(_[KIND].isnull())
    rows, most, labels = (f"{RESERVED}{name}" for name in ("rows", "most", "labels"))
    by_label = kept.group_by([*columns, target]).agg(_.count().name(N))
    sums = (_[N].sum().name(rows), _[N].max().name(most), _.count().name(labels))
    groups = by_label.group_by(columns).agg(*sums).filter(_[labels] > 1)
    totals = groups.aggregate(rows=_[rows].sum(), most=_[most].sum(), groups=_.count())
    total = totals.to_pandas().fillna(0).iloc[0].astype(int)
    return Contradictions(
        *(int(n) for n in (total["rows"], total["groups"], total["rows"] - total["most"]))
    )


def contradiction_findings(found: Contradictions, n_rows: int) -> list[Finding]:
    """Return what contradicting labels mean; below one row in a thousand nothing is said."""
    if found.rows < max(2, n_rows / 1000):
        return []
    weight: Weight = "look" if found.lost > n_rows / 100 else "note"
    return [finding("contradictions", "labels", weight, **asdict(found))]


def giveaways(
    rows: pd.DataFrame, data: Data, limits: Thresholds, random_state: int
) -> tuple[dict[str, float], list[Finding]]:
    """Return for each feature the ROC AUC, mean over the classes, with which it alone ranks them
    (see `single_feature_auc`), and what that means.

    What is known only after the target can only be suspected: by a high ROC AUC, by a value that
    holds nearly one class alone, by the name, by gaps that differ by class.
    """
    if rows.empty:  # a cut-off can leave no training row
        return {}, []
    X, y = features(rows, data), rows[data.target]
    ids = clusters(rows, data.cluster)
    by_label = single_feature_auc(X, y, ids, random_state)
    sides = one_sided(rows[X.columns], y, ids)
    aucs = by_label.mean(axis=1).to_dict()
    found = []
    for column in sorted(aucs, key=lambda column: -aucs[column]):
        side, (gap, gap_label) = sides.loc[column], _gap(X[column], y)
        values = {
            "auc": aucs[column],
            "label": by_label.loc[column].idxmax(),
            "of_label": by_label.loc[column].max(),
            "settles": side["settles"],
            "side": in_words("it", side),
            "share": (y == side["label"]).mean(),
            "gap": gap,
            "gap_label": gap_label,
        }
        if code := _suspicion(column, values, limits):
            found.append(finding(code, column, **values))
    return aucs, found


def _suspicion(column: str, values: dict[str, Any], limits: Thresholds) -> str | None:
    """Return the strongest reason to think that a column is known only after the target."""
    reasons = {
        "gives_away": values["auc"] >= limits.gives_away,
        "ranks_well": values["auc"] >= limits.ranks_well,
        "tells_a_class": values["of_label"] >= limits.gives_away,
        "one_sided": values["settles"] >= ONE_SIDED,
        "gap": values["gap"] >= GAP,
        "later_by_name": values["auc"] >= TELLS and set(words(column)) & set(LATER_WORDS.split()),
    }
    return next((code for code, holds in reasons.items() if holds), None)


def told_by(
    columns: list[str], rows: pd.DataFrame, data: Data, limits: Thresholds, random_state: int
) -> dict[str, str]:
    """Return what each of `columns` that alone tells the groups of a sensitive column does (ROC AUC
    out of fold).

    An identifier that is given out in blocks tells who was registered where and when, and so often
    what people are.
    """
    told: dict[str, str] = {}
    X, ids = features(rows, data)[columns], clusters(rows, data.cluster)
    for trait in data.sensitive if columns else []:
        others, of = X.drop(columns=trait, errors="ignore"), groups_of(rows, trait, data)
        aucs = single_feature_auc(others, of, ids, random_state).mean(axis=1)
        for column, auc in aucs[aucs > limits.tells_groups].items():
            tells = f"; it tells {trait} (ROC AUC {auc:.2f} out of fold)"
            told[column] = (
                f"{told.get(column, '')}{tells}, so that leaving {trait} out hides nothing"
            )
    return told


def _gap(values: pd.Series, y: pd.Series) -> tuple[float, str]:
    """Return how much the share of missing values of a class differs from that of the others, at
    most, and the class.
    """
    shares, n = values.isna().groupby(y).mean(), y.value_counts()
    total = values.isna().sum()
    gaps = {
        label: abs(share - (total - share * n[label]) / (len(y) - n[label]))
        for label, share in shares.items()
        if 20 <= n[label] < len(y)
    }
    label = max(gaps, key=lambda one: gaps[one], default="")
    return gaps.get(label, 0.0), str(label)


def moves(order: pd.Series, y: pd.Series) -> tuple[float, float]:
    """Return how far class shares move along `order`: the largest total variation (0 to 1) of
    TREND_BLOCKS equal blocks, and its p.

    p is that of a chi-squared test of blocks by classes. Rows without a value of `order` are left
    out.
    """
    known = order.notna()
    if known.sum() < 20 * TREND_BLOCKS or order[known].nunique() < 2:
        return 0.0, 1.0
    rank = order[known].rank(method="average", pct=True)
    block = np.minimum((rank * TREND_BLOCKS).astype(int), TREND_BLOCKS - 1)
    table = pd.crosstab(block, y[known]).to_numpy()
    table = table[:, table.sum(axis=0) >= 5 * len(table)]
    if min(table.shape) < 2:
        return 0.0, 1.0
    shares = table / table.sum(axis=1, keepdims=True)
    apart = np.abs(shares - table.sum(axis=0) / table.sum()).sum(axis=1) / 2
    return float(apart.max()), float(chi2_contingency(table).pvalue)


def shifts(order: pd.Series, y: pd.Series) -> dict[str, tuple[float, str]]:
    """Return for each class whose share halves or doubles along `order` the p of that, and what
    happens, in words.

    Looked at are the ends of a straight line through the share (p of Cochran and Armitage's test),
    and each of TREND_BLOCKS equal blocks against the others (Fisher's), for a share that jumps. p
    is corrected for all classes, both looks and all blocks (Bonferroni).
    """
    known = order.notna()
    if known.sum() < 20 * TREND_BLOCKS or order[known].nunique() < 2:
        return {}
    rank, y = order[known].rank(method="average", pct=True), y[known]
    block = np.minimum((rank * TREND_BLOCKS).astype(int), TREND_BLOCKS - 1)
    looks = 2 * (y.nunique() - 1)  # of two classes one says all
    found = {}
    for label, n in y.value_counts().items():
        if n < MIN_TREND_ROWS or n == len(y):
            continue
        trend, jumps = _trend(rank, y == label), _jumps(block, y == label)
        p, words = min([trend, *((p * block.nunique(), said) for p, said in jumps)])
        if words:
            found[str(label)] = (min(1.0, p * looks), words)
    return found


def _trend(rank: pd.Series, hits: pd.Series) -> tuple[float, str]:
    """Return p and words of a share that rises or falls by FACTOR from the first row to the
    last; (1, "") where it does not.
    """
    r = float(np.corrcoef(rank, hits)[0, 1])
    slope = r * float(hits.std()) / float(rank.std())
    first, last = (max(0.0, float(hits.mean() + slope * (at - rank.mean()))) for at in (0, 1))
    if max(first, last) < FACTOR * min(first, last) or r == 0:
        return 1.0, ""
    how = "falls" if last < first else "rises"
    p = float(chi2.sf(len(hits) * r * r, 1))
    return p, f"{how} from about {first:.2g} to about {last:.2g}"


def _jumps(block: pd.Series, hits: pd.Series) -> list[tuple[float, str]]:
    """Return p and words for each block in which the share is FACTOR times that of the other
    blocks, or as little.
    """
    table = pd.crosstab(block, hits).reindex(columns=[False, True], fill_value=0)
    found = []
    for nth, mine in table.iterrows():
        others = table.sum() - mine
        here, there = mine[True] / mine.sum(), others[True] / max(others.sum(), 1)
        if max(here, there) >= FACTOR * min(here, there):
            p = float(fisher_exact([mine.tolist(), others.tolist()])[1])
            where = f"part {int(nth) + 1} of {TREND_BLOCKS}"
            found.append((p, f"is {here:.2g} in {where}, elsewhere {there:.2g}"))
    return found


def orders(rows: pd.DataFrame, data: Data, record: pd.Series) -> dict[str, pd.Series]:
    """Return what may order the rows in time: data.time, columns of dates or years that are not
    all the same, the order in the file.
    """
    times = {data.time: rows[data.time]} if data.time else {}
    for column in rows.columns.drop(data.target):
        values = rows[column]
        is_year = is_integer_dtype(values) and re.search("year|jahr", column.lower())
        is_year = is_year and values.between(1800, 2200).all()
        if (is_datetime64_any_dtype(values) or is_year) and values.nunique() > 1:
            times[column] = values
    return times | {IN_FILE: record}


def split_by(name: str, order: pd.Series, y: pd.Series, data: Data) -> str:
    """Return what to write into params.yaml so that the latest fifth of the rows are test rows, by
    a column of dates or integers.

    Empty where such a split would leave a class without training or test rows.
    """
    values = order.dropna().sort_values()
    later = values[values > values.iloc[0]]
    if later.empty:
        return ""
    latest = max(values.iloc[int(0.8 * len(values))], later.iloc[0])
    if any(set(y[side]) != set(y) for side in (order < latest, order >= latest)):
        return ""
    is_date = is_datetime64_any_dtype(order)
    first = f'"{str(latest).removesuffix(" 00:00:00")}"' if is_date else f"{latest}"
    named = "" if data.time == name else f"data.time: {name}, "
    return f"set {named}prepare.split.by: time and prepare.split.test_from: {first} in params.yaml"


def order_findings(times: dict[str, pd.Series], y: pd.Series, data: Data, by: str) -> list[Finding]:
    """Return the orders along which class shares move; by: how the rows are split."""
    found = []
    for name, order in times.items():
        apart, p = moves(order, y)
        proven = {
            label: words
            for label, (p_shift, words) in shifts(order, y).items()
            if p_shift * len(times) < SUSPICION_CHANCE
        }
        if (p * len(times) < SUSPICION_CHANCE and apart >= MOVES) or proven:
            found.append(_moving(name, order, y, (apart, proven), (data, by)))
    return found


def _moving(
    name: str,
    order: pd.Series,
    y: pd.Series,
    moved: tuple[float, dict[str, str]],
    split: tuple[Data, str],
) -> Finding:
    """Return what it means that class shares move along `order`."""
    (apart, proven), (data, by) = moved, split
    shares = [f"; the share of {label} {words}" for label, words in list(proven.items())[:SHIFTS]]
    if len(proven) > SHIFTS:
        shares.append(f"; and so do {len(proven) - SHIFTS} more classes")
    values = {"apart": apart, "shares": "".join(shares)}
    if name == IN_FILE:
        code = "sorted_by_target" if apart > 0.4 else "order_of_file"
        return finding(code, name, "note" if data.time else "look", **values)
    if by != "random":
        return finding("moving_shares", name, "look" if proven else "note", **values)
    how = split_by(name, order, y, data)
    do = f"{how}, otherwise the test is easier than real use" if how else NO_SPLIT
    one = finding("hidden_order", name, do=do, **values)
    return replace(one, asks=("moves", "split")) if how and data.time == name else one


def date_findings(
    times: dict[str, pd.Series], y: pd.Series, data: Data, said: list[Finding]
) -> list[Finding]:
    """Return the columns of dates and years that may order the rows while data.time names none,
    unless `said` asks for them already.
    """
    if data.time:
        return []
    named = {one.about for one in said if "time" in one.asks} | {IN_FILE}
    return [
        finding(
            "may_order",
            name,
            "look" if is_datetime64_any_dtype(order) else "note",
            do=SPLIT if split_by(name, order, y, data) else NO_SPLIT,
        )
        for name, order in times.items()
        if name not in named
    ]


def cluster_findings(rows: pd.DataFrame, data: Data) -> list[Finding]:
    """Return columns whose equal values share a class more often than chance, as the rows of one
    patient or machine do.

    Looked at are text and named ids with at least one value in fifty rows, not those that name each
    row.
    """
    found = []
    chance = float((rows[data.target].value_counts(normalize=True) ** 2).sum())
    for column in rows.columns:
        if column in (data.target, *data.cluster, *data.forbidden) or column.startswith(RESERVED):
            continue
        if not _may_be_cluster(rows[column]):
            continue
        alike, pairs = _alike(rows[column], rows[data.target])
        if alike - chance > max(ALIKE, 4 * np.sqrt(chance * (1 - chance) / max(pairs, 1))):
            found.append(finding("shares_a_class", column, alike=alike, chance=chance))
    return found


def _may_be_cluster(values: pd.Series) -> bool:
    if is_float_dtype(values) and (values.dropna() % 1 > 0).any():
        return False  # a measured amount, whatever it is called
    repeats = values.nunique() / max(values.notna().sum(), 1)
    is_text = not is_integer_dtype(values) and values.dtype.kind not in "fMb"
    is_name = is_named_id(str(values.name)) or (is_text and repeats >= 0.02)
    return is_name and repeats < 0.99 and values.nunique() >= 50


def _alike(values: pd.Series, y: pd.Series) -> tuple[float, int]:
    """Return the share of pairs of rows with equal `values` that have equal classes, and half
    the number of rows in pairs.
    """
    known = values.notna()
    sizes = values[known].value_counts()
    pairs = (sizes * (sizes - 1)).sum()
    same = pd.DataFrame({"value": values[known].astype("str"), "label": y[known]}).value_counts()
    return float((same * (same - 1)).sum() / max(pairs, 1)), int(sizes[sizes > 1].sum() / 2)


def group_rates(rows: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return one row per group of each column that is, or seems, sensitive, and class: its share
    there, and the gap to the others.

    gap_low, gap_high: interval (Newcombe 1998) at 95 % for all gaps of a column together
    (Bonferroni), -1 and 1 where the group, or all others, have fewer than MIN_PROVEN_ROWS rows:
    these prove nothing. Columns of more than GROUPS values are left out.
    """
    table: list[dict[str, Any]] = []
    for column in rows.columns.drop(data.target):
        values = rows[column]
        values = cut(values, data.cut_points[column]) if column in data.cut_points else values
        named = [str(value) for value in values.dropna().unique()] if _few(values) else []
        if named and (column in data.sensitive or sensitive(column, named)):
            table += _rates(values, rows[data.target])
    columns = ["column", "group", "class", "rows", "share", "gap", "gap_low", "gap_high"]
    return pd.DataFrame(table, columns=columns)


def _few(values: pd.Series) -> bool:
    return 2 <= values.nunique() <= GROUPS


def _rates(values: pd.Series, y: pd.Series) -> list[dict[str, Any]]:
    """Return the rows of `group_rates` for one column."""
    table = []
    groups, classes = sorted(values.dropna().unique()), sorted(y.unique())
    level = 1 - 0.05 / (len(groups) * len(classes))
    for group, label in product(groups, classes):
        mine = values == group
        n, n_others = int(mine.sum()), int((~mine).sum())
        hits, others = int((y[mine] == label).sum()), int((y[~mine] == label).sum())
        low, high = -1.0, 1.0
        if min(n, n_others) >= MIN_PROVEN_ROWS:
            low, high = newcombe(hits, n, others, n_others, level)
        row = {"column": str(values.name), "group": str(group), "class": label, "rows": n}
        gaps = {"gap": hits / n - others / n_others, "gap_low": low, "gap_high": high}
        table.append(row | {"share": hits / n} | gaps)
    return table


def group_rate_findings(rates: pd.DataFrame) -> list[Finding]:
    """Return for each column the largest proven gap in the share of a class, where it is a gap
    of MOVES or more.
    """
    is_proven = (rates["gap_low"] > 0) | (rates["gap_high"] < 0)
    found = []
    for column, mine in rates[is_proven & (rates["gap"].abs() >= MOVES)].groupby(
        "column", sort=False
    ):
        worst = mine.loc[mine["gap"].abs().idxmax()]
        points = {name: 100 * worst[f"gap_{name}"] for name in ("low", "high")}
        values = {"label": worst["class"], "share": worst["share"], "group": worst["group"]}
        found.append(finding("group_rate", str(column), gap=100 * worst["gap"], **points, **values))
    return found
