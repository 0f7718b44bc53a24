"""Read the raw files that data/sources.yaml declares, strictly: header first, nothing guessed,
nothing lost unseen.
"""

import codecs
import csv
import glob
import io
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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

from sluice.core.command import UserError
from sluice.core.formats import (
    CUT_OFF,
    INDEX_LEVEL,
    MAX_COLUMNS,
    RESERVED,
    date_pattern,
    ending,
    is_index,
    on_one_line,
    opened,
    rows_of,
    wrong_names,
)
from sluice.core.numbers import AFTER, UNIT_BEFORE, Notation
from sluice.core.schema import Section, load

REJECTS = ["source", "line", "kind", "reason"]
AS_IT_IS = {
    "hive_partitioning": False,
    "filename": False,
    "union_by_name": False,
}  # a path is no data
RECORD, INDEX_COLUMN = f"{RESERVED}record", f"{RESERVED}index"


class NumberFormat(Section):
    """How the numbers of a column are written, as `numbers.Notation` says it; without a decimal
    mark it is that of the source.
    """

    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    before: Annotated[str, Field(pattern=UNIT_BEFORE)] = ""
    after: Annotated[str, Field(pattern=AFTER)] = ""
    negative: Literal["minus", "parentheses", "trailing"] = "minus"


class Source(Section):
    """One raw file: where it is, how it is written, what its columns hold."""

    path: str
    format: Literal["csv", "parquet"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "utf-16", "cp1252", "latin-1"] = "utf-8"
    decimal: Literal[".", ","] = "."
    missing: list[str]
    missing_in: dict[str, list[str]] = Field(default_factory=dict)
    records: Annotated[int, Field(ge=1)] | None = None
    number_formats: dict[str, NumberFormat] = Field(default_factory=dict)
    one_spelling: list[str] = Field(default_factory=list)
    ignore_case: list[str] = Field(default_factory=list)
    date_formats: dict[str, str] = Field(default_factory=dict)
    key: list[str]
    equal_rows: Literal["together", "separate", "drop"] = "together"
    no_content: list[str] = Field(default_factory=list)
    columns: Annotated[
        dict[str, Literal["text", "integer", "number", "boolean", "date"]],
        Field(min_length=1, max_length=MAX_COLUMNS),
    ]

    @model_validator(mode="after")
    def names_are_declared(self) -> Self:
        """The key and the columns without content are declared columns, and no column is both."""
        wrong = [
            f"{setting} names {column!r}, which columns does not declare"
            for setting, names in (
                ("key", self.key),
                ("no_content", self.no_content),
                ("missing_in", self.missing_in),
            )
            for column in names
            if column not in self.columns
        ]
        wrong += [
            f"no_content names {column!r}, which key names: what tells rows apart is content"
            for column in self.no_content
            if column in self.key
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def columns_have_names_that_can_be(self) -> Self:
        """What a file cannot call its columns cannot be declared either."""
        if wrong := wrong_names(list(self.columns)):
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def date_formats_are_of_dates(self) -> Self:
        """Each column with a date format is declared as a date, and its format can be read."""
        for column, written in self.date_formats.items():
            if self.columns.get(column) != "date":
                raise ValueError(
                    f"date_formats names {column!r}, which columns does not declare as a date"
                )
            date_pattern(written)
        return self

    @model_validator(mode="after")
    def spellings_are_of_their_types(self) -> Self:
        """What is said of numbers, or of text, is said of columns of that type, and no mark has
        two meanings.
        """
        of_numbers = {"number_formats": self.number_formats, "one_spelling": self.one_spelling}
        wrong = [
            f"{setting} names {column!r}, which columns does not declare as {' or '.join(kinds)}"
            for names, kinds in (
                (of_numbers, ("integer", "number")),
                ({"ignore_case": self.ignore_case}, ("text",)),
            )
            for setting, columns in names.items()
            for column in columns
            if self.columns.get(column) not in kinds
        ]
        for column in self.number_formats:
            if (notation := self.notation(column)).decimal == notation.thousands:
                wrong.append(
                    f"number_formats.{column} has {notation.decimal!r} as decimal mark and between"
                    " thousands; name both"
                )
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def notation(self, column: str) -> Notation:
        """Return how the numbers of `column` are written."""
        declared = self.number_formats.get(column, NumberFormat())
        return Notation(**{**declared.model_dump(), "decimal": declared.decimal or self.decimal})

    def missing_words(self, column: str) -> list[str]:
        """Return the words that mean missing in `column`."""
        return self.missing_in.get(column, self.missing)

    @property
    def drops_equal(self) -> bool:
        """Whether of rows that agree in all columns only the first is kept: a key says that they
        are one thing, or `equal_rows` does.
        """
        return bool(self.key) or self.equal_rows == "drop"


class Sources(Section):
    """The whole of data/sources.yaml."""

    sources: Annotated[dict[str, Source], Field(min_length=1, max_length=1)]


@dataclass(frozen=True)
class Raw:
    """A source as it was read: `table` has every column, of CSV as text, and `record`, the nth
    accepted row from 1.

    `starts` has the line on which each record of the file begins (its header is on line 1),
    accepted or not.
    """

    table: ibis.Table
    rejects: pd.DataFrame
    starts: np.ndarray

    @property
    def records_in_file(self) -> int:
        """How many records the file has, counted apart from the reader that must find them all."""
        return len(self.starts)

    def lines(self, records: pd.Series) -> np.ndarray:
        """Return the lines on which accepted rows, given as `record`, begin."""
        return np.setdiff1d(self.starts, self.rejects["line"])[records.to_numpy() - 1]


def check_records(raw: Raw, name: str, source: Source) -> None:
    """Raise UserError where data/sources.yaml says how many records the file must have, and it
    has another number.
    """
    if source.records is not None and raw.records_in_file != source.records:
        raise UserError(
            f"{source.path} has {raw.records_in_file:,} records, must have {source.records:,}"
            f" (sources.{name}.records in data/sources.yaml): it is cut off, or another file; copy"
            " it anew from where it came"
        )


def load_sources() -> Sources:
    """Return the checked data/sources.yaml; raises UserError with every problem in it."""
    return load("data/sources.yaml", Sources)


def read(con: Any, name: str, source: Source, before: int = 0) -> Raw:
    """Return the rows of `source`, those of CSV all as text, on the DuckDB connection `con` of
    Ibis.

    before: how many lines of a larger file, of which this one is a part, lie between the header and
    its first row.

    Rows that are no rows of this table (too few or many fields, broken quotes or encoding) are
    rejects with their line. Raises UserError where the file is missing, empty, truncated, no such
    format, or its columns are not the declared ones.
    """
    path = Path(source.path)
    if not path.is_file():
        raise UserError(
            f"data/sources.yaml: sources.{name}.path is {source.path!r}, where there is no file;"
            " mend the path or put it there"
        )
    try:
        if source.format == "parquet":
            return _read_parquet(con, name, source, path, before)
        with readable(path, source) as (plain, encoding):
            return _read_csv(
                con, name, source.model_copy(update={"encoding": encoding}), plain, before
            )
    except (duckdb.Error, csv.Error) as error:
        raise UserError(
            f"{path} cannot be read: {str(error).splitlines()[0]}; compare it with"
            " data/sources.yaml"
        ) from None


@contextmanager
def readable(path: Path, source: Source) -> Iterator[tuple[Path, str]]:
    """Yield a file that DuckDB can read as it is, and its encoding: `path`, or a copy in UTF-8 for
    as long as it is read.

    A byte that its encoding does not know stays as it is, so that no UTF-8 comes of it and its row
    is rejected.
    """
    marked = source.encoding == "utf-8" and _begins_quoted(path)
    if (
        ending(path) not in (".bz2", ".xz", ".zip")
        and source.encoding in ("utf-8", "latin-1")
        and not marked
    ):
        yield path, source.encoding
        return
    unknown = "surrogatepass" if source.encoding == "utf-16" else "surrogateescape"
    decoder = codecs.getincrementaldecoder("utf-8-sig" if marked else source.encoding)(unknown)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "copy.csv")
        try:
            with opened(path) as file, copy.open("wb") as out:
                while part := file.read(2**20):
                    out.write(decoder.decode(part).encode("utf-8", unknown))
                out.write(decoder.decode(b"", final=True).encode("utf-8", unknown))
            yield copy, "utf-8"
        except UnicodeError as error:
            raise UserError(
                f"{path} is not {source.encoding} ({error}); data/sources.yaml declares the"
                " encoding"
            ) from None
        except UserError as refusal:  # its reader knows the copy only
            said = (
                str(refusal)
                .replace(str(copy), str(path))
                .replace("is not utf-8", f"is not {source.encoding}")
            )
            raise UserError(said) from None


