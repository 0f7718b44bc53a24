"""Hold both prepared tables against their suite, and measure class support and leakage."""

import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from stages.command import run
from stages.features import clusters, features, text_columns
from stages.gate import gate, stop
from stages.params import ROW_ID, Data, load_params
from stages.split import kfold
from stages.tables import TEST, TRAIN, VERDICTS, Stored, read_table, write_json, write_table

FOLDS = 3


def class_support(train: pd.DataFrame, test: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return one row per class of either table: training rows and clusters, their share, and `support`, its test rows."""
    rows = []
    for label in sorted(set(train[data.target]) | set(test[data.target])):
        mine = train[train[data.target] == label]
        n_clusters = clusters(mine, data.cluster).nunique()
        support = int((test[data.target] == label).sum())
        rows.append(
            {"class": label, "train": len(mine), "train_share": len(mine) / len(train), "train_clusters": n_clusters, "support": support}
        )
    return pd.DataFrame(rows)


def leakage(train: pd.DataFrame, test: pd.DataFrame, data: Data, random_state: int) -> pd.DataFrame:
    """Return one row per check for what training must not know of the test rows or of the target.

    `rows_on_both_sides`, `clusters_on_both_sides`, `not_a_feature` (columns that another role hides, but that are among
    the features) are counts; `gives_away` is, for each feature, how well it alone ranks the classes (see `giveaway`), on
    average. Of more than two classes `gives_class_away` is the same for the one that it ranks best: a blood value can
    rightly tell one illness of nine, a copy of the target tells all.
    """
    X = features(train, data)
    shared = {"rows_on_both_sides": _shared(train, test, [ROW_ID])}
    if data.cluster:
        shared["clusters_on_both_sides"] = _shared(train, test, data.cluster)
    hidden = [column for column in X.columns if column in {*data.not_features(), *data.forbidden}]
    shared["not_a_feature"] = len(hidden)
    table = [
        {"check": check, "column": ", ".join(hidden) or "-" if check == "not_a_feature" else "-", "value": n} for check, n in shared.items()
    ]
    alone = giveaway(X, train[data.target], clusters(train, data.cluster), random_state)
    table += [{"check": "gives_away", "column": column, "value": auc} for column, auc in alone.mean(axis=1).items()]
    if train[data.target].nunique() > 2:
        best = zip(alone.index, alone.idxmax(axis=1), alone.max(axis=1), strict=True)
        table += [{"check": "gives_class_away", "column": f"{column} for class {label}", "value": auc} for column, label, auc in best]
    return pd.DataFrame(table)


def _shared(train: pd.DataFrame, test: pd.DataFrame, columns: list[str]) -> int:
    """Return how many test rows agree with some training row in all of `columns`."""
    known = train[columns].drop_duplicates()
    return len(test[columns].merge(known, on=columns))


def giveaway(X: pd.DataFrame, y: pd.Series, cluster_ids: pd.Series, random_state: int) -> pd.DataFrame:
    """Return for each column of `X`, in rows, how well it alone ranks each class, in columns, against the others, out of fold:
    the ROC AUC of a small decision tree (0.5 is chance, 1 gives the class away).

    Classes in fewer than FOLDS clusters are left out, unless fewer than two remain: then all is chance. Their support is
    judged elsewhere.
    """
    n_clusters = cluster_ids.groupby(y).nunique()
    enough = y.isin(n_clusters.index[n_clusters >= FOLDS])
    labels = sorted(y.unique())
    X, y, cluster_ids = X[enough].reset_index(drop=True), y[enough].reset_index(drop=True), cluster_ids[enough].reset_index(drop=True)
    if y.nunique() < 2:
        return pd.DataFrame(0.5, index=X.columns, columns=labels)
    text = text_columns(X)
    codes = X.assign(**dict(zip(text, OrdinalEncoder(encoded_missing_value=-1).fit_transform(X[text]).T, strict=True))) if text else X
    folds = [
        (training.to_numpy().nonzero()[0], scored.to_numpy().nonzero()[0])
        for training, scored in kfold(y, cluster_ids, FOLDS, random_state)
    ]
    tree = DecisionTreeClassifier(max_leaf_nodes=32, min_samples_leaf=5, random_state=random_state)
    classes = sorted(y.unique())
    aucs = []
    for column in codes.columns:
        y_score = cross_val_predict(tree, codes[[column]], y, cv=folds, method="predict_proba")
        aucs.append([roc_auc_score(y == label, y_score[:, nth]) for nth, label in enumerate(classes)])
    return pd.DataFrame(aucs, index=codes.columns, columns=classes)


def main() -> None:
    """Judge all three tables before stopping, so that every problem is seen at once."""
    params = load_params()
    train, test = read_table(TRAIN), read_table(TEST)
    support = class_support(train, test, params.data)
    leaks = leakage(train, test, params.data, params.random_state)
    write_table(support, "reports/classes.csv")
    write_table(leaks, "reports/leakage.csv")
    tables = {"prepared": Stored(TRAIN, TEST), "classes": support, "leakage": leaks}
    verdicts = [gate(table, f"expectations/{name}.json", f"reports/gates/{name}.json") for name, table in tables.items()]
    stop(verdicts)
    write_json({verdict.gate: verdict.verdict for verdict in verdicts}, VERDICTS)


if __name__ == "__main__":
    run(main)
