"""Remember what each window of live rows showed, and say over them what is to be acted upon."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core.command import UserError

WINDOW_RECORD = "window.json"
WINDOWS_TOGETHER = 3  # windows that are held together, the newest among them
SIGNALS = ("batch", "drift", "performance")
WINDOW_COLUMNS = [
    "window",
    "newest",
    "nth",
    "rows",
    "until",
    "rejected_share",
    "coverage",
    *SIGNALS,
]
WINDOW_COLUMNS += [f"{signal}_hits" for signal in SIGNALS] + [
    "drift_judged",
    "labels_judged",
    "unlabelled_for",
    "classes_moved",
    "overdue",
]
WINDOW_COLUMNS += ["repeated", "older_by", "after_today"]


def records(folder: Path) -> list[dict[str, Any]]:
    """Return what is remembered of each window, in the order in which they came first."""
    found = []
    for path in sorted(folder.glob(f"*/{WINDOW_RECORD}")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            found.append({**record, "nth": int(record["nth"])})
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{path.as_posix()} is not what monitor writes; delete the folder, and monitor that"
                " window again"
            ) from None
    return sorted(found, key=lambda record: record["nth"])


def number(folder: Path, window: str, batch_sha256: str) -> int:
    """Return which window this is, counted from 1; raises UserError if another batch has its
    name, or it another name.
    """
    known = {record["window"]: record for record in records(folder)}
    same = [
        name
        for name, record in known.items()
        if batch_sha256 and record["batch_sha256"] == batch_sha256 and name != window
    ]
    if same:
        raise UserError(
            f"this batch is the window {same[0]!r} already, and one batch is no two windows; leave"
            " --window out, or name it so"
        )
    if window not in known:
        return 1 + max((record["nth"] for record in known.values()), default=0)
    if known[window]["batch_sha256"] != batch_sha256:
        raise UserError(
            f"{(folder / window).as_posix()} holds another batch; give this one a name of its own"
            " with --window, or delete that folder"
        )
    return int(known[window]["nth"])


def timeline(
    found: list[dict[str, Any]], label_delay: float | None, longest_age: float | None
) -> pd.DataFrame:
    """Return one row per window, as `records` gives them: what it showed, and what that comes to
    with those before of the same model.

    `*_hits`: how many of the last three windows are red, 0 if this one is not; of those whose
    labels have come, for performance, where the newest such window counts until another comes. Red:
    drift warn; batch and performance fail. `labels_judged` and `drift_judged`: 1 if they could be
    judged. `unlabelled_for`: time since the last window that was judged by its labels, as a
    multiple of the usual delay. `overdue`: by how much the model is older than the longest age.
    `classes_moved`: how many classes are more frequent or rarer than in the test rows. `repeated`:
    how many rows were left out because another has their key. `older_by`: by how much the window
    ends before the newest rows that were known when it came, of an earlier window or of training.
    `after_today`: how many rows are dated after today; they do not count as the newest.
    """
    rows = [
        _row(record, found[:nth], label_delay, longest_age)
        | {"newest": "yes" if nth + 1 == len(found) else "no"}
        for nth, record in enumerate(found)
    ]
    return pd.DataFrame(rows, columns=WINDOW_COLUMNS)


def _row(
    record: dict[str, Any],
    before: list[dict[str, Any]],
    label_delay: float | None,
    longest_age: float | None,
) -> dict[str, Any]:
    """Return the row of the window `record`, which came after those `before`."""
    same = [
        one
        for one in before
        if all(one.get(key) == record.get(key) for key in ("model", "model_sha256"))
    ]
    past = [*same, record]
    matured = [one for one in past if one["performance"] != "insufficient"]
    kept = ("window", "nth", "rows", "until", "rejected_share", "coverage", *SIGNALS)
    over = None if None in (longest_age, record["age"]) else record["age"] - longest_age
    return {
        **{key: record[key] for key in kept},
        "batch_hits": hits(past, "batch", ("fail", "insufficient")),
        "drift_hits": hits(past, "drift", ("warn", "fail")),
        "performance_hits": hits(matured, "performance", ("fail",)),
        "drift_judged": int(record["drift"] != "insufficient"),
        "labels_judged": int(record["performance"] != "insufficient"),
        "unlabelled_for": _waited(past, matured) / label_delay if label_delay else 0.0,
        **{key: record.get(key, 0) for key in ("classes_moved", "repeated", "after_today")},
        "older_by": _older_by(record, before),
        "overdue": max(0.0, over or 0.0),
    }


def _older_by(record: dict[str, Any], before: list[dict[str, Any]]) -> float:
    """Return by how much a window ends before those that came `before` it, or before the rows
    that the model was trained on.
    """
    until, age = record["until"], record["age"]
    if until is None:
        return 0.0
    known = [one["until"] for one in before if one["until"] is not None] + (
        [until - age] if age is not None else []
    )
    return float(max([0.0, *(one - until for one in known)]))


def hits(past: list[dict[str, Any]], signal: str, red: tuple[str, ...]) -> int:
    """Return how many of the last windows of `past` are red, 0 if the last one is not."""
    last = [one[signal] in red for one in past[-WINDOWS_TOGETHER:]]
    return sum(last) if last and last[-1] else 0


def _waited(past: list[dict[str, Any]], matured: list[dict[str, Any]]) -> float:
    """Return the time since the last window with labels, without one since the first; in windows
    where there is no time.
    """
    times = [one["until"] for one in past if one["until"] is not None]
    if not times:
        return float(len(past) - 1 - (past.index(matured[-1]) if matured else 0))
    return max(0.0, float(times[-1] - (matured[-1]["until"] if matured else times[0])))
