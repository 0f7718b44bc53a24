import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.core.command import UserError
from sluice.data.cells import PROBLEM, conform
from sluice.data.sources import Source, read
from sluice.scoping.parquet import look_at_parquet


def test_types_are_those_of_the_file(tmp_path):
    row = {
        "colour": "red",
        "size": 1,
        "price": 1.5,
        "cost": Decimal("1.50"),
        "new": True,
        "day": date(2001, 2, 3),
        "at": datetime(2001, 2, 3),
    }
    pq.write_table(
        pa.table({column: [value] for column, value in row.items()}), tmp_path / "toys.parquet"
    )
    found = look_at_parquet(tmp_path / "toys.parquet", [])
    kinds = ["text", "integer", "number", "number", "boolean", "date", "date"]
    assert (found.format, list(found.columns.values()), found.values) == ("parquet", kinds, {})


@pytest.mark.parametrize(
    ("values", "kind", "different"),
    [
        ([0.0, 1.0, None], "integer", {"0.0", "1.0"}),
        ([0.5, 1.0, float("nan")], "number", {"0.5", "1.0"}),
        (["a", "b", "a"], "text", {"a", "b"}),
    ],
)
def test_labels_are_looked_at(tmp_path, values, kind, different):
    pq.write_table(pa.table({"label": values, "size": [1.0, 2.0, 3.0]}), tmp_path / "toys.parquet")
    found = look_at_parquet(tmp_path / "toys.parquet", ["label", "no such"])
    assert found.columns == {"label": kind, "size": "number"}
    assert found.values == {"label": different}


def test_a_broken_file_is_refused(tmp_path):
    (tmp_path / "toys.parquet").write_bytes(b"PAR1" + b"x" * 40)
    with pytest.raises(UserError, match=r"toys\.parquet is not a Parquet file, as its name says"):
        look_at_parquet(tmp_path / "toys.parquet", [])


def test_a_name_that_no_column_can_have_is_refused(tmp_path):
    pq.write_table(
        pa.table({"a\nb": [1], "__stage_n": [2], "self": ["x"]}), tmp_path / "toys.parquet"
    )
    with pytest.raises(UserError) as refused:
        look_at_parquet(tmp_path / "toys.parquet", ["self"])
    assert [
        sentence.split(": ")[1].split(",")[0] for sentence in str(refused.value).splitlines()
    ] == [
        "the name of column 1",
        "a column is named '__stage_n'",
    ]


NOON = datetime(2001, 2, 3, 12)
# a value of each type that Parquet, pandas and the common databases write: the declared type, and
# what is read
READ = {
    "int8": (pa.array([7], pa.int8()), "integer", 7),
    "uint32": (pa.array([2**32 - 1], pa.uint32()), "integer", 2**32 - 1),
    "uint64": (pa.array([7], pa.uint64()), "integer", 7),
    "uint64, beyond 64 bits": (pa.array([2**64 - 1], pa.uint64()), "text", "18446744073709551615"),
    "float32": (pa.array([0.5], pa.float32()), "number", 0.5),
    "float16": (pa.array([0.5], pa.float16()), "number", 0.5),
    "not a number": (pa.array([float("nan")]), "number", None),
    "infinite": (pa.array([None], pa.float64()), "number", None),
    "decimal": (pa.array([Decimal("12345.678")], pa.decimal128(20, 3)), "number", 12345.678),
    "wide decimal": (pa.array([Decimal("1.5")], pa.decimal256(50, 2)), "number", 1.5),
    "boolean": (pa.array([True]), "boolean", 1),
    "date32": (pa.array([NOON.date()]), "date", datetime(2001, 2, 3)),
    "date64": (pa.array([NOON.date()], pa.date64()), "date", datetime(2001, 2, 3)),
    "end of time": (pa.array([date(9999, 12, 31)]), "date", datetime(9999, 12, 31)),
    "begin of time": (pa.array([datetime(1, 1, 1)], pa.timestamp("us")), "date", datetime(1, 1, 1)),
    "seconds": (pa.array([NOON], pa.timestamp("s")), "date", NOON),
    "milliseconds": (pa.array([NOON], pa.timestamp("ms")), "date", NOON),
    "nanoseconds": (pa.array([NOON], pa.timestamp("ns")), "date", NOON),
    "UTC": (pa.array([NOON], pa.timestamp("us", "UTC")), "date", NOON),
    "Berlin": (pa.array([NOON], pa.timestamp("ns", "Europe/Berlin")), "date", NOON),  # held as UTC
    "time": (pa.array([time(7, 5)]), "text", "07:05:00"),
    "duration": (pa.array([timedelta(seconds=90)], pa.duration("s")), "integer", 90),
    "text": (pa.array(['Ö, "q"']), "text", 'Ö, "q"'),
    "large text": (pa.array(["a"], pa.large_string()), "text", "a"),
    "category": (pa.array(["a"]).dictionary_encode(), "text", "a"),
    "category of numbers": (pa.array([7]).dictionary_encode(), "integer", 7),
    "nothing": (pa.nulls(1), "text", None),
    "uuid": (
        pa.array([uuid.UUID(int=7).bytes], pa.uuid()),
        "text",
        "00000000-0000-0000-0000-000000000007",
    ),
}


