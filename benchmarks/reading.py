"""Print how raw files are read: `uv run python -m benchmarks.reading`, a minute or two.

200 CSV and Parquet files are made up, of every dialect, encoding, notation, missing word, type and
kind of header that we know of; the same ones each time. Each is taken in as a new project takes in
its file, and read as `prepare` does. A cell counts as

- meant: its value is that which was written, in its type, or missing where it was missing,
- as written: it is read as what stands there, text or the number -999, since nobody can know that more is meant,
- told: it is read otherwise, or not at all, and a sentence names its file, its row or its column,
- silent: it is read otherwise, and nobody says so. There must be none.

`--silent` prints each column with silent cells: its file, what was written, and what was read.
"""

import argparse
import csv
import gzip
import io
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from tqdm import tqdm

from sluice.core.command import UserError
from sluice.core.formats import check_rows, is_parquet
from sluice.core.schema import check
from sluice.data.cells import PROBLEM, conform
from sluice.data.sources import RECORD, Sources, read
from sluice.scoping import sample
from sluice.scoping.detect import sources_yaml
from sluice.scoping.parquet import look_at_parquet

FILES, RANDOM_STATE, FATES = 200, 0, ("meant", "as written", "told", "silent")
MISSING = ["", "NA", "N/A", "NULL", "nan", "?", "-", "None", "-999"]
PLACES = ["rows", "rows[1]", "colour=red/rows", "label=good/rows", "a*b", "my rows (1)"]
WORDS = [
    "red",
    "grün",
    "a, b; c",
    'say "so"',
    "two\nlines",
    "x|y",
    "naïve",
    "none",
    "-",
    "true",
    "O'Neill",
    "1st",
    "tab\there",
]
NAMES = [
    "size",
    "größe",
    "two words",
    "a.b",
    "a_b",
    "Size 2",
    'said "so"',
    "x, y; z",
    "class",
    "line",
    "100 %",
    "UPPER",
    "no 1",
    "two\nlines",
]
ZONE = timezone(timedelta(hours=2))
SAMPLES = (
    sample.SAMPLE_BYTES,
    1_500,
)  # bytes that are looked at: all of a file, and less than all of it
Chance = np.random.Generator


@dataclass(frozen=True)
class Column:
    """Values, None where one is missing, and how each is written."""

    kind: str
    values: list[Any]
    cells: list[str]


def numbers(chance: Chance, n: int, digits: int) -> list[float]:
    """Return `n` numbers of some thousands."""
    return [round(float(value), digits) for value in chance.normal(0, 1e4, n)]


def grouped(value: float, thousands: str, decimal: str, digits: int) -> str:
    """Return a number with a mark between its thousands."""
    return f"{value:,.{digits}f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def of_numbers(
    kind: str, write: Callable[[float, str], str], digits: int = 2, sign: bool = True
) -> Callable[[Chance, int, str], Column]:
    """Return what makes a column of numbers, each written by `write` from the number and the
    decimal mark of the file.
    """

    def make(chance: Chance, n: int, decimal: str) -> Column:
        values = numbers(chance, n, digits)
        values = values if sign else [abs(value) for value in values]
        return Column(kind, values, [write(value, decimal) for value in values])

    return make


def of_dates(
    kind: str, how: str, zone: timezone | None = None, days_alone: bool = False
) -> Callable[[Chance, int, str], Column]:
    """Return what makes a column of dates, each written in the format `how`; those of a zone are
    meant as they are in UTC.
    """

    def make(chance: Chance, n: int, _decimal: str) -> Column:
        at = [
            datetime(2015, 1, 1) + timedelta(hours=int(hours))
            for hours in chance.integers(0, 80_000, n)
        ]
        at = [one.replace(hour=0) if days_alone else one for one in at]
        cells = [(one.replace(tzinfo=zone) if zone else one).strftime(how) for one in at]
        cells = [cell[:-2] + ":" + cell[-2:] if zone else cell for cell in cells]
        values = [
            one.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None) if zone else one
            for one in at
        ]
        return Column(kind, list(values), cells)

    return make