def _begins_quoted(path: Path) -> bool:
    """Whether a quote follows the mark of UTF-8: DuckDB takes it for a sign, and a line break in
    that name for the end of the header.
    """
    with opened(path) as file:
        return bool(file.read(4) == codecs.BOM_UTF8 + b'"')


def _read_csv(con: Any, name: str, source: Source, path: Path, before: int) -> Raw:
    header = header_of(source, path)
    header = [INDEX_COLUMN if is_index(header) else header[0], *header[1:]]
    _check_columns(name, source, path, header)
    rows, is_record, is_ended = row_lines(path, source, before)
    con.raw_sql(_csv_query(source, path, header))
    query = (
        "SELECT line, min(lower(error_type)) AS what, arg_min(error_message, lower(error_type)) AS"
        " why FROM reject_errors GROUP BY line"
    )
    found = con.raw_sql(query).df().sort_values("line", ignore_index=True)
    accepted = int(con.table("raw").count().to_pandas())
    if found["line"].max() > len(rows) or accepted + len(found) != is_record[1:].sum():
        raise UserError(
            f"{path}: readers differ on where its rows end; are line feeds and carriage returns"
            " mixed? Export it with one of them"
        )
    line = rows[
        found["line"].to_numpy(dtype="int64") - 1
    ]  # DuckDB counts rows, blank ones too, where a row can span lines
    if not is_ended and len(line) and line.max() == rows[-1]:
        raise UserError(f"{path} {CUT_OFF.format(rows[-1])}")
    rejects = pd.DataFrame(
        {
            "source": name,
            "line": line,
            "kind": "malformed",
            "reason": found["what"] + ": " + found["why"],
        }
    )
    return Raw(con.table("raw"), rejects[REJECTS], rows[is_record][1:])


