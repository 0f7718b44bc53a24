"""Hold both prepared tables against their suite, and measure class support and leakage."""

import pandas as pd
from threadpoolctl import threadpool_limits

from stages.command import run
from stages.during.giveaway import giveaway
from stages.during.proxies import label_bias, proxies
from stages.during.support import class_support
from stages.features import clusters, features
from stages.gate import gate, stop
from stages.groups import not_audited
from stages.params import ROW_ID, Data, load_params
from stages.tables import TEST, TRAIN, VERDICTS, Stored, read_table, write_json, write_table


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


def main() -> None:
    """Judge all three tables before stopping, so that every problem is seen at once."""
    params = load_params()
    train, test = read_table(TRAIN), read_table(TEST)
    support = class_support(train, test, params.data, params.scope.metric)
    leaks = leakage(train, test, params.data, params.random_state)
    write_table(support, "reports/classes.csv")
    write_table(leaks, "reports/leakage.csv")
    tables: dict[str, pd.DataFrame | Stored] = {"prepared": Stored(TRAIN, TEST), "classes": support, "leakage": leaks}
    with threadpool_limits(params.train.threads):
        told = {
            "proxies": proxies(train, params.data, params.random_state),
            "label_bias": label_bias(train, params.data, params.random_state),
        }
    for name, table in told.items():
        write_table(table, f"reports/{name}.csv")
        if params.data.sensitive:
            tables[name] = table
        else:
            not_audited(name, params.data, "nobody looked what the features and labels say of groups")
    forbidden = params.data.forbidden
    verdicts = [gate(table, f"expectations/{name}.json", f"reports/gates/{name}.json", forbidden) for name, table in tables.items()]
    stop(verdicts)
    write_json({verdict.gate: verdict.verdict for verdict in verdicts}, VERDICTS)


if __name__ == "__main__":
    run(main)