def of_words(kind: str, words: list[str]) -> Callable[[Chance, int, str], Column]:
    """Return what makes a column of some of `words`."""

    def make(chance: Chance, n: int, _decimal: str) -> Column:
        cells = [words[at] for at in chance.integers(0, len(words), n)]
        return Column(kind, list(cells), cells)

    return make


def of_truths(yes: str, no: str) -> Callable[[Chance, int, str], Column]:
    """Return what makes a column of truth values."""

    def make(chance: Chance, n: int, _decimal: str) -> Column:
        values = [bool(value) for value in chance.integers(0, 2, n)]
        return Column(f"truths {yes}", list(values), [yes if value else no for value in values])

    return make


def integers(chance: Chance, n: int, _decimal: str) -> Column:
    """Return whole numbers."""
    values = [int(value) for value in chance.integers(-500, 2000, n)]
    return Column("integers", list(values), list(map(str, values)))


def late(kind: str, early: str, then: list[str]) -> Callable[[Chance, int, str], Column]:
    """Return what makes a column of words that all look like `early` in the first three quarters
    of the file.
    """

    def make(chance: Chance, n: int, _decimal: str) -> Column:
        cells = [
            early.format(at) if row < 0.75 * n else str(chance.choice(then))
            for row, at in enumerate(chance.integers(10, 99, n))
        ]
        return Column(kind, list(cells), cells)

    return make


def codes(chance: Chance, n: int, _decimal: str) -> Column:
    """Return names that look like numbers."""
    kind, form = [
        ("codes 00501", "{:05d}"),
        ("codes 1.10", "{:.2f}"),
        ("codes 1E5", "{}E{}"),
        ("codes of 20 digits", "{:020d}"),
    ][chance.integers(0, 4)]
    cells = [
        form.format(*((n / 10,) if "f" in form else (n, n % 7)))
        for n in chance.integers(1, 9999, n).tolist()
    ]
    return Column(kind, list(cells), cells)


