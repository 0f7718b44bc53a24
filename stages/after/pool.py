"""Part matured rows, prepared and live, into a pool to fit on and the newest cohort, to judge by."""

from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd

from stages.after.batch import LINE, Batch, read_batch, with_labels
from stages.command import Refused
from stages.features import as_number
from stages.params import ROW_ID, Params
from stages.prepare import TYPES, row_id
from stages.sources import Source
from stages.text import say

OWN = "-"  # in the place of a file with labels: the rows carry theirs


@dataclass(frozen=True)
class Pool:
    """Prepared rows to fit on, `train`, and the newest cohort, `test`, with what became of every record.

    cohort: the file of the cohort; fitted_on: the live files whose rows are in `train`; went: how many records went where.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    cohort: Path
    fitted_on: list[Path]
    went: dict[str, int]


def matured(path: Path, labels: Path | None, params: Params, source: Source) -> tuple[pd.DataFrame, Batch]:
    """Return the rows of a live file that have all that prepare asks for, their label above all, as prepare would have them."""
    batch, data = read_batch(path, source, params.data), params.data
    batch = with_labels(batch, labels, source.key, source) if labels else batch
    rows = batch.rows.drop(columns=LINE).assign(**{data.target: batch.labels, ROW_ID: row_ids(batch, source, params)})
    needed = [data.target, *data.cluster, *([data.time] if data.time else [])]
    return rows[rows[needed].notna().all(axis=1)], batch


def row_ids(batch: Batch, source: Source, params: Params) -> list[str]:
    """Return the row_id of each row of `batch`, as prepare makes it; a column that the file lacks counts as missing."""
    data = params.data
    named = [column for column in source.columns if column not in (data.time, *data.cluster)]
    rows = pd.concat([batch.rows, batch.hidden], axis=1).assign(**{data.target: batch.labels})
    rows = rows.reindex(columns=named).astype({column: "object" for column in named if column not in rows or rows[column].isna().all()})
    table = ibis.memtable(rows.assign(**{LINE: range(len(rows))}))
    typed = table.select(LINE, *[table[column].cast(TYPES[source.columns[column]]).name(column) for column in named])
    ids = typed.select(LINE, row_id(typed, named).name(ROW_ID))
    return ibis.duckdb.connect().to_pandas(ids).sort_values(LINE)[ROW_ID].tolist()


def gather(paths: list[Path], labels: list[Path | None], prepared: pd.DataFrame, params: Params, source: Source) -> Pool:
    """Return the matured rows of the live files at `paths` and the `prepared` ones, training and test rows, as pool and newest cohort.

    labels: a file of labels for each path, or None. The cohort is the file with the latest time, without data.time the last named, among
    those with labels. Raises Refused where no file has a labelled row that is new.
    """
    found = [(path, *matured(path, of, params, source)) for path, of in zip(paths, labels, strict=True)]
    records, rejected = (sum(count(batch) for *_, batch in found) for count in (lambda b: b.records, lambda b: len(b.rejects)))
    unlabelled = records - rejected - sum(len(rows) for _, rows, _ in found)
    kinds = pd.concat([batch.rejects["kind"] for *_, batch in found]).value_counts()
    for path, rows, batch in found:
        say(f"retrain: {path.as_posix()}: {len(rows):,} of {batch.records:,} rows are labelled, {len(batch.rejects):,} do not conform")
    time = params.data.time
    with_rows = [(path, rows) for path, rows, _ in found if len(rows)]
    if not with_rows:
        raise Refused(f"no row of {', '.join(path.as_posix() for path in paths)} has a label: wait until they mature, or give --labels")
    if time:
        with_rows = sorted(with_rows, key=lambda one: float(as_number(one[1][time]).max()))
    earlier, (cohort, newest) = with_rows[:-1], with_rows[-1]
    train, test, went = part(pd.concat([prepared, *(rows for _, rows in earlier)])[prepared.columns], newest[prepared.columns], params)
    if test.empty:
        raise Refused(f"{cohort.as_posix()}: each labelled row of it is in the pool as well, so that none can judge; name a newer file")
    went = {kind: int(kinds.get(kind, 0)) for kind in ("malformed", "bad_value")} | {"unlabelled": unlabelled} | went
    return Pool(train, test, cohort, [path for path, _ in earlier], {"records": records + len(prepared), **went})


def part(pool: pd.DataFrame, cohort: pd.DataFrame, params: Params) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Return `pool` and `cohort` without what they share, and how many rows that took: duplicate, before_cutoff.

    A row that stands twice, also in time and cluster, stays where it stands first: the cohort judges by rows that are new. What
    else agrees with a row of the cohort (all columns but time and cluster) leaves the pool, and so do rows of its clusters
    (before_cutoff), as in prepare.
    """
    data = params.data
    same = [ROW_ID, *dict.fromkeys(column for column in [data.time, *data.cluster] if column)]
    before = len(pool) + len(cohort)
    pool = pool.drop_duplicates(ROW_ID, ignore_index=True)
    cohort = cohort.drop_duplicates(ROW_ID)
    seen = pd.MultiIndex.from_frame(pool[same].astype("object"))
    cohort = cohort[~pd.MultiIndex.from_frame(cohort[same].astype("object")).isin(seen)].reset_index(drop=True)
    pool = pool[~pool[ROW_ID].isin(cohort[ROW_ID])]
    duplicate = before - len(pool) - len(cohort)
    if data.cluster:
        theirs = pd.MultiIndex.from_frame(cohort[data.cluster].astype("object"))
        pool = pool[~pd.MultiIndex.from_frame(pool[data.cluster].astype("object")).isin(theirs)]
    went = {"duplicate": duplicate, "before_cutoff": before - duplicate - len(pool) - len(cohort)}
    return pool.reset_index(drop=True), cohort, went | {"train": len(pool), "test": len(cohort)}


def recent(pool: pd.DataFrame, time: str, share: float) -> pd.DataFrame:
    """Return the newest `share` of the rows, or a little more: rows of the same time stay together."""
    at = as_number(pool[time])
    return pool[at >= at.quantile(1 - share, interpolation="lower")].reset_index(drop=True)


def span(pool: pd.DataFrame, time: str) -> float:
    """Return the time between the oldest row and the newest, in days of dates, else in units of the column."""
    at = as_number(pool[time])
    return float(at.max() - at.min())
