"""Read the raw files that data/sources.yaml declares, strictly: header first, nothing guessed, nothing lost unseen."""

import csv
import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from stages.command import Refused
from stages.schema import Section, load

REJECTS = ["source", "line", "kind", "reason"]


class Source(Section):
    """One raw file: where it is, how it is written, what its columns hold."""

    path: str
    format: Literal["csv", "parquet"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    missing: list[str]
    key: list[str]
    columns: Annotated[dict[str, Literal["text", "integer", "number", "boolean", "date"]], Field(min_length=1)]

    @model_validator(mode="after")
    def key_is_declared(self) -> Self:
        """The key is made of declared columns."""
        if unknown := [column for column in self.key if column not in self.columns]:
            raise ValueError(f"key names {', '.join(unknown)}, which columns does not declare")
        return self


class Sources(Section):
    """The whole of data/sources.yaml."""

    sources: Annotated[dict[str, Source], Field(min_length=1, max_length=1)]


@dataclass(frozen=True)
class Raw:
    """A source as it was read: `table` has every column as text and `record`, the nth accepted row from 1."""

    table: ibis.Table
    rejects: pd.DataFrame
    records_in_file: int

    def lines(self, records: pd.Series) -> pd.Series:
        """Return the place in the file (the header is 1) of accepted rows, given as `record`."""
        rejected = np.sort(self.rejects["line"].unique())
        before = np.searchsorted(rejected - np.arange(len(rejected)) - 2, records, side="left")  # rejects that stand before
        return records + 1 + before


def load_sources() -> Sources:
    """Return the checked data/sources.yaml; raises Refused with every problem in it."""
    return load("data/sources.yaml", Sources)


def read(con: Any, name: str, source: Source) -> Raw:
    """Return the rows of `source`, all as text, on the DuckDB connection `con` of Ibis.

    Rows that are no rows of this table (too few or many fields, broken quotes or encoding) are rejects with their line.
    Raises Refused where the file is missing, empty, truncated, no such format, or its columns are not the declared ones.
    """
    path = Path(source.path)
    if not path.is_file():
        raise Refused(f"data/sources.yaml: sources.{name}.path is {source.path!r}, where there is no file; mend the path or put it there")
    try:
        return _read_csv(con, name, source, path) if source.format == "csv" else _read_parquet(con, name, source, path)
    except (EOFError, gzip.BadGzipFile) as error:
        raise Refused(f"{path} is a broken gzip file ({error}); copy it anew from where it came") from None
    except duckdb.Error as error:
        raise Refused(f"{path} cannot be read: {str(error).splitlines()[0]}; compare it with data/sources.yaml") from None


def _read_csv(con: Any, name: str, source: Source, path: Path) -> Raw:
    header = _header(source, path)
    _check_columns(name, source, path, header)
    records = count_records(path, source)
    columns = ", ".join(f"{_quoted(column)}: 'VARCHAR'" for column in header)
    options = f"header=true, delim={_quoted(source.delimiter)}, quote='\"', escape='\"', encoding={_quoted(source.encoding)}"
    con.raw_sql(
        f"CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS record, * FROM read_csv({_quoted(str(path))},"
        f" auto_detect=false, columns={{{columns}}}, {options}, nullstr='', strict_mode=true, store_rejects=true, rejects_limit=0)"
    )
    rejects = con.raw_sql("SELECT line, min(lower(error_type)) AS kind, min(error_message) AS reason FROM reject_errors GROUP BY line").df()
    rejects = rejects.assign(source=name, reason=rejects["kind"] + ": " + rejects["reason"], kind="malformed")
    return Raw(con.table("raw"), rejects[REJECTS].sort_values("line", ignore_index=True), records)


def _read_parquet(con: Any, name: str, source: Source, path: Path) -> Raw:
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid:
        raise Refused(f"{path} is not a Parquet file; sources.{name}.format in data/sources.yaml says that it is") from None
    _check_columns(name, source, path, schema.names)
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise Refused(f"{path}: {', '.join(nested)} holds lists or structures; a table here has one value a cell, so unfold them first")
    table = con.read_parquet(path)
    text = {column: table[column].cast("string") for column in source.columns}
    raw = con.create_table("raw", table.select(record=ibis.row_number() + 1, **text), temp=True)
    return Raw(raw, pd.DataFrame(columns=REJECTS), pq.read_metadata(path).num_rows)


def _quoted(text: str) -> str:
    """Return `text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _open(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _header(source: Source, path: Path) -> list[str]:
    """Return the names in the first line of a CSV file."""
    with _open(path) as file:
        line = file.readline().removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        raise Refused(f"{path} is empty or begins with an empty line; its first line must name the columns")
    try:
        return next(csv.reader([line.decode(source.encoding)], delimiter=source.delimiter))
    except UnicodeDecodeError as error:
        raise Refused(
            f"{path}: its header is not {source.encoding} (byte {error.start}); data/sources.yaml declares the encoding"
        ) from None


def _check_columns(name: str, source: Source, path: Path, found: list[str]) -> None:
    """Raise Refused unless `found` are the declared columns, each once, in any order."""
    problems = []
    if len(found) == 1 and len(source.columns) > 1:
        problems.append(f"one column {found[0][:80]!r}, with the delimiter {source.delimiter!r}: is it another?")
    twice = sorted({column for column in found if found.count(column) > 1})
    problems += [f"two columns named {column!r}: each needs a name of its own" for column in twice]
    problems += [f"no column {column!r}, which data/sources.yaml declares" for column in source.columns if column not in found]
    problems += [f"a column {column!r}, which data/sources.yaml does not declare" for column in found if column not in source.columns]
    if problems:
        raise Refused("\n".join(f"{path} has {problem} (sources.{name})" for problem in problems))


def count_records(path: Path, source: Source) -> int:
    """Return how many records a CSV file has after its header, counted apart from the reader that must find them all.

    Blank lines are none, save in a file of one column, where they are missing values. Raises Refused for NUL bytes.
    """
    quoted, lines, one_column = False, 0, len(source.columns) == 1
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if b"\0" in line:
                raise Refused(f"{path}: line {number} holds a NUL byte; it is not a text file, or is broken: export it anew")
            quoted = quoted or b'"' in line
            lines += one_column or bool(line.strip(b"\r\n"))
    if not quoted:
        return lines - 1
    with _open(path) as file:
        rows = csv.reader(io.TextIOWrapper(file, encoding=source.encoding, errors="replace", newline=""), delimiter=source.delimiter)
        return sum(1 for row in rows if row or one_column) - 1