MAKERS: list[Callable[[Chance, int, str], Column]] = [
    integers,
    codes,
    of_numbers("numbers", lambda x, mark: str(x).replace(".", mark)),
    of_numbers("numbers of three digits", lambda x, mark: f"{x:.3f}".replace(".", mark), 3),
    of_numbers("numbers with an exponent", lambda x, mark: f"{x:.6e}".replace(".", mark), 0),
    of_numbers(
        "thousands, whole", lambda x, mark: grouped(x, {".": ",", ",": "."}[mark], mark, 0), 0
    ),
    of_numbers(
        "thousands, fractions", lambda x, mark: grouped(x, {".": ",", ",": "."}[mark], mark, 2)
    ),
    of_numbers("thousands, spaces", lambda x, mark: grouped(x, " ", mark, 2)),
    of_numbers("thousands, no-break spaces", lambda x, mark: grouped(x, "\xa0", mark, 2)),
    of_numbers("thousands, apostrophes", lambda x, mark: grouped(x, "'", mark, 2)),
    of_numbers("percent", lambda x, mark: f"{x:.2f}%".replace(".", mark)),
    of_numbers(
        "money",
        lambda x, _mark: (
            grouped(x, ",", ".", 2).replace("-", "-$") if x < 0 else "$" + grouped(x, ",", ".", 2)
        ),
    ),
    of_numbers(
        "parentheses", lambda x, mark: (f"({-x:.2f})" if x < 0 else f"{x:.2f}").replace(".", mark)
    ),
    of_numbers(
        "minus at the end",
        lambda x, mark: (f"{-x:.2f}-" if x < 0 else f"{x:.2f}").replace(".", mark),
    ),
    of_numbers("units", lambda x, mark: f"{x:.1f} kg".replace(".", mark), 1),
    of_numbers("no-break space behind", lambda x, mark: f"{x:.1f}\xa0".replace(".", mark), 1),
    of_numbers("spaces around", lambda x, mark: f"  {x:.1f} ".replace(".", mark), 1),
    of_dates("ISO dates", "%Y-%m-%d", days_alone=True),
    of_dates("ISO time stamps", "%Y-%m-%d %H:%M:%S"),
    of_dates("ISO with T", "%Y-%m-%dT%H:%M:%S"),
    of_dates("ISO with an offset", "%Y-%m-%dT%H:%M:%S%z", ZONE),
    of_dates("31.12.2020", "%d.%m.%Y", days_alone=True),
    of_dates("31/12/2020", "%d/%m/%Y", days_alone=True),
    of_dates("12/31/2020", "%m/%d/%Y", days_alone=True),
    of_dates("31.12.20", "%d.%m.%y", days_alone=True),
    of_dates("20201231", "%Y%m%d", days_alone=True),
    of_dates("2020/12/31 10:00", "%Y/%m/%d %H:%M"),
    of_dates("31 Dec 2020", "%d %b %Y", days_alone=True),
    of_words("words", WORDS),
    of_words("words NA and others", ["NA", "EU", "AS"]),
    of_words("words - and +", ["-", "+"]),
    of_words("words in two spellings", ["Yes", "yes", "no", "No "]),
    late("late codes 010", "{}", ["010", "011", "12"]),
    late("late codes 1.10", "{}.5", ["1.1", "1.10"]),
    late("late words", "{}", ["many", "few"]),
    of_truths("True", "False"),
    of_truths("TRUE", "FALSE"),
    of_truths("t", "f"),
    of_truths("yes", "no"),
    of_truths("1", "0"),
]
STAMPS = [
    pa.timestamp("s"),
    pa.timestamp("ms"),
    pa.timestamp("ns"),
    pa.timestamp("us", "UTC"),
    pa.timestamp("us", "Europe/Berlin"),
]
TYPES: dict[str, tuple[list[pa.DataType], Callable[[Chance], Any]]] = {
    "Parquet integers": (
        [pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64()],
        lambda chance: int(chance.integers(0, 120)),
    ),
    "Parquet integers beyond 63 bits": (
        [pa.uint64()],
        lambda chance: 2**63 + int(chance.integers(0, 2**62)),
    ),
    "Parquet floats": ([pa.float64()], lambda chance: float(chance.normal())),
    "Parquet floats, whole": (
        [pa.float64(), pa.float32(), pa.float16()],
        lambda chance: float(chance.integers(0, 99)),
    ),
    "Parquet decimals": (
        [pa.decimal128(12, 2), pa.decimal256(40, 2)],
        lambda chance: Decimal(int(chance.integers(-9999, 9999))) / 100,
    ),
    "Parquet truths": ([pa.bool_()], lambda chance: bool(chance.integers(0, 2))),
    "Parquet dates": (
        [pa.date32(), pa.date64()],
        lambda chance: date(2015, 1, 1) + timedelta(days=int(chance.integers(0, 3000))),
    ),
    "Parquet time stamps": (
        STAMPS,
        lambda chance: datetime(2015, 1, 1) + timedelta(minutes=int(chance.integers(0, 10**6))),
    ),
    "Parquet times": (
        [pa.time32("s"), pa.time64("us")],
        lambda chance: time(int(chance.integers(0, 24)), 5),
    ),
    "Parquet durations": (
        [pa.duration("s"), pa.duration("ms")],
        lambda chance: timedelta(seconds=int(chance.integers(0, 9999))),
    ),
    "Parquet text": (
        [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())],
        lambda chance: WORDS[int(chance.integers(0, len(WORDS)))],
    ),
    "Parquet bytes": ([pa.binary()], lambda chance: bytes([int(chance.integers(65, 90))])),
    "Parquet lists": ([pa.list_(pa.int8())], lambda chance: [int(chance.integers(0, 9))]),
}


def emptied(column: Column, chance: Chance, words: list[str]) -> Column:
    """Return a column of which some values are missing, each written as one of `words`."""
    gone = chance.random(len(column.values)) < 0.1
    cells = [
        str(chance.choice(words)) if is_gone else cell
        for cell, is_gone in zip(column.cells, gone, strict=True)
    ]
    return Column(
        column.kind,
        [None if is_gone else value for value, is_gone in zip(column.values, gone, strict=True)],
        cells,
    )