def _csv_query(source: Source, path: Path, header: list[str]) -> str:
    """Return the query that reads a CSV file as text into the table raw, its rows numbered."""
    columns = ", ".join(f"{_quoted(column)}: 'VARCHAR'" for column in header)
    options = (
        f"header=true, delim={_quoted(source.delimiter)}, quote='\"', escape='\"',"
        f" encoding={_quoted(source.encoding)}"
    )
    packed = "gzip" if ending(path) == ".gz" else "none"
    as_it_is = ", ".join(f"{name}={value}" for name, value in AS_IT_IS.items())
    named = f"* EXCLUDE ({INDEX_COLUMN})" if INDEX_COLUMN in header else "*"
    return (
        f"CREATE TEMP TABLE raw AS SELECT row_number() OVER () AS {RECORD}, {named} FROM"
        f" read_csv({_quoted(_literal(path))}, {as_it_is}, compression={_quoted(packed)},"
        f" auto_detect=false, columns={{{columns}}}, {options}, nullstr='', strict_mode=true,"
        " store_rejects=true, rejects_limit=0)"
    )


def _read_parquet(con: Any, name: str, source: Source, path: Path, before: int) -> Raw:
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid:
        raise UserError(
            f"{path} is not a Parquet file; sources.{name}.format in data/sources.yaml says that"
            " it is"
        ) from None
    _check_columns(name, source, path, named_columns(schema))
    if wrong := unreadable(schema):
        raise UserError("\n".join(f"{path}: {problem}" for problem in wrong))
    table = con.read_parquet(_literal(path), **AS_IT_IS)
    raw = con.create_table(
        "raw", table.select((ibis.row_number() + 1).name(RECORD), *source.columns), temp=True
    )
    return Raw(
        raw,
        pd.DataFrame(columns=REJECTS).astype({"line": "int64"}),
        np.arange(pq.read_metadata(path).num_rows) + 2 + before,
    )


