"""Read a file of live rows chunk by chunk, so that its size does not matter."""

import csv
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.core.command import UserError
from sluice.core.formats import MIXED, UNCLOSED, check_line, opened
from sluice.core.params import Data
from sluice.data.sources import Source, header_lines, readable
from sluice.monitoring.batch import Batch, live_source, read_batch

CHUNK_ROWS = 50_000
CHUNK_CELLS = 1_000_000  # fewer rows where there are many columns
BYTES = (
    32_000_000  # of a CSV file, and fewer where they are long; one row that is longer is refused
)
BUFFER = 65_536  # bytes of a column of Parquet that are read at once


def batches(path: Path, source: Source, data: Data, rows: int = CHUNK_ROWS) -> Iterator[Batch]:
    """Yield what `read_batch` returns for the file at `path`, `rows` rows at a time, their lines
    those of the whole file.

    Raises UserError as `read_batch` does, where lines end in different ways or a quote is never
    closed, and where a row is lost.
    """
    live = live_source(path, source, data)
    rows = max(1, min(rows, CHUNK_CELLS // len(live.columns)))
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder, f"part.{live.format}")
        try:
            for encoding, before in (_parquet if live.format == "parquet" else _csv)(
                path, live, part, rows
            ):
                batch = read_batch(
                    part, source.model_copy(update={"encoding": encoding}), data, before
                )
                if batch.records != len(batch.rows) + len(batch.rejects):
                    raise UserError(
                        f"{path}: a row after line {before + 1} is neither read nor rejected:"
                        " readers differ; export it anew"
                    )
                yield batch
        except UserError as refusal:
            raise UserError(str(refusal).replace(str(part), str(path))) from None
        except pa.ArrowInvalid as error:
            raise UserError(
                f"{path} is broken ({error}); copy it anew from where it came"
            ) from None


def _parquet(path: Path, live: Source, part: Path, rows: int) -> Iterator[tuple[str, int]]:
    """Write one chunk after the other to `part`; yield the encoding and the rows before, for
    each.
    """
    before = 0
    with pq.ParquetFile(
        path, pre_buffer=False, buffer_size=BUFFER
    ) as file:  # else all that was read of it stays in memory
        for chunk in file.iter_batches(batch_size=rows):
            pq.write_table(pa.Table.from_batches([chunk]), part)
            yield live.encoding, before
            before += len(chunk)


def _csv(path: Path, live: Source, part: Path, rows: int) -> Iterator[tuple[str, int]]:
    """Write one chunk after the other, with the header, to `part`; yield its encoding and the
    lines between header and chunk, for each.
    """
    with readable(path, live) as (plain, encoding), opened(plain) as file:
        first = header_lines(file, live.model_copy(update={"encoding": encoding}), path)
        header, before = b"".join(first), 0
        chunk: list[bytes] = []
        n = length = 0
        for record in _records(file, path, live.model_copy(update={"encoding": encoding}), first):
            chunk += record
            n += 1
            length += sum(map(len, record))
            if n == rows or length > BYTES:
                part.write_bytes(header + b"".join(chunk))
                yield encoding, before
                before += len(chunk)
                chunk, n, length = [], 0, 0
        if chunk:
            part.write_bytes(header + b"".join(chunk))
            yield encoding, before


def _records(file: Any, path: Path, live: Source, header: list[bytes]) -> Iterator[list[bytes]]:
    """Yield the lines of each row of a CSV file after its header; a row without a quote is a
    line.
    """
    csv.field_size_limit(2**31 - 1)
    lines, ends = enumerate(file, len(header) + 1), {header[-1][-2:] == b"\r\n"}
    for first, line in lines:
        record = [line]
        if b'"' in line:
            record = []
            next(
                csv.reader(
                    _quoted(first, line, lines, record, path, live.encoding),
                    delimiter=live.delimiter,
                )
            )
        if record[-1][-1:] == b"\n":
            ends.add(record[-1][-2:] == b"\r\n")
        yield record
    if len(ends) == 2:
        raise UserError(f"{path}: {MIXED}")


def _quoted(
    first: int,
    line: bytes,
    lines: Iterator[tuple[int, bytes]],
    record: list[bytes],
    path: Path,
    encoding: str,
) -> Iterator[str]:
    """Yield, and append to `record`, line after line of a row, for as long as Python's reader
    finds a quote open and asks for more.
    """
    length = 0
    for number, more in itertools.chain([(first, line)], lines):
        check_line(path, more, number)
        record.append(more)
        length += len(more)
        if length > BYTES:
            break
        yield more.decode(encoding, errors="replace")
    raise UserError(f"{path}: the row that begins on line {first} {UNCLOSED}")
