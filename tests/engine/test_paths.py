"""A path says where a file is and how it is packed, and nothing of what its rows hold: for each
reader and each command.
"""

import bz2
import gzip
import os
from pathlib import Path

import ibis
import pandas as pd
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from sluice.core.params import Params
from sluice.core.tables import LazyParquet, read_table
from sluice.data.sources import RECORD, Source, read
from sluice.monitoring.batch import read_batch, with_labels
from sluice.monitoring.chunks import batches
from sluice.retraining.pool import matured
from sluice.scoping.parquet import look_at_parquet
from sluice.scoping.sample import look
from tests.engine.settings import settings

ROWS = "id,colour,size,label\na,red,1,good\nb,blue,2,bad\n"
OTHER = "id,colour,size,label\nz,other,9,other\n"
KINDS = {"id": "text", "colour": "text", "size": "integer", "label": "text"}
FOLDERS = ["colour=green", "label=good", "filename=x/size=7", "new=1", "a=b/[1]"]
NAMES = ["rows", "rows[1]", "[!r]", "{a,b}", "it's", "~rows", "%41", "a b", "$HOME"]
NAMES += [] if os.name == "nt" else ["rows*", "row?", "rows\\1"]
ENDINGS = [
    "csv",
    "CSV",
    "csv.gz",
    "CSV.GZ",
    "Csv.Gz",
    "csv.BZ2",
    "parquet",
    "PARQUET",
    "Parquet",
    "pq",
    "PQ",
    "csv.zst",
    "txt",
]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write rows as the ending of a path says, beside them files of other rows that a pattern
    would find.
    """
    monkeypatch.chdir(tmp_path)

    def write(name: str, rows: str = ROWS) -> Path:
        path = Path(name)
        low = name.lower()
        for other, text in [
            (name.replace("[1]", "1"), OTHER),
            (name.replace("*", "s").replace("?", "s"), OTHER),
            (name, rows),
        ]:
            Path(other).parent.mkdir(parents=True, exist_ok=True)
            if low.endswith(("parquet", "pq")):
                pq.write_table(pyarrow.csv.read_csv(pyarrow.py_buffer(text.encode())), other)
            else:
                pack = {"gz": gzip.compress, "z2": bz2.compress}.get(low[-2:], bytes)
                Path(other).write_bytes(pack(text.encode()))
        return path

    return write


def source(path: Path) -> Source:
    kind = "parquet" if path.suffix.lower() in (".parquet", ".pq") else "csv"
    return Source(path=str(path), format=kind, missing=[""], key=[], columns=KINDS)


def params() -> Params:
    return settings(data={"target": "label"})


def check(path: Path) -> None:
    """Read the rows of `path` with each reader, and find them as they are."""
    declared, data = source(path), params().data
    raw = read(ibis.duckdb.connect(), "rows", declared).table.order_by(RECORD).to_pandas()
    assert raw[list(KINDS)].astype("str").to_numpy().tolist() == [
        ["a", "red", "1", "good"],
        ["b", "blue", "2", "bad"],
    ]
    wanted = [["a", "red", 1], ["b", "blue", 2]]
    batch = read_batch(path, declared, data)
    assert batch.rows[["id", "colour", "size"]].to_numpy().tolist() == wanted
    assert batch.labels.tolist() == ["good", "bad"]
    [chunk] = batches(path, declared, data)
    assert chunk.rows[["id", "colour", "size"]].to_numpy().tolist() == wanted
    rows, _batch = matured(path, None, params(), declared)
    assert rows[["id", "colour", "size", "label"]].to_numpy().tolist() == [
        [*wanted[0], "good"],
        [*wanted[1], "bad"],
    ]
    if path.suffix.lower() not in (".parquet", ".pq"):
        assert look(path).values["colour"] == {"red", "blue"}
        return
    assert look_at_parquet(path, ["colour", "label"]).values == {
        "colour": {"red", "blue"},
        "label": {"good", "bad"},
    }
    assert read_table(path).to_numpy().tolist() == [
        ["a", "red", 1, "good"],
        ["b", "blue", 2, "bad"],
    ]
    assert LazyParquet(path)[["colour", "label"]].to_numpy().tolist() == [
        ["red", "good"],
        ["blue", "bad"],
    ]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_named_like_a_column_and_a_value_says_nothing_of_the_rows(write, folder, ending):
    check(write(f"{folder}/rows.{ending}"))


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_with_the_signs_of_a_pattern_is_the_name_of_one_file(write, name, ending):
    check(write(f"{name}.{ending}"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings_count_in_any_case(write, ending):
    check(write(f"rows.{ending}"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_batch_without_labels_in_a_folder_named_like_one_has_none(write, ending):
    path = write(f"label=good/rows.{ending}", "id,colour,size\na,red,1\nb,blue,2\n")
    assert read_batch(path, source(path), params().data).labels.isna().all()
    assert [batch.labels.isna().all() for batch in batches(path, source(path), params().data)] == [
        True
    ]


@pytest.mark.parametrize("ending", ["csv", "CSV.GZ", "parquet", "PQ"])
def test_a_file_of_labels_is_read_as_it_is(write, ending):
    path = write("rows.csv", "id,colour,size\na,red,1\nb,blue,2\n")
    labels = write(f"label=good/labels[1].{ending}", "id,label\nb,bad\na,good\n")
    keyed = source(path).model_copy(update={"key": ["id"]})
    assert with_labels(
        read_batch(path, keyed, params().data), labels, ["id"], keyed
    ).labels.tolist() == ["good", "bad"]


def test_columns_named_like_those_that_a_reader_adds_are_columns(write):
    text = "filename,file_row_number,file_index,label\nx.csv,7,8,good\n"
    for ending in ("csv", "parquet"):
        path = write(f"rows.{ending}", text)
        declared = source(path).model_copy(
            update={"columns": dict.fromkeys(text.split("\n")[0].split(","), "text")}
        )
        raw = (
            read(ibis.duckdb.connect(), "rows", declared)
            .table.to_pandas()
            .drop(columns=RECORD)
            .astype("str")
        )
        assert raw.to_numpy().tolist() == [["x.csv", "7", "8", "good"]]


def test_own_tables_in_such_a_folder_are_read_as_they_are(tmp_path):
    path = tmp_path / "colour=green" / "rows.parquet"
    path.parent.mkdir()
    pd.DataFrame({"size": [1]}).to_parquet(path)
    assert read_table(path).columns.tolist() == ["size"]
