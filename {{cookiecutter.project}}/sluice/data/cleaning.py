"""Prepare a source: type its cells, reject what cannot be used, split the rest, and count what
became of every row.
"""

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
from ibis import _

from sluice.core.params import ROW_ID, Params
from sluice.core.private import show, shows_values
from sluice.data.assigning import IS_TEST, assign
from sluice.data.cells import conform
from sluice.data.groups import check_audit
from sluice.data.rejecting import (
    EQUAL,
    KIND,
    KINDS,
    REASON,
    N,
    check_classes,
    check_target,
    reject,
)
from sluice.data.shares import lost_and_equal
from sluice.data.sources import RECORD, Raw, Source

MANY_COLUMNS = 100  # from here on DuckDB's optimizer of common expressions takes too long


@dataclass(frozen=True)
class Prepared:
    """Rows of a source after preparation: `rows` are accepted and carry IS_TEST; `rejects` say why
    the others are not.

    `counts`: how many rows of each class (index) were kept, are equal to an earlier one, or were
    left out (see `fates`).
    """

    rows: ibis.Table
    rejects: pd.DataFrame
    counts: pd.DataFrame


def prepare(raw: Raw, name: str, source: Source, params: Params) -> Prepared:
    """Return the rows of `raw` in a total order that follows from their values, and every
    rejected one with its reason.
    """
    con, data = raw.table.get_backend(), params.data
    target = data.target
    # a table for each step: in one query DuckDB would plan every column's expressions inside each
    # other
    conformed = con.create_table("conformed", conform(raw.table, source, target), temp=True)
    judged = reject(conformed, params, source).mutate(_[target].cast("string").name(target))
    judged = con.create_table("judged", judged, temp=True)
    kept = judged.filter(_[KIND].isnull())
    check_classes(judged, target, source)
    check_target(kept, target, name, judged, raw)
    check_audit(kept, data)
    assigned = con.create_table("assigned", assign(kept, params), temp=True)
    _show_bad_values(raw, name, judged)
    rejects = [raw.rejects, *(_rejects(raw, name, table) for table in (judged, assigned))]
    not_empty = [table for table in rejects if len(table)] or rejects[:1]
    rows = assigned.filter(_[KIND].isnull()).order_by([*source.columns, ROW_ID])
    seen = [column for column in source.columns if column not in data.forbidden]
    return Prepared(
        rows.select(*seen, ROW_ID, IS_TEST),
        pd.concat(not_empty).sort_values("line", ignore_index=True),
        fates(judged, assigned, target),
    )


def _rejects(raw: Raw, name: str, table: ibis.Table) -> pd.DataFrame:
    """Return the rows of `table` that have a KIND, as the file of rejects lists them."""
    found = table.filter(_[KIND].notnull()).select(RECORD, KIND, REASON).to_pandas()
    columns = {"source": name, "line": raw.lines(found[RECORD])}
    return pd.DataFrame(columns | {"kind": found[KIND], "reason": found[REASON]})


def _show_bad_values(raw: Raw, name: str, judged: ibis.Table) -> None:
    """Print the rows with a bad value, if whoever runs this asked for values."""
    if not shows_values():
        return
    wrong = judged.filter(_[KIND] == "bad_value").select(RECORD)
    found = raw.table.semi_join(wrong, RECORD).order_by(RECORD).to_pandas()
    cells = zip(
        raw.lines(found[RECORD]), found.drop(columns=RECORD).to_dict("records"), strict=True
    )
    show("rejects", [f"{name}, line {line}: {row}" for line, row in cells])


def fates(judged: ibis.Table, assigned: ibis.Table, target: str) -> pd.DataFrame:
    """Return how many rows of each class (index) were kept, are equal to an earlier one among
    these, or were left out, by kind.

    judged: what `reject` returns; assigned: what `assign` makes of its kept rows.
    """
    parts = [
        table.group_by([target, KIND, EQUAL]).agg(_.count().name(N)).to_pandas()
        for table in (judged.filter(_[KIND].isin(["duplicate", "key_conflict"])), assigned)
    ]
    found = pd.concat([part for part in parts if len(part)])
    found[KIND] = found[KIND].astype("object").fillna("kept")
    equal = found[(found[KIND] == "kept") & found[EQUAL]].assign(**{KIND: "equal"})
    return pd.concat([found, equal]).pivot_table(
        index=target, columns=KIND, values=N, aggfunc="sum", fill_value=0
    )


def summarise(prepared: Prepared, raw: Raw, name: str, source: Source) -> pd.DataFrame:
    """Return the table of sources: how many records the file has, and where each of them went."""
    kinds = prepared.rejects["kind"].value_counts()
    sides = prepared.rows[IS_TEST].value_counts(name=N).to_pandas().set_index(IS_TEST)[N]
    row: dict[str, Any] = {"source": name, "path": source.path, "records": raw.records_in_file}
    row |= {kind: int(kinds.get(kind, 0)) for kind in KINDS}
    row |= {"train": int(sides.get(False, 0)), "test": int(sides.get(True, 0))}
    row["unaccounted"] = (
        row["records"] - sum(row[kind] for kind in KINDS) - row["train"] - row["test"]
    )
    unusable = row["malformed"] + row["bad_value"] + row["unlabelled"] + row["key_conflict"]
    return pd.DataFrame(
        [row | {"unusable_share": unusable / max(row["records"], 1)} | shares(row, prepared.counts)]
    )


def shares(row: dict[str, Any], counts: pd.DataFrame) -> dict[str, Any]:
    """Return what the `row` of a source goes on with: shares of duplicate, equal and lost rows, and
    their classes.

    `before_cutoff_share` is of the rows that could have been training rows. counts: see `fates`.
    """
    classes = lost_and_equal(counts)
    before = row["before_cutoff"] + row["train"]
    found = {
        f"{kind}_share": n / max(row["records"], 1)
        for kind, n in (("duplicate", row["duplicate"]), ("equal", classes["equal"]))
    }
    return found | {"before_cutoff_share": row["before_cutoff"] / max(before, 1)} | classes


def write_rows(rows: ibis.Table, path: Path) -> None:
    """Write `rows` to `path` as Parquet, in their order; raises OSError where that is not
    possible, as Python does.
    """
    try:
        rows.to_parquet(path)
    except duckdb.IOException as error:
        raise OSError(errno.EIO, str(error).splitlines()[0], str(path)) from None
