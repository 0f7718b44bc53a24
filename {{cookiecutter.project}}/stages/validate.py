"""Hold both prepared tables against their suite, and measure class support and leakage."""

import pandas as pd
from threadpoolctl import threadpool_limits

from sluice.audits.changes import changes, read_profile
from sluice.audits.leakage import UNSEEN, by_feature, limits
from sluice.audits.proxies import label_bias, proxies
from sluice.audits.support import class_support
from sluice.core.command import run
from sluice.core.params import load_params
from sluice.core.tables import (
    TEST,
    TRAIN,
    VERDICTS,
    LazyParquet,
    read_table,
    write_json,
    write_table,
)
from sluice.data.groups import not_audited
from sluice.gates.gate import gate, stop


def main() -> None:
    """Judge every table before stopping, so that every problem is seen at once."""
    params = load_params()
    train, test = read_table(TRAIN), read_table(TEST)
    support = class_support(train, test, params.data, params.scope.metric)
    leaks = by_feature(
        train, test, params.data, params.random_state, params.prepare.split.keep_clusters_whole
    )
    write_table(support, "reports/classes.csv")
    write_table(leaks.drop(columns="feature"), "reports/leakage.csv")
    tables: dict[str, pd.DataFrame | LazyParquet] = {
        "prepared": LazyParquet(TRAIN, TEST),
        "classes": support,
        "leakage": leaks.drop(columns="feature"),
    }
    both, today = pd.concat([train, test], ignore_index=True), pd.Timestamp.now()
    with threadpool_limits(params.train.threads):
        tables["changes"] = changes(both, params.data, read_profile(), today, params.random_state)
        write_table(tables["changes"], "reports/changes.csv")
        of_groups = {
            "proxies": proxies(train, params.data, params.random_state),
            "label_bias": label_bias(
                train, params.data, params.random_state, limits(leaks, train, params.data)
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
