"""Read a batch of live rows as prepare reads the raw source, without what only the future or the
whole table knows.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from sluice.core.command import UserError
from sluice.core.formats import RESERVED, is_parquet
from sluice.core.params import ROW_ID, Data
from sluice.core.private import show, without_values
from sluice.core.tables import read_csv
from sluice.data.cells import PROBLEM, conform
from sluice.data.derived import add_features
from sluice.data.sources import RECORD, REJECTS, Source, header_of, read
from sluice.drift.reference import counted
from sluice.gates.suite import Expected, Suite, expected, read_suite, without

LINE = (  # where a live row begins in its file; it is called "line" in what is written
    f"{RESERVED}line"
)
EXAMPLES = 5
OF_THE_WHOLE = (
    "expect_table_row_count",
    "expect_column_unique_value_count",
    "expect_column_kl_divergence",
    "expect_column_quantile",
)


@dataclass(frozen=True)
class Batch:
    """Live rows: `rows` carry `line`, where they begin in the file, and `labels` are theirs,
    missing where not known.

    `hidden` has the forbidden columns that the file holds, save those of the key, which are in
    `rows`. `left_out` has the columns of `rows`, of the rejected rows that could be read: labels
    may come for them.
    """

    rows: pd.DataFrame
    labels: pd.Series
    rejects: pd.DataFrame
    records: int
    hidden: pd.DataFrame
    left_out: pd.DataFrame


def live_source(path: Path, source: Source, data: Data) -> Source:
    """Return what the file at `path` is: the declared source, of which the target and forbidden
    columns may be lacking.
    """
    later = {data.target, *data.forbidden}
    live = source.model_copy(
        update={"path": path.as_posix(), "format": "parquet" if is_parquet(path) else "csv"}
    )
    if not path.is_file():
        raise UserError(f"{path} does not exist; name the file of the batch")
    try:
        found = pq.read_schema(path).names if live.format == "parquet" else header_of(live, path)
    except pa.ArrowInvalid:
        raise UserError(
            f"{path} is not a Parquet file; export it anew, or name it .csv if it is one"
        ) from None
    columns = {
        column: kind
        for column, kind in source.columns.items()
        if column in found or column not in later
    }
    return live.model_copy(update={"columns": columns})


def read_batch(path: Path, source: Source, data: Data, before: int = 0) -> Batch:
    """Return the rows of the batch at `path`, of their declared types; rows that do not conform are
    rejects with their reason.

    A row that stands twice stays: two of the same came. before: lines between the header and the
    first row, of a file of which this one is a part. Raises UserError where the columns are not
    those that were declared.
    """
    live = live_source(path, source, data)
    raw = read(ibis.duckdb.connect(), "batch", live, before)
    table = conform(raw.table, live)
    if data.target in live.columns:
        table = table.mutate(table[data.target].cast("string").name(data.target))
    rows = table.order_by(RECORD).to_pyarrow().to_pandas()
    rows[LINE] = raw.lines(rows[RECORD])
    bad = rows[rows[PROBLEM].notna()]
    rows = rows[rows[PROBLEM].isna()].reset_index(drop=True)
    labels = (
        rows[data.target]
        if data.target in rows
        else pd.Series(None, index=rows.index, dtype="str", name=data.target)
    )
    found = [
        column
        for column in live.columns
        if column in source.key or column not in (data.target, *data.forbidden)
    ]
    hidden = rows[
        [column for column in live.columns if column in data.forbidden and column not in found]
    ]
    return Batch(
        add_features(rows[[LINE, *found]], data),
        labels.astype("str"),
        _rejects(raw.rejects, bad[LINE], "bad_value", bad[PROBLEM]),
        raw.records_in_file,
        hidden,
        bad[[LINE, *found]],
    )


def once(batch: Batch, source: Source) -> Batch:
    """Return `batch` with its equal rows held as prepare holds them, so that it compares with what
    prepare made.

    They stay, unless a key or `equal_rows: drop` says that they are one thing: then repeats are
    rejects (duplicate), and so are all rows of one key that differ (key_conflict).
    """
    if not source.drops_equal:
        return batch
    table = pd.concat([batch.rows, batch.hidden, batch.labels], axis=1).drop(
        columns=[LINE, *source.no_content], errors="ignore"
    )
    repeated = table.duplicated()
    rivals = pd.Series(False, index=table.index)
    if source.key and set(source.key) <= set(table.columns):
        rivals |= (
            table[~repeated]
            .duplicated(source.key, keep=False)
            .reindex(table.index, fill_value=False)
        )
    out = repeated | rivals
    kind = repeated[out].map({True: "duplicate", False: "key_conflict"})
    lines, why = batch.rows.loc[out, LINE], kind.map(reasons(source.key))
    rejects = _rejects(batch.rejects, lines, kind, why)
    rows, labels, hidden = (
        side[~out].reset_index(drop=True) for side in (batch.rows, batch.labels, batch.hidden)
    )
    left_out = (
        pd.concat([batch.left_out, batch.rows[out]]) if len(batch.left_out) else batch.rows[out]
    )
    return Batch(rows, labels, rejects, batch.records, hidden, left_out)


def _rejects(
    others: pd.DataFrame, lines: pd.Series, kind: pd.Series | str, reason: pd.Series
) -> pd.DataFrame:
    """Return the table of rejects with those of `lines` added, in order of lines."""
    more = pd.DataFrame({"source": "batch", "line": lines, "kind": kind, "reason": reason})
    sides = [side for side in (others, more) if len(side)] or [more]
    return pd.concat(sides)[REJECTS].sort_values("line", ignore_index=True)


def reasons(key: list[str]) -> dict[str, str]:
    """Return why rows that are repeated, or that share their `key`, are left out, by kind."""
    return {
        "duplicate": "a row that was kept agrees in all columns",
        "key_conflict": f"other rows have the same key: {', '.join(key)}",
    }


def named_by(columns: list[str], key: list[str]) -> list[str]:
    """Return the columns that name a live row: the declared `key` where all of it came, else
    LINE.
    """
    return key if key and set(key) <= set(columns) else [LINE]


def written(column: str) -> str:
    """Return the name of a column of live rows in the files that are written, and in those with
    labels that come back.
    """
    return "line" if column == LINE else column


def with_labels(batch: Batch, path: Path, key: list[str], source: Source) -> Batch:
    """Return `batch` with the labels in the file at `path` (CSV or Parquet: the key's columns, else
    `line`, and the target).

    Labels of rows that were left out are not used. Raises UserError for a column that is lacking, a
    key that stands twice, and a row that the batch does not have.
    """
    by = named_by(list(batch.rows.columns), key)
    given, rows = _labels_of(path, str(batch.labels.name), by, source), _keys(batch.rows, by)
    left_out = batch.rejects.rename(columns={"line": LINE}) if by == [LINE] else batch.left_out
    wrong = {
        f"{path} names a row twice; give each one label": given.index[given.index.duplicated()],
        f"{path} names a row that the batch does not have": (
            given.index.difference(rows).difference(_keys(left_out, by))
        ),
        "the batch has a row twice, so that no label can be its own": rows[rows.duplicated()],
    }
    wrong = {what: names for what, names in wrong.items() if len(names)}
    if wrong:
        examples = {what: names.unique()[:EXAMPLES] for what, names in wrong.items()}
        show("labels", [f"{what}: {name}" for what, names in examples.items() for name in names])
        named = f"by {', '.join(by)}"
        raise UserError(
            "\n".join(f"{what} ({_times(len(names))}, {named})" for what, names in wrong.items())
        )
    labels = given.reindex(rows)
    labels.index = batch.rows.index
    labels = labels.fillna(batch.labels).astype("str").rename(batch.labels.name)
    return replace(batch, labels=labels)


def _labels_of(path: Path, target: str, by: list[str], source: Source) -> pd.Series:
    """Return the labels that the file at `path` gives, by the name of their row; raises UserError
    where it is no table of labels.
    """
    try:
        table = _read_labels(path, source.delimiter)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; name the file with the labels") from None
    except (pa.ArrowInvalid, ValueError) as error:
        raise UserError(
            f"{path} is no table of labels: {without_values(str(error).splitlines()[0], [])}"
        ) from None
    named = [written(column) for column in by]
    if lacking := [column for column in [*named, target] if column not in table.column_names]:
        raise UserError(
            f"{path} lacks the columns {', '.join(lacking)}; it needs {', '.join(named)}, which"
            f" name the row, and {target}"
        )
    kinds: dict[str, str] = {LINE: "integer", **source.columns}
    table = table.select([*named, target]).rename_columns([*by, target])
    cells = _conformed(table, path, kinds, source)
    return pd.Series(cells[target].to_numpy(), index=_keys(cells, by)).dropna()


def _read_labels(path: Path, delimiter: str) -> pa.Table:
    """Return the file of labels at `path`: text, or of Parquet what has a type already."""
    if not is_parquet(path):
        cells = read_csv(path, sep=delimiter, dtype="str", keep_default_na=False)
        return pa.Table.from_pandas(cells, preserve_index=False)
    table = pq.read_table(path, partitioning=None)
    kinds = {
        one.name: one.type.value_type if pa.types.is_dictionary(one.type) else one.type
        for one in table.schema
    }
    return table.cast(pa.schema(list(kinds.items())))


def _conformed(table: pa.Table, path: Path, kinds: dict[str, str], source: Source) -> pd.DataFrame:
    """Return the cells of `table`, which was read from `path`, as prepare reads those of the raw
    source: 1.0 is 1, a missing word none.

    The target, last, is text. Raises UserError where a cell is not of the kind that was declared.
    """
    declared = {column: kinds[column] for column in table.column_names}
    raw = ibis.memtable(table.append_column(RECORD, pa.array(range(len(table)))))
    typed = conform(raw, source.model_copy(update={"columns": declared})).order_by(RECORD)
    target = table.column_names[-1]
    typed = typed.mutate(typed[target].cast("string").name(target))
    found = ibis.duckdb.connect().to_pandas(typed)
    if (wrong := found[PROBLEM].dropna()).size:
        raise UserError(
            f"{path}: {len(wrong):,} rows are not what data/sources.yaml declares; mend the file:"
            f" {wrong.iloc[0]}"
        )
    return found


def check_labels(labels: pd.Series, classes: list[str]) -> None:
    """Raise UserError for a label that the model does not know."""
    if strangers := sorted(set(labels.dropna()) - set(classes)):
        show("labels", strangers[:EXAMPLES])
        n = int(labels.isin(strangers).sum())
        known = f"the model knows {', '.join(classes)}; mend or retrain"
        raise UserError(
            f"the labels hold {len(strangers)} classes, in {n:,} rows, that the model does not"
            f" know: {known}"
        )


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n:,} times"


def _keys(table: pd.DataFrame, by: list[str]) -> pd.Index:
    """Return a name for each row, of the values of its key as text."""
    return pd.Index(
        ["/".join(parts) for parts in zip(*(_name(table[column]) for column in by), strict=True)]
    )


def _name(values: pd.Series) -> pd.Series:
    """Return `values` as text, each in a form that does not depend on the others; one that is
    missing is empty.
    """
    if is_datetime64_any_dtype(values):
        return (
            values.map(lambda value: value.isoformat(), na_action="ignore").astype("str").fillna("")
        )
    text = values.astype("str").fillna("").str.strip()
    return (
        text.str.removesuffix(".0") if is_numeric_dtype(values) else text
    )  # 5 is 5.0 beside a missing one; v1.0 is not v1


def live_suite(path: Path, data: Data) -> dict[str, Any]:
    """Return the suite of the prepared tables as it holds for live rows; one that is broken comes
    back as it is, for the gate to say so.

    Left out is what holds for the whole table only (its number of rows, of different values, the
    shares of values: drift judges these), and what names the target, the row_id, or the time, which
    goes on.
    """
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
        kept = [live for one in suite["expectations"] if (live := _of_live_rows(one, data))]
        meta = {**suite.get("meta", {}), "copy_of": path.as_posix()}
    except FileNotFoundError:
        raise UserError(
            f"{path} does not exist; restore it from git: rows without a suite pass nothing"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is no suite; restore it from git") from None
    return {**suite, "name": "suite", "meta": meta, "expectations": kept}


def _of_live_rows(one: dict[str, Any], data: Data) -> dict[str, Any] | None:
    """Return an expectation as it holds for live rows, None if it does not."""
    if one["type"].startswith(OF_THE_WHOLE) or data.time in Expected(0, one, None).columns:  # type: ignore[arg-type]
        return None
    return without(one, [data.target, ROW_ID, *data.forbidden])


def critical(path: Path, data: Data) -> Suite:
    """Return what of the suite that `live_suite` returns is critical, numbered as in its file.

    Raises UserError for all that is wrong with the file, and where nothing is left, since nothing
    would be judged.
    """
    suite = read_suite(path)
    if suite.problems:
        raise UserError("\n".join(suite.problems))
    kept = [
        (e.nth, _of_live_rows(e.raw, data), e.line)
        for e in suite.expected
        if e.raw["severity"] == "critical"
    ]
    found = [expected(nth, raw, line) for nth, raw, line in kept if raw]
    if not found:
        raise UserError(
            f"{path} has no critical expectation that holds for live rows, so that it would stop"
            " nothing; make one critical"
        )
    return replace(suite, expected=found)


def beside(reference: dict[str, Any], X: pd.DataFrame) -> pd.DataFrame:
    """Return one row per feature: its missing share and, of text, the share of values that the
    reference does not name, then and now.

    `unnamed`: how many different values these are now.
    """
    rows, values = [], list[str]()
    for column, bins in reference["features"].items():
        live, shares = counted(X[column], bins), dict[str, Any]()
        for name, counts in (("reference", bins["test"]), ("live", live)):
            n = max(1, sum(counts))
            shares |= {
                f"missing_{name}": counts[-1] / n,
                f"unnamed_{name}": counts[-2] / n if "values" in bins else None,
            }
        new = sorted(set(X[column].dropna()) - set(bins["values"])) if "values" in bins else []
        rows.append(
            {
                "feature": column,
                "rows": len(X),
                **shares,
                "unnamed": len(new) if "values" in bins else None,
            }
        )
        values += [f"{column}: {value}" for value in new[:EXAMPLES]]
    show("batch_values", values)
    return pd.DataFrame(rows)
