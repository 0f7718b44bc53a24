"""Compare the prepared rows with the profile of those for which the suites were proposed: what
was lost, replaced, or turned round.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

from sluice.audits.support import periods
from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Data
from sluice.core.tables import write_json
from sluice.data.groups import audited
from sluice.data.roles import as_number, clusters, features, text_columns
from sluice.data.split import kfold
from sluice.drift.distributions import compared
from sluice.drift.reference import MIN_ROWS_NAMED, counted, distribution, latest
from sluice.metrics.performance import delong
from sluice.modeling.importance import capped

PROFILE = "data/profile.json"
PROFILE_KEYS = [
    *("rows", "latest", "equal", "periods", "columns"),
    *("common", "future", "groups", "auc"),
]
MIN_COMMON_SHARE = 0.01  # share of the rows from which a value is remembered
FOLDS = 3
MAX_FITTED_CHANGES = 3000  # rows of a class that the model of these checks is fitted and scored on
BLOCK = 50  # rows in order of time that are looked at together
STUCK = 0.1  # share of the blocks of one value: from it on, a column is one that hardly moves
USUAL = 0.2  # share of the rows from which on a value may stand in many rows that follow each other
CHANGES_ALPHA = 1e-3  # one-sided, for all columns, classes or groups of a check together
CHANGES_CHECKS = dict.fromkeys(
    [
        "group_gone",
        "new_value",
        "distribution",
        "auc_lost",
        "latest",
        "future",
        "stretch",
        "flipped",
        "repeated",
    ],
    0.0,
)
CHANGES_CHECKS |= {
    "rows": 1.0,
    "period": 1.0,
    "multiplied": 1.0,
    "not_seen_since": 1.0,
}  # the value where there is nothing to look at

Tried = tuple[pd.Series, pd.DataFrame]  # labels, and the probabilities of a small model


def profile(
    rows: pd.DataFrame,
    data: Data,
    today: pd.Timestamp,
    random_state: int,
    model: Tried | None = None,
) -> dict[str, Any]:
    """Return what is remembered of prepared rows: counts and figures, of values and groups only
    those that MIN_ROWS_NAMED rows have.

    `auc`: for each class the ROC AUC, out of fold, of a small model, with its variance; model: see
    `tried`.
    """
    rows = rows.reset_index(drop=True)
    X = features(rows, data)
    aucs = _aucs(*(model or tried(rows, data, random_state)))
    return {
        "rows": len(rows),
        "latest": latest(rows, data),
        "equal": _equal(rows),
        "periods": _large(_periods(rows, data).sort_index()),
        "columns": {column: distribution(X[column], X[column].head(0)) for column in X},
        "common": {column: _common(rows[column]) for column in X},
        "future": [
            column
            for column, share in _future(rows, today).items()
            if share >= MIN_COMMON_SHARE and column != data.time
        ],
        "groups": {
            column: _large(named.value_counts()) for column, named in audited(rows, data).items()
        },
        "auc": {label: list(figures) for label, figures in aucs.items()},
    }


def _periods(rows: pd.DataFrame, data: Data) -> pd.Series:
    """Return how many rows each period has; none where data.time is null."""
    names = periods(rows[data.time]) if data.time else pd.Series(dtype="str")
    return names.astype("str").value_counts()


def _large(counts: pd.Series) -> dict[str, int]:
    """Return the counts that are at least MIN_ROWS_NAMED, by name."""
    return {str(name): int(n) for name, n in counts.items() if n >= MIN_ROWS_NAMED}


def write_profile(
    rows: pd.DataFrame,
    n_rows: int,
    data: Data,
    today: pd.Timestamp,
    random_state: int,
    model: Tried | None = None,
) -> None:
    """Write the profile of `n_rows` prepared rows, of which `rows` are all or a random sample,
    to PROFILE.
    """
    found = profile(rows, data, today, random_state, model) | {"rows": n_rows}
    write_json(found if len(rows) == n_rows else found | {"periods": {}}, PROFILE)


def of_other_rows(known: dict[str, Any]) -> dict[str, Any]:
    """Return what of a profile holds for other rows of the same kind: not how many there are,
    nor from when.
    """
    return known | {"rows": None, "latest": None, "equal": None, "periods": {}}


def read_profile(path: Path = Path(PROFILE)) -> dict[str, Any] | None:
    """Return the profile at `path`, None where there is none; raises UserError for a file that
    is not what `make scope` writes.
    """
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {key: known[key] for key in PROFILE_KEYS}
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path.as_posix()} is not what `make scope` writes; restore it from git, or run `make"
            " scope` again"
        ) from None


def changes(
    rows: pd.DataFrame,
    data: Data,
    known: dict[str, Any] | None,
    today: pd.Timestamp,
    random_state: int,
    model: Tried | None = None,
) -> pd.DataFrame:
    """Return one row per check and what it looked at, with its value; the suite `changes` says
    which values are allowed.

    model: what `tried` makes of the rows, where somebody has asked it already.

    Against the profile `known` (neutral without one, and where the profile does not hold for these
    rows): `rows`: rows now per row then. `latest`: by how much the newest row is older than then.
    `period`: the smallest share of its rows that a period kept, the last one then left out,
    `multiplied` the largest. `repeated`: by how much the share of rows that equal another rose.
    `group_gone`: 1 for a group that chance would not keep away. `new_value`: the share of a value
    that hardly any row had. `distribution`: the effect by which a column moved (see `compared`), 0
    where chance explains it. `auc_lost`: by how much the classes are told apart worse, 0 likewise,
    and where a feature of then is none now.

    By the rows alone: `future`: the share of dates after `today`, but in columns where
    MIN_COMMON_SHARE of the rows had such dates in the profile, as appointments have; data.time is
    never among these. `stretch`: rows in blocks, in order of time, in which a number that otherwise
    moves stood still. `not_seen_since`: for each class the probability that it stays away up to the
    newest row while it comes as often as ever, 1 where it stayed away as long before. `flipped`: by
    how much the ROC AUC in a group is proven to be below .5, as where labels were turned round.
    """
    rows = rows.reset_index(drop=True)
    found = _all_checks(rows, data, known, today, model or tried(rows, data, random_state))
    table = [("profile", "-", float(known is not None))]
    for name, neutral in CHANGES_CHECKS.items():
        table += [row for row in found if row[0] == name] or [(name, "-", neutral)]
    return pd.DataFrame(table, columns=["check", "column", "value"]).astype({"value": "float64"})


Checked = tuple[str, str, float]


def _all_checks(
    rows: pd.DataFrame,
    data: Data,
    known: dict[str, Any] | None,
    today: pd.Timestamp,
    model: Tried,
) -> list[Checked]:
    X, expected = features(rows, data), known["future"] if known else []
    future = _future(rows, today).items()
    return [
        *_kept_rows(rows, data, known),
        *_kept_groups(rows, data, known),
        *_moved_columns(X, rows, data, known),
        *(_lost_auc(_aucs(*model), known) if known and set(known["columns"]) <= set(X) else []),
        *(("future", column, share) for column, share in future if column not in expected),
        *_stretches(X, rows, data),
        *_not_seen_since(rows, data),
        *_flipped(rows, data, *model),
    ]


def _kept_rows(rows: pd.DataFrame, data: Data, known: dict[str, Any] | None) -> list[Checked]:
    if known is None or known["rows"] is None:
        return []
    found: list[Checked] = [
        ("rows", "-", len(rows) / known["rows"]),
        ("repeated", "-", max(0.0, _equal(rows) - known["equal"])),
    ]
    if data.time and known["latest"] is not None:
        found.append(
            ("latest", data.time, max(0.0, known["latest"] - float(latest(rows, data) or 0.0)))
        )
        counts = _periods(rows, data)
        kept = {name: counts.get(name, 0) / n for name, n in list(known["periods"].items())[:-1]}
        if kept:
            worst, most = (
                min(kept, key=lambda name: kept[name]),
                max(kept, key=lambda name: kept[name]),
            )
            found += [
                ("period", f"{data.time} {worst}", kept[worst]),
                ("multiplied", f"{data.time} {most}", kept[most]),
            ]
    return found


def _equal(rows: pd.DataFrame) -> float:
    """Return the share of the rows that are equal to another."""
    return float(rows[ROW_ID].duplicated(keep=False).mean())


def _kept_groups(rows: pd.DataFrame, data: Data, known: dict[str, Any] | None) -> list[Checked]:
    found: list[Checked] = []
    for column, named in audited(rows, data).items():
        then = (known or {"groups": {}})["groups"].get(str(column), {})
        for name in set(then) - set(named.unique()):
            by_chance = (1 - then[name] / max(sum(then.values()), 1)) ** len(rows)
            found.append(("group_gone", f"{column} {name}", float(by_chance < CHANGES_ALPHA)))
    return sorted(found)


def _moved_columns(
    X: pd.DataFrame, rows: pd.DataFrame, data: Data, known: dict[str, Any] | None
) -> list[Checked]:
    """Return what moved in each column that the profile knows, but for those that go on with
    time.
    """
    if known is None:
        return []
    found: list[Checked] = []
    columns = [
        column for column in X if column in known["columns"] and not _goes_on(X[column], rows, data)
    ]
    for column in columns:
        now = _common(rows[column])
        new = {value: share for value, share in now.items() if value not in known["common"][column]}
        for value, share in sorted(new.items()):
            found.append(("new_value", f"{column} {value}", share))
        bins = known["columns"][column]
        if ("edges" in bins) == is_numeric_dtype(X[column]):
            effect = compared(bins, counted(X[column], bins))
            found.append(
                (
                    "distribution",
                    column,
                    effect["effect"] if effect["p"] * len(columns) < CHANGES_ALPHA else 0.0,
                )
            )
        else:
            found.append(
                ("distribution", column, 1.0)
            )  # text then, a number now, or the other way round
    return found


def _goes_on(values: pd.Series, rows: pd.DataFrame, data: Data) -> bool:
    """Tell whether a number rises with time, so that what is new in it is only what is later."""
    if not data.time or not is_numeric_dtype(values) or values.nunique() < 2:
        return False
    return bool(abs(values.corr(as_number(rows[data.time]), method="spearman")) > 0.8)


def _common(values: pd.Series) -> dict[str, float]:
    """Return the values that MIN_COMMON_SHARE of the rows have, with their shares; missing ones
    are no value.
    """
    shares = values.dropna().astype("str").value_counts() / max(len(values), 1)
    return {
        str(value): float(share)
        for value, share in shares.items()
        if share >= MIN_COMMON_SHARE and share * len(values) >= MIN_ROWS_NAMED
    }


def _future(rows: pd.DataFrame, today: pd.Timestamp) -> dict[str, float]:
    """Return for each column of dates the share of the rows that are after the day `today`."""
    dates = [column for column in rows if is_datetime64_any_dtype(rows[column])]
    return {
        column: float(
            (rows[column] >= today.normalize().as_unit("us") + pd.Timedelta(days=1)).mean()
        )
        for column in dates
    }


def _stretches(X: pd.DataFrame, rows: pd.DataFrame, data: Data) -> list[Checked]:
    """Return for each number that otherwise moves how many rows lie in blocks in which it has
    one value.
    """
    if not data.time or len(rows) < 10 * BLOCK:
        return []
    order = np.lexsort(
        (rows[ROW_ID], as_number(rows[data.time]))
    )  # prepared rows are sorted by their values, a hash is not
    found: list[Checked] = []
    for column in X.columns.difference(text_columns(X)):
        values = X[column].to_numpy()[order[: len(order) // BLOCK * BLOCK]].reshape(-1, BLOCK)
        still = (values == values[:, :1]).all(axis=1)
        usual = (
            X[column].value_counts(normalize=True).max() > USUAL
        )  # such as 0 of what was spent: many rows of it are no fault
        if X[column].nunique() > 20 and still.mean() <= STUCK and not usual:
            found.append(("stretch", column, float(still.sum() * BLOCK)))
    return found


def _not_seen_since(rows: pd.DataFrame, data: Data) -> list[Checked]:
    """Return for each class whether chance keeps it away up to the newest row; ranks in time,
    from 0 to 1, are its clock.
    """
    if not data.time:
        return []
    rank = as_number(rows[data.time]).rank(method="max", pct=True)
    found: list[Checked] = []
    for label, mine in rows.groupby(data.target):
        seen = np.sort(rank[mine.index].dropna().unique())
        away = 1 - seen[-1] if len(seen) else 1.0
        before = np.diff(np.concatenate([[0.0], seen])).max(initial=0.0)
        n = clusters(mine, data.cluster).nunique()
        found.append(
            ("not_seen_since", str(label), 1.0 if away <= before else float((1 - away) ** n))
        )
    return found


def tried(rows: pd.DataFrame, data: Data, random_state: int) -> Tried:
    """Return the labels of up to MAX_FITTED_CHANGES rows of each class and (n_samples, n_classes)
    probabilities, out of fold, of a small model.

    Classes in fewer than FOLDS clusters are left out; without two others nothing is returned.
    """
    ids = clusters(rows, data.cluster)
    n_clusters = ids.groupby(rows[data.target]).nunique()
    enough = rows[rows[data.target].isin(n_clusters.index[n_clusters >= FOLDS])]
    y = enough[data.target]
    if y.nunique() < 2:
        return y.head(0), pd.DataFrame()
    y = y[capped(y, MAX_FITTED_CHANGES, np.random.default_rng(random_state))]
    X = features(rows.loc[y.index], data)
    for column in text_columns(X):
        X[column] = pd.Categorical(X[column]).codes.astype("float64")
    at = pd.Series(np.arange(len(y)), index=y.index)
    parts = kfold(
        y.reset_index(drop=True), ids[y.index].reset_index(drop=True), FOLDS, random_state
    )
    folds = [
        (at.iloc[np.flatnonzero(training)].to_numpy(), at.iloc[np.flatnonzero(scored)].to_numpy())
        for training, scored in parts
    ]
    model = HistGradientBoostingClassifier(
        max_iter=30, max_depth=4, early_stopping=False, random_state=random_state
    )
    y_score = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
    return y, pd.DataFrame(y_score, index=y.index, columns=sorted(y.unique()))


def _aucs(y: pd.Series, y_score: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the ROC AUC of each class against the rest, and its variance (see `delong`)."""
    found = {
        str(label): delong(y_score[label].to_numpy(), (y == label).to_numpy()) for label in y_score
    }
    return {
        label: (area, variance)
        for label, (area, variance) in found.items()
        if area is not None and variance is not None
    }


