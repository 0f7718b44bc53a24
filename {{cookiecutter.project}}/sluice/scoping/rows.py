"""Count what `prepare` will keep of a source, and take a sample of it."""

import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis import _
from tqdm import tqdm

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Params
from sluice.core.tables import read_parquet
from sluice.data.assigning import IS_TEST, assign
from sluice.data.cells import PROBLEM, conform
from sluice.data.cleaning import fates
from sluice.data.derived import add_features
from sluice.data.groups import check_audit
from sluice.data.rejecting import KIND, N, check_classes, check_target, label_fates, reject
from sluice.data.shares import lost_and_equal
from sluice.data.sources import RECORD, Raw, Source
from sluice.scoping.column_findings import findings
from sluice.scoping.columns import Column, describe, misfits
from sluice.scoping.suspicious import Contradictions, contradictions

MAX_SAMPLE_ROWS = 1_000_000  # rows that are held in memory at most
COUNTED = 100_000  # rows at most that orders, clusters and groups are counted on
MAX_JUDGED_ROWS = 20_000  # rows at most that trees are fitted on


@dataclass(frozen=True)
class Rows:
    """What is known of the rows without a model.

    kinds: how many records are left out, by the reason; counts: training and test rows by class;
    told: what `lost_and_equal` says; of_labels: what `label_fates` says; every: a sample of rows in
    an order of chance, with those that a cut-off loses.
    """

    records: int
    kinds: dict[str, int]
    counts: pd.DataFrame
    features: list[str]
    told: dict[str, Any]
    of_labels: pd.DataFrame
    contradicting: Contradictions
    every: pd.DataFrame

    @cached_property
    def _kept(self) -> pd.DataFrame:
        return self.every[self.every[KIND].isna()].drop(columns=KIND).reset_index(drop=True)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The kept rows as `prepare` writes them."""
        return self._kept.drop(columns=[RECORD, IS_TEST])

    @property
    def head(self) -> pd.DataFrame:
        """The first COUNTED of `rows`."""
        return self.rows.head(COUNTED)

    @property
    def record(self) -> pd.Series:
        """The place in the file of each row of `head`."""
        return self._kept[RECORD].head(COUNTED)

    @property
    def is_test(self) -> pd.Series:
        """Which of `rows` are test rows; at random none is yet."""
        return self._kept[IS_TEST]

    @cached_property
    def training(self) -> pd.DataFrame:
        """The first MAX_JUDGED_ROWS training rows."""
        return self.rows[~self.is_test].head(MAX_JUDGED_ROWS).reset_index(drop=True)

    @property
    def with_lost(self) -> pd.DataFrame:
        """The first COUNTED rows, those that a cut-off loses among them."""
        return self.every[self.rows.columns].head(COUNTED)

    @property
    def n_rows(self) -> int:
        """How many rows are kept of all."""
        return int(self.counts.to_numpy().sum())

    @property
    def n_train(self) -> int:
        """How many of them are training rows."""
        return int(self.counts["train"].sum())


def judge(raw: Raw, name: str, source: Source, params: Params) -> tuple[ibis.Table, list[Column]]:
    """Return all records with their types, KIND, REASON and ROW_ID as the stage prepare gives them,
    and what each column holds.

    Raises UserError where no row is left or the target is no class, with the columns whose type
    does not hold.
    """
    con, target = raw.table.get_backend(), params.data.target
    conformed = con.create_table("conformed", conform(raw.table, source, target), temp=True)
    wrong = misfits(raw.table, conformed, source)
    con.raw_sql("DROP TABLE raw")
    rows = int(conformed.count().to_pandas())
    progress = tqdm(source.columns.items(), desc="scope: columns", disable=not sys.stderr.isatty())
    columns = [
        describe(conformed, column, kind, rows, wrong.get(column, (0, [])))
        for column, kind in progress
    ]
    judged = reject(conformed, params, source).mutate(_[target].cast("string").name(target))
    judged = con.create_table("judged", judged.drop(PROBLEM), temp=True)
    con.raw_sql("DROP TABLE conformed")
    kept = judged.filter(_[KIND].isnull())
    try:
        check_classes(judged, target, source)
        check_target(kept, target, name, judged, raw)
        check_audit(kept, params.data)
    except UserError as refusal:
        stops = [one for one in findings(columns, params.data, source) if one.weight == "stop"]
        about = [f"{one.about}: {one.what}; {one.do}" for one in stops if one.about in wrong]
        raise UserError("\\n".join([str(refusal), *about])) from None
    return judged, columns


def parted(judged: ibis.Table, params: Params) -> ibis.Table:
    """Return the kept rows with IS_TEST and, by time, the KIND of those that a cut-off loses; at
    random none is a test row yet.
    """
    kept = judged.filter(_[KIND].isnull())
    if params.prepare.split.by == "time":
        return assign(kept, params)
    return kept.mutate(ibis.literal(False).name(IS_TEST))


def class_counts(sides: ibis.Table, params: Params) -> pd.DataFrame:
    """Return the training and test rows of each class as the configured split would have them:
    by time exactly, at random about.
    """
    target, split = params.data.target, params.prepare.split
    counts = (
        sides.filter(_[KIND].isnull())
        .group_by(target)
        .agg(_.count().name(N), _[IS_TEST].cast("int64").sum().name(IS_TEST))
    )
    found = counts.order_by(target).to_pandas().set_index(target)
    test = found[IS_TEST] if split.by == "time" else (found[N] * split.test_size).round()
    return pd.DataFrame({"train": found[N] - test, "test": test}).astype(int)


def sample(sides: ibis.Table, source: Source, params: Params) -> pd.DataFrame:
    """Return up to MAX_SAMPLE_ROWS rows with RECORD and, by time, IS_TEST and KIND, in the order of
    ROW_ID, a hash: an order of chance.

    Goes through a file, as the stages do, so that types are those of data/prepared, and closes the
    table engine.
    """
    columns = [column for column in source.columns if column not in params.data.forbidden]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        sides.select(*columns, ROW_ID, RECORD, IS_TEST, KIND).order_by(
            [ROW_ID, *columns, RECORD]
        ).limit(MAX_SAMPLE_ROWS).to_parquet(path)
        sides.get_backend().disconnect()  # its memory is needed
        return add_features(read_parquet(path), params.data)


def rows_of(judged: ibis.Table, raw: Raw, source: Source, params: Params) -> Rows:
    """Return what is known of the rows without a model, and a sample; closes the table engine."""
    target = params.data.target
    known = judged[KIND].value_counts(name="n").to_pandas().dropna().set_index(KIND)["n"]
    kinds = {"malformed": len(raw.rejects)} if len(raw.rejects) else {}
    kinds |= known.astype(int).sort_index().to_dict()
    sides = parted(judged, params)
    counts = class_counts(sides, params)
    features = [column for column in source.columns if column not in params.data.not_features()]
    contradicting = contradictions(judged, features, target)
    by_fate, of_labels = fates(judged, sides, target), label_fates(judged)
    if "before_cutoff" in by_fate:
        kinds["before_cutoff"] = int(by_fate["before_cutoff"].sum())
    return Rows(
        raw.records_in_file,
        kinds,
        counts,
        features,
        lost_and_equal(by_fate),
        of_labels,
        contradicting,
        sample(sides, source, params),
    )
