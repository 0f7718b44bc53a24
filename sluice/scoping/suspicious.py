"""Look for what makes a test lie: giveaways, an order in time, clusters, labels that contradict
each other, unequal groups.
"""

import re
from dataclasses import dataclass

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
from sluice.scoping.finding import Finding, Weight
from sluice.scoping.propose_checks import MIN_PROVEN_ROWS

TELLS = 0.6  # below, it does no harm
GAP = 0.5  # a share missing that differs so much between classes says what the class is
LATER_WORDS = """outcome result results resolution resolved closed closing final finished discharge discharged cancelled canceled
    refund refunded payout settlement settled verdict approved rejected diagnosis severity cause delivered returned paid
    recovered"""
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
    groups = (
        by_label.group_by(columns)
        .agg(_[N].sum().name(rows), _[N].max().name(most), _.count().name(labels))
        .filter(_[labels] > 1)
    )
    total = (
        groups.aggregate(rows=_[rows].sum(), most=_[most].sum(), groups=_.count())
        .to_pandas()
        .fillna(0)
        .iloc[0]
    )
    return Contradictions(
        int(total["rows"]), int(total["groups"]), int(total["rows"] - total["most"])
    )


def contradiction_findings(found: Contradictions, n_rows: int) -> list[Finding]:
    """Return what contradicting labels mean; below one row in a thousand nothing is said."""
    if found.rows < max(2, n_rows / 1000):
        return []
    what = (
        f"{found.rows:,} rows agree in all features with a row of another class ({found.groups:,}"
        f" such groups): no model can be right on {found.lost:,} of them"
    )
    do = (
        "if labels were given by hand, look at some; else a feature is missing that would tell"
        " these rows apart"
    )
    return [Finding("look" if found.lost > n_rows / 100 else "note", "data", "labels", what, do)]


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
    by_label, sides = (
        single_feature_auc(X, y, ids, random_state),
        one_sided(rows[X.columns], y, ids),
    )
    aucs = by_label.mean(axis=1).to_dict()
    found = []
    for column, auc in sorted(aucs.items(), key=lambda item: -item[1]):
        if said := _suspicion(
            column, auc, by_label.loc[column], sides.loc[column], X[column], y, limits
        ):
            found.append(Finding(said[0], "data", column, *said[1:], ("late",)))
    return aucs, found


