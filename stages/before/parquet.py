"""Read from a Parquet file what its columns hold, which a CSV file only lets one guess."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stages.before.sample import Found, kind_of
from stages.command import Refused
from stages.formats import wrong_names


def look_at_parquet(path: Path, labels: list[str]) -> Found:
    """Return the types that the columns of a Parquet file have here, and the values of those that are `labels`.

    Whole numbers stored as floats, as pandas does where values are missing, are labels of type integer.
    """
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid:
        raise Refused(f"{path} is not a Parquet file, as its name says") from None
    if wrong := wrong_names(schema.names):
        raise Refused("\n".join(f"{path}: {problem}" for problem in wrong))
    columns = {field.name: _kind(field.type) for field in schema}
    there = [column for column in labels if column in columns]
    table = pq.read_table(path, columns=there)
    values = {column: {str(value) for value in table[column].unique().to_pylist() if value is not None} - {"nan"} for column in there}
    columns |= {column: kind_of(values[column], ".") for column in there if columns[column] == "number"}
    return Found(format="parquet", columns=columns, values=values)


def _kind(kind: pa.DataType) -> str:
    """Return the type of data/sources.yaml for one of Arrow."""
    tests = {"boolean": pa.types.is_boolean, "integer": pa.types.is_integer, "date": pa.types.is_temporal}
    number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return next((name for name, test in tests.items() if test(kind)), "number" if number else "text")
