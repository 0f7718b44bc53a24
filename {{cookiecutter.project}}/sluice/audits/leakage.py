"""Hold both prepared tables against their suite, and measure class support and leakage."""

import pandas as pd

from sluice.audits.attributes import sensitive
from sluice.audits.proxies import Limits
from sluice.core.params import ROW_ID, Data
from sluice.data.groups import MAX_GROUP_CODES
from sluice.data.roles import clusters, features
from sluice.gates.suite import bounds
from sluice.metrics.single_feature import in_words, one_sided, single_feature_auc

UNSEEN = "nobody looked what the features and labels say of groups"  # where no column is sensitive


def leakage(
    train: pd.DataFrame,
    test: pd.DataFrame,
    data: Data,
    random_state: int,
    clusters_whole: bool = True,
) -> pd.DataFrame:
    """Return one row per check for what training must not know of the test rows or of the target.

    `rows_on_both_sides`, `clusters_on_both_sides`, `not_a_feature` (columns that another role
    hides, but that are among the features) are counts; `gives_away` is, for each feature, how well
    it alone ranks the classes (see `single_feature_auc`), on average. Of more than two classes
    `gives_class_away` is the same for the one that it ranks best: a blood value can rightly tell
    one illness of nine, a copy of the target tells all. `one_sided` names for each feature the
    value, or the state of being filled in, that holds nearly one class alone, with the part that it
    settles of what the class shares leave open (see `one_sided`): a field that exists only once a
    loan was granted ranks the classes badly, and tells half of the grants for sure. Clusters are
    not looked for where the split cuts them on purpose (not `clusters_whole`).
    """
    return by_feature(train, test, data, random_state, clusters_whole).drop(columns="feature")


def by_feature(
    train: pd.DataFrame,
    test: pd.DataFrame,
    data: Data,
    random_state: int,
    clusters_whole: bool = True,
) -> pd.DataFrame:
    """Return the table of `leakage` with the feature that each row is about, if it is about one."""
    X, y, ids = features(train, data), train[data.target], clusters(train, data.cluster)
    shared = {"rows_on_both_sides": _shared(train, test, [ROW_ID])}
    if data.cluster and clusters_whole:
        shared["clusters_on_both_sides"] = _shared(train, test, data.cluster)
    hidden = [column for column in X.columns if column in {*data.not_features(), *data.forbidden}]
    shared["not_a_feature"] = len(hidden)
    table = [
        (check, ", ".join(hidden) or "-" if check == "not_a_feature" else "-", n, None)
        for check, n in shared.items()
    ]
    alone = single_feature_auc(X, y, ids, random_state)
    table += [("gives_away", column, auc, column) for column, auc in alone.mean(axis=1).items()]
    if y.nunique() > 2:
        best = zip(alone.index, alone.idxmax(axis=1), alone.max(axis=1), strict=True)
        table += [
            ("gives_class_away", f"{column} for class {label}", auc, column)
            for column, label, auc in best
        ]
    sides = one_sided(train[X.columns], y, ids)
    table += [
        ("one_sided", in_words(column, side), side["settles"], column)
        for column, side in sides.iterrows()
    ]
    return pd.DataFrame(table, columns=["check", "column", "value", "feature"])


def _shared(train: pd.DataFrame, test: pd.DataFrame, columns: list[str]) -> int:
    """Return how many test rows agree with some training row in all of `columns`."""
    known = train[columns].drop_duplicates()
    return len(test[columns].merge(known, on=columns))


def limits(leaks: pd.DataFrame, rows: pd.DataFrame, data: Data) -> Limits:
    """Return what the suites say is no evidence of equal merit (see `Limits`); leaks: the table
    of `by_feature`.
    """
    of_features = leaks.dropna(subset="feature")
    checks = of_features["check"].unique()
    most = {
        check: min(bounds("expectations/leakage.json", "value", "max_value", check), default=1.0)
        for check in checks
    }
    suspects = of_features.loc[of_features["value"] > of_features["check"].map(most), "feature"]
    traits = {
        column: sensitive(
            column, [str(value) for value in rows[column].dropna().unique()[:MAX_GROUP_CODES]]
        )
        for column in rows.columns
    }
    return Limits(
        rows=max(bounds("expectations/label_bias.json", "rows", "min_value"), default=0),
        auc=min(bounds("expectations/proxies.json", "auc", "max_value"), default=1.0),
        suspects=suspects.unique().tolist(),
        same={
            column: [
                other
                for other in rows.columns
                if traits[column] and traits[other] == traits[column]
            ]
            for column in data.sensitive
        },
    )
