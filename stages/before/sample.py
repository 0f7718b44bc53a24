"""Look at the first megabytes of a raw file: how it is written, and what its columns hold.

Standard library only: the template checks its answers with this before there is an environment.
"""

import codecs
import csv
import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path

from stages.command import Refused
from stages.formats import DELIMITERS, OFFSET, is_index, is_parquet, opened, parquet_names, pattern, wrong_names

SAMPLE = 2_000_000  # bytes, unpacked, that are looked at
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "?")
PERHAPS = ("None", "-", ".")  # missing where a column holds numbers or dates otherwise; words, where all that use them hold text
INDEX = "the first column has no name, as pandas and R write the names of the rows, and is left out"
ROW_NAMES = (
    "its rows have one field more than its header, as R writes the names of the rows; export it with row.names = FALSE (R), or give that "
    "column a name"
)
THOUSANDS = re.compile(r"^[+-]?[1-9][0-9]{0,2}([., '][0-9]{3})+([.,][0-9]+)?$")
SHAPE = re.compile(r"^[0-9]{1,4}(?P<mark>[./-])[0-9]{1,2}(?P=mark)[0-9]{1,4}(?P<time> [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?$")
OTHER_DATE = re.compile(r"^([0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2})\b")


@dataclass(frozen=True)
class Found:
    """How a file is written: `columns` maps each to its type, `values` to what it holds in the sample, missing words left out.

    `whole` says that the sample is the file; `names` are the columns where their types are not known yet, as of Parquet; `notes` are
    sentences for whoever has to correct data/sources.yaml.
    """

    format: str = "csv"
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = ("",)
    date_formats: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    whole: bool = True
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def look(path: Path) -> Found:
    """Return what the first SAMPLE bytes of `path` show; of a Parquet file, which tells its columns itself, only their names.

    Raises Refused where there is no such file, or it is no table of text with a name for each column.
    """
    if path.is_dir():
        raise Refused(f"{path} is a folder; name the one CSV or Parquet file in it")
    if not path.is_file():
        raise Refused(f"there is no file {str(path)!r}")
    if is_parquet(path):
        names = parquet_names(path)
        if wrong := wrong_names(names):
            raise Refused("\n".join(f"{path}: {problem}" for problem in wrong))
        return Found(format="parquet", names=tuple(names))
    csv.field_size_limit(2**31 - 1)
    with opened(path) as file:
        sample = file.read(SAMPLE)
        whole = not file.read(1)
    text, encoding = _decoded(path, sample, whole)
    if encoding == "utf-8" and not whole and text.isascii() and not _is_utf8(path):
        encoding = "cp1252"
    if "\r" in text and "\n" not in text:
        raise Refused(f"{path}: its lines end in carriage returns alone; export it with line feeds")
    if text.startswith(("\n", "\r\n")) and text.strip():
        raise Refused(f"{path} begins with an empty line; its first line must name the columns")
    if text.lstrip().startswith(("{", "[{", "<!", "<?", "<html")):
        raise Refused(f"{path} is JSON, or a page, and no table; export it as CSV or Parquet")
    delimiter = _delimiter(path, text)
    header, rows, ragged, indexed = _rows(path, text, delimiter, whole)
    values = {column: {cell.strip() for cell in set(cells)} for column, *cells in zip(header, *rows, strict=True)}
    decimal = _decimal(values, delimiter)
    missing = _missing(values, decimal)
    values = {column: cells.difference(missing) for column, cells in values.items()}
    columns = {column: kind_of(cells, decimal) for column, cells in values.items()}
    formats = {column: date_formats(values[column]) for column, kind in columns.items() if kind == "text"}
    written = {column: fits[0] for column, fits in formats.items() if len(fits) == 1}
    columns |= dict.fromkeys(written, "date")
    notes = [INDEX] if indexed else []
    notes += [f"{ragged:,} of {len(rows) + ragged:,} rows looked at have another number of fields than the header"] if ragged else []
    if encoding in ("cp1252", "latin-1"):
        notes.append(f"it is not UTF-8; read as {encoding}: see that accented letters are right")
    notes += [
        f"{column!r} has time stamps with an offset from UTC, such as {far}, and is read as UTC"
        for column, kind in columns.items()
        if kind == "date" and (far := min(filter(re.compile(OFFSET).search, values[column]), default=""))
    ]
    notes += [note for column, kind in columns.items() if kind == "text" for note in _odd_text(column, values[column], decimal)]
    notes += [
        f"{column!r} is read as dates written {how}; correct it under date_formats if it is not so" for column, how in written.items()
    ]
    return Found("csv", delimiter, encoding, decimal, missing, written, columns, values, whole, tuple(notes))


