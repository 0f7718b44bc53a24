"""What remains of a sensitive column in the features, and what the labels say of its groups
among rows that are otherwise alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import ClassifierMixin
from sklearn.metrics import roc_auc_score

from sluice.core.command import UserError
from sluice.core.params import Data
from sluice.data.groups import groups as named
from sluice.data.roles import clusters, features
from sluice.data.split import kfold
from sluice.metrics.single_feature import RANKING_FOLDS, single_feature_auc
from sluice.modeling.encoders import baseline_logistic_regression, baseline_random_forest

Make = Callable[[pd.DataFrame, int], ClassifierMixin]  # an unfitted model by features and seed
MAX_PROXY_ROWS = 6_000  # that a group is looked for in
BEST = 3  # columns that are named
MAX_LABELLED = 20_000  # rows whose labels are compared
STRATA = 10  # of rows that are otherwise alike
# ROC AUC of a label within the groups: below it a feature that tells the group says nothing else of
# the label
MIN_LABEL_AUC = 0.55
LABEL_BIAS = [
    *("column", "group", "class", "rows", "share"),
    *("gap", "gap_low", "gap_high", "proven_gap", "left_out", "gap_with_all"),
]


@dataclass(frozen=True)
class Limits:
    """What is no evidence of equal merit, by the suites.

    rows: fewer of a group, or of all others, prove nothing. auc: a feature that tells a group
    better is a proxy of it. suspects: features that may be known only after the outcome. same: by
    sensitive column, features that by their names are the same trait.
    """

    rows: float
    auc: float
    suspects: list[str]
    same: dict[str, list[str]]


def groups_of(rows: pd.DataFrame, column: str, data: Data) -> pd.Series:
    """Return (n_samples,) names of the groups of a sensitive column (see `groups`); raises
    UserError where the column is missing.
    """
    if column not in rows.columns:
        raise UserError(
            f"data.sensitive names {column!r}, which the prepared tables lack: without it nobody"
            " can see how its groups fare"
        )
    return named(rows[column], data.cut_points.get(column))


def proxies(rows: pd.DataFrame, data: Data, random_state: int) -> pd.DataFrame:
    """Return one row per sensitive column: how well the features tell its groups, and which do.

    `auc` is that of a forest out of fold with clusters whole, the mean over groups of each against
    the rest: 0.5 is chance. `best` names the BEST features that tell them best alone, each with its
    ROC AUC. Up to MAX_PROXY_ROWS rows, drawn at random; groups in fewer than RANKING_FOLDS clusters
    are left out, and where fewer than two remain all is chance.
    """
    part = _sample(rows, MAX_PROXY_ROWS, random_state)
    table = [_proxy(part, column, data, random_state) for column in data.sensitive]
    return pd.DataFrame(table, columns=["column", "groups", "rows", "auc", "best"])


def _sample(rows: pd.DataFrame, n: int, random_state: int) -> pd.DataFrame:
    """Return up to `n` rows, drawn at random, in their order and numbered anew."""
    chosen = rows.sample(min(len(rows), n), random_state=random_state)
    return chosen.sort_index().reset_index(drop=True)


def _proxy(rows: pd.DataFrame, column: str, data: Data, random_state: int) -> dict[str, Any]:
    """Return how well the features tell the groups of one sensitive column (see `proxies`)."""
    groups, ids = groups_of(rows, column, data), clusters(rows, data.cluster)
    n_clusters = ids.groupby(groups).nunique()
    enough = groups.isin(n_clusters.index[n_clusters >= RANKING_FOLDS])
    X = features(rows, data).drop(columns=column, errors="ignore")
    X, groups, ids = (part[enough].reset_index(drop=True) for part in (X, groups, ids))
    row = {"column": column, "groups": groups.nunique(), "rows": len(X)}
    if groups.nunique() < 2:
        return row | {"auc": 0.5, "best": "-"}
    alone = single_feature_auc(X, groups, ids, random_state).mean(axis=1)
    best = alone.sort_values(ascending=False, kind="stable").head(BEST)
    y_score = _out_of_fold(baseline_random_forest, X, groups, ids, random_state)
    aucs = [
        roc_auc_score(groups == name, y_score[:, nth])
        for nth, name in enumerate(sorted(groups.unique()))
    ]
    return row | {
        "auc": float(np.mean(aucs)),
        "best": ", ".join(f"{name} {auc:.2f}" for name, auc in best.items()),
    }


def _out_of_fold(
    make: Make, X: pd.DataFrame, y: pd.Series, ids: pd.Series, random_state: int
) -> np.ndarray:
    """Return (n_samples, n_classes) probabilities of rows that the model was not fitted on."""
    y_score = np.zeros((len(X), y.nunique()))
    for is_training, is_scored in kfold(y, ids, RANKING_FOLDS, random_state):
        model = make(X[is_training], random_state).fit(X[is_training], y[is_training])
        y_score[is_scored.to_numpy()] = model.predict_proba(X[is_scored])
    return y_score


def label_bias(rows: pd.DataFrame, data: Data, random_state: int, limits: Limits) -> pd.DataFrame:
    """Return one row per sensitive column, group and class: how often its rows have that label
    beside others that are alike.

    Rows are alike whose probability of the label, by logistic regression on the features out of
    fold, is in the same of STRATA quantiles. `gap` is the share of the label in the group less that
    of all others, each less what these probabilities lead to expect (rows of one stratum differ
    still: Abadie and Imbens 2011, Journal of Business & Economic Statistics 29), pooled over the
    strata with the weights of Mantel and Haenszel (Greenland and Robins 1985, Biometrics 41);
    gap_low and gap_high are its two-sided 95 % interval, Bonferroni-corrected for the groups and
    classes of the column; `proven_gap` is its size where that excludes 0, else 0. Fewer than
    limits.rows rows of the group, or of all others, prove nothing: then the interval is -1 to 1.

    Rows are not alike because they belong to the same group by another name: `left_out` names the
    features that are not looked at for that (see `_left_out`); `gap_with_all` is the gap among rows
    that are alike in those, too. With data.favourable only that class is looked at, of two classes
    else the rarer one. Up to MAX_LABELLED rows. A sensitive column that the features tell together
    leaves part of a bias unseen.
    """
    part = _sample(rows, MAX_LABELLED, random_state)
    y, ids = part[data.target], clusters(part, data.cluster)
    X = features(part, data).drop(columns=data.sensitive, errors="ignore")

    def expected(X: pd.DataFrame) -> Expected:
        labels = _looked_at(y, ids, data.favourable)
        return {label: _expected(X, y == label, ids, random_state) for label in labels}

    with_all, table = expected(X), []
    for column in data.sensitive:
        left_out = _left_out(part, column, data, limits, random_state)
        alike = expected(X.drop(columns=left_out)) if left_out else with_all
        gaps = _gaps(groups_of(part, column, data), y, alike, with_all, ids, limits.rows)
        table += [{"column": column, "left_out": ", ".join(left_out) or "-"} | row for row in gaps]
    return pd.DataFrame(table, columns=LABEL_BIAS)


def _looked_at(y: pd.Series, ids: pd.Series, favourable: str | None) -> list[str]:
    """Return the labels that `label_bias` looks at: those that RANKING_FOLDS clusters have."""
    counts, n_clusters = y.value_counts(), ids.groupby(y).nunique()
    rarest_or_all = [counts.index[-1]] if len(counts) == 2 else sorted(counts.index)
    labels = [favourable] if favourable else rarest_or_all
    return [label for label in labels if n_clusters.get(label, 0) >= RANKING_FOLDS]


Expected = dict[str, np.ndarray]  # by label, (n_samples,) its probabilities


def _gaps(
    groups: pd.Series,
    y: pd.Series,
    expected: Expected,
    with_all: Expected,
    ids: pd.Series,
    fewest: float,
) -> Iterator[dict[str, Any]]:
    """Yield the gap of each group and label, among rows that are `expected` to have it as often,
    and alike `with_all` features.
    """
    names = sorted(groups.unique())
    level = 1 - 0.05 / (len(expected) * (1 if len(names) == 2 else len(names)) or 1)
    for name in names:
        is_group = groups == name
        enough = min(is_group.sum(), (~is_group).sum()) >= fewest
        for label in expected:
            is_label = y == label
            gap, error = _gap_beside(is_label, is_group, expected[label], ids)
            row = {
                "group": name,
                "class": label,
                "rows": int(is_group.sum()),
                "share": float(is_label[is_group].mean()),
                "gap": gap,
            }
            yield (
                row
                | _proven(gap, error, level, enough)
                | {"gap_with_all": _gap_beside(is_label, is_group, with_all[label], ids)[0]}
            )


def _gap_beside(
    is_label: pd.Series, is_group: pd.Series, expected: np.ndarray, ids: pd.Series
) -> tuple[float, float]:
    """Return the gap between a group and rows that are `expected` to have the label as often,
    and its standard error.
    """
    return pooled_gap(is_label - expected, is_group, _quantiles(expected), ids)


def _proven(gap: float, error: float, level: float, enough: bool) -> dict[str, float]:
    """Return the interval of a gap, and what of it is proven: nothing where rows are not
    `enough`.
    """
    reach = float(norm.ppf((1 + level) / 2)) * error
    low, high = (gap - reach, gap + reach) if enough else (-1.0, 1.0)
    return {
        "gap_low": low,
        "gap_high": high,
        "proven_gap": abs(gap) if low > 0 or high < 0 else 0.0,
    }


def _left_out(
    rows: pd.DataFrame, column: str, data: Data, limits: Limits, random_state: int
) -> list[str]:
    """Return the features that do not make rows of different groups alike.

    These are: those suspected to be known only after the outcome, as a consequence of the decision
    is; those that are the same trait by name; and those that tell a group of limits.rows rows
    better than limits.auc alone, but not the label within the groups (ROC AUC below MIN_LABEL_AUC),
    as a second code of the group does. What tells both may be merit, of which one group has more.
    """
    part = _sample(rows, MAX_PROXY_ROWS, random_state)
    X = features(part, data).drop(columns=data.sensitive, errors="ignore")
    y, ids = part[data.target], clusters(part, data.cluster)
    groups = groups_of(part, column, data)
    counts = groups.value_counts() * len(rows) / len(part)
    alone = single_feature_auc(X, groups, ids, random_state)
    best = alone[[name for name in alone.columns if counts[name] >= limits.rows]].max(axis=1)
    telling = [name for name in X.columns if best[name] > limits.auc]
    within = pd.Series(0.0, index=telling)
    for _name, mine in groups.groupby(groups) if telling else ():
        at = mine.index
        aucs = single_feature_auc(
            X.loc[at, telling].reset_index(drop=True),
            y[at].reset_index(drop=True),
            ids[at].reset_index(drop=True),
            random_state,
        )
        within += aucs.mean(axis=1) * len(at) / len(X)
    proxies_of = {name for name in telling if within[name] < MIN_LABEL_AUC}
    return [
        name
        for name in X.columns
        if name in {*limits.suspects, *limits.same.get(column, [])} | proxies_of
    ]


def _expected(
    X: pd.DataFrame, is_label: pd.Series, ids: pd.Series, random_state: int
) -> np.ndarray:
    """Return (n_samples,) probabilities of a label out of fold, its share in all rows where
    there is no feature.
    """
    if X.columns.empty:
        return np.full(len(X), is_label.mean())
    return _out_of_fold(baseline_logistic_regression, X, is_label.astype("str"), ids, random_state)[
        :, 1
    ]


def _quantiles(y_score: np.ndarray) -> np.ndarray:
    """Return (n_samples,) which of STRATA quantiles of the probability a row is in."""
    return np.searchsorted(np.quantile(y_score, np.arange(1, STRATA) / STRATA), y_score)


def pooled_gap(
    values: pd.Series, is_group: pd.Series, strata: np.ndarray, ids: pd.Series
) -> tuple[float, float]:
    """Return the gap of the means of `values` in a group and outside, pooled over strata, and its
    standard error.

    What the rows of one cluster add to the error is summed before it is squared (Liang and Zeger
    1986, Biometrika 73), so that rows which know of each other count for as many as they tell.
    Strata without rows on one side say nothing; where none says anything the gap is 0 and its error
    1.
    """
    rows = pd.DataFrame(
        {
            "stratum": strata,
            "group": is_group.to_numpy(bool),
            "value": values.to_numpy(float),
            "cluster": ids.to_numpy(),
        }
    )
    rows["n"] = rows.groupby(["stratum", "group"])["value"].transform("size")
    rows["others"] = rows.groupby("stratum")["value"].transform("size") - rows["n"]
    rows = rows[rows["others"] > 0]
    if rows.empty:
        return 0.0, 1.0
    weights = rows["others"] / (
        rows["n"] + rows["others"]
    )  # of a row in the mean of its side: n * others / (n + others) / n
    signed = np.where(rows["group"], weights, -weights) / weights[rows["group"]].sum()
    gap = float((signed * rows["value"]).sum())
    mean = rows.groupby(["stratum", "group"])["value"].transform("mean")
    by_cluster = (signed * (rows["value"] - mean)).groupby(rows["cluster"]).sum()
    return gap, float(np.sqrt((by_cluster**2).sum()))
