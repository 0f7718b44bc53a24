"""Columns: what each holds, what it seems to be, and where its declared type does not hold."""

import ibis
import pandas as pd

from sluice.core.params import Data
from sluice.data.cells import conform
from sluice.data.sources import RECORD, Source
from sluice.scoping.columns import Column, copies, describe, misfits

DATA = Data(
    target="label",
    time=None,
    cluster=[],
    sensitive=[],
    allowed={},
    cut_points={},
    favourable=None,
    forbidden={},
)


def source(**columns) -> Source:
    return Source(path="toys.csv", format="csv", missing=["", "NA"], key=[], columns=columns)


def conformed(values, kind):
    """Return one column of text as `conform` types it, on a connection of its own, and the raw
    table.
    """
    con = ibis.duckdb.connect()
    con.con.register(
        "given",
        pd.DataFrame(
            {RECORD: range(1, len(values) + 1), "size": pd.Series(values, dtype="object")}
        ),
    )
    raw = con.table("given")
    return con.create_table("conformed", conform(raw, source(size=kind)), temp=True), raw


def described(values, kind="text") -> Column:
    table, raw = conformed(values, kind)
    return describe(
        table,
        "size",
        kind,
        len(values),
        misfits(raw, table, source(size=kind)).get("size", (0, [])),
    )


def test_value_of_few_rows_is_not_frequent_enough_to_be_shown():
    assert described(["red"] * 5 + ["Ada Lovelace"] * 4).frequent == [("red", 5)]


def test_describe_counts_missing_and_distinct_values():
    found = described(["3", "1", "3", "NA", ""], "integer")
    assert (found.rows, found.missing, found.distinct, found.filled) == (5, 2, 2, 3)
    assert found.common == [("3", 2), ("1", 1)]
    assert (found.low, found.median, found.high) == ("1", "3", "3")


def test_describe_gives_the_words_of_text():
    assert described(["one", "one two three"]).words_a_value == 2


def test_describe_draws_numbers_in_bins():
    found = described([str(n) for n in range(100)], "number")
    assert sum(found.picture) == 100
    assert len(found.picture) == 20


def test_describe_keeps_an_outlier_from_flattening_the_picture():
    found = described([*[str(n) for n in range(1000)], "1000000"], "number")
    assert max(found.picture) < 100
    assert found.high == "1000000"


def test_of_numbers_and_dates_quantiles_may_be_shown_with_five_rows_beyond_either():
    assert described([str(n) for n in range(1, 1001)], "integer").usual == ("50", "951")
    assert described([str(n) for n in range(1, 21)], "integer").usual == (
        "5",
        "16",
    )  # a twentieth of the rows is one
    assert described([str(n) for n in range(9)], "integer").usual is None
    assert described(["0"] * 90 + [str(n) for n in range(1, 11)], "integer").usual == ("0", "6")
    days = pd.date_range("2001-01-01", periods=100).astype(str).tolist()
    assert described(days, "date").usual == ("2001-01-05", "2001-04-06")


def test_describe_gives_dates_as_they_are_read():
    found = described(["2001-02-03", "2001-02-05", "2001-02-04 12:30:00"], "date")
    assert (found.low, found.median, found.high) == (
        "2001-02-03",
        "2001-02-04 12:30:00",
        "2001-02-05",
    )


def test_describe_tells_numbers_that_only_rise():
    assert described([str(n) for n in range(60)], "integer").rises
    assert not described([str(n) for n in range(60, 0, -1)], "integer").rises


def test_describe_says_of_an_empty_column_that_nothing_is_there():
    found = described(["", "NA"], "number")
    assert (found.missing, found.distinct, found.common, found.picture) == (2, 0, [], [])


def test_misfits_counts_values_that_are_not_of_the_type():
    table, raw = conformed(["1", "x", "x", "2.5", "NA", "", None], "integer")
    assert misfits(raw, table, source(size="integer")) == {"size": (3, ["a", "9.9"])}
    found = described(["1", "x", "x", "2.5", "NA", ""], "integer")
    assert (found.missing, found.misfits, found.distinct) == (2, 3, 1)


def test_misfits_finds_none_where_all_values_conform():
    table, raw = conformed(["1", "2"], "integer")
    assert misfits(raw, table, source(size="integer")) == {}


def test_copies_groups_columns_that_are_each_other_in_another_code():
    rows = pd.DataFrame(
        {
            "a": [1, 1, 2, None],
            "b": ["x", "x", "y", "z"],
            "c": [1, 2, 2, 3],
            "d": [5, 5, 5, 5],
            "e": [5, 5, 5, 5],
        }
    )
    assert copies(rows) == [["a", "b"]]