@pytest.mark.parametrize("name", READ)
def test_every_type_of_parquet_is_read_as_it_is_declared_here(tmp_path, name):
    array, kind, value = READ[name]
    pq.write_table(pa.table({"x": array}), tmp_path / "toys.parquet")
    found = look_at_parquet(tmp_path / "toys.parquet", [])
    assert found.columns == {"x": kind}
    source = Source(
        path=str(tmp_path / "toys.parquet"),
        format="parquet",
        missing=[],
        key=[],
        columns=found.columns,
    )
    table = conform(read(ibis.duckdb.connect(), "toys", source).table, source).to_pyarrow()
    assert table[PROBLEM].to_pylist() == [None]
    [row] = table["x"].to_pylist()
    assert row == value


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (
            pa.array([[1, 2]]),
            "x holds lists or structures; a table here has one value a cell, so unfold them first",
        ),
        (pa.array([{"a": 1}]), "x holds lists or structures"),
        (pa.array([b"ab"]), "x holds bytes; write them as text, or leave them out of the file"),
    ],
)
def test_a_type_that_holds_no_single_value_is_refused_when_the_file_is_taken_in(
    tmp_path, array, what
):
    pq.write_table(pa.table({"x": array}), tmp_path / "toys.parquet")
    with pytest.raises(UserError, match=what):
        look_at_parquet(tmp_path / "toys.parquet", [])


def test_what_is_read_otherwise_is_said(tmp_path):
    columns = {
        "when": READ["Berlin"][0],
        "took": READ["duration"][0],
        "at": READ["time"][0],
        "id": READ["uint64, beyond 64 bits"][0],
    }
    pq.write_table(pa.table(columns), tmp_path / "toys.parquet")
    notes = look_at_parquet(tmp_path / "toys.parquet", []).notes
    assert notes == (
        "'when' has the time zone Europe/Berlin, and is read as UTC",
        "'took' holds durations, and is read as whole numbers of s",
        "'at' holds times of day, and is read as text; make a number of it if its order matters",
        (
            "'id' holds numbers beyond signed integers of 64 bits, and is read as text: it is a"
            " name rather than a quantity"
        ),
    )


def test_pandas_index_without_a_name_is_left_out(tmp_path):
    frame = pd.DataFrame({"size": [1.5, 2.5], "label": ["a", "b"]}, index=["x", "y"])
    frame.to_parquet(tmp_path / "toys.parquet")
    found = look_at_parquet(tmp_path / "toys.parquet", [])
    assert found.columns == {"size": "number", "label": "text"}
    assert found.notes == ("'__index_level_0__' is pandas' index without a name, and is left out",)
    source = Source(
        path=str(tmp_path / "toys.parquet"),
        format="parquet",
        missing=[],
        key=[],
        columns=found.columns,
    )
    assert read(ibis.duckdb.connect(), "toys", source).records_in_file == 2


def test_whole_decimal_numbers_are_integers_or_names(tmp_path):
    table = {
        "size": pa.array([Decimal(1), Decimal(2)], pa.decimal128(10, 0)),
        "name": pa.array(
            [Decimal("12345678901234567890"), Decimal("12345678901234567891")], pa.decimal128(38, 0)
        ),
        "below": pa.array([Decimal("-12345678901234567890"), None], pa.decimal128(38, 0)),
        "none": pa.array([None, None], pa.decimal128(38, 0)),
        "price": pa.array([Decimal("1.10"), Decimal("2.00")]),
    }
    path = tmp_path / "toys.parquet"
    pq.write_table(pa.table(table), path)
    found = look_at_parquet(path, [])
    assert found.columns == {
        "size": "integer",
        "name": "text",
        "below": "text",
        "none": "integer",
        "price": "number",
    }
    assert [note.split("'")[1] for note in found.notes] == ["name", "below"]
    declared = Source(
        path=path.as_posix(), format="parquet", missing=[""], key=[], columns=found.columns
    )
    rows = conform(read(ibis.duckdb.connect(), "toys", declared).table, declared).to_pandas()
    assert rows["name"].tolist() == ["12345678901234567890", "12345678901234567891"]
    assert rows["size"].tolist() == [1, 2]
