"""Hold a batch of live rows against what the model in service was judged by: its schema, its
distributions, its errors.
"""

import csv
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype
from threadpoolctl import threadpool_limits

from sluice.core.command import UserError
from sluice.core.params import Data, Params, load_params
from sluice.core.private import PRIVATE
from sluice.core.progress import waiting
from sluice.core.tables import TEST, read_table, write_json, write_table
from sluice.core.text import csv_text, say
from sluice.data.groups import audited
from sluice.data.roles import as_number, clusters, features
from sluice.data.sources import Source, load_sources
from sluice.drift.distributions import domain, drift, pictures
from sluice.gates.gate import RANK, closed, gate
from sluice.gates.suite import read_suite
from sluice.metrics.performance import figures, performance
from sluice.modeling.model import Model, sha256
from sluice.monitoring import windows
from sluice.monitoring.age import AGES, allowed_loss, longest_age
from sluice.monitoring.batch import (
    LINE,
    Batch,
    beside,
    check_labels,
    live_suite,
    named_by,
    once,
    read_batch,
    with_labels,
)
from sluice.monitoring.labelling import to_label
from sluice.monitoring.live import LIVE, live_files
from sluice.monitoring.quarantine import by_chance
from sluice.registry.champion import (
    as_trained,
    load_champion,
    suite_of_rows,
    version,
    worth_of_features,
)
from sluice.reports import monitoring_page

WINDOWS_FOLDER = Path("reports/monitoring")
DRIFT, PERFORMANCE, WINDOWS = (
    Path(f"expectations/{name}.json") for name in ("drift", "performance", "windows")
)
CODES = {"pass": 0, "warn": 1, "fail": 2, "insufficient": 3}
NOTHING = {"rows": 0, "rejected_share": 0.0, "until": None, "age": None, "coverage": 0.0}
SHOWN_REASONS = 3  # reasons why no row can be used
MIN_DOMAIN_ROWS = 10  # rows that a classifier is asked about
WINDOW_NAME = re.compile(r"[\w-][\w.-]{0,99}")


def judge(
    batch: Batch,
    folder: Path,
    champion: tuple[Model, dict[str, Any]],
    params: Params,
    sample: int,
    key: list[str],
) -> dict[str, Any]:
    """Write the tables of a window, what their gates say, and a `sample` of rows to label.

    champion: the model in service and its reference. Return the verdicts (batch, drift,
    performance), and how many classes are more frequent or rarer than they may be.
    """
    (model, reference), data = champion, params.data
    rows = batch.rows.drop(
        columns=[LINE, *(column for column in key if column in data.forbidden)], errors="ignore"
    )
    X, ids = features(rows, data), clusters(rows, data.cluster) if data.cluster else None
    write_table(batch.rejects, folder / "rejects.csv")
    write_table(beside(reference, X), folder / "batch.csv")
    write_json(by_chance(live_suite(suite_of_rows(), data), rows), folder / "suite.json")
    of_rows = gate(rows, folder / "suite.json", folder / "gates" / "batch.json")
    with threadpool_limits(params.train.threads):
        y_score = model.predict_proba(X)
        y_pred = model.decide(y_score)
        told_apart = _told_apart(reference, X[list(model.columns)], rows, params)
    moved = drift(reference, X, (y_score, y_pred), ids, told_apart, _weights(worth_of_features()))
    write_table(moved, folder / "drift.csv")
    write_json(pictures(reference, X, y_score, y_pred, moved), folder / "pictures.json")
    of_drift = gate(moved, DRIFT, folder / "gates" / "drift.json")
    if sample:
        unknown, by = batch.labels.isna().to_numpy(), named_by(list(batch.rows.columns), key)
        asked = batch.rows[unknown], y_score[unknown], model, by
        _write_sample(folder.name, to_label(*asked, sample, params.random_state))
    table = _performance(batch, (y_score, y_pred), audited(rows, data), ids, champion)
    write_table(table, folder / "performance.csv")
    of_labels = gate(table, PERFORMANCE, folder / "gates" / "performance.json")
    verdicts = (one.verdict for one in (of_rows, of_drift, of_labels))
    found: dict[str, Any] = dict(zip(windows.SIGNALS, verdicts, strict=True))
    return found | {"classes_moved": classes_moved(table)}


def _performance(
    batch: Batch,
    decided: tuple[np.ndarray, np.ndarray],
    groups: pd.DataFrame,
    ids: pd.Series | None,
    champion: tuple[Model, dict[str, Any]],
) -> pd.DataFrame:
    """Return the table of performance of the rows whose label is known.

    decided: (n_samples, n_classes) probabilities, and (n_samples,) decisions.
    """
    (y_score, y_pred), (model, reference) = decided, champion
    known = batch.labels.notna().to_numpy()
    of_known = ids[known] if ids is not None else None
    live = figures(
        batch.labels[known], y_score[known], y_pred[known], groups[known], model.classes, of_known
    )
    return performance(reference["performance"], live, float(known.mean()) if len(known) else 0.0)


