"""Derived columns: what the project's stages/features.py adds to cleaned rows, in training and in
service alike.
"""

import ast
import hashlib
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from sluice.core.command import UserError
from sluice.core.formats import RESERVED, wrong_names
from sluice.core.params import Data
from sluice.core.tables import atomic_write

SOURCE = Path("stages/features.py")
DTYPES = {  # of the types in data/sources.yaml, as prepared tables have them
    "text": "str",
    "integer": "int64",
    "number": "float64",
    "boolean": "int64",
    "date": "datetime64[us]",
}
WHERE = f"{SOURCE.as_posix()}: add_features"


def add_features(rows: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return `rows` and, after their columns, those that the project derives from them.

    The project's function sees neither the target nor columns of the engine. Numbers and booleans
    come back as float64. Raises UserError, all problems at once, if it fails or does more than add
    columns.
    """
    hidden = (data.target, *data.forbidden)
    seen = rows[[one for one in rows.columns if one not in hidden and not one.startswith(RESERVED)]]
    made = _call(seen)
    if problems := _problems(seen, made):
        raise UserError("\n".join(problems))
    new = [column for column in made.columns if column not in seen.columns]
    return pd.concat([rows, made[new].apply(_as_stored)], axis=1)


def derived_columns(columns: Mapping[str, str], data: Data) -> dict[str, str]:
    """Return the columns that `add_features` adds to a table of the declared `columns`, each with
    its type as data/sources.yaml would name it.
    """
    empty = pd.DataFrame({name: pd.Series(dtype=DTYPES[kind]) for name, kind in columns.items()})
    made = add_features(empty, data).dtypes.iloc[len(columns) :]
    kinds = {DTYPES[kind]: kind for kind in ("text", "number", "date")}
    return {str(name): kinds[str(dtype)] for name, dtype in made.items()}


def check_row_wise(rows: pd.DataFrame, made: pd.DataFrame, data: Data) -> None:
    """Raise UserError if a derived column of a row depends on other rows: a row in service comes
    alone.

    made: what `add_features` returned for `rows`. Every other row, in reverse order, has to give
    the same values.
    """
    again = add_features(rows.iloc[::-2], data)
    new = made.columns[len(rows.columns) :]
    if differ := [column for column in new if not again[column].equals(made[column].iloc[::-2])]:
        raise UserError(
            f"{WHERE} gives other values of {', '.join(differ)} when it sees half of the rows; "
            "compute each row from its own columns alone, without means, ranks or shifts"
        )


def derive_file(path: Path, data: Data) -> None:
    """Add the derived columns to the Parquet file at `path`, one row group at a time."""
    with pq.ParquetFile(path) as file:
        groups = range(file.num_row_groups)
        first = _derive(file.read_row_group(0), data) if groups else None
        if first is None or first.num_columns == len(file.schema_arrow.names):
            return
        with atomic_write(path) as [part], pq.ParquetWriter(part, first.schema) as writer:
            writer.write_table(first)
            for group in groups[1:]:
                writer.write_table(_derive(file.read_row_group(group), data).cast(first.schema))


def features_sha256() -> str:
    """Return the SHA-256 of the code of stages/features.py without its comments and layout."""
    path = Path(str(import_module("stages.features").__file__))
    code = ast.unparse(ast.parse(path.read_text(encoding="utf-8")))
    return hashlib.sha256(code.encode()).hexdigest()


def _derive(table: pa.Table, data: Data) -> pa.Table:
    rows = table.to_pandas()
    made = add_features(rows, data)
    check_row_wise(rows, made, data)
    for column in made.columns[len(rows.columns) :]:
        table = table.append_column(column, pa.Array.from_pandas(made[column]))
    return table


def _call(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the project's function makes of a copy of `rows`."""
    derive = import_module("stages.features").add_features
    try:
        return derive(rows.copy())
    except Exception as error:  # it is the user's code: whatever it raises is told as theirs
        lines = [
            at.lineno
            for at in traceback.extract_tb(error.__traceback__)
            if at.filename.endswith(SOURCE.name)
        ]
        raise UserError(
            f"{WHERE} fails in line {lines[-1] if lines else '?'}: {type(error).__name__}: {error}"
        ) from error


def _problems(seen: pd.DataFrame, made: object) -> list[str]:
    """Return a sentence for each thing that the project's function did beside adding columns."""
    if not isinstance(made, pd.DataFrame):
        return [f"{WHERE} returns a {type(made).__name__}, must return a DataFrame"]
    if not made.index.equals(seen.index):
        return [
            f"{WHERE} returns {len(made):,} rows for {len(seen):,}; it must keep rows and their"
            " order"
        ]
    problems = [
        f"{WHERE} {'changes' if column in made else 'drops'} the column {column!r}; it may only add"
        " columns"
        for column in seen.columns
        if column not in made or not made[column].equals(seen[column])
    ]
    new = [column for column in made.columns if column not in seen.columns]
    problems += [
        f"{WHERE}: {wrong}" for wrong in wrong_names([str(column) for column in made.columns])
    ]
    problems += [
        f"{WHERE}: {column} is infinite in {n:,} rows; give a number, or a missing value"
        for column in new
        if is_numeric_dtype(made[column])
        and (n := int(made[column].astype("float64").abs().eq(float("inf")).sum()))
    ]
    return problems


def _as_stored(column: pd.Series) -> pd.Series:
    """Return numbers and booleans as float64, dates as they are, all else as text."""
    if is_datetime64_any_dtype(column):
        return column.astype("datetime64[us]")
    return column.astype("float64" if is_numeric_dtype(column) or is_bool_dtype(column) else "str")