def _decoded(path: Path, sample: bytes, whole: bool) -> tuple[str, str]:
    """Return the sample as text, and its encoding: by its mark, else UTF-8 if it is that, else a Western one of one byte."""
    if sample[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    elif b"\0" in sample:
        raise Refused(f"{path} is no text: it holds NUL bytes; export the table as CSV, in UTF-8")
    else:
        encoding = "utf-8"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample, final=whole).removeprefix("\ufeff"), encoding
    except UnicodeDecodeError:
        if encoding == "utf-16":
            raise Refused(f"{path} begins like UTF-16, but is not; export it in UTF-8") from None
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return sample.decode("latin-1"), "latin-1"
    return text, "latin-1" if whole and text == sample.decode("latin-1") else "cp1252"


def _is_utf8(path: Path) -> bool:
    """Whether the first letter beyond ASCII in a file is one of UTF-8, or there is none: it may come late."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as file:
        while part := file.read(2**20):
            try:
                if not decoder.decode(part).isascii():
                    return True
            except UnicodeDecodeError as error:
                return not bytes(error.object[: error.start]).isascii()
    return True


def _delimiter(path: Path, text: str) -> str:
    """Return the delimiter that parts most of the first rows into as many fields as the header, two or more."""
    best, fits, longer = "", (0.0, 0), False
    for delimiter in DELIMITERS:
        widths = [len(row) for row in islice(csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=delimiter), 500) if row]
        share = sum(width == widths[0] for width in widths) / len(widths) if widths else 0
        if widths and widths[0] > 1 and share > 0.5 and (share, widths[0]) > fits:
            best, fits = delimiter, (share, widths[0])
        longer |= bool(widths and widths[0] > 1 and sum(width == widths[0] + 1 for width in widths) > len(widths) / 2)
    if not best and longer:
        raise Refused(f"{path}: {ROW_NAMES}")
    if not best:
        first = text.split("\n", 1)[0][:80]
        raise Refused(
            f"{path} is no table of two columns or more, parted by comma, semicolon, tab or bar; it begins {first!r}"
            if text.strip()
            else f"{path} is empty; its first line must name the columns"
        )
    return best


def _rows(path: Path, text: str, delimiter: str, whole: bool) -> tuple[list[str], list[list[str]], int, bool]:
    """Return the names of the columns, the rows that are as long, and how many are not; the last of a part may be cut.

    Last whether the first column has no name: it is left out.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(reader)
    width, indexed = len(header), is_index(header)
    header = header[indexed:]
    problems = wrong_names(header)
    numbers = [name for name in header if re.match(pattern("number", "."), name) or name in MISSING[1:]]
    if len(numbers) == len(header) or (numbers and len(set(header)) < len(header)):
        problems = [f"it begins with values ({', '.join(header[:3])}); its first line must name the columns"]
    rows = [row for row in reader if row][: None if whole else -1]
    if not rows:
        problems.append("it has no row, only a header")
    if problems:
        raise Refused("\n".join(f"{path}: {problem}" for problem in problems))
    good = [row[indexed:] for row in rows if len(row) == width]
    return header, good, len(rows) - len(good), indexed