def classes_moved(table: pd.DataFrame) -> int:
    """Return of how many classes the share among the labels moved by more than the suite of
    performance allows.
    """
    shares = [
        e.raw["kwargs"] for e in read_suite(PERFORMANCE).expected if e.columns == ["proven_loss"]
    ]
    most = [
        kwargs["max_value"]
        for kwargs in shares
        if kwargs.get("row_condition", {}).get("parameter") == "class_share"
    ]
    moved = table.loc[table["metric"] == "class_share", "proven_loss"]
    return int((moved > min(most, default=np.inf)).sum())


def _told_apart(
    reference: dict[str, Any], X: pd.DataFrame, rows: pd.DataFrame, params: Params
) -> dict[str, float] | None:
    """Return how well a classifier tells live rows from test rows; where none can be asked, say
    why and return None.
    """
    why, found, columns = _not_told_apart(reference, X), None, params.data.cluster
    if why is None:
        test = read_table(TEST)
        named = [side[columns] for side in (test, rows)] if columns else None
        with waiting("monitor: asks a classifier to tell live rows from test rows"):
            found = domain(features(test, params.data), X, named, params.random_state)
        why = None if found else "too few of them are different"
    if why:
        say(f"no classifier was asked to tell live rows from test rows: {why}")
    return found


def _not_told_apart(reference: dict[str, Any], X: pd.DataFrame) -> str | None:
    """Return why live rows cannot be told from test rows, None where they can."""
    if len(X) < MIN_DOMAIN_ROWS:
        return f"the batch has {len(X)} rows, and {MIN_DOMAIN_ROWS} are the fewest that can be"
    if not Path(TEST).is_file():
        return f"{TEST} does not exist; `dvc pull` brings it"
    return (
        None
        if sha256(TEST) == reference["test_sha256"]
        else f"{TEST} does not hold the rows that the model in service was judged by"
    )