def _lost_auc(now: dict[str, tuple[float, float]], known: dict[str, Any] | None) -> list[Checked]:
    then = (known or {"auc": {}})["auc"]
    found: list[Checked] = []
    for label, (area, variance) in now.items():
        if label in then:
            lost, error = then[label][0] - area, np.sqrt(then[label][1] + variance)
            found.append(
                (
                    "auc_lost",
                    label,
                    max(lost, 0.0) if lost > norm.isf(CHANGES_ALPHA / len(now)) * error else 0.0,
                )
            )
    return found


def _flipped(rows: pd.DataFrame, data: Data, y: pd.Series, y_score: pd.DataFrame) -> list[Checked]:
    """Return for each group of a sensitive column by how much the ROC AUC of a class is proven
    to be below .5 there.
    """
    if not len(y):
        return []
    found: list[Checked] = []
    for column, named in audited(rows.loc[y.index], data).items():
        names = sorted(named.unique())
        for name in names:
            mine = (named == name).to_numpy()
            areas = _aucs(y[mine], y_score[mine])
            level = norm.isf(CHANGES_ALPHA / (len(names) * max(len(areas), 1)))
            below = [0.5 - area - level * np.sqrt(variance) for area, variance in areas.values()]
            found.append(("flipped", f"{column} {name}", float(max([0.0, *below]))))
    return found