def _decimal(values: dict[str, set[str]], delimiter: str) -> str:
    """Return the decimal mark of most of the columns that hold numbers with one; a point where none does.

    Numbers such as 1,234 beside commas as delimiters, and such as 1.234 beside others, have a mark between thousands.
    """
    counts, thousands = {".": 0, ",": 0}, "," if delimiter == "," else "."
    for cells in values.values():
        cells = cells.difference(MISSING, PERHAPS)
        for mark, other in (".,", ",."):
            alone = _all(pattern("number", mark), cells) and not _all(pattern("number", other), cells)
            counts[mark] += alone and not (mark == thousands and _all(THOUSANDS, cells))
    return "," if counts[","] > counts["."] else "."


def _all(form: "str | re.Pattern[str]", cells: set[str]) -> bool:
    """Whether there are `cells`, and all of them match."""
    return bool(cells) and all(map(re.compile(form).match, cells))


def _missing(values: dict[str, set[str]], decimal: str) -> tuple[str, ...]:
    """Return the words that stand for a missing value in any of the columns; the empty one always does."""
    found = {""}.union(*(cells.intersection(MISSING) for cells in values.values()))
    for cells in values.values():
        perhaps = cells.intersection(PERHAPS)
        if perhaps and kind_of(cells.difference(MISSING, PERHAPS), decimal) != "text":
            found |= perhaps
    return tuple(word for word in (*MISSING, *PERHAPS) if word in found)


def kind_of(cells: set[str], decimal: str) -> str:
    """Return the type that all of `cells` have, which are different values of one column."""
    if _all(pattern("integer", decimal), cells):
        # 007 is a code, and 64 bits do not hold each number of 19 digits
        coded = any(map(re.compile(r"^[+-]?0[0-9]|.{19}").match, cells))
        return "text" if coded else "integer"
    if _all(pattern("number", decimal), cells):
        return "number"
    if _all(pattern("date", decimal), cells) and all(_is_day(cell[:10]) for cell in cells):
        return "date"
    return "boolean" if len(cells) <= 6 and {cell.lower() for cell in cells} in ({"true", "false"}, {"t", "f"}) else "text"


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def date_formats(cells: set[str]) -> list[str]:
    """Return the formats, with day, month and year in any usual order, in which all of `cells` are dates; ISO has no need of one.

    Two of them mean that nobody can tell the day from the month.
    """
    shapes = {(found["mark"], (found["time"] or "").count(":")) for cell in cells if (found := SHAPE.match(cell))}
    if len(shapes) != 1 or not all(map(SHAPE.match, cells)):
        return []
    [(mark, colons)] = shapes
    time = ("", " %H:%M", " %H:%M:%S")[colons]
    orders = ("%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%m{0}%d{0}%Y")
    return [how for order in orders if all(_is_written(cell, how := order.format(mark) + time) for cell in cells)]


def _is_written(cell: str, how: str) -> bool:
    try:
        return bool(datetime.strptime(cell, how))
    except ValueError:
        return False


def _odd_text(column: str, cells: set[str], decimal: str) -> list[str]:
    """Return a note on a column of text that was meant to be something else."""
    if len(fits := date_formats(cells)) > 1:
        how = " or ".join(f'{{{column}: "{one}"}}' for one in fits)
        return [
            f"{column!r} holds dates such as {min(cells)}, of which nobody can tell the day from the month, so that it stays text; "
            f"if it is to be a date, declare it so, with date_formats: {how}"
        ]
    if _all(OTHER_DATE, cells):
        return [
            f"{column!r} looks like dates ({min(cells)}), but not all in one format with a year of four digits, so that it stays text; "
            "write them alike, best as 2024-12-31"
        ]
    if _all(THOUSANDS, cells):
        return [f"{column!r} looks like numbers with marks between thousands ({min(cells)}), so that it stays text; remove the marks"]
    number = re.compile(pattern("number", decimal)).match
    words = sorted(islice((cell for cell in cells if not number(cell)), 4))
    if not words or len(words) > 3 or len(cells) < 20:
        return []
    said = ", ".join(map(repr, words))
    return [f"{column!r} holds numbers, but also {said}, so that it is text; if that means missing, add it to `missing` there"]
