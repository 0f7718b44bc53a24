from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.before.parquet import look_at_parquet
from stages.command import Refused


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
    pq.write_table(pa.table({column: [value] for column, value in row.items()}), tmp_path / "toys.parquet")
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
    with pytest.raises(Refused, match=r"toys\.parquet is not a Parquet file, as its name says"):
        look_at_parquet(tmp_path / "toys.parquet", [])


def test_a_name_that_no_column_can_have_is_refused(tmp_path):
    pq.write_table(pa.table({"a\nb": [1], "__stage_n": [2], "self": ["x"]}), tmp_path / "toys.parquet")
    with pytest.raises(Refused) as refused:
        look_at_parquet(tmp_path / "toys.parquet", ["self"])
    assert [sentence.split(": ")[1].split(",")[0] for sentence in str(refused.value).splitlines()] == [
        "the name of column 1",
        "a column is named '__stage_n'",
    ]
