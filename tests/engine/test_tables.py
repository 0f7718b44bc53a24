import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.tables import (
    LazyParquet,
    atomic_write,
    read_table,
    write_json,
    write_table,
    write_text,
)

TOYS = pd.DataFrame({"colour": ["red", "grün"], "size": [1.0, 2.5]}, index=[7, 9])


def test_a_block_that_ends_well_gives_each_file_its_name(tmp_path):
    with atomic_write(tmp_path / "new" / "a.txt", tmp_path / "b.txt") as [a, b]:
        a.write_text("a")
        b.write_text("b")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert [path.read_text() for path in (tmp_path / "new" / "a.txt", tmp_path / "b.txt")] == [
        "a",
        "b",
    ]
    assert {path.name for path in tmp_path.rglob("*")} == {"new", "a.txt", "b.txt"}


def test_an_exception_leaves_the_old_files(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("old")
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a", tmp_path / "b") as [a, _]:
        a.write_text("new")
        raise RuntimeError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old", "b": "old"}


def test_text_keeps_its_newlines(tmp_path):
    write_text("grün\r\nred\n", tmp_path / "toys.txt")
    assert (tmp_path / "toys.txt").read_bytes() == b"gr\xc3\xbcn\r\nred\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_json_refuses_what_it_has_no_number_for(tmp_path, value):
    (tmp_path / "toys.json").write_text("old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"size": value}, tmp_path / "toys.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_json_takes_numbers_of_numpy(tmp_path):
    write_json(
        {"size": np.int64(3), "share": np.float32(0.5), "big": np.bool_(True)},
        tmp_path / "toys.json",
    )
    assert json.loads((tmp_path / "toys.json").read_text()) == {
        "size": 3,
        "share": 0.5,
        "big": True,
    }


def test_json_writes_labels_plainly(tmp_path):
    write_json({"colour": "grün", "day": date(2001, 2, 3)}, tmp_path / "toys.json")
    assert (tmp_path / "toys.json").read_text(
        encoding="utf-8"
    ) == '{\n  "colour": "grün",\n  "day": "2001-02-03"\n}\n'


def test_csv_has_no_index(tmp_path):
    write_table(TOYS.assign(third=1 / 3), tmp_path / "toys.csv")
    assert (
        tmp_path / "toys.csv"
    ).read_bytes() == "colour,size,third\nred,1,0.333333\ngrün,2.5,0.333333\n".encode()


def test_csv_writes_large_integers_in_full(tmp_path):
    write_table(pd.DataFrame({"line": [1234567]}), tmp_path / "toys.csv")
    assert (tmp_path / "toys.csv").read_text() == "line\n1234567\n"


def test_parquet_gives_back_what_was_written(tmp_path):
    write_table(TOYS, tmp_path / "toys.parquet")
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "toys.parquet"), TOYS.reset_index(drop=True)
    )


@pytest.mark.parametrize("name", ["toys.csv", "toys.parquet"])
def test_a_table_is_the_same_bytes_when_written_twice(tmp_path, name):
    write_table(TOYS, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    write_table(TOYS.copy(), tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"toys\.parquet does not exist; run `dvc repro`, which makes it"
    ):
        read_table(tmp_path / "toys.parquet")


@pytest.mark.parametrize("content", [b"", b"colour,size\nred,1\n"])
def test_a_table_that_is_not_parquet_is_refused(tmp_path, content):
    (tmp_path / "toys.parquet").write_bytes(content)
    with pytest.raises(
        UserError,
        match=r"toys\.parquet is not a Parquet file \(.*\); delete it and run `dvc repro`",
    ):
        read_table(tmp_path / "toys.parquet")


def test_stored_files_are_one_table_below_the_other(tmp_path):
    write_table(TOYS, tmp_path / "a.parquet")
    write_table(TOYS.assign(weight=2).drop(columns="size"), tmp_path / "b.parquet")
    stored = LazyParquet(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert list(stored.columns) == ["colour", "size", "weight"]
    assert len(stored) == 4
    assert stored[["weight", "colour"]].astype(object).where(
        lambda table: table.notna(), None
    ).values.tolist() == [
        [None, "red"],
        [None, "grün"],
        [2, "red"],
        [2, "grün"],
    ]


def test_a_stored_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"a\.parquet does not exist; run `dvc repro`"):
        LazyParquet(tmp_path / "a.parquet")
