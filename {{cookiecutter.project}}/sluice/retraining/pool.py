"""Part matured rows, prepared and live, into a pool to fit on and the newest cohort, to judge
by.
"""

from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Data, Params
from sluice.core.text import say
from sluice.data.cells import SQL_TYPES
from sluice.data.rejecting import apart, row_id
from sluice.data.roles import as_number, with_column
from sluice.data.sources import RECORD, Source
from sluice.monitoring.batch import LINE, Batch, read_batch, with_labels

OWN = "-"  # in the place of a file with labels: the rows carry theirs


@dataclass(frozen=True)
class Pool:
    """Prepared rows to fit on, `train`, and the newest cohort, `test`, with what became of every
    record.

    cohort: the file of the cohort; fitted_on: the live files whose rows are in `train`; went: how
    many records went where; of_classes: how many labelled rows of each class (index) were kept or
    left out, by kind.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    cohort: Path
    fitted_on: list[Path]
    went: dict[str, int]
    of_classes: pd.DataFrame


def matured(
    path: Path, labels: Path | None, params: Params, source: Source
) -> tuple[pd.DataFrame, Batch]:
    """Return the rows of a live file that have all that prepare asks for, their label above all,
    as prepare would have them.
    """
    batch, data = read_batch(path, source, params.data), params.data
    batch = with_labels(batch, labels, source.key, source) if labels else batch
    rows = with_column(batch.rows.drop(columns=LINE), data.target, batch.labels)
    rows = rows.assign(**{ROW_ID: row_ids(batch, source, params)})
    needed = [data.target, *data.cluster, *([data.time] if data.time else [])]
    return rows[rows[needed].notna().all(axis=1)], batch


def row_ids(batch: Batch, source: Source, params: Params) -> list[str]:
    """Return the row_id of each row of `batch`, as prepare makes it; a column that the file
    lacks counts as missing.
    """
    target, free = params.data.target, source.no_content
    named = list(source.columns)
    rows = with_column(
        pd.concat([batch.rows, batch.hidden], axis=1).drop(columns=target, errors="ignore"),
        target,
        batch.labels,
    )
    rows = rows.reindex(columns=named).astype(
        {column: "object" for column in named if column not in rows or rows[column].isna().all()}
    )
    table = ibis.memtable(rows.assign(**{RECORD: range(len(rows))}))
    typed = table.select(
        RECORD,
        *[table[column].cast(SQL_TYPES[source.columns[column]]).name(column) for column in named],
    )
    ids = typed.mutate(
        row_id(typed, [column for column in named if column not in (target, *free)]).name(ROW_ID)
    )
    ids = apart(ids, target, free) if source.equal_rows == "separate" else ids
    return (
        ibis.duckdb.connect()
        .to_pandas(ids.select(RECORD, ROW_ID))
        .sort_values(RECORD)[ROW_ID]
        .tolist()
    )


def gather(
    paths: list[Path],
    labels: list[Path | None],
    prepared: pd.DataFrame,
    params: Params,
    source: Source,
) -> Pool:
    """Return the matured rows of the live files at `paths` and the `prepared` ones, training and
    test rows, as pool and newest cohort.

    labels: a file of labels for each path, or None. The cohort is the file with the latest time,
    without data.time the last named, among those with labels. Raises UserError where no file has a
    labelled row that is new.
    """
    found = [
        (path, *matured(path, of, params, source)) for path, of in zip(paths, labels, strict=True)
    ]
    for path, rows, batch in found:
        say(
            f"retrain: {path.as_posix()}: {len(rows):,} of {batch.records:,} rows are labelled,"
            f" {len(batch.rejects):,} do not conform"
        )
    earlier, (cohort, newest) = _in_order([(path, rows) for path, rows, _ in found], params.data)
    parts = [prepared, *(rows[prepared.columns] for _, rows in earlier)]
    train, test, left_out = part(parts, newest[prepared.columns], params, source)
    if test.empty:
        raise UserError(
            f"{cohort.as_posix()}: each labelled row of it is in the pool as well, so that none can"
            " judge; name a newer file"
        )
    fate, target = {**left_out, "kept": pd.concat([train, test])}, params.data.target
    counts = {kind: rows[target].value_counts() for kind, rows in fate.items()}
    went = {
        "records": len(prepared) + sum(batch.records for *_, batch in found),
        **_unused(found),
        **{kind: len(rows) for kind, rows in left_out.items()},
        **{"train": len(train), "test": len(test)},
    }
    fitted_on, of_classes = [path for path, _ in earlier], pd.DataFrame(counts).fillna(0)
    return Pool(train, test, cohort, fitted_on, went, of_classes.astype(int))


def _in_order(
    files: list[tuple[Path, pd.DataFrame]], data: Data
) -> tuple[list[tuple[Path, pd.DataFrame]], tuple[Path, pd.DataFrame]]:
    """Return the files that have rows, in order of time if there is one, and the last apart."""
    time = [data.time] if data.time else []
    with_rows = [(path, rows) for path, rows in files if len(rows)]
    if not with_rows:
        needed = "".join(f" and a {column}" for column in [*data.cluster, *time])
        raise UserError(
            f"no row of {', '.join(path.as_posix() for path, _ in files)} has a label{needed}: wait"
            " until labels come, or give --labels"
        )
    for column in time:
        with_rows.sort(key=lambda one: float(as_number(one[1][column]).max()))
    return with_rows[:-1], with_rows[-1]


def _unused(found: list[tuple[Path, pd.DataFrame, Batch]]) -> dict[str, int]:
    """Return how many records of live files do not conform, or have no label, by kind."""
    kinds = pd.concat([batch.rejects["kind"] for *_, batch in found]).value_counts()
    conform = sum(batch.records - len(batch.rejects) for *_, batch in found)
    return {
        **{kind: int(kinds.get(kind, 0)) for kind in ("malformed", "bad_value")},
        "unlabelled": conform - sum(len(rows) for _, rows, _ in found),
    }


def part(
    parts: list[pd.DataFrame], cohort: pd.DataFrame, params: Params, source: Source
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return `parts`, the prepared rows and those of earlier files, as a pool, the cohort, and the
    rows that were left out, by kind.

    Where a key or a time tells which rows are the same record, each stays where it stands first
    (the others are duplicates): the cohort judges by rows that are new. Else equal rows are
    different cases; those of the pool that the cohort has as well leave it, and so do rows of its
    clusters (before_cutoff), unless data/sources.yaml or params.yaml says that equal rows or
    clusters may stand on both sides.
    """
    data, same = params.data, source.drops_equal or params.data.time is not None
    kept, repeated, seen = [], [], set[str]()
    for nth, rows in enumerate([*parts, cohort]):
        if source.equal_rows == "separate" and not same and nth:  # each file has cases of its own
            rows = rows.assign(
                **{ROW_ID: f"{nth if nth < len(parts) else 'cohort'}-" + rows[ROW_ID]}
            )
        is_repeat = rows[ROW_ID].isin(seen if same else [])
        is_repeat |= rows.duplicated([ROW_ID, data.target]) & source.drops_equal
        kept.append(rows[~is_repeat])
        repeated.append(rows[is_repeat])
        seen |= set(rows[ROW_ID])
    pool, cohort = pd.concat(kept[:-1], ignore_index=True), kept[-1].reset_index(drop=True)
    by = [data.cluster] if data.cluster and params.prepare.split.keep_clusters_whole else []
    by += [] if same else [[ROW_ID]]
    goes_on = pd.Series(False, index=pool.index)
    for columns in by:
        theirs = pd.MultiIndex.from_frame(cohort[columns].astype("object"))
        goes_on |= pd.MultiIndex.from_frame(pool[columns].astype("object")).isin(theirs)
    return (
        pool[~goes_on].reset_index(drop=True),
        cohort,
        {"duplicate": pd.concat(repeated), "before_cutoff": pool[goes_on]},
    )


def recent(pool: pd.DataFrame, time: str, share: float) -> pd.DataFrame:
    """Return the newest `share` of the rows, or a little more: rows of the same time stay
    together.
    """
    at = as_number(pool[time])
    return pool[at >= at.quantile(1 - share, interpolation="lower")].reset_index(drop=True)


def span(pool: pd.DataFrame, time: str) -> float:
    """Return the time between the oldest row and the newest, in days of dates, else in units of
    the column.
    """
    at = as_number(pool[time])
    return float(at.max() - at.min())
