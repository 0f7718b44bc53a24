"""How a raw file may be written: packed, encoded, and what a value of each type looks like."""

import bz2
import csv
import gzip
import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sluice.core.command import UserError
from sluice.core.numbers import Notation

ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
DELIMITERS = (",", ";", "\t", "|")
PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zip": "zip"}
PARQUET = (".parquet", ".pq")
INDEX_LEVEL = r"__index_level_\d+__"  # what pandas calls an index without a name
PATTERNS = {
    "integer": Notation().pattern("integer"),
    "number": Notation().pattern("number"),
    "date": (
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(["
        r" T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
    ),
}
OFFSET = (  # of a time stamp that says how far its clock is from UTC
    r":[0-9]{2}(\.[0-9]+)?[+-][0-9]{2}(:?[0-9]{2})?$"
)
DATE_PARTS = dict.fromkeys(["%m", "%d", "%H", "%M", "%S"], "([0-9]{1,2})") | {"%Y": "([0-9]{4})"}
MAX_CLASSES = 200  # more labels than this are a continuous target or an identifier
MAX_COLUMNS = 1000  # each check costs time per column
LONGEST_NAME = 500  # signs of the name of a column
MIXED = (
    "some lines end in a line feed, some in a carriage return and a line feed; export it with one"
    " of them"
)
UNCLOSED = "has a quote that is never closed; close it, or double it if it is text"
CUT_OFF = (
    "ends in the middle of its last row, on line {}: it is cut off; copy it anew from where it came"
)
# what is no part of a value where it stands at its ends
SPACES = " \t\n\r\f\v\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200C))
)
RESERVED = "__stage_"  # how the names of the columns begin that the stages add themselves


def is_date(text: str) -> bool:
    """Whether `text` is an ISO date or time stamp, and one of the calendar."""
    try:
        return bool(re.search(PATTERNS["date"], text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def on_one_line(names: list[str]) -> list[str]:
    """Return the names of columns as they are called here: a line break in one, and the spaces
    around it, are one space.
    """
    return [
        (
            " ".join(filter(None, map(str.strip, re.split("[\r\n]", name))))
            if "\n" in name or "\r" in name
            else name
        )
        for name in names
    ]


def wrong_names(names: list[str]) -> list[str]:
    """Return a sentence for each name that a column cannot have here; whatever is not told of
    can be one, keywords and quotes too.
    """
    if len(names) > MAX_COLUMNS:
        return [f"there are {len(names):,} columns, must be {MAX_COLUMNS:,} at most"]
    wrong = [
        f"column {nth} has no name; give it one, or leave the column out"
        for nth, name in enumerate(names, 1)
        if not name
    ]
    wrong += [
        f"the name of column {name!r} has spaces around it; remove them"
        for name in names
        if {name.strip(), name.strip(SPACES)} != {name}
    ]
    wrong += _same_names(names)
    wrong += [
        f"the name of column {nth} is {len(name):,} characters long, must be {LONGEST_NAME} at most"
        for nth, name in enumerate(names, 1)
        if len(name) > LONGEST_NAME
    ]
    wrong += [
        f"the name of column {nth}, {name[:80]!r}, holds a line break or another control character;"
        " write it on one line, in letters"
        for nth, name in enumerate(names, 1)
        if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name.strip())
    ]
    wrong += [
        f"a column is named {name!r}, but names that begin with {RESERVED} are for columns that the"
        " stages add; rename it in the file"
        for name in names
        if name.lower().startswith(RESERVED)
    ]
    return wrong


def _same_names(names: list[str]) -> list[str]:
    folded = [name.lower() for name in names]  # DuckDB does not tell "Size" from "size"
    twice = {name for nth, name in enumerate(names) if name and name.lower() in folded[:nth]}
    return [
        "two columns are named"
        f" {name!r}{'' if names.count(name) > 1 else ', upper and lower case aside'}; each needs a"
        " name of its own"
        for name in sorted(twice)
    ]


def date_pattern(written: str) -> tuple[str, list[str]]:
    """Return the regular expression of dates in the format `written`, such as %d.%m.%Y, with a
    group for each part, and the parts.

    Raises ValueError unless year (%Y, four digits), month and day are in it once each, and a time
    of day has hour and minute.
    """
    pieces = re.split("(%.?)", written)
    parts = pieces[1::2]
    allowed = ({"%Y", "%m", "%d"}, {"%Y", "%m", "%d", "%H", "%M"}, set(DATE_PARTS))
    if len(parts) != len(set(parts)) or set(parts) not in allowed:
        raise ValueError(
            f"{written!r} is no date format: it needs %Y (four digits), %m and %d, once each, and"
            " may have %H:%M or %H:%M:%S"
        )
    regex = "".join(DATE_PARTS.get(piece, re.escape(piece)) for piece in pieces)
    return "^" + (regex if any(pieces[2:-1:2]) else regex.replace("{1,2}", "{2}")) + "$", parts


def ending(path: Path) -> str:
    """Return the ending of a file's name in small letters: exports are called DATA.CSV.GZ, too."""
    return path.suffix.lower()


def is_parquet(path: Path) -> bool:
    """Whether the name of a file says that it is Parquet; any other is text, packed or not."""
    return ending(path) in PARQUET


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield the bytes of the file at `path`, unpacked as its ending says; raises UserError where
    they cannot be.
    """
    kind = PACKED.get(ending(path), "text")
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as file:
                yield file
        else:
            with {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open, "text": open}[kind](
                path, "rb"
            ) as file:  # type: ignore[operator]
                yield file
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} is a broken {kind} file ({error}); copy it anew from where it came"
        ) from None
    except OSError as error:
        if (
            error.errno is not None
        ):  # what the system says; gzip and bzip2 raise the same type without a number
            raise
        raise UserError(
            f"{path} is a broken {kind} file ({error}); copy it anew from where it came"
        ) from None


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of the one file in `archive`."""
    names = [
        member.filename
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    if len(names) != 1:
        raise UserError(
            f"{path} holds {len(names)} files ({', '.join(names[:5])}), must hold the one table;"
            " pack that alone"
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise UserError(f"{path} is locked with a password; unpack it and give what is in it")
    return names[0]


def is_index(header: list[str]) -> bool:
    """Whether the first column has no name, though others have: so pandas and R write the names
    of the rows.
    """
    return len(header) > 1 and not header[0].strip()


@dataclass(frozen=True)
class Rows:
    """The rows of a text file, its header among them: the line on which each begins, which are not
    blank, and the text of the last.

    is_ended: whether the last line has a line end.
    """

    starts: Sequence[int]
    filled: bytearray
    last: str
    is_ended: bool


def rows_of(path: Path, delimiter: str, encoding: str, before: int = 0) -> Rows:
    """Return the rows of a text file; before: how many lines of a larger one lie between the header
    and its first row.

    Raises UserError for NUL bytes, for carriage returns on which readers differ, and for a quote
    that is never closed: it would swallow the rest.
    """
    quoted, last_two, filled, line = False, set(), bytearray(), b""
    with opened(path) as file:
        for number, line in enumerate(_lines(file, encoding), 1):
            if b"\0" in line or b"\r" in line:
                check_line(path, line, number + before)
            quoted = quoted or b'"' in line
            last_two.add(line[-2:])
            filled.append(len(line) > 2 or bool(line.strip(b"\r\n")))
    ends = {two == b"\r\n" if two[-1:] == b"\n" else None for two in last_two}
    if not quoted and {True, False} <= ends:
        raise UserError(f"{path}: {MIXED}")
    if quoted:
        return _quoted_rows(path, delimiter, encoding, before, None not in ends)
    return Rows(
        range(1 + before, len(filled) + 1 + before), filled, _text(line, encoding), None not in ends
    )


def _lines(file: Any, encoding: str) -> Iterable[bytes]:
    """Return the lines of a file, in UTF-8 where it is in UTF-16, of which a line feed is two
    bytes.
    """
    if encoding != "utf-16":
        return file
    return (
        line.encode("utf-8", "replace")
        for line in io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
    )


def _text(line: bytes, encoding: str) -> str:
    return line.decode("utf-8" if encoding == "utf-16" else encoding, errors="replace")


def check_line(path: Path, line: bytes, number: int) -> None:
    """Raise UserError for a line that holds a NUL byte, or a carriage return on which readers
    differ.
    """
    if b"\0" in line:
        raise UserError(
            f"{path}: line {number} holds a NUL byte; it is not a text file, or is broken: export"
            " it anew"
        )
    if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
        raise UserError(
            f"{path}: line {number} holds a carriage return that ends no line; export it with line"
            " feeds, or remove it"
        )


def _quoted_rows(path: Path, delimiter: str, encoding: str, before: int, is_ended: bool) -> Rows:
    """Return what `rows_of` does for a file with quotes, in which a row can span lines."""
    csv.field_size_limit(2**31 - 1)
    starts, filled, start, ends = [], bytearray(), 1 + before, set()
    lines_of_row: list[str] = []
    last_row: list[str] = []

    def remembered(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            lines_of_row.append(line)
            yield line

    with opened(path) as file:
        marked = (
            "utf-8-sig" if encoding == "utf-8" else encoding
        )  # a quote after the mark of UTF-8 opens a name as well
        text = io.TextIOWrapper(file, encoding=marked, errors="replace", newline="")
        rows = csv.reader(remembered(text), delimiter=delimiter, skipinitialspace=True)
        for row in rows:
            starts.append(start)
            ends.add(lines_of_row[-1][-2:] == "\r\n" if lines_of_row[-1][-1:] == "\n" else None)
            filled.append(bool(row))
            start = rows.line_num + 1 + before
            last_row = lines_of_row.copy()
            lines_of_row.clear()
    try:
        list(csv.reader(last_row, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error as error:
        if "end of data" in str(error):
            raise UserError(
                f"{path}: the row that begins on line {starts[-1]} {UNCLOSED}"
            ) from None
    if {True, False} <= ends:
        raise UserError(f"{path}: {MIXED}")
    return Rows(starts, filled, "".join(last_row), is_ended)


def check_rows(path: Path, delimiter: str, encoding: str, width: int) -> None:
    """Raise UserError where a text file of `width` columns cannot be read as a whole, for what
    only its rows show, first to last.
    """
    if encoding != "utf-16" and _is_plain(path):
        return
    rows = rows_of(path, delimiter, encoding)
    fields = next(csv.reader([rows.last], delimiter=delimiter, skipinitialspace=True), [])
    if not rows.is_ended and len(rows.starts) > 1 and len(fields) < width:
        raise UserError(f"{path} {CUT_OFF.format(rows.starts[-1])}")


def _is_plain(path: Path) -> bool:
    """Whether nothing in a text file can be at odds: no quote, no carriage return, no NUL byte,
    and a line feed at its end.
    """
    last = b""
    with opened(path) as file:
        while block := file.read(2**20):
            last = block[-1:]
            if any(sign in block for sign in (b'"', b"\r", b"\0")):
                return False
    return last == b"\n"
