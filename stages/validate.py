"""Hold both prepared tables against their suite, and measure class support and leakage."""

import pandas as pd
from threadpoolctl import threadpool_limits

from stages.before.attributes import sensitive
from stages.command import run
from stages.during.changes import changes, read_profile
from stages.during.giveaway import in_words, one_sided, single_feature_auc
from stages.during.proxies import Limits, label_bias, proxies
from stages.during.support import class_support
from stages.features import clusters, features
from stages.gate import gate, stop
from stages.groups import MOST_CODES, not_audited
from stages.params import ROW_ID, Data, load_params
from stages.suite import bounds
from stages.tables import TEST, TRAIN, VERDICTS, Stored, read_table, write_json, write_table

UNSEEN = "nobody looked what the features and labels say of groups"  # where no column is sensitive


def leakage(
    train: pd.DataFrame,
    test: pd.DataFrame,
    data: Data,
    random_state: int,
    clusters_whole: bool = True,
) -> pd.DataFrame:
    """Return one row per check for what training must not know of the test rows or of the target.

    `rows_on_both_sides`, `clusters_on_both_sides`, `not_a_feature` (columns that another role hides, but that are among
    the features) are counts; `gives_away` is, for each feature, how well it alone ranks the classes (see `single_feature_auc`), on
    average. Of more than two classes `gives_class_away` is the same for the one that it ranks best: a blood value can
    rightly tell one illness of nine, a copy of the target tells all. `one_sided` names for each feature the value, or the state of
    being filled in, that holds nearly one class alone, with the part that it settles of what the class shares leave open (see
    `one_sided`): a field that exists only once a loan was granted ranks the classes badly, and tells half of the grants for sure.
    Clusters are not looked for where the split cuts them on purpose (not `clusters_whole`).
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
    """Return what the suites say is no evidence of equal merit (see `Limits`); leaks: the table of `by_feature`."""
    of_features = leaks.dropna(subset="feature")
    checks = of_features["check"].unique()
    most = {
        check: min(bounds("expectations/leakage.json", "value", "max_value", check), default=1.0)
        for check in checks
    }
    suspects = of_features.loc[of_features["value"] > of_features["check"].map(most), "feature"]
    traits = {
        column: sensitive(
            column, [str(value) for value in rows[column].dropna().unique()[:MOST_CODES]]
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


def main() -> None:
    """Judge all three tables before stopping, so that every problem is seen at once."""
    params = load_params()
    train, test = read_table(TRAIN), read_table(TEST)
    support = class_support(train, test, params.data, params.scope.metric)
    told = by_feature(
        train, test, params.data, params.random_state, params.prepare.split.keep_clusters_whole
    )
    leaks = told.drop(columns="feature")
    write_table(support, "reports/classes.csv")
    write_table(leaks, "reports/leakage.csv")
    tables: dict[str, pd.DataFrame | Stored] = {
        "prepared": Stored(TRAIN, TEST),
        "classes": support,
        "leakage": leaks,
    }
    both, today = pd.concat([train, test], ignore_index=True), pd.Timestamp.now()
    with threadpool_limits(params.train.threads):
        tables["changes"] = changes(both, params.data, read_profile(), today, params.random_state)
        write_table(tables["changes"], "reports/changes.csv")
        of_groups = {
            "proxies": proxies(train, params.data, params.random_state),
            "label_bias": label_bias(
                train, params.data, params.random_state, limits(told, train, params.data)
            ),
        }
    for name, table in of_groups.items():
        write_table(table, f"reports/{name}.csv")
        if params.data.sensitive:
            tables[name] = table
        else:
            not_audited(name, params.data, UNSEEN)
    forbidden = params.data.forbidden
    verdicts = [
        gate(table, f"expectations/{name}.json", f"reports/gates/{name}.json", forbidden)
        for name, table in tables.items()
    ]
    stop(verdicts)
    write_json({verdict.gate: verdict.verdict for verdict in verdicts}, VERDICTS)


if __name__ == "__main__":
    run(main)
