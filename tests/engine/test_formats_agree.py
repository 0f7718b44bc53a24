"""The same table, written as CSV in any dialect, as Parquet of text and as Parquet of Arrow's
types, gives the same rows and labels.
"""

import csv
import gzip
import json
import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sluice.core.params import Params
from sluice.core.schema import check
from sluice.data.cleaning import prepare
from sluice.data.sources import Source, read
from sluice.monitoring.batch import LINE, read_batch
from tests.engine.settings import SETTINGS

KINDS = {
    "name": "text",
    "n": "integer",
    "x": "number",
    "flag": "boolean",
    "day": "date",
    "at": "date",
    "label": "text",
}
ARROW = {
    "name": [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())],
    "n": [
        pa.int64(),
        pa.int32(),
        pa.float64(),
        pa.decimal128(30, 2),
    ],  # pandas makes floats of whole numbers where some are missing
    "x": [pa.float64(), pa.decimal128(30, 3)],
    "flag": [pa.bool_()],
    "day": [pa.date32(), pa.date64(), pa.timestamp("ms"), pa.timestamp("us", "UTC")],
    "at": [
        pa.timestamp("us"),
        pa.timestamp("s"),
        pa.timestamp("ns", "UTC"),
        pa.timestamp("us", "Europe/Berlin"),
    ],
    "label": [pa.string()],
}
PARAMS = check("params.yaml", Params, SETTINGS)
DATA = PARAMS.data.model_copy(update={"target": "label"})
TIME = st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1)).map(
    lambda at: at.replace(microsecond=0)
)
ROW = st.fixed_dictionaries(
    {
        "name": (
            st.none()
            | st.sampled_from(
                ["a", "é, x;y", 'say "so"', "007", "1.0", "true", "nan", "2024-01-31"]
            )
        ),
        "n": st.none() | st.integers(-9998, 2**31 - 1),
        "x": st.none() | st.integers(-(10**8), 10**8).map(lambda n: n / 1000),
        "flag": st.none() | st.booleans(),
        "day": st.none() | TIME.map(lambda at: at.replace(hour=0, minute=0, second=0)),
        "at": st.none() | TIME,
        "label": st.sampled_from(["good", "bad"]),
    }
)
DIALECT = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]),
        "decimal": st.sampled_from(".,"),
        "end": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "missing": st.sampled_from(["", "NA", "-9999", "-9999.0"]),
        "dates": st.sampled_from(
            [None, "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y-%d-%m %H:%M:%S"]
        ),
        "packed": st.booleans(),
    }
)
Rows = list[dict[str, Any]]


def cell(column: str, value: object, dialect: dict[str, Any]) -> str:
    """Return a value as this dialect writes it."""
    if value is None:
        return str(dialect["missing"])
    if isinstance(value, datetime):
        return (
            value.strftime(dialect["dates"]).rjust(19, "0")
            if dialect["dates"]
            else value.isoformat(" ")
        )
    return str(value).replace(".", dialect["decimal"]) if column == "x" else str(value)


def declared(path: Path, dialect: dict[str, Any]) -> Source:
    """Return data/sources.yaml for the file: notations of text, which hold for Parquet, too,
    where it holds text.
    """
    formats = dict.fromkeys(("day", "at"), dialect["dates"]) if dialect["dates"] else {}
    given = {
        "path": str(path),
        "format": "parquet" if path.suffix == ".parquet" else "csv",
        "key": [],
        "columns": KINDS,
    }
    encoding = dialect["encoding"].removesuffix("-sig")
    given |= {name: dialect[name] for name in ("delimiter", "decimal")} | {"encoding": encoding}
    return Source(
        **given, missing=["", dialect["missing"]], date_formats=formats, equal_rows="separate"
    )


def as_csv(rows: Rows, folder: Path, dialect: dict[str, Any]) -> Path:
    path = folder / ("rows.csv.gz" if dialect["packed"] else "rows.csv")
    opening = gzip.open if dialect["packed"] else open
    with opening(path, "wt", encoding=dialect["encoding"], newline="") as file:
        writer = csv.writer(
            file,
            delimiter=dialect["delimiter"],
            lineterminator=dialect["end"],
            quoting=dialect["quoting"],
        )
        writer.writerow(KINDS)
        writer.writerows([cell(column, row[column], dialect) for column in KINDS] for row in rows)
    return path


def typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pa.array(values, pa.timestamp("us")).cast(kind)
    values = [
        Decimal(str(value)) if pa.types.is_decimal(kind) and value is not None else value
        for value in values
    ]
    return pa.array(values, kind)


def as_parquet(rows: Rows, folder: Path, types: dict[str, pa.DataType]) -> Path:
    pq.write_table(
        pa.table({c: typed([row[c] for row in rows], kind) for c, kind in types.items()}),
        folder / "rows.parquet",
    )
    return folder / "rows.parquet"


def as_text(rows: Rows, folder: Path, dialect: dict[str, Any]) -> Path:
    columns = {
        column: pa.array([cell(column, row[column], dialect) for row in rows], pa.string())
        for column in KINDS
    }
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    return folder / "rows.parquet"


def told(path: Path, dialect: dict[str, Any]) -> dict[str, Any]:
    """Return what each command reads of a file: the rows that prepare accepts, rejects, labels
    and batches.
    """
    source = declared(path, dialect)
    con = ibis.duckdb.connect()
    prepared = prepare(
        read(con, "rows", source), "rows", source, PARAMS.model_copy(update={"data": DATA})
    )
    batch = read_batch(path, source, DATA)
    return {
        "rows": prepared.rows.to_pyarrow().to_pylist(),
        "rejects": prepared.rejects[["kind", "reason"]].to_dict("records"),
        "batch": as_json(batch.rows),
        "labels": batch.labels.tolist(),
    }


def as_json(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return json.loads(
        rows.drop(columns=LINE).to_json(orient="records", date_format="iso", date_unit="us")
    )


@pytest.mark.slow
@settings(
    max_examples=6,
    phases=[Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.lists(ROW, min_size=4, max_size=6),
    DIALECT,
    st.fixed_dictionaries({c: st.sampled_from(kinds) for c, kinds in ARROW.items()}),
)
def test_a_table_is_the_same_however_it_is_written(rows, dialect, types):
    rows = [row | {"label": label} for row, label in zip(rows, ["good", "bad"] * 3, strict=False)]
    with tempfile.TemporaryDirectory() as folder:
        plain = {
            **dialect,
            "delimiter": ",",
            "encoding": "utf-8",
            "decimal": ".",
            "dates": None,
            "packed": False,
            "missing": "",
        }
        wanted = told(as_csv(rows, Path(folder), plain), plain)
        assert len(wanted["batch"]) == len(rows)
        assert told(as_csv(rows, Path(folder), dialect), dialect) == wanted
        assert told(as_text(rows, Path(folder), dialect), dialect) == wanted
        assert told(as_parquet(rows, Path(folder), types), dialect) == wanted
