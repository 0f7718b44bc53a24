"""What remains of a sensitive column in the features, and what the labels say of its groups among rows that are otherwise alike."""

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from stages.command import Refused
from stages.during.giveaway import FOLDS, giveaway
from stages.during.models import build_model
from stages.features import clusters, features
from stages.groups import groups as named
from stages.params import Data
from stages.split import kfold

MOST_ROWS = 6_000  # that a group is looked for in
BEST = 3  # columns that are named
MOST_LABELLED = 20_000  # rows whose labels are compared
STRATA = 10  # of rows that are otherwise alike


def groups_of(rows: pd.DataFrame, column: str, data: Data) -> pd.Series:
    """Return (n_samples,) names of the groups of a sensitive column (see `groups`); raises Refused where the column is missing."""
    if column not in rows.columns:
        raise Refused(f"data.sensitive names {column!r}, which the prepared tables lack: without it nobody can see how its groups fare")
    return named(rows[column], data.cut_points.get(column))


def proxies(rows: pd.DataFrame, data: Data, random_state: int) -> pd.DataFrame:
    """Return one row per sensitive column: how well the features tell its groups, and which do.

    `auc` is that of a forest out of fold with clusters whole, the mean over groups of each against the rest: 0.5 is chance.
    `best` names the BEST features that tell them best alone, each with its ROC AUC. Up to MOST_ROWS rows, drawn at random; groups in
    fewer than FOLDS clusters are left out, and where fewer than two remain all is chance.
    """
    table = []
    for column in data.sensitive:
        part = rows.sample(min(len(rows), MOST_ROWS), random_state=random_state).sort_index()
        groups = groups_of(part, column, data)
        ids = clusters(part, data.cluster)
        n_clusters = ids.groupby(groups).nunique()
        enough = groups.isin(n_clusters.index[n_clusters >= FOLDS])
        X = features(part, data).drop(columns=column, errors="ignore")
        X, groups, ids = (one[enough].reset_index(drop=True) for one in (X, groups, ids))
        row = {"column": column, "groups": groups.nunique(), "rows": len(X), "auc": 0.5, "best": "-"}
        if groups.nunique() > 1:
            alone = giveaway(X, groups, ids, random_state).mean(axis=1).sort_values(ascending=False, kind="stable").head(BEST)
            row["best"] = ", ".join(f"{name} {auc:.2f}" for name, auc in alone.items())
            y_score = _out_of_fold("random_forest", X, groups, ids, random_state)
            names = sorted(groups.unique())
            row["auc"] = float(np.mean([roc_auc_score(groups == name, y_score[:, nth]) for nth, name in enumerate(names)]))
        table.append(row)
    return pd.DataFrame(table, columns=["column", "groups", "rows", "auc", "best"])


def _out_of_fold(name: str, X: pd.DataFrame, y: pd.Series, ids: pd.Series, random_state: int) -> np.ndarray:
    """Return (n_samples, n_classes) probabilities of rows that the model was not fitted on."""
    y_score = np.zeros((len(X), y.nunique()))
    for is_training, is_scored in kfold(y, ids, FOLDS, random_state):
        model = build_model(name, X[is_training], random_state).fit(X[is_training], y[is_training])
        y_score[is_scored.to_numpy()] = model.predict_proba(X[is_scored])
    return y_score


def label_bias(rows: pd.DataFrame, data: Data, random_state: int) -> pd.DataFrame:
    """Return one row per sensitive column, group and class: how often its rows have that label beside others that are alike.

    Rows are alike whose probability of the label, by logistic regression on the features out of fold, is in the same of STRATA
    quantiles. `gap` is the share of the label in the group less that of all others, each less what these probabilities lead to
    expect (rows of one stratum differ still: Abadie and Imbens 2011, Journal of Business & Economic Statistics 29), pooled over the
    strata with the weights of Mantel and Haenszel (Greenland and Robins 1985, Biometrics 41); gap_low and gap_high are its
    two-sided 95 % interval,
    Bonferroni-corrected for the groups and classes of the column; `proven_gap` is its size where that excludes 0, else 0. With
    data.favourable only that class is looked at, of two classes else the rarer one. Up to MOST_LABELLED rows. A sensitive column
    that the features tell leaves part of a bias unseen.
    """
    part = rows.sample(min(len(rows), MOST_LABELLED), random_state=random_state).sort_index().reset_index(drop=True)
    y, ids = part[data.target], clusters(part, data.cluster)
    X = features(part, data).drop(columns=data.sensitive, errors="ignore")
    counts = y.value_counts()
    labels = [data.favourable] if data.favourable else [counts.index[-1]] if len(counts) == 2 else sorted(counts.index)
    n_clusters = ids.groupby(y).nunique()
    labels = [label for label in labels if n_clusters.get(label, 0) >= FOLDS]
    expected = {label: _out_of_fold("logistic_regression", X, (y == label).astype("str"), ids, random_state)[:, 1] for label in labels}
    table = []
    for column in data.sensitive:
        groups = groups_of(part, column, data)
        names = sorted(groups.unique())
        level = 1 - 0.05 / (len(labels) * (1 if len(names) == 2 else len(names)) or 1)
        for name in names:
            for label in labels:
                gap, error = pooled_gap((y == label) - expected[label], groups == name, _quantiles(expected[label]), ids)
                reach = float(norm.ppf((1 + level) / 2)) * error
                row = {"column": column, "group": name, "class": label, "rows": int((groups == name).sum())}
                row |= {"share": float((y == label)[groups == name].mean()), "gap": gap, "gap_low": gap - reach, "gap_high": gap + reach}
                table.append(row | {"proven_gap": abs(gap) if abs(gap) > reach else 0.0})
    columns = ["column", "group", "class", "rows", "share", "gap", "gap_low", "gap_high", "proven_gap"]
    return pd.DataFrame(table, columns=columns)


def _quantiles(y_score: np.ndarray) -> np.ndarray:
    """Return (n_samples,) which of STRATA quantiles of the probability a row is in."""
    return np.searchsorted(np.quantile(y_score, np.arange(1, STRATA) / STRATA), y_score)


def pooled_gap(values: pd.Series, is_group: pd.Series, strata: np.ndarray, ids: pd.Series) -> tuple[float, float]:
    """Return the gap of the means of `values` in a group and outside, pooled over strata, and its standard error.

    What the rows of one cluster add to the error is summed before it is squared (Liang and Zeger 1986, Biometrika 73), so that rows
    which know of each other count for as many as they tell. Strata without rows on one side say nothing; where none says anything
    the gap is 0 and its error 1.
    """
    rows = pd.DataFrame({"stratum": strata, "group": is_group.to_numpy(bool), "value": values.to_numpy(float), "cluster": ids.to_numpy()})
    rows["n"] = rows.groupby(["stratum", "group"])["value"].transform("size")
    rows["others"] = rows.groupby("stratum")["value"].transform("size") - rows["n"]
    rows = rows[rows["others"] > 0]
    if rows.empty:
        return 0.0, 1.0
    weights = rows["others"] / (rows["n"] + rows["others"])  # of a row in the mean of its side: n * others / (n + others) / n
    signed = np.where(rows["group"], weights, -weights) / weights[rows["group"]].sum()
    gap = float((signed * rows["value"]).sum())
    mean = rows.groupby(["stratum", "group"])["value"].transform("mean")
    told = (signed * (rows["value"] - mean)).groupby(rows["cluster"]).sum()
    return gap, float(np.sqrt((told**2).sum()))
