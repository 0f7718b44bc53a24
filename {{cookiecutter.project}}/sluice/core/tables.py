"""Read and write files whole or not at all, the same bytes for the same rows."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.core.command import UserError
from sluice.core.text import csv_cell, csv_text

TRAIN, TEST, REJECTED = (
    "data/prepared/train.parquet",
    "data/prepared/test.parquet",
    "data/prepared/rejects.csv",
)
VERDICTS = "data/prepared/verdicts.json"
AUGMENTED = "data/augmented/train.parquet"


@contextmanager
def atomic_write(*paths: str | Path) -> Iterator[list[Path]]:
    """Yield a temporary name for each path; they get their names if the block ends well, and are
    deleted if not.
    """
    temporary = [Path(path).with_name(f".{Path(path).name}.part") for path in paths]
    for path in temporary:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        for part, final in zip(temporary, paths, strict=True):
            part.replace(final)
    finally:
        for part in temporary:
            part.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write `text` to `path` as UTF-8 with newlines as they are."""
    with atomic_write(path) as [part]:
        part.write_text(text, encoding="utf-8", newline="")


def write_json(content: Any, path: str | Path) -> None:
    """Write `content` to `path` as indented JSON; raises ValueError for NaN and infinity, which
    JSON does not know.
    """
    write_text(
        json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n",
        path,
    )


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` without its index to `path`, as CSV (numbers with 6 digits) or Parquet by the
    name's ending.

    No cell of the CSV is a formula to a spreadsheet; `read_csv` gives back the text as it was.
    """
    with atomic_write(path) as [part]:
        if Path(path).suffix == ".csv":
            _each_text(table, csv_cell).to_csv(
                part, index=False, lineterminator="\n", float_format="%.6g"
            )
        else:
            table.to_parquet(part, index=False)


def read_csv(path: Any, **options: Any) -> pd.DataFrame:
    """Return what `write_table` wrote to `path`, or the text of an open file; takes the options
    of pandas.
    """
    return _each_text(pd.read_csv(path, **options), csv_text)


def _each_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return `table` with `change` made to each text in it, also to the names of its columns."""
    changed = table.rename(columns=lambda name: change(str(name)))
    for nth, column in enumerate(table.columns):
        if table[column].dtype in ("object", "str"):
            texts = table[column].map(
                lambda value: change(value) if isinstance(value, str) else value
            )
            changed.isetitem(nth, texts.astype(table[column].dtype))
    return changed


def read_parquet(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Return the Parquet file at `path`, or some columns of it, and nothing that only the names
    of its folders say.
    """
    return pd.read_parquet(path, columns=columns, partitioning=None)


def read_table(path: str | Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Return the Parquet file at `path`, or some columns of it; raises UserError where it is
    missing or not Parquet.
    """
    with _parquet(path):
        return read_parquet(path, columns)


class LazyParquet:
    """Parquet files as one table, one below the other, of which columns are read only when they
    are asked for.
    """

    def __init__(self, *paths: str | Path) -> None:
        self._names: dict[str | Path, list[str]] = {}
        self._rows = 0
        for path in paths:
            with _parquet(path):
                metadata = pq.read_metadata(path)
            self._names[path] = metadata.schema.to_arrow_schema().names
            self._rows += metadata.num_rows
        self.columns = pd.Index(
            dict.fromkeys(name for names in self._names.values() for name in names)
        )

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, columns: list[str]) -> pd.DataFrame:
        parts = [
            read_table(path, [column for column in columns if column in names])
            for path, names in self._names.items()
        ]
        return pd.concat(parts, ignore_index=True)[columns]


@contextmanager
def _parquet(path: str | Path) -> Iterator[None]:
    """Raise UserError, with what to do, if what reads `path` in the block finds no Parquet file
    there.
    """
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run `dvc repro`, which makes it") from None
    except pa.ArrowInvalid as error:
        raise UserError(
            f"{path} is not a Parquet file ({error}); delete it and run `dvc repro`"
        ) from None


def _plain(value: Any) -> Any:
    """Return a numpy scalar as Python's own, and anything else that JSON lacks as text."""
    return value.item() if hasattr(value, "item") else str(value)