def make_csv(folder: Path, nth: int, chance: Chance) -> tuple[Path, dict[str, Column]]:
    """Write a CSV file; return it, and its columns by name."""
    n, delimiter, decimal = (
        int(chance.integers(30, 80)),
        str(chance.choice([",", ";", "\t", "|"])),
        str(chance.choice([".", ","])),
    )
    made = [
        MAKERS[at](chance, n, decimal)
        for at in chance.choice(len(MAKERS), int(chance.integers(3, 7)), replace=False)
    ]
    if chance.random() < 0.5:
        words = list(chance.choice(MISSING, int(chance.integers(1, 3)), replace=False))
        made = [emptied(column, chance, words) for column in made]
    columns = {f"c{at} {chance.choice(NAMES)}": column for at, column in enumerate(made)}
    columns["label"] = of_words("labels", ["good", "bad"])(chance, n, decimal)
    header, rows = (
        list(columns),
        [list(row) for row in zip(*(column.cells for column in columns.values()), strict=True)],
    )
    if chance.random() < 0.2:  # as pandas and R write the names of the rows
        header, rows = ["", *header], [[str(at), *row] for at, row in enumerate(rows)]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if chance.random() < 0.3 else csv.QUOTE_MINIMAL
    end = str(chance.choice(["\n", "\r\n"]))
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(
        [header, *rows]
    )
    written = text.getvalue()
    if chance.random() < 0.05:
        written = written.replace(end, "\r" if end == "\n" else "\n", 3)
    encoding = str(chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"]))
    content = written.encode(encoding)
    ending = str(chance.choice([".csv", ".CSV", ".csv.gz", ".CSV.GZ", ".txt", ".tsv"]))
    path = folder / str(nth) / (str(chance.choice(PLACES)) + ending)
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(content) if ending.lower().endswith(".gz") else content)
    return path, columns


def make_parquet(folder: Path, nth: int, chance: Chance) -> tuple[Path, dict[str, Column]]:
    """Write a Parquet file; return it, and its columns by name."""
    n, columns, arrays = int(chance.integers(30, 80)), dict[str, Column](), dict[str, pa.Array]()
    rare = {"Parquet bytes", "Parquet lists"}
    kinds = [kind for kind in TYPES if kind not in rare or chance.random() < 0.05]
    for kind in chance.choice(kinds, int(chance.integers(3, 7)), replace=False):
        types, draw = TYPES[kind]
        values = [draw(chance) if chance.random() > 0.1 else None for _ in range(n)]
        array = pa.array(values, types[int(chance.integers(0, len(types)))])
        name = f"c{len(columns)} {kind}"
        columns[name] = Column(
            kind, list(values), [as_written(value, array.type) for value in values]
        )
        if pa.types.is_floating(array.type):  # numpy and polars write what is missing so
            array = pa.array(
                [float("nan") if value is None else value for value in values], array.type
            )
        arrays[name] = array
    columns["label"] = of_words("labels", ["good", "bad"])(chance, n, ".")
    arrays["label"] = pa.array(columns["label"].cells)
    path = (
        folder
        / str(nth)
        / (str(chance.choice(PLACES)) + str(chance.choice([".parquet", ".pq", ".PARQUET"])))
    )
    path.parent.mkdir(parents=True)
    table = pa.table(arrays)
    if chance.random() < 0.2:
        table = table.append_column("__index_level_0__", pa.array(range(n)))
    pq.write_table(table, path)
    return path, columns


