"""Look at the first megabytes of a raw file: how it is written, and what its columns hold."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from sluice.core.command import UserError
from sluice.core.formats import (
    DELIMITERS,
    OFFSET,
    PATTERNS,
    SPACES,
    is_date,
    is_index,
    on_one_line,
    opened,
    wrong_names,
)
from sluice.core.numbers import EXPONENT_ALONE, LEADING_ZERO, Notation
from sluice.scoping.notations import (
    MANY,
    MIN_NUMBER_SHARE,
    NOTATION_EXAMPLES,
    Written,
    code_of,
    doubles,
    is_sure,
    question,
    written_as,
)

SAMPLE_BYTES = 2_000_000  # bytes, unpacked, that are looked at
MISSING_MARKS = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "?")
# missing where a column holds numbers or dates otherwise; words where all that use them hold text
PERHAPS = ("None", "-", ".")
INDEX_NOTE = (
    "the first column has no name, as pandas and R write the names of the rows, and is left out"
)
ROW_NAMES = (
    "its rows have one field more than its header, as R writes the names of the rows; export it"
    " with row.names = FALSE (R), or give that column a name"
)
FREQUENT, FREQUENT_SHARE = (
    20,
    0.01,
)  # rows, or share of them, from which on such a word is a label where a label can stand
ABBREVIATION = re.compile("^[A-Z]{2,5}$")  # NA beside EU and APAC is one
UNDECODED = re.compile("[\udc80-\udcff]")  # a byte that is none of the encoding
OF_CP1252 = re.compile(
    rb"[\x80\x82-\x8c\x8e\x91-\x9c\x9e\x9f]"
)  # signs such as the euro, where latin-1 has none
STRAYS = 9  # signs that are right for one that is broken, at least
SHAPE = re.compile(
    r"^[0-9]{1,4}(?P<mark>[./-])[0-9]{1,2}(?P=mark)[0-9]{1,4}(?P<time>"
    r" [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?$"
)
# a number of another notation, or in units that differ: 1,23,456 or $5 beside 7 kg; not a code such
# as A12, nor a time
MEASURED = re.compile(
    r"^([^\w\s]{0,3}|[A-Z]{3})\s?[+\u2212-]?\d[\d"
    r" .,'_\xb7\u2019\u00a0\u2007\u2009\u202f]*[^\d\s]{0,10}$"
)
WHOLE = re.compile(
    r"^[+-]?[0-9]+(\.0?)?$"
)  # 3.0 is what programs write of 3 where values are missing, and 3.00 a price
OTHER_DATE = re.compile(
    r"^([0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2})(\b|T)"
)


@dataclass(frozen=True)
class Found:
    """How a file is written: `columns` maps each to its type, `values` to what it holds in the
    sample, missing words left out.

    `missing_in` has the words of columns whose words are other than `missing`, `number_formats` how
    the numbers of a column are written that are not written as the decimal mark says, and
    `one_spelling` the columns in which no number is written in two ways. `whole` says that the
    sample is the file; `notes` are sentences for whoever has to correct data/sources.yaml.
    """

    format: str = "csv"
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    missing: tuple[str, ...] = ("",)
    missing_in: dict[str, tuple[str, ...]] = field(default_factory=dict)
    date_formats: dict[str, str] = field(default_factory=dict)
    number_formats: dict[str, Notation] = field(default_factory=dict)
    one_spelling: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    whole: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What one column holds: `cells` are its different values without the words for missing ones,
    `written` how these are numbers.

    how: the format of its dates; notes: what is to be said of it, and what to do, in pairs; own:
    its words are not those of all.
    """

    kind: str
    cells: set[str]
    missing: tuple[str, ...] = ()
    written: Written | None = None
    how: str | None = None
    notes: tuple[tuple[str, str], ...] = ()
    own: bool = False


