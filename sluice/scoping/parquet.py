"""Read from a Parquet file what its columns hold, which a CSV file only lets one guess."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.core.command import UserError
from sluice.core.formats import wrong_names
from sluice.data.sources import named_columns, unreadable
from sluice.scoping.sample import Found, kind_of


def look_at_parquet(path: Path, labels: list[str]) -> Found:
    """Return the types that the columns of a Parquet file have here, and the values of those that
    are `labels`.

    Whole numbers stored as floats, as pandas does where values are missing, are labels of type
    integer.
    """
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None):  # of a broken footer the system says nothing
            raise
        raise UserError(f"{path} is not a Parquet file, as its name says, or is cut off") from None
    if wrong := [*wrong_names(named_columns(schema)), *unreadable(schema)]:
        raise UserError("\n".join(f"{path}: {problem}" for problem in wrong))
    columns = {name: _kind(schema.field(name).type) for name in named_columns(schema)}
    columns |= dict.fromkeys(_beyond_64_bits(path, schema, columns), "text")
    there = [column for column in labels if column in columns]
    table = pq.read_table(path, columns=there, partitioning=None)
    values = {
        column: (
            {str(value) for value in table[column].unique().to_pylist() if value is not None}
            - {"nan"}
        )
        for column in there
    }
    columns |= {column: kind_of(values[column]) for column in there if columns[column] == "number"}
    return Found(
        format="parquet", columns=columns, values=values, notes=tuple(_notes(schema, columns))
    )


def _beyond_64_bits(path: Path, schema: pa.Schema, columns: dict[str, str]) -> list[str]:
    """Return the columns of whole numbers that hold one too large for a signed number of 64
    bits: names, most likely.
    """
    wide = [
        name
        for name in columns
        if pa.types.is_uint64(kind := schema.field(name).type) or _is_whole_decimal(kind)
    ]
    ends = {
        name: pc.min_max(pq.read_table(path, columns=[name], partitioning=None)[name]).as_py()
        for name in wide
    }
    return [
        name
        for name, end in ends.items()
        if end["max"] is not None and (end["max"] >= 2**63 or end["min"] < -(2**63))
    ]


def _is_whole_decimal(kind: pa.DataType) -> bool:
    """Whether a type holds decimal numbers without a fraction, as databases write their
    identifiers.
    """
    return pa.types.is_decimal(kind) and kind.scale == 0


def _notes(schema: pa.Schema, columns: dict[str, str]) -> list[str]:
    """Return a sentence for each column that is not read as it stands in the file."""
    notes = [
        f"{name!r} is pandas' index without a name, and is left out"
        for name in schema.names
        if name not in columns
    ]
    for field in schema:
        if pa.types.is_timestamp(field.type) and field.type.tz:
            notes.append(f"{field.name!r} has the time zone {field.type.tz}, and is read as UTC")
        elif pa.types.is_duration(field.type):
            notes.append(
                f"{field.name!r} holds durations, and is read as whole numbers of {field.type.unit}"
            )
        elif pa.types.is_time(field.type):
            notes.append(
                f"{field.name!r} holds times of day, and is read as text; make a number of it if"
                " its order matters"
            )
        elif (pa.types.is_uint64(field.type) or _is_whole_decimal(field.type)) and columns.get(
            field.name
        ) == "text":
            notes.append(
                f"{field.name!r} holds numbers beyond signed integers of 64 bits, and is read as"
                " text: it is a name rather than a quantity"
            )
    return notes


def _kind(kind: pa.DataType) -> str:
    """Return the type of data/sources.yaml for one of Arrow."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = {
        "boolean": pa.types.is_boolean,
        "integer": lambda kind: (
            pa.types.is_integer(kind) or pa.types.is_duration(kind) or _is_whole_decimal(kind)
        ),
        "date": lambda kind: pa.types.is_date(kind) or pa.types.is_timestamp(kind),
    }
    number = pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return next(
        (name for name, test in tests.items() if test(kind)), "number" if number else "text"
    )