def named_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of a Parquet file, without the index that pandas writes along where it
    has no name.
    """
    return [name for name in schema.names if not re.fullmatch(INDEX_LEVEL, name)]


def unreadable(schema: pa.Schema) -> list[str]:
    """Return a sentence for each column of a Parquet file whose type holds no single value that
    a table here can take.
    """
    lists = [field.name for field in schema if pa.types.is_nested(field.type)]
    blobs = [
        field.name
        for field in schema
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)
    ]
    said = (
        [
            f"{', '.join(lists)} holds lists or structures; a table here has one value a cell, so"
            " unfold them first"
        ]
        if lists
        else []
    )
    return said + (
        [f"{', '.join(blobs)} holds bytes; write them as text, or leave them out of the file"]
        if blobs
        else []
    )


def as_text(column: ibis.Value) -> ibis.Value:
    """Return a column of any type as text: a time stamp with a zone as that of UTC, what is not
    a number as missing.
    """
    kind = column.type()
    if kind.is_timestamp() and kind.timezone:
        column = column.cast("timestamp('UTC')").cast("timestamp")
    elif kind.is_floating():
        column = ibis.ifelse(column.isnan(), None, column)
    elif kind.is_boolean():  # as Python writes them, and pandas a CSV file
        column = ibis.cases((column, "True"), (~column, "False"))
    return column if kind.is_string() else column.cast("string")


def _literal(path: Path) -> str:
    """Return a path as DuckDB has to be given it, to which *, ? and [ are patterns and ~ is a
    folder.
    """
    return glob.escape(str(path.absolute()))


def _quoted(text: str) -> str:
    """Return `text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def header_of(source: Source, path: Path) -> list[str]:
    """Return the names of the columns in the first record of a CSV file, which may span lines; a
    line break in a name is a space.
    """
    with opened(path) as file:
        header = header_lines(file, source, path)
    text = [
        line.decode("utf-8" if source.encoding == "utf-16" else source.encoding) for line in header
    ]
    return on_one_line(next(csv.reader(text, delimiter=source.delimiter)))


def header_lines(file: Any, source: Source, path: Path) -> list[bytes]:
    """Return the lines of the first record of a CSV file, in UTF-8 where the file is in UTF-16,
    whose line feed is two bytes.

    Raises UserError where they name no columns.
    """
    encoding, lines = source.encoding, list[bytes]()
    if encoding == "utf-16":
        encoding, file = (
            "utf-8",
            (
                line.encode()
                for line in io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
            ),
        )

    def decoded() -> Iterator[str]:
        for line in file:
            lines.append(line if lines else line.removeprefix(b"\xef\xbb\xbf"))
            if b"\r" in line.strip():
                raise UserError(
                    f"{path}: its lines end in carriage returns alone; export it with line feeds"
                )
            yield lines[-1].decode(encoding)

    try:
        next(csv.reader(decoded(), delimiter=source.delimiter), None)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: its header is not {source.encoding} (byte {error.start}); data/sources.yaml"
            " declares the encoding"
        ) from None
    if not lines or not lines[0].strip():
        raise UserError(
            f"{path} is empty or begins with an empty line; its first line must name the columns"
        )
    return lines


def _check_columns(name: str, source: Source, path: Path, found: list[str]) -> None:
    """Raise UserError unless `found` are the declared columns, each once, in any order."""
    if len(found) == 1 and len(source.columns) > 1:
        declared = (
            f"sources.{name} in data/sources.yaml has the delimiter {source.delimiter!r}: is it"
            " another?"
        )
        raise UserError(f"{path} has one column; {declared}")
    if not set(found) & set(
        source.columns
    ):  # without a header a row stands there, which is not to be quoted
        raise UserError(
            f"{path} has none of the columns that data/sources.yaml declares (sources.{name}); does"
            " its first line name them?"
        )
    counts = Counter(column.lower() for column in found)  # DuckDB does not tell "Size" from "size"
    twice = {
        column.lower(): column for column in found if column and counts[column.lower()] > 1
    }.values()
    problems = [f"two columns named {column!r}: each needs a name of its own" for column in twice]
    problems += [
        f"no name for column {nth}: give it one"
        for nth, column in enumerate(found, 1)
        if not column
    ]
    problems += [
        f"no column {column!r}, which data/sources.yaml declares"
        for column in source.columns
        if column not in found
    ]
    problems += [
        f"a column {column!r}, which data/sources.yaml does not declare"
        for column in found
        if column and column != INDEX_COLUMN and column not in source.columns
    ]
    if problems:
        raise UserError("\n".join(f"{path} has {problem} (sources.{name})" for problem in problems))


def row_lines(path: Path, source: Source, before: int = 0) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the line on which each row of a CSV file begins, which rows are the header or records,
    and if its last line is ended.

    A blank line is a record, a missing value, in a file of one column. Found by Python alone, so
    that what DuckDB reads can be held against it. Raises UserError as `rows_of` does.
    """
    rows = rows_of(path, source.delimiter, source.encoding, before)
    is_record = np.frombuffer(rows.filled, dtype=bool) | (len(source.columns) == 1)
    return np.array(rows.starts, dtype="int64"), is_record, rows.is_ended