def look(path: Path, labels: Iterable[str] = ()) -> Found:
    """Return what the first SAMPLE_BYTES bytes of the text file `path` show.

    labels: the columns whose values are classes or groups, so that a word for a missing value may
    be one of them.

    Raises UserError where there is no such file, or it is no table of text with a name for each
    column.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name the one CSV or Parquet file in it")
    if not path.is_file():
        raise UserError(f"there is no file {str(path)!r}")
    csv.field_size_limit(2**31 - 1)
    with opened(path) as file:
        sample = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    text, encoding = _decoded(path, sample, whole)
    if encoding == "utf-8" and not whole and text.isascii() and not _is_utf8(path):
        encoding = "cp1252"
    _check_text(path, text)
    delimiter = _delimiter(path, text)
    header, rows, ragged, indexed = _rows(path, text, delimiter, whole)
    looks = {
        column: look_at(column, _trimmed(cells), column in labels)
        for column, *cells in zip(header, *rows, strict=True)
    }
    notes = [INDEX_NOTE] if indexed else []
    if ragged:
        notes.append(
            f"{ragged:,} of {len(rows) + ragged:,} rows looked at have another number of fields"
            " than the header"
        )
    notes += _about_encoding(text, encoding)
    found = _found(looks, delimiter, encoding)
    return replace(found, whole=whole, notes=(*notes, *found.notes))


def _check_text(path: Path, text: str) -> None:
    """Raise UserError where a text can be no table."""
    if "\r" in text and "\n" not in text:
        raise UserError(
            f"{path}: its lines end in carriage returns alone; export it with line feeds"
        )
    if text.startswith(("\n", "\r\n")) and text.strip():
        raise UserError(f"{path} begins with an empty line; its first line must name the columns")
    if text.lstrip().startswith(("{", "[{", "<!", "<?", "<html")):
        raise UserError(f"{path} is JSON, or a page, and no table; export it as CSV or Parquet")


def _about_encoding(text: str, encoding: str) -> list[str]:
    notes = []
    if broken := len(UNDECODED.findall(text)):
        notes.append(
            f"nearly all of it is {encoding}, but {broken:,} bytes are not: rows with such a byte"
            " will be rejected, mend them in the file"
        )
    if encoding in ("cp1252", "latin-1"):
        notes.append(f"it is not UTF-8; read as {encoding}: see that accented letters are right")
    return notes


def _trimmed(cells: Iterable[str]) -> "Counter[str]":
    """Return how often each value occurs, without the spaces around it."""
    counts = Counter[str]()
    for cell, n in Counter(cells).items():
        counts[cell.strip(SPACES)] += n
    return counts


def _found(looks: dict[str, Look], delimiter: str, encoding: str) -> Found:
    """Return what the columns of a file have in common, and for each in what it differs."""
    numbers = {
        column: one.written.readings[0]
        for column, one in looks.items()
        if one.written and one.kind in ("integer", "number")
    }
    decimal, formats = _number_formats(looks, numbers)
    missing = tuple(
        word
        for word in ("", *MISSING_MARKS[1:], *PERHAPS)
        if not word or any(word in one.missing for one in looks.values())
    )
    own = {column: ("", *one.missing) for column, one in looks.items() if one.own}
    own = {c: words for c, words in own.items() if words != missing or looks[c].kind != "text"}
    spelled = [column for column in numbers if _spelled_once(looks[column].cells, numbers[column])]
    return Found(
        delimiter=delimiter,
        encoding=encoding,
        decimal=decimal,
        missing=missing,
        missing_in=own,
        date_formats={column: one.how for column, one in looks.items() if one.how},
        number_formats=formats,
        one_spelling=tuple(spelled),
        columns={column: one.kind for column, one in looks.items()},
        values={column: one.cells for column, one in looks.items()},
        notes=tuple(_notes(looks, formats)),
    )


def _number_formats(
    looks: dict[str, Look], numbers: dict[str, Notation]
) -> tuple[str, dict[str, Notation]]:
    """Return the decimal mark of most columns of numbers, and how the others are written."""

    def uses(column: str, mark: str) -> bool:
        return any(mark in cell for cell in looks[column].cells)

    marked = Counter(one.decimal for column, one in numbers.items() if uses(column, one.decimal))
    decimal = "," if marked[","] > marked["."] else "."
    return decimal, {
        column: one
        for column, one in numbers.items()
        if one != Notation(decimal) and (one != Notation() or uses(column, "."))
    }


def _notes(looks: dict[str, Look], formats: dict[str, Notation]) -> list[str]:
    """Return a sentence on each column that was read otherwise than one may think."""
    notes = [f"{column!r} {what}; {do}" for column, one in looks.items() for what, do in one.notes]
    for column, one in looks.items():
        far = min(filter(re.compile(OFFSET).search, one.cells), default="")
        if one.kind == "date" and far:
            notes.append(
                f"{column!r} has time stamps with an offset from UTC, such as {far}, and is read"
                " as UTC"
            )
    read_as = [
        (column, f"numbers written {number.example()}", "number_formats")
        for column, number in formats.items()
    ]
    read_as += [
        (column, f"dates written {one.how}", "date_formats")
        for column, one in looks.items()
        if one.how
    ]
    return notes + [
        f"{column!r} is read as {how}; correct it under {key} if it is not so"
        for column, how, key in read_as
    ]


def look_at(column: str, counts: "Counter[str]", is_label: bool = False) -> Look:
    """Return what `column` holds, whose trimmed values are counted; of a label the words for
    missing values may be classes.
    """
    there = [word for word in (*MISSING_MARKS[1:], *PERHAPS) if word in counts]
    cells = set(counts) - {"", *there}
    written = written_as(cells)
    notation = written.readings[0] if written and is_sure(written, cells) else None
    kind, how = kind_of(cells, notation), None
    fits = date_formats(cells) if kind == "text" else []
    if len(fits) == 1:
        kind, how = "date", fits[0]
    if kind != "text" or written:
        notes = _odd_text(column, cells, written) if kind == "text" else []
        as_class = (
            "if it is a class or group, declare it as text in data/sources.yaml, with missing_in:"
            f' {{{column}: [""]}}'
        )
        notes += [(_read_as_missing(word, counts), as_class) for word in there if is_label]
        return Look(
            kind,
            cells,
            tuple(there),
            written,
            how,
            tuple(notes),
            own=kind == "text" or (is_label and bool(there)),
        )
    words, notes = _values(column, counts, there, cells, is_label)
    left = tuple(word for word in there if word not in words)
    return Look(
        kind, cells | words, left, notes=(*notes, *_odd_text(column, cells, None)), own=True
    )


def _values(
    column: str, counts: "Counter[str]", there: list[str], cells: set[str], is_label: bool
) -> tuple[set[str], list[tuple[str, str]]]:
    """Return which of the words for missing values that are `there` are values of this column of
    text, and what is to be said of them.
    """
    words = {word for word in there if word in PERHAPS}
    abbreviations = [cell for cell in cells if ABBREVIATION.match(cell)]
    notes = []
    for word in [word for word in there if word not in words]:
        n = counts[word]
        has = f"has {word!r} in {n:,} rows, which is read as"
        if is_label and (n >= FREQUENT or n >= FREQUENT_SHARE * counts.total()):
            words.add(word)
            notes.append((f"{has} a class or group", _if_missing(column, word)))
        elif is_label:
            do = f"if it is a class or group, {_if_value(column)}"
            notes.append((_read_as_missing(word, counts), do))
        elif word == "NA" and cells and len(abbreviations) == len(cells):
            words.add(word)
            notes.append((f"{has} a value like {min(cells)}", _if_missing(column, word)))
        elif word == "NA" and (abbreviations or n >= FREQUENT):
            beside = f", though {min(abbreviations)} stands beside it" if abbreviations else ""
            notes.append((f"{has} missing{beside}", f"if it is a value there, {_if_value(column)}"))
    return words, notes


def _if_value(column: str) -> str:
    return f'write missing_in: {{{column}: [""]}} in data/sources.yaml'


def _read_as_missing(word: str, counts: "Counter[str]") -> str:
    return (
        f"has {word!r} in {counts[word]:,} rows, which is read as missing: they have no class or"
        " group"
    )


def _if_missing(column: str, word: str) -> str:
    return (
        f'if it means missing there, write missing_in: {{{column}: ["", "{word}"]}} in'
        " data/sources.yaml"
    )


def _spelled_once(cells: set[str], notation: Notation) -> bool:
    """Whether no two of `cells`, which are numbers, are one, and none may be a code, so that
    this is to hold for later files as well.
    """
    plain = set(map(notation.plain, cells))
    return not doubles(plain) and not any(map(re.compile(EXPONENT_ALONE).match, plain))


def _decoded(path: Path, sample: bytes, whole: bool) -> tuple[str, str]:
    """Return the sample as text, and its encoding: by its mark, else UTF-8 if it is that, else a
    Western one of one byte.
    """
    if sample[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    elif b"\0" in sample:
        raise UserError(f"{path} is no text: it holds NUL bytes; export the table as CSV, in UTF-8")
    else:
        encoding = "utf-8"
    errors = "strict" if encoding == "utf-16" else "surrogateescape"
    try:
        text = (
            codecs.getincrementaldecoder(encoding)(errors)
            .decode(sample, final=whole)
            .removeprefix("\ufeff")
        )
    except UnicodeDecodeError:
        raise UserError(f"{path} begins like UTF-16, but is not; export it in UTF-8") from None
    foreign = len(UNDECODED.findall(text))
    if not foreign or STRAYS * foreign <= sum(sign > "\x7f" for sign in text) - foreign:
        return text, encoding
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        text = sample.decode("cp1252", "surrogateescape")
        if STRAYS * len(UNDECODED.findall(text)) > len(OF_CP1252.findall(sample)):
            return sample.decode("latin-1"), "latin-1"
    return text, "latin-1" if whole and text == sample.decode("latin-1") else "cp1252"


def _is_utf8(path: Path) -> bool:
    """Whether the first letter beyond ASCII in a file is one of UTF-8, or there is none: it may
    come late.
    """
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
    """Return the delimiter that parts most of the first rows into as many fields as the header,
    two or more.
    """
    best, fits, longer = "", (0.0, 0), False
    for delimiter in DELIMITERS:
        reader = csv.reader(
            io.StringIO(text[:200_000], newline=""), delimiter=delimiter, skipinitialspace=True
        )
        widths = [len(row) for row in islice(reader, 500) if row]
        share = sum(width == widths[0] for width in widths) / len(widths) if widths else 0
        if widths and widths[0] > 1 and share > 0.5 and (share, widths[0]) > fits:
            best, fits = delimiter, (share, widths[0])
        longer |= bool(
            widths
            and widths[0] > 1
            and sum(width == widths[0] + 1 for width in widths) > len(widths) / 2
        )
    if not best and longer:
        raise UserError(f"{path}: {ROW_NAMES}")
    if not best:
        first = text.split("\n", 1)[0][:80]
        raise UserError(
            f"{path} is no table of two columns or more, parted by comma, semicolon, tab or bar; it"
            f" begins {first!r}"
            if text.strip()
            else f"{path} is empty; its first line must name the columns"
        )
    return best


def _rows(
    path: Path, text: str, delimiter: str, whole: bool
) -> tuple[list[str], list[list[str]], int, bool]:
    """Return the names of the columns, the rows that are as long, and how many are not; the last of
    a part may be cut.

    Last whether the first column has no name: it is left out.
    """
    lines = io.StringIO(text, newline="")
    header = on_one_line(next(csv.reader(lines, delimiter=delimiter)))
    reader = csv.reader(
        lines, delimiter=delimiter, skipinitialspace=True
    )  # DuckDB, too, takes `, "red"` for a quoted value
    width, indexed = len(header), is_index(header)
    header = header[indexed:]
    problems = wrong_names(header)
    numbers = [
        name for name in header if re.match(PATTERNS["number"], name) or name in MISSING_MARKS[1:]
    ]
    if len(numbers) == len(header) or (numbers and len(set(header)) < len(header)):
        problems = [
            f"it begins with values ({', '.join(header[:3])}); its first line must name the columns"
        ]
    rows = [row for row in reader if row][: None if whole else -1]
    if UNDECODED.search(text):  # the stages reject such rows
        rows = [row for row in rows if not any(map(UNDECODED.search, row))]
    if not rows:
        problems.append("it has no row, only a header")
    if problems:
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    good = [row[1:] if indexed else row for row in rows if len(row) == width]
    return header, good, len(rows) - len(good), indexed


def _all(form: "str | re.Pattern[str]", cells: set[str]) -> bool:
    """Whether there are `cells`, and all of them match."""
    return bool(cells) and all(map(re.compile(form).match, cells))


def kind_of(cells: set[str], notation: Notation | None = Notation()) -> str:  # noqa: B008 - it does not change
    """Return the type that all of `cells` have, which are different values of one column, where
    their numbers are written so.
    """
    if notation and _all(notation.pattern("number"), cells):
        if code_of(plain := set(map(notation.plain, cells))):
            return "text"
        return "integer" if _all(WHOLE, plain) else "number"
    if cells and all(map(is_date, cells)):
        return "date"
    return (
        "boolean"
        if len(cells) <= 6 and {cell.lower() for cell in cells} in ({"true", "false"}, {"t", "f"})
        else "text"
    )


def date_formats(cells: set[str]) -> list[str]:
    """Return the formats, with day, month and year in any usual order, in which all of `cells` are
    dates; ISO has no need of one.

    Two of them mean that nobody can tell the day from the month.
    """
    shapes = {
        (found["mark"], (found["time"] or "").count(":"))
        for cell in cells
        if (found := SHAPE.match(cell))
    }
    if len(shapes) != 1 or not all(map(SHAPE.match, cells)):
        return []
    [(mark, colons)] = shapes
    time = ("", " %H:%M", " %H:%M:%S")[colons]
    orders = ("%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%m{0}%d{0}%Y")
    return [
        how
        for order in orders
        if all(_is_written(cell, how := order.format(mark) + time) for cell in cells)
    ]


def _is_written(cell: str, how: str) -> bool:
    try:
        return bool(datetime.strptime(cell, how))
    except ValueError:
        return False


def _odd_text(column: str, cells: set[str], written: Written | None) -> list[tuple[str, str]]:
    """Return what is to be said of a column of text that was meant to be something else, and
    what to do.
    """
    if len(fits := date_formats(cells)) > 1:
        how = " or ".join(f'{{{column}: "{one}"}}' for one in fits)
        what = (
            f"holds dates such as {min(cells)}, of which nobody can tell the day from the month, so"
            " that it stays text"
        )
        return [(what, f"if it is to be a date, declare it so, with date_formats: {how}")]
    dates = {cell for cell in cells if OTHER_DATE.match(cell) or is_date(cell)}
    if cells and len(dates) >= MIN_NUMBER_SHARE * len(cells):
        odd = sorted(cells - dates)
        but = f", but also {odd[0]!r}" if odd else ""
        what = (
            f"looks like dates ({min(dates)}){but}, but not all in one format with a year of four"
            " digits, so that it stays text"
        )
        do = "write them alike, best as 2024-12-31, and what means missing under missing_in"
        return [(what, do)]
    return [
        (f"{what}, so that it is read as text", do) for what, do in asked(column, cells, written)
    ]


def asked(
    column: str,
    cells: set[str],
    written: Written | None,
    examples: int = NOTATION_EXAMPLES,
    show: Callable[[str], str] = str,
) -> list[tuple[str, str]]:
    """Return what is to be said of the numbers in a column of text, how they are `written`, and
    what to do; `show` shows a value.
    """
    if written is None:
        measured = {cell for cell in cells if MEASURED.match(cell)}
        if len(cells) < MANY or len(measured) < len(cells) / 2:
            return []
        what = f"holds numbers in no one notation, such as {show(min(measured))}"
        return [(what, "write the numbers alone, all in one way and one unit")]
    notation = written.readings[0]
    plain = {notation.plain(cell) for cell in cells if cell not in written.odd}
    why = code_of(plain, show)
    is_led = any(re.match(LEADING_ZERO, number) for number in plain)
    if why is None or (len(written.readings) > 1 and not is_led):
        told = question(written, cells, column, examples, show)
        return [told] if told else []
    do = "if it is a quantity, declare it as integer or number in data/sources.yaml"
    return [] if len(set(map(len, cells))) == 1 else [(why, do)]
