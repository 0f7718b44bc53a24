"""Look for rows that come again: equal rows, clusters that a cut-off parts, and things that
return in each period (panel data).
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_float_dtype

from sluice.core.params import ROW_ID, Data, Split
from sluice.data.sources import Source
from sluice.scoping.finding import Finding, Weight, finding
from sluice.scoping.propose_judged import MAX_EQUAL, MAX_LOST, MAX_SHIFT

PLAIN_TEST_SIZE = 0.3  # of the rows, at most, are test rows of the split that is proposed
MIN_REPEATED_SHARE = (
    0.5  # of the pairs of equal rows: where chance makes as many, they are called different cases
)
MIN_REPEATED = 20  # clusters, and pairs of rows that would meet by chance
LOST = {  # kinds of rows that are left out although they have a label
    "duplicate": "duplicates",
    "key_conflict": "rows of one key",
    "before_cutoff": "rows before the cut-off",
}


def equal_findings(
    told: dict[str, Any], n_rows: int, source: Source, content: pd.DataFrame
) -> list[Finding]:
    """Return what equal rows mean that are kept; nothing where data/sources.yaml says that they are
    different cases.

    told: what `lost_and_equal` says of the n_rows rows that are kept; content: a sample of them
    without the target and ROW_ID.
    """
    n = told["equal"]
    if not n or source.equal_rows == "separate":
        return []
    chance = by_chance(content)
    code = "equal_rows_by_chance" if chance >= MIN_REPEATED_SHARE else "equal_rows"
    counts = {"n": n, "n_rows": n_rows, "different": n_rows - n, "chance": min(chance, 1)}
    classes = {key: told[key] for key in ("classes", "equal_classes")}
    weight: Weight = "look" if n > MAX_EQUAL * n_rows else "note"
    return [finding(code, "equal rows", weight, **counts, **classes)]


def by_chance(rows: pd.DataFrame) -> float:
    """Return how many pairs of equal rows columns that know nothing of each other make by chance,
    for each pair that there is.

    Columns that do know of each other make more, so that this errs to the low side.
    """
    every = max(len(rows) * (len(rows) - 1) / 2, 1)
    agree = [_pairs(rows[[column]]) / every for column in rows]
    return float(np.prod(agree) * every / max(_pairs(rows), 1))


def label_findings(
    fates: pd.DataFrame, told: dict[str, Any], target: str, source: Source
) -> list[Finding]:
    """Return what is to be said of labels as the file writes them: words that count as missing, and
    classes that may be one.

    fates: what `label_fates` found; told: what `lost_and_equal` says.
    """
    found = [
        finding("label_missing", target, n=n, word=word)
        for word, n in fates["n"].items()
        if word and word in source.missing_words(target)
    ]
    if told["classes_alike"]:
        found.append(finding("classes_alike", target, alike=told["alike"], target=target))
    return found


def lost_findings(told: dict[str, Any], kinds: dict[str, int], n_train: int) -> list[Finding]:
    """Return which rows are left out although they have a label, with their classes; a stop
    where a cut-off loses too many.
    """
    shifted: Weight = "look" if told["class_shift"] > MAX_SHIFT else "note"
    found = []
    for kind, about in LOST.items():
        if n := kinds.get(kind, 0):
            is_stop = kind == "before_cutoff" and n > MAX_LOST * (n + n_train)
            classes = {"classes": told["classes"], "theirs": told[f"{kind}_classes"]}
            found.append(finding(kind, about, "stop" if is_stop else shifted, n=n, **classes))
    return found


@dataclass(frozen=True)
class Panel:
    """Things, named by `cluster`, that return over the values of `time`; the two together name a
    row.

    test_from: a first test value that leaves most rows for training; lost: how many of the `before`
    rows before it would be left out if clusters stayed whole.
    """

    cluster: str
    time: str
    things: int
    times: int
    test_from: str
    lost: int
    before: int


def panel(rows: pd.DataFrame, data: Data, split: Split, times: Collection[str]) -> Panel | None:
    """Return the panel that `rows` are, those that a cut-off loses among them, None where they are
    none.

    times: the columns that may order the rows. A pair of columns names the rows where hardly any
    two rows share both, although far more would if the columns had nothing to do with each other.
    """
    if len(data.cluster) > 1:
        return None
    of_time = [name for name in times if name in rows and name not in data.cluster]
    for time in [data.time] if data.time in of_time else of_time:
        for cluster in data.cluster or _things(rows, [data.target, *data.forbidden, *of_time]):
            if _names_rows(rows[cluster], rows[time]):
                return _panel(
                    rows[cluster],
                    rows[time],
                    split.test_from if split.by == "time" and time == data.time else None,
                )
    return None


def _things(rows: pd.DataFrame, taken: list[str]) -> list[str]:
    """Return the columns that may name things of which there are several rows, text before
    numbers.
    """
    names = [
        column
        for column in rows.columns.drop(ROW_ID, errors="ignore")
        if column not in taken
        and not (
            is_float_dtype(rows[column])
            or is_bool_dtype(rows[column])
            or is_datetime64_any_dtype(rows[column])
        )
        and MIN_REPEATED <= rows[column].nunique() <= rows[column].notna().sum() / 2
    ]
    return sorted(names, key=lambda column: rows[column].dtype.kind in "iu")


def _names_rows(cluster: pd.Series, time: pd.Series) -> bool:
    both = pd.DataFrame({"cluster": cluster.to_numpy(), "time": time.to_numpy()}).dropna()
    if both["time"].nunique() < 3:
        return False
    pairs = {name: _pairs(both[name]) for name in both}
    by_chance = pairs["cluster"] * pairs["time"] / max(len(both) * (len(both) - 1) / 2, 1)
    return bool(by_chance >= MIN_REPEATED and _pairs(both[["cluster", "time"]]) < 0.01 * by_chance)


def _pairs(values: pd.Series | pd.DataFrame) -> float:
    """Return how many pairs of rows agree in `values`."""
    counts = values.value_counts(dropna=False).to_numpy(dtype="float64")
    return float((counts * (counts - 1)).sum() / 2)


def _panel(cluster: pd.Series, time: pd.Series, test_from: Any) -> Panel:
    """Return the panel, with the cut-off `test_from`, or, if that is None, the first value from
    which on PLAIN_TEST_SIZE of the rows are left.
    """
    is_date = is_datetime64_any_dtype(time)
    values = np.sort(time.dropna().unique())
    later = [value for value in values[1:] if (time >= value).mean() <= PLAIN_TEST_SIZE] or list(
        values[-1:]
    )
    cut = later[0] if test_from is None else pd.Timestamp(test_from) if is_date else test_from
    before, goes_on = time < cut, time.groupby(cluster).transform("max") >= cut
    named = pd.Timestamp(cut).isoformat().removesuffix("T00:00:00") if is_date else str(cut)
    counts = cluster.nunique(), len(values), named, int((before & goes_on).sum()), int(before.sum())
    return Panel(str(cluster.name), str(time.name), *counts)


def panel_findings(found: Panel | None, data: Data, split: Split) -> list[Finding]:
    """Return what a panel means; nothing where params.yaml says it already."""
    if found is None or not (
        split.by == "random" or split.keep_clusters_whole or data.cluster != [found.cluster]
    ):
        return []
    at = found.test_from if found.test_from.isdecimal() else f'"{found.test_from}"'
    is_cut = split.by == "time" and str(split.test_from) == found.test_from
    wanted = {
        f"data.time: {found.time}": data.time == found.time,
        f"data.cluster: [{found.cluster}]": data.cluster == [found.cluster],
        "prepare.split.by: time": split.by == "time",
        f"prepare.split.test_from: {at}": is_cut,
        "prepare.split.keep_clusters_whole: false": not split.keep_clusters_whole,
    }
    missing = [setting for setting, is_set in wanted.items() if not is_set]
    settings = " and ".join(part for part in (", ".join(missing[:-1]), missing[-1]) if part)
    asks = ("time",) * (data.time != found.time) + ("cluster",) * (data.cluster != [found.cluster])
    about = f"{found.cluster}, {found.time}"
    return [replace(finding("panel", about, **asdict(found), settings=settings), asks=asks)]


def with_one_answer(
    findings: list[Finding], found: Panel | None, about_panel: list[Finding]
) -> list[Finding]:
    """Return `findings` where each that asks for the time or the cluster of the panel has the
    panel's remedy: the single ones clash.
    """
    if found is None or not about_panel:
        return findings
    theirs = (found.cluster, found.time)
    return [
        (
            replace(one, weight="look", do=about_panel[0].do)
            if one.about in theirs and {"cluster", "time", "split"} & set(one.asks)
            else one
        )
        for one in findings
    ]