def _weights(path: Path) -> dict[str, float]:
    """Return what each feature is worth for the model, where the table is there."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {csv_text(row["feature"]): float(row["importance"]) for row in csv.DictReader(file)}


def name_of(given: str | None, batch: Batch | None, path: Path, data: Any) -> str:
    """Return the name of the window: the one given, else the span of its time column, else the
    file's name.
    """
    name = given
    if name is None and batch is not None and data.time:
        known = times(batch.rows[data.time])
        ends = known.agg(["min", "max"]).drop_duplicates() if len(known) else known
        written = [str(end).removesuffix(" 00:00:00").removesuffix(".0") for end in ends]
        name = re.sub(r"[^\w.-]", "-", "_".join(written)) or None
    if name is None:
        stem = path.name.partition(".")[0]
        name = re.sub(r"[^\w-]+", "-", stem).strip("-")[:100] or "batch"
    if not WINDOW_NAME.fullmatch(name):
        raise UserError(
            f"the window would be called {name!r}; name it with --window in letters, digits, dots "
            "and dashes"
        )
    return name


def times(values: pd.Series) -> pd.Series:
    """Return the `values` of a time column that are known and can be: no row is of after today,
    whatever clock wrote it.
    """
    known = values.dropna()
    return (
        known[known <= pd.Timestamp.now() + pd.Timedelta(days=1)]
        if is_datetime64_any_dtype(known)
        else known
    )


def monitor(
    path: Path, labels: Path | None, window: str | None, sample: int, params: Params, source: Source
) -> str:
    """Write reports/monitoring/ for a batch and return the verdict over the windows.

    A batch that cannot be read is a window that fails. Where a gate of this window is red, the
    verdict is warn at least: the windows before may be well, and so say pass.
    """
    _check_suites()
    served, (model, reference) = version(), load_champion()
    params, source = as_trained(model, reference, params, source)
    digest = sha256(path) if path.is_file() else ""
    batch, broken = _read(path, source, params.data)
    name = name_of(window, batch, path, params.data)
    _check_unseen(digest, reference)
    record: dict[str, Any] = {
        "window": name,
        "batch_sha256": digest,
        "nth": windows.number(WINDOWS_FOLDER, name, digest),
        "model": served,
        "model_sha256": reference["model_sha256"],
    }
    if batch is None or broken:
        record |= NOTHING | _failed(WINDOWS_FOLDER / name, broken)
    else:
        batch = with_labels(batch, labels, source.key, source) if labels else batch
        check_labels(batch.labels, model.classes)
        champion, folder = (model, reference), WINDOWS_FOLDER / name
        record |= judge(batch, folder, champion, params, sample, source.key)
        record |= _measured(batch, params.data.time, reference["trained_until"])
    if batch is not None and source.key:
        record["repeated"] = int(batch.rejects["kind"].isin(["duplicate", "key_conflict"]).sum())
    if version() != served:
        raise UserError(
            f"another model took the place of {served} while it was monitored; run it again"
        )
    write_json(record, WINDOWS_FOLDER / name / windows.WINDOW_RECORD)
    is_red = any(record[signal] in ("warn", "fail") for signal in windows.SIGNALS)
    over_all = close(WINDOWS_FOLDER, params.monitor.label_delay)
    return max(over_all, "warn" if is_red else "pass", key=RANK.index)


def _check_suites() -> None:
    """Raise UserError for a broken suite: what nothing judged would be called drift, or a loss."""
    problems = [
        problem for suite in (DRIFT, PERFORMANCE, WINDOWS) for problem in read_suite(suite).problems
    ]
    if problems:
        raise UserError("\n".join(problems))


def _read(path: Path, source: Source, data: Data) -> tuple[Batch | None, list[str]]:
    """Return the batch, None where the file cannot be read, and why no row of it can be judged."""
    try:
        batch = once(read_batch(path, source, data), source)
    except UserError as refusal:
        if not path.is_file():
            raise
        return None, str(refusal).splitlines()
    return batch, _not_judgeable(batch, path, data.time)


def _check_unseen(digest: str, reference: dict[str, Any]) -> None:
    """Raise UserError where the model in service was fitted on the file of this hash, or judged
    by it.
    """
    for kind in ("fitted_on", "judged_by"):
        for known, sha in reference.get(kind, {}).items():
            if sha == digest:
                raise UserError(
                    f"the model in service was fitted on this batch, or judged by it, as {known}: "
                    "it can show no drift; name a newer one"
                )


def _measured(batch: Batch, time: str | None, trained_until: float | None) -> dict[str, Any]:
    """Return what the record of a window says of its rows: how many, how many labels, how late."""
    record = NOTHING | {
        "rows": len(batch.rows),
        "rejected_share": len(batch.rejects) / batch.records,
        "coverage": float(batch.labels.notna().mean()),
    }
    if time:
        known = times(batch.rows[time])
        until = float(as_number(known).max())
        record |= {"until": until, "age": None if trained_until is None else until - trained_until}
        record["after_today"] = int(batch.rows[time].notna().sum() - len(known))
    return record


def _write_sample(window: str, table: pd.DataFrame) -> None:
    """Write the rows to label where git does not look: it names single rows, and their
    decisions.
    """
    path = PRIVATE / window / "to_label.csv"
    write_table(table, path)
    say(f"{path.as_posix()} names {len(table)} rows to label")


def _failed(folder: Path, broken: list[str]) -> dict[str, Any]:
    """Write that the batch of a window is `broken`, take away what an earlier batch of this name
    left, and return the verdicts.
    """
    findings = [closed("unreadable", "the batch", sentence) for sentence in broken]
    say("gate batch: fail", verdict="fail")
    for finding in findings:
        finding.tell()
    report = {
        "gate": "batch",
        "verdict": "fail",
        "blocks": True,
        "findings": [finding.fields() for finding in findings],
        "suite": suite_of_rows().as_posix(),
    }
    write_json(report | {"rows": 0, "expectations": 0}, folder / "gates" / "batch.json")
    for file in (
        "drift.csv",
        "performance.csv",
        "batch.csv",
        "pictures.json",
        "gates/drift.json",
        "gates/performance.json",
    ):
        (folder / file).unlink(missing_ok=True)
    return {"batch": "fail", "drift": "insufficient", "performance": "insufficient"}


def _not_judgeable(batch: Batch, path: Path, time: str | None) -> list[str]:
    """Return why no row of `batch` can be judged."""
    if batch.rows.empty:
        why = [
            f"{n:,} rows: {reason}"
            for reason, n in batch.rejects["reason"].value_counts().head(SHOWN_REASONS).items()
        ]
        return [f"no row of {path} can be used", *(why or ["the file has no rows"])]
    if time and times(batch.rows[time]).empty:
        return [
            f"no row of {path} has a {time} (data.time) up to today, so that nobody knows when they"
            " are from; mend what writes the file"
        ]
    return []


def close(folder: Path, label_delay: float | None) -> str:
    """Write the timeline over all windows, its gate and the page, and return the verdict; the
    timeline comes last.
    """
    table = windows.timeline(windows.records(folder), label_delay, _longest_age())
    verdict = gate(table, WINDOWS, folder / "windows.json")
    monitoring_page.write(folder, table)
    write_table(table, folder / "windows.csv")
    return verdict.verdict


def _longest_age() -> float | None:
    """Return the age that `uv run sluice age` found to be the longest, None where nobody asked."""
    return longest_age(pd.read_csv(AGES), allowed_loss()) if Path(AGES).is_file() else None


def main(batch: str | None, labels: Path | None, window: str | None, sample: int) -> None:
    """Monitor the batch or else the last of data/live by name, and exit with the verdict as
    CODES says.
    """
    batches = live_files([batch] if batch else [])
    if not batches:
        raise UserError(
            f"{LIVE.as_posix()}/ has no file; name a batch of live rows:"
            " `uv run sluice monitor FILE`"
        )
    [source] = load_sources().sources.values()
    verdict = monitor(batches[-1], labels, window, sample, load_params(), source)
    say(
        f"monitor: {verdict}; read reports/monitoring.html, and commit reports/monitoring/: later"
        " windows are held beside it"
    )
    sys.exit(CODES[verdict])