def as_written(value: Any, kind: pa.DataType) -> str:
    """Return a value of Parquet as text: of durations the number of their unit."""
    if isinstance(value, timedelta):
        return str(value // {"s": timedelta(seconds=1), "ms": timedelta(milliseconds=1)}[kind.unit])
    return str(value)


def taken_in(path: Path, looked_at: int) -> tuple[list[str], pd.DataFrame, np.ndarray]:
    """Return the notes on a file, its accepted rows as prepare types them, and which rows of the
    file these are.

    looked_at: how many bytes are looked at, as if the file went on for long after them.
    """
    sample.SAMPLE_BYTES = looked_at
    if is_parquet(path):
        found = look_at_parquet(path, ["label"])
    else:
        found = sample.look(path, ["label"])
        check_rows(path, found.delimiter, found.encoding, len(found.columns))
    declared = yaml.safe_load(sources_yaml(found, path.as_posix(), ["label"]))
    [(name, source)] = check("data/sources.yaml", Sources, declared).sources.items()
    raw = read(ibis.duckdb.connect(), name, source)
    table = conform(raw.table, source).order_by(RECORD).to_pandas()
    at = np.searchsorted(raw.starts, raw.lines(table[RECORD]))
    is_right = table[PROBLEM].isna().to_numpy()
    return list(found.notes), table[is_right].drop(columns=[RECORD, PROBLEM]), at[is_right]


def fate(value: Any, cell: str, read_as: Any) -> str:
    """Return how one cell was read."""
    if pd.isna(read_as):
        return (
            "meant" if value is None or (isinstance(value, str) and not value.strip()) else "silent"
        )
    if isinstance(read_as, str):
        text = " ".join(cell.split()) == " ".join(read_as.split())
        return ("meant" if isinstance(value, str) and text else "as written") if text else "silent"
    if isinstance(read_as, pd.Timestamp | datetime):
        return (
            "meant"
            if isinstance(value, date) and pd.Timestamp(read_as) == pd.Timestamp(value)
            else "silent"
        )
    if value is None or isinstance(
        value, str | date
    ):  # a code that is read as a number must be the one that stands there
        word = cell.strip()
        return (
            "as written" if f"{read_as:.15g}" in (word, word.rstrip("0").rstrip(".")) else "silent"
        )
    number = float(cell) if isinstance(value, timedelta) else float(value)
    return "meant" if float(read_as) == number else "silent"


def merged(column: Column, read_as: pd.Series, at: np.ndarray) -> bool:
    """Whether different words of a column, which may be codes, became one value."""
    words = {column.cells[row].strip() for row in at if isinstance(column.values[row], str)}
    return pd.api.types.is_numeric_dtype(read_as) and len(words) > read_as.nunique()


def judged(
    path: Path, columns: dict[str, Column], looked_at: int, shows: bool
) -> Counter[tuple[str, str]]:
    """Return how many cells of each kind of column were read how."""
    n = len(columns["label"].values)
    try:
        notes, table, at = taken_in(path, looked_at)
    except UserError as refusal:
        assert str(refusal)
        return Counter({(column.kind, "told"): n for column in columns.values()})
    found: Counter[tuple[str, str]] = Counter()
    for column, name in zip(columns.values(), table.columns, strict=True):
        is_told = any(repr(name) in note for note in notes)
        fates = [
            fate(column.values[row], column.cells[row], value)
            for row, value in zip(at, table[name], strict=True)
        ]
        if merged(column, table[name], at):
            fates = ["silent"] * len(fates)
        if shows and "silent" in fates and not is_told:
            first = fates.index("silent")
            print(
                f"{path}: {column.kind}, {name}: {column.cells[at[first]]!r} was read as {table[name].iloc[first]!r}; notes: {notes}"
            )
        found.update((column.kind, "told" if is_told and one == "silent" else one) for one in fates)
        found[column.kind, "told"] += n - len(at)  # rows that were rejected, with their reason
    return found


def main() -> None:
    """Print the table in Markdown, and one line that says it all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--silent", action="store_true", help="print what was read otherwise and not told"
    )
    parser.add_argument("--files", type=int, default=FILES)
    asked = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for nth in tqdm(range(asked.files), desc="files", disable=not sys.stderr.isatty()):
            chance = np.random.default_rng([RANDOM_STATE, nth])
            make = make_parquet if nth % 3 == 2 else make_csv
            counts += judged(*make(Path(folder), nth, chance), SAMPLES[nth % 2], asked.silent)
    print(f"| cells of | {' | '.join(FATES)} |\n{'|---' * (len(FATES) + 1)}|")
    for kind in sorted({kind for kind, _ in counts}):
        print(f"| {kind} | {' | '.join(f'{counts[kind, one]:,}' for one in FATES)} |")
    total = {one: sum(n for (_, fate), n in counts.items() if fate == one) for one in FATES}
    print(
        f"\n{asked.files} files, {sum(total.values()):,} cells: {', '.join(f'{n:,} {one}' for one, n in total.items())}"
    )


if __name__ == "__main__":
    main()
