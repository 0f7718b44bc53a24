"""How well a single column tells the classes, and whether one of its values goes with a single
class.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from sluice.data.roles import text_columns
from sluice.data.split import kfold
from sluice.metrics.bootstrap import clustered_share

RANKING_FOLDS = 3
# of what the class shares leave open: a state that settles more may be known only after the outcome
ONE_SIDED = 0.75
MIN_RULE_SUPPORT, PART = (
    20,
    0.05,
)  # a state is looked at that holds so many rows, and as many as this part of the class has
MIN_RULE_PURITY = 0.9  # one class alone: what it settles as counted, before chance is taken off
RULE_CHANCE = 0.05  # that any bound of the table is too high


def single_feature_auc(
    X: pd.DataFrame, y: pd.Series, cluster_ids: pd.Series, random_state: int
) -> pd.DataFrame:
    """Return for each column of `X`, in rows, how well it alone ranks each class, in columns,
    against the others, out of fold: the ROC AUC of a small decision tree (0.5 is chance, 1 gives
    the class away).

    Classes in fewer than RANKING_FOLDS clusters are left out, unless fewer than two remain: then
    all is chance. Their support is judged elsewhere.
    """
    n_clusters = cluster_ids.groupby(y).nunique()
    enough = y.isin(n_clusters.index[n_clusters >= RANKING_FOLDS])
    labels = sorted(y.unique())
    X, y, cluster_ids = (
        X[enough].reset_index(drop=True),
        y[enough].reset_index(drop=True),
        cluster_ids[enough].reset_index(drop=True),
    )
    if y.nunique() < 2:
        return pd.DataFrame(0.5, index=X.columns, columns=labels)
    text = text_columns(X)
    codes = X.copy()
    if text:
        codes[text] = OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[text])
    folds = [
        (training.to_numpy().nonzero()[0], scored.to_numpy().nonzero()[0])
        for training, scored in kfold(y, cluster_ids, RANKING_FOLDS, random_state)
    ]
    tree = DecisionTreeClassifier(max_leaf_nodes=32, min_samples_leaf=5, random_state=random_state)
    classes = sorted(y.unique())
    aucs = []
    for column in codes.columns:
        y_score = cross_val_predict(tree, codes[[column]], y, cv=folds, method="predict_proba")
        aucs.append(
            [roc_auc_score(y == label, y_score[:, nth]) for nth, label in enumerate(classes)]
        )
    return pd.DataFrame(aucs, index=codes.columns, columns=classes)


def one_sided(values: pd.DataFrame, y: pd.Series, cluster_ids: pd.Series) -> pd.DataFrame:
    """Return for each column of `values`, in rows, the state that holds nearly one class alone, if
    it has one.

    A state is: the column has one of its values, is missing, is filled in, has another value than
    the commonest. It is looked at where it holds MIN_RULE_SUPPORT rows, and as many as PART of the
    class. What it settles is the share of the class in the state less its share in all rows, over
    the share of the other classes in all rows: 0 if it says nothing of the class, 1 if no other
    class has it. Where that is MIN_RULE_PURITY or more, `settles` is its lower bound by clusters
    (see `clustered_share`) for all states and classes of the table together (Bonferroni), so that
    rows which agree by chance settle little, else 0. `state` and `label`: the words of the state,
    and the class; `hits` of its `rows` have that class.
    """
    codes, labels = pd.factorize(y, sort=True)
    in_class = np.bincount(codes)
    base, enough = in_class / len(y), np.maximum(MIN_RULE_SUPPORT, PART * in_class)
    n_tried, nearly = 0, []
    for column in values.columns:
        for state, has in _states(values[column], enough.min()):
            n, hits = int(has.sum()), np.bincount(codes[has], minlength=len(labels))
            n_tried += int((n >= enough).sum())
            settles = np.where(n >= enough, (hits / n - base) / (1 - base), 0)
            nearly += [
                (column, state, has, nth) for nth in np.flatnonzero(settles >= MIN_RULE_PURITY)
            ]
    found = pd.DataFrame(
        {"settles": 0.0, "state": "-", "label": "-", "hits": 0, "rows": 0}, index=values.columns
    )
    for column, state, has, nth in nearly:
        is_hit = codes[has] == nth
        low = clustered_share(is_hit, cluster_ids.to_numpy()[has], 1 - RULE_CHANCE / n_tried)[0]
        settles = (low - base[nth]) / (1 - base[nth])
        known = found.loc[column]
        if settles > 0 and (round(settles, 1), is_hit.sum()) > (
            round(known["settles"], 1),
            known["hits"],
        ):  # alike: the wider state
            found.loc[column] = [settles, state, labels[nth], int(is_hit.sum()), len(is_hit)]
    return found


def in_words(column: str, side: pd.Series) -> str:
    """Return what a row of `one_sided` says of `column`, or its name alone."""
    return (
        f"{column} {side['state']}: {side['hits']:,} of {side['rows']:,} rows have class"
        f" {side['label']}"
        if side["rows"]
        else column
    )


def _states(values: pd.Series, fewest: float) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the words of each state of a column that holds `fewest` rows or more, and which rows
    are in it.
    """
    which, uniques = pd.factorize(values)
    is_missing, counts = which < 0, np.bincount(which[which >= 0], minlength=len(uniques))
    if is_missing.any():
        yield from (
            (words, has)
            for words, has in (("is missing", is_missing), ("is filled in", ~is_missing))
            if has.sum() >= fewest
        )
    common = np.flatnonzero(counts >= fewest)
    for nth in common:
        yield f"is {_word(uniques[nth])}", which == nth
    if len(common) and len(uniques) > 2:
        commonest = counts.argmax()
        others = ~is_missing & (which != commonest)
        yield from (
            [(f"is other than {_word(uniques[commonest])}", others)]
            if others.sum() >= fewest
            else []
        )


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