def _suspicion(
    column: str,
    auc: float,
    by_label: pd.Series,
    side: pd.Series,
    values: pd.Series,
    y: pd.Series,
    limits: Thresholds,
) -> tuple[Weight, str, str] | None:
    """Return weight, sentence and remedy of the strongest reason to think that a column is known
    only after the target, if there is one.
    """
    forbid = "name it in data.forbidden of params.yaml"
    known_before = f"find out whether it is known before the target; if not, {forbid}"
    gap, label = _gap(values, y)
    if auc >= limits.gives_away:
        what = (
            f"it alone gives the target away (ROC AUC {auc:.3f} out of fold): a copy of it, or its"
            " consequence"
        )
        return (
            "stop",
            what,
            (
                f"{forbid}; if it is known before the target and the task is that easy, confirm"
                " that in expectations/leakage.json"
            ),
        )
    if auc >= limits.ranks_well:
        return (
            "look",
            f"it alone ranks the classes very well (ROC AUC {auc:.3f} out of fold)",
            known_before,
        )
    if by_label.max() >= limits.gives_away:
        return (
            "look",
            (
                f"it alone tells class {by_label.idxmax()} from all others (ROC AUC"
                f" {by_label.max():.3f} out of fold)"
            ),
            known_before,
        )
    if side["settles"] >= ONE_SIDED:
        share = (y == side["label"]).mean()
        return (
            "look",
            (
                f"{in_words('it', side)}, against {share:.0%} of all rows: it may be filled in only"
                " with the outcome"
            ),
            known_before,
        )
    if gap >= GAP:
        what = f"it is filled in {gap:.0%} more or less often for class {label} than for the others"
        return (
            "look",
            what,
            f"find out whether it is filled in only after the target; if so, {forbid}",
        )
    if auc >= TELLS and set(words(column)) & set(LATER_WORDS.split()):
        return (
            "note",
            f"by its name it may be known only after the target (ROC AUC {auc:.3f})",
            f"find out; if so, {forbid}",
        )
    return None


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
        aucs = single_feature_auc(
            X.drop(columns=trait, errors="ignore"), groups_of(rows, trait, data), ids, random_state
        ).mean(axis=1)
        for column, auc in aucs[aucs > limits.tells_groups].items():
            told[column] = (
                f"{told.get(column, '')}; it tells {trait} (ROC AUC {auc:.2f} out of fold), which"
                " it hides from nobody"
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
    return (
        float(chi2.sf(len(hits) * r * r, 1)),
        f"{'falls' if last < first else 'rises'} from about {first:.2g} to about {last:.2g}",
    )


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
            found.append(
                (
                    p,
                    (
                        f"is {here:.2g} in part {int(nth) + 1} of {TREND_BLOCKS}, elsewhere"
                        f" {there:.2g}"
                    ),
                )
            )
    return found


def orders(rows: pd.DataFrame, data: Data, record: pd.Series) -> dict[str, pd.Series]:
    """Return what may order the rows in time: data.time, columns of dates or years that are not
    all the same, the order in the file.
    """
    times = {data.time: rows[data.time]} if data.time else {}
    for column in rows.columns:
        year = (
            is_integer_dtype(rows[column])
            and re.search("year|jahr", column.lower())
            and rows[column].between(1800, 2200).all()
        )
        if (
            column != data.target
            and (is_datetime64_any_dtype(rows[column]) or year)
            and rows[column].nunique() > 1
        ):
            times[column] = rows[column]
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
    first = (
        f'"{str(latest).removesuffix(" 00:00:00")}"'
        if is_datetime64_any_dtype(order)
        else f"{latest}"
    )
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
        if (p * len(times) >= SUSPICION_CHANCE or apart < MOVES) and not proven:
            continue
        some = "".join(
            f"; the share of {label} {words}" for label, words in list(proven.items())[:SHIFTS]
        )
        some += f"; and so do {len(proven) - SHIFTS} more classes" if len(proven) > SHIFTS else ""
        what = f"class shares move along it by up to {apart:.2f}{some}"
        if name == IN_FILE:
            asks: tuple[str, ...] = ("moves", "time", "split")
            do = (
                "if the file is in order of time, name a column for it in data.time of params.yaml"
                " and split by it"
            )
            if apart > 0.4:
                asks = ("moves",)
                do = (
                    "it looks sorted by the target, which a random split mends; if it is in order"
                    " of time, split by that"
                )
            found.append(Finding("note" if data.time else "look", "data", name, what, do, asks))
        elif by == "random":
            how = split_by(name, order, y, data)
            do = f"{how}, else the test is easier than the use" if how else NO_SPLIT
            asks = ("moves", "split") if how and data.time == name else ("moves", "split", "time")
            what += "; a random split hides that"
            found.append(Finding("look", "data", name, what, do, asks))
        else:
            do = "retrain as often as the shares move, and watch them"
            found.append(
                Finding("look" if proven else "note", "monitoring", name, what, do, ("moves",))
            )
    return found


def date_findings(
    times: dict[str, pd.Series], y: pd.Series, data: Data, said: list[Finding]
) -> list[Finding]:
    """Return the columns of dates and years that may order the rows while data.time names none,
    unless `said` asks for them already.
    """
    if data.time:
        return []
    asked = {finding.about for finding in said if "time" in finding.asks}
    do = (
        "if the rows came about in its order, name it in data.time of params.yaml and split by it"
        " (prepare.split.by: time); a date that orders nothing, such as one of birth, can stay a"
        " feature"
    )
    what = "it may order the rows in time, and data.time names no column"
    return [
        Finding(
            "look" if is_datetime64_any_dtype(order) else "note",
            "data",
            name,
            what,
            do if split_by(name, order, y, data) else NO_SPLIT,
            ("time", "split"),
        )
        for name, order in times.items()
        if name != IN_FILE and name not in asked
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
        repeats = rows[column].nunique() / max(rows[column].notna().sum(), 1)
        if is_float_dtype(rows[column]) and (rows[column].dropna() % 1 > 0).any():
            continue  # a measured amount, whatever it is called
        is_name = is_named_id(column) or (
            not is_integer_dtype(rows[column])
            and rows[column].dtype.kind not in "fMb"
            and repeats >= 0.02
        )
        if not is_name or repeats >= 0.99 or rows[column].nunique() < 50:
            continue
        alike, pairs = _alike(rows[column], rows[data.target])
        if alike - chance > max(ALIKE, 4 * np.sqrt(chance * (1 - chance) / max(pairs, 1))):
            what = (
                f"two rows that share its value share the class in {alike:.0%} of cases, by chance"
                f" in {chance:.0%}"
            )
            do = (
                "name it in data.cluster of params.yaml, so that such rows stay on one side of the"
                " split"
            )
            found.append(Finding("look", "data", column, what, do, ("cluster",)))
    return found


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
    table = []
    y = rows[data.target]
    for column in rows.columns:
        values = (
            cut(rows[column], data.cut_points[column])
            if column in data.cut_points
            else rows[column]
        )
        if column == data.target or values.nunique() > GROUPS or values.nunique() < 2:
            continue
        if column not in data.sensitive and not sensitive(
            column, [str(value) for value in values.dropna().unique()]
        ):
            continue
        groups, classes = sorted(values.dropna().unique()), sorted(y.unique())
        level = 1 - 0.05 / (len(groups) * len(classes))
        for group in groups:
            mine = values == group
            enough = min(mine.sum(), (~mine).sum()) >= MIN_PROVEN_ROWS
            for label in classes:
                hits, others = int((y[mine] == label).sum()), int((y[~mine] == label).sum())
                low, high = (
                    newcombe(hits, int(mine.sum()), others, int((~mine).sum()), level)
                    if enough
                    else (-1.0, 1.0)
                )
                share = hits / mine.sum()
                row = {
                    "column": column,
                    "group": str(group),
                    "class": label,
                    "rows": int(mine.sum()),
                    "share": share,
                }
                table.append(
                    row | {"gap": share - others / (~mine).sum(), "gap_low": low, "gap_high": high}
                )
    return pd.DataFrame(
        table, columns=["column", "group", "class", "rows", "share", "gap", "gap_low", "gap_high"]
    )


def group_rate_findings(rates: pd.DataFrame) -> list[Finding]:
    """Return for each column the largest proven gap in the share of a class, where it is a gap
    of MOVES or more.
    """
    found = []
    proven = rates[
        ((rates["gap_low"] > 0) | (rates["gap_high"] < 0)) & (rates["gap"].abs() >= MOVES)
    ]
    for column, mine in proven.groupby("column", sort=False):
        worst = mine.loc[mine["gap"].abs().idxmax()]
        what = (
            f"the label is {worst['class']!r} for {worst['share']:.0%} of those with"
            f" {worst['group']!r}, {100 * worst['gap']:+.0f} percentage points against all others"
            f" ({100 * worst['gap_low']:+.0f} to {100 * worst['gap_high']:+.0f})"
        )
        do = (
            "a model will learn that: find out whether it is how things are or how labels were"
            " given, before it decides on people"
        )
        found.append(Finding("look", "data", str(column), what, do))
    return found
