# ruff: noqa
# fmt: off
# made by tools/sync_template.py of stages/text.py, stages/command.py, stages/formats.py, stages/before/sample.py, stages/detect.py, hooks/answers.py, hooks/next_steps.py: edit those
import json
ANSWERS = json.loads({{cookiecutter | tojson | tojson}})
# {% raw %}
LOCKED = set("""
adlfs aiobotocore aiohappyeyeballs aiohttp aiohttp-retry aioitertools aiosignal altair amqp annotated-types antlr4-python3-runtime
appdirs argcomplete ast-serialize asyncssh atpublic attrs azure-core azure-identity azure-storage-blob bcrypt billiard botocore
celery certifi cffi charset-normalizer click click-didyoumean click-plugins click-repl cloudpickle colorama configobj contourpy
coverage cryptography cycler decorator dictdiffer diskcache distro dpath duckdb dulwich dvc dvc-azure dvc-data dvc-gs dvc-http
dvc-objects dvc-render dvc-s3 dvc-ssh dvc-studio-client dvc-task entrypoints execnet fairlearn filelock flatten-dict flufl-lock
fonttools frozenlist fsspec funcy gcsfs gitdb gitpython google-api-core google-auth google-auth-oauthlib google-cloud-core google-
cloud-storage google-cloud-storage-control google-crc32c google-resumable-media googleapis-common-protos grandalf great-
expectations grpc-google-iam-v1 grpcio grpcio-status gto hydra-core hypothesis ibis-framework idna imbalanced-learn iniconfig
isodate iterative-telemetry jinja2 jmespath joblib jsonschema jsonschema-specifications kiwisolver knack kombu librt markdown-it-
py markupsafe marshmallow matplotlib mdurl mistune msal msal-extensions multidict mypy mypy-extensions narwhals networkx numpy
oauthlib omegaconf opentelemetry-api orjson packaging pandas parsy pathspec pillow platformdirs pluggy prettytable prompt-toolkit
propcache proto-plus protobuf psutil pyarrow pyarrow-hotfix pyasn1 pyasn1-modules pycparser pydantic pydantic-core pydantic-
settings pydot pygit2 pygments pygtrie pyjwt pyparsing pytest pytest-cov pytest-xdist python-dateutil python-dotenv pywin32 pyyaml
referencing requests requests-oauthlib rich rpds-py ruamel-yaml ruff s3fs scikit-learn scipy scmrepo semver setuptools shortuuid
shtab six sklearn-compat skops smmap sortedcontainers sqlglot sqltrie sshfs tabulate threadpoolctl tomlkit toolz tqdm types-pyyaml
typing-extensions typing-inspection tzdata tzlocal urllib3 vine voluptuous wcwidth wrapt yarl zc-lockfile
""".split())

"""Write text that came from data into another language, so that it stays text there: one function for each language.

HTML is not here: the pages of stages/pages/ escape what they are given. Standard library only, as the template checks its answers with it.
"""

import re

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠](?s:.)")  # a spreadsheet would compute such a cell; a lone sign is text there, too
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMAND = re.compile(r"^\s*::|##\[")  # GitHub's runner obeys such a line of a log
PLAIN = re.compile(r"[^\W_]([\w ]*[^\W_])?")


def terminal(text: str) -> str:
    r"""Return `text` on one line, without a sign that moves the cursor or cannot be seen: \x1b instead of an escape."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)


def say(*lines: str) -> None:
    """Print each of `lines`; what stands in one can neither begin another nor be a command to the program that keeps the log."""
    for line in lines:
        print(COMMAND.sub(lambda found: found[0].replace(":", r"\x3a").replace("#", r"\x23"), terminal(line)), flush=True)


def svg(text: str) -> str:
    """Return `text` for a picture: on one line, and without signs that XML does not allow; matplotlib escapes the rest."""
    return terminal(text)


def csv_cell(text: str) -> str:
    """Return `text` for a cell of CSV: a formula begins with an apostrophe, so that a spreadsheet shows it; a number stays one."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def csv_text(cell: str) -> str:
    """Return the text that `csv_cell` made `cell` of."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def markdown(text: str) -> str:
    """Return `text` for a cell of a table in Markdown: as code unless it is plain words, so that it can be no mention, link or HTML."""
    line = terminal(text)
    if PLAIN.fullmatch(line) or NUMBER.fullmatch(line) or not line:
        return line
    mark = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{mark}{space}{line}{space}{mark}".replace("|", r"\|")


def fenced(text: str) -> str:
    """Return `text` as a block of code in Markdown that nothing in it can end, each of its lines as on a terminal."""
    mark = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return "\n".join([mark, *map(terminal, text.split("\n")), mark])
"""Run a stage as a command: a mistake and a failure end in a sentence, never in a traceback, and a command that is ended tidies up."""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn


FAILED = 70  # the exit code of a command that failed by itself, whatever its others mean: EX_SOFTWARE of sysexits.h
TRACEBACKS = "private/failed-{}.txt"  # of a command; git ignores the folder, since a traceback may quote values of people


class Refused(ValueError):  # noqa: N818 - it is an answer, not a fault
    """Input that a stage does not accept; the text says what was found, what is allowed and where to mend it."""


def run(stage: Callable[[], object]) -> None:
    """Call `stage`; on a Refused print its sentences to stderr and exit with 1, where the system refuses a file with FAILED.

    What the terminal's encoding lacks, in a column's name say, is printed escaped. Any other exception passes: `stages/__init__.py`
    hands it to `fail`.
    """
    name = Path(sys.argv[0]).stem
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with tidied_up():
            stage()
    except Refused as refusal:
        sys.exit("\n".join(f"{name}: {terminal(line)}" for line in str(refusal).split("\n")))
    except OSError as error:
        what = terminal(f"{error.filename or 'a file'}: {error.strerror or error}")
        print(f"{name}: {what}; free space or mend the permissions, then run it again", file=sys.stderr)
        sys.exit(FAILED)


def fail(error: BaseException) -> NoReturn:
    """Say on stderr where the program failed, write the traceback to a file that git ignores, and exit with FAILED.

    The text of `error` is in the file alone: it may quote values of rows.
    """
    name = Path(sys.argv[0]).stem
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parent)] or frames
    where = f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else "no known line"
    to = Path(TRACEBACKS.format(name))
    try:
        to.parent.mkdir(exist_ok=True)
        to.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
        seen = f"{to.as_posix()}, which has the traceback and may quote values of rows"
    except OSError:
        seen = "what stands above"
        traceback.print_tb(error.__traceback__)
    print(
        f"{name}: the program failed ({type(error).__name__} in {where}), so that there is no verdict; report it to those who maintain "
        f"stages/ (the `template` that .cruft.json names, if there is one) with {seen}",
        file=sys.stderr,
    )
    sys.exit(FAILED)


@contextmanager
def tidied_up() -> Iterator[None]:
    """Let whoever ends the process by SIGTERM, or hangs up, wait until temporary files are deleted: they may hold rows of people."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name) and threading.current_thread() is threading.main_thread()]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    ours = [number for number, handler in before.items() if handler == signal.SIG_DFL]  # nohup ignores one, and that stays so

    def end(number: int, _frame: Any) -> None:
        for one in ours:
            signal.signal(one, signal.SIG_IGN)
        sys.exit(128 + number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
"""How a raw file may be written: packed, encoded, and what a value of each type looks like.

Standard library only: the template checks its answers with this before there is an environment.
"""

import bz2
import gzip
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any


ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
DELIMITERS = (",", ";", "\t", "|")
PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zip": "zip"}
PARQUET = (".parquet", ".pq")
PATTERNS = {
    "integer": r"^[+-]?[0-9]+(\.0*)?$",
    "number": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$",
}
OFFSET = r":[0-9]{2}(\.[0-9]+)?[+-][0-9]{2}(:?[0-9]{2})?$"  # of a time stamp that says how far its clock is from UTC
DATE_PARTS = dict.fromkeys(["%m", "%d", "%H", "%M", "%S"], "([0-9]{1,2})") | {"%Y": "([0-9]{4})"}
MOST_CLASSES = 200  # more labels than this are a continuous target or an identifier
MOST_COLUMNS = 1000  # each check costs time per column
LONGEST_NAME = 500  # signs of the name of a column
RESERVED = "__stage_"  # how the names of the columns begin that the stages add themselves


def pattern(kind: str, decimal: str) -> str:
    """Return the regular expression of a value of type `kind` (integer, number or date) with this decimal mark."""
    return PATTERNS[kind] if decimal == "." or kind == "date" else PATTERNS[kind].replace(r"\.", decimal)


def is_date(text: str) -> bool:
    """Whether `text` is an ISO date or time stamp, and one of the calendar."""
    try:
        return bool(re.search(PATTERNS["date"], text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def wrong_names(names: list[str]) -> list[str]:
    """Return a sentence for each name that a column cannot have here; whatever is not told of can be one, keywords and quotes too."""
    if len(names) > MOST_COLUMNS:
        return [f"there are {len(names):,} columns, must be {MOST_COLUMNS:,} at most"]
    wrong = [f"column {nth} has no name; give it one, or leave the column out" for nth, name in enumerate(names, 1) if not name]
    wrong += [f"the name of column {name!r} has spaces around it; remove them" for name in names if name != name.strip()]
    folded = [name.lower() for name in names]  # DuckDB does not tell "Size" from "size"
    twice = sorted({name for nth, name in enumerate(names) if name and name.lower() in folded[:nth]})
    wrong += [
        f"two columns are named {name!r}{'' if names.count(name) > 1 else ', upper and lower case aside'}; each needs a name of its own"
        for name in twice
    ]
    wrong += [
        f"the name of column {nth} is {len(name):,} characters long, must be {LONGEST_NAME} at most"
        for nth, name in enumerate(names, 1)
        if len(name) > LONGEST_NAME
    ]
    wrong += [
        f"the name of column {nth}, {name[:80]!r}, holds a line break or another control character; write it on one line, in letters"
        for nth, name in enumerate(names, 1)
        if any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name.strip())
    ]
    wrong += [
        f"a column is named {name!r}, but names that begin with {RESERVED} are for columns that the stages add; rename it in the file"
        for name in names
        if name.lower().startswith(RESERVED)
    ]
    return wrong


def date_pattern(written: str) -> tuple[str, list[str]]:
    """Return the regular expression of dates in the format `written`, such as %d.%m.%Y, with a group for each part, and the parts.

    Raises ValueError unless year (%Y, four digits), month and day are in it once each, and a time of day has hour and minute.
    """
    pieces = re.split("(%.?)", written)
    parts = pieces[1::2]
    allowed = ({"%Y", "%m", "%d"}, {"%Y", "%m", "%d", "%H", "%M"}, set(DATE_PARTS))
    if len(parts) != len(set(parts)) or set(parts) not in allowed:
        raise ValueError(f"{written!r} is no date format: it needs %Y (four digits), %m and %d, once each, and may have %H:%M or %H:%M:%S")
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
    """Yield the bytes of the file at `path`, unpacked as its ending says; raises Refused where they cannot be."""
    kind = PACKED.get(ending(path), "text")
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as file:
                yield file
        else:
            with {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open, "text": open}[kind](path, "rb") as file:  # type: ignore[operator]
                yield file
    except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise Refused(f"{path} is a broken {kind} file ({error}); copy it anew from where it came") from None
    except OSError as error:
        if error.errno is not None:  # what the system says; gzip and bzip2 raise the same type without a number
            raise
        raise Refused(f"{path} is a broken {kind} file ({error}); copy it anew from where it came") from None


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of the one file in `archive`."""
    names = [member.filename for member in archive.infolist() if not member.is_dir() and not member.filename.startswith("__MACOSX/")]
    if len(names) != 1:
        raise Refused(f"{path} holds {len(names)} files ({', '.join(names[:5])}), must hold the one table; pack that alone")
    if archive.getinfo(names[0]).flag_bits & 1:
        raise Refused(f"{path} is locked with a password; unpack it and give what is in it")
    return names[0]
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


SAMPLE = 2_000_000  # bytes, unpacked, that are looked at
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "?")
PERHAPS = ("None", "-", ".")  # missing where a column holds numbers or dates otherwise; words, where all that use them hold text
THOUSANDS = re.compile(r"^[+-]?[1-9][0-9]{0,2}([., '][0-9]{3})+([.,][0-9]+)?$")
SHAPE = re.compile(r"^[0-9]{1,4}(?P<mark>[./-])[0-9]{1,2}(?P=mark)[0-9]{1,4}(?P<time> [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?$")
OTHER_DATE = re.compile(r"^([0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./][0-9]{1,2}[./][0-9]{1,2})\b")


@dataclass(frozen=True)
class Found:
    """How a file is written: `columns` maps each to its type, `values` to what it holds in the sample, missing words left out.

    `whole` says that the sample is the file; `notes` are sentences for whoever has to correct data/sources.yaml.
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


def look(path: Path) -> Found:
    """Return what the first SAMPLE bytes of `path` show; of a Parquet file, which tells its columns itself, only that it is one.

    Raises Refused where there is no such file, or it is no table of text with a name for each column.
    """
    if not path.is_file():
        raise Refused(f"there is no file {str(path)!r}")
    if is_parquet(path):
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                raise Refused(f"{path} is no Parquet file, as its name says")
        return Found(format="parquet")
    csv.field_size_limit(2**31 - 1)
    with opened(path) as file:
        sample = file.read(SAMPLE)
        whole = not file.read(1)
    text, encoding = _decoded(path, sample, whole)
    if "\r" in text and "\n" not in text:
        raise Refused(f"{path}: its lines end in carriage returns alone; export it with line feeds")
    if text.startswith(("\n", "\r\n")) and text.strip():
        raise Refused(f"{path} begins with an empty line; its first line must name the columns")
    if text.lstrip().startswith(("{", "[{", "<!", "<?", "<html")):
        raise Refused(f"{path} is JSON, or a page, and no table; export it as CSV or Parquet")
    delimiter = _delimiter(path, text)
    header, rows, ragged = _rows(path, text, delimiter, whole)
    values = {column: {cell.strip() for cell in set(cells)} for column, *cells in zip(header, *rows, strict=True)}
    decimal = _decimal(values, delimiter)
    missing = _missing(values, decimal)
    values = {column: cells.difference(missing) for column, cells in values.items()}
    columns = {column: kind_of(cells, decimal) for column, cells in values.items()}
    formats = {column: date_formats(values[column]) for column, kind in columns.items() if kind == "text"}
    written = {column: fits[0] for column, fits in formats.items() if len(fits) == 1}
    columns |= dict.fromkeys(written, "date")
    notes = [f"{ragged:,} of {len(rows) + ragged:,} rows looked at have another number of fields than the header"] if ragged else []
    if encoding in ("cp1252", "latin-1"):
        notes.append(f"it is not UTF-8; read as {encoding}: see that accented letters are right")
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


def _delimiter(path: Path, text: str) -> str:
    """Return the delimiter that parts most of the first rows into as many fields as the header, two or more."""
    best, fits = "", (0.0, 0)
    for delimiter in DELIMITERS:
        widths = [len(row) for row in islice(csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=delimiter), 500) if row]
        share = sum(width == widths[0] for width in widths) / len(widths) if widths else 0
        if widths and widths[0] > 1 and share > 0.5 and (share, widths[0]) > fits:
            best, fits = delimiter, (share, widths[0])
    if not best:
        first = text.split("\n", 1)[0][:80]
        raise Refused(
            f"{path} is no table of two columns or more, parted by comma, semicolon, tab or bar; it begins {first!r}"
            if text.strip()
            else f"{path} is empty; its first line must name the columns"
        )
    return best


def _rows(path: Path, text: str, delimiter: str, whole: bool) -> tuple[list[str], list[list[str]], int]:
    """Return the names of the columns, the rows that are as long, and how many are not; the last of a part may be cut."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(reader)
    problems = wrong_names(header)
    numbers = [name for name in header if re.match(pattern("number", "."), name) or name in MISSING[1:]]
    if len(numbers) == len(header) or (numbers and len(set(header)) < len(header)):
        problems = [f"it begins with values ({', '.join(header[:3])}); its first line must name the columns"]
    rows = [row for row in reader if row][: None if whole else -1]
    if not rows:
        problems.append("it has no row, only a header")
    if problems:
        raise Refused("\n".join(f"{path}: {problem}" for problem in problems))
    good = [row for row in rows if len(row) == len(header)]
    return header, good, len(rows) - len(good)


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
"""Take a raw file into the project: refuse labels that cannot be, copy it to data/raw, and write data/sources.yaml.

Standard library only: the template checks its answers with this before there is an environment.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from difflib import get_close_matches
from pathlib import Path


LARGEST = 50_000_000  # bytes of a file that git takes
SOURCES, RAW = Path("data/sources.yaml"), Path("data/raw")
FEW = 20  # different numbers with fractions that may still be names of classes
LIST = re.compile(r"^\s*(\[.*\]|\{.*\}|\(.*\))\s*$")
PURPOSE = "this pipeline sorts the rows of a table into classes, by one label a row, two classes or more"


def problems(found: Found, target: str, sensitive: list[str]) -> list[str]:
    """Return a sentence for each thing that is wrong with these answers, each with what the header offers."""
    columns = list(found.columns)
    wrong = []
    if not target:
        wrong.append(f"target is empty, must be the column to predict: {_offered(columns)}")
    for role, name in [("target", target), *(("sensitive", name) for name in sensitive)]:
        if name and columns and name not in columns:
            near = get_close_matches(name, columns, n=3, cutoff=0.7) or [c for c in columns if c.lower() == name.lower()]
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            wrong.append(f"{role} is {name!r}, no column of the file; it has {_offered(columns)}{hint}")
    if target in sensitive:
        wrong.append(f"sensitive names the target {target!r}; give each column one role")
    if target in found.values:
        wrong += [f"target is {target!r}, {why}" for why in _no_label(found, target)]
    for name in dict.fromkeys(sensitive):
        if name in columns and (kind := _label_kind(found, name)) in ("number", "date"):
            later = "; name a number in params.yaml afterwards, with its cut points" if kind == "number" else ""
            wrong.append(f"sensitive is {name!r}, a {kind}; groups need a text, integer or boolean{later}")
    if columns and not set(columns) - {target, *sensitive}:
        wrong.append("no column is left to predict from: each one is the target or sensitive")
    return wrong


def _offered(columns: list[str]) -> str:
    return ", ".join(columns[:50]) + (f" and {len(columns) - 50} more" if len(columns) > 50 else "") if columns else "its header names them"


def _no_label(found: Found, target: str) -> list[str]:
    """Return why the values of `target` cannot be labels; nothing if they can."""
    cells, kind = found.values[target], _label_kind(found, target)
    some = ", ".join(sorted(cells)[:3])
    if lists := sorted(cell for cell in cells if LIST.match(cell)):
        return [f"which holds lists such as {lists[0][:80]!r}; {PURPOSE}"]
    if kind in ("number", "date") or (kind == "integer" and len(cells) > MOST_CLASSES):
        return [f"which is continuous ({kind}s such as {some}); {PURPOSE}: make classes of it first"]
    if len(cells) > MOST_CLASSES:
        return [f"which has over {MOST_CLASSES} different values such as {some[:200]}: a name or free text, not a class; {PURPOSE}"]
    if not cells:
        return [f"which has no value at all; {PURPOSE}"]
    if len(cells) == 1 and found.whole:
        return [f"which is {some!r} in every row; {PURPOSE}"]
    return []


def _label_kind(found: Found, column: str) -> str:
    """Return the type of `column` as a label: text where it is a boolean, so that it keeps its words, or a few numbers."""
    kind, cells = found.columns[column], found.values.get(column, set())
    return "text" if kind == "boolean" or (kind == "number" and 0 < len(cells) <= FEW) else kind


def sources_yaml(found: Found, path: str, labels: list[str]) -> str:
    """Return data/sources.yaml for the file at `path`; `labels` are the target and the sensitive columns."""
    name = re.sub(r"[^a-z0-9]+", "_", Path(path).name.split(".")[0].lower()).strip("_") or "table"
    kinds = found.columns | {column: _label_kind(found, column) for column in labels if column in found.columns}
    lines = [
        "# What the raw files are. Types: text, integer, number, boolean, date.",
        "sources:",
        f"  {_plain(name)}:",
        f"    path: {_plain(path)}",
        f"    format: {found.format}  # csv (also {', '.join(PACKED)}) | parquet",
        f"    delimiter: {_quoted(found.delimiter)}",
        f"    encoding: {found.encoding}  # utf-8 | utf-16 | cp1252 | latin-1",
        f'    decimal: "{found.decimal}"  # "." | ","',
        f"    missing: [{', '.join(map(_quoted, found.missing))}]  # how the file writes a missing value",
        "    records: null  # how many the file must have, where its sender says so: a file that was cut off is refused",
        f"    date_formats: {{{', '.join(f'{_quoted(column)}: {_quoted(how)}' for column, how in found.date_formats.items())}}}"
        '  # column: how its dates are written, where not as 2024-12-31, such as "%d.%m.%Y"',
        "    key: []  # columns that name a row: repeats of a row are dropped, rows of one key that differ are refused",
        "    equal_rows: together  # rows equal in all columns; together: on one side of every split | separate: different cases | drop",
        "    no_content: []  # columns that say nothing of a row, such as a line number of the export: equal rows may differ in them",
        "    columns:",
    ]
    return "\n".join([*lines, *(f"      {_plain(column)}: {kind}" for column, kind in kinds.items())]) + "\n"


def _plain(text: str) -> str:
    """Return `text` as YAML, in quotes unless it is a name that cannot be taken for anything else."""
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    safe = re.match(r"^[A-Za-z_][A-Za-z0-9_./-]*$", text) and text.lower() not in words
    return text if safe else _quoted(text)


def _quoted(text: str) -> str:
    """Return `text` as a quoted scalar of YAML, which reads JSON's escapes, but no bare character that cannot be printed."""
    unprintable = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
    return re.sub(unprintable, lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def take_in(path: Path, found: Found, labels: list[str]) -> list[str]:
    """Write data/sources.yaml, unless the columns are not known yet, and copy `path` to data/raw; return commands left to call.

    A file above LARGEST is too large for git: the command puts it into DVC's cache and links it from there.
    """
    raw = RAW / path.name
    RAW.mkdir(parents=True, exist_ok=True)  # also where nothing is copied: `dvc add` wants the folder
    if found.columns:
        SOURCES.write_text(sources_yaml(found, raw.as_posix(), labels), encoding="utf-8", newline="\n")
    if raw.exists() and raw.samefile(path):
        return []
    if path.stat().st_size > LARGEST:
        command = ["uv", "run", "dvc", "add", "--out", raw.as_posix(), str(path)]
        return [subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)]
    shutil.copyfile(path, raw)
    return []


def complete(path: Path | None = None) -> None:
    """Do for `path`, or the one file of data/raw, what the template does for its answer; nothing where it is done already.

    Raises Refused for labels in params.yaml that the file does not have, and where it is not plain which file is meant.
    """
    from stages.before.parquet import look_at_parquet
    from stages.params import load_params  # not of the standard library, which is all that the template's check may need

    if SOURCES.exists():
        if path:
            raise Refused(f"{SOURCES.as_posix()} says already what the raw file is; correct it there, or delete it and run this again")
        return
    raw = [file for file in sorted(RAW.glob("*")) if file.is_file() and file.name != ".gitignore" and file.suffix != ".dvc"]
    if path is None and len(raw) != 1:
        raise Refused(f"data/raw has {len(raw)} files, and no data/sources.yaml says which; run `python -m stages.detect FILE`")
    path, data = path or raw[0], load_params().data
    found = look(path)
    if found.format == "parquet":
        found = look_at_parquet(path, [data.target, *data.sensitive])
    if wrong := problems(found, data.target, data.sensitive):
        raise Refused("\n".join(f"params.yaml: data.{problem}" for problem in wrong))
    left = take_in(path, found, [data.target, *data.sensitive])
    say("data/sources.yaml is written; correct it there", *found.notes, *(f"now run: {command}" for command in left))


def main() -> None:
    """Take in the file that the command names, or else the one of data/raw."""
    complete(Path(sys.argv[1]).expanduser() if len(sys.argv) > 1 else None)

"""Say all that is wrong with the template's answers, before a file is written.

`tools/sync_template.py` makes the hooks of this, of hooks/next_steps.py and of the modules of stages/ that they import: a hook is
one script, run by cookiecutter's own Python.
"""

import os
import re
import sys
import tempfile
from difflib import get_close_matches
from pathlib import Path


SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
CHOICES = {"remote": ("none", "local", "s3", "gs", "azure", "ssh"), "ci": ("github", "gitlab", "none")}
EXAMPLE = {"target": "dead", "sensitive": "sex"}


def is_update(answers: dict[str, str]) -> bool:
    """Whether cruft renders the project once more into a temporary folder, to compare: neither data nor a reader are there."""
    above = Path.cwd().parent
    temporary = re.fullmatch(r"tmp[a-z0-9_]{8}", above.name) and above.parent.samefile(tempfile.gettempdir())
    return "_repo_dir" not in answers and bool(temporary)


def find_data(answer: str) -> Path | None:
    """Return the file that the answer `data` means, seen from where cookiecutter was called or from where the project is made."""
    folders = [Path(os.environ.get("PWD", ".")), Path.cwd().parent]
    return next((path for folder in folders if (path := (folder / Path(answer).expanduser()).resolve()).is_file()), None)


def sensitive(answers: dict[str, str]) -> list[str]:
    """Return the columns that the answer `sensitive` names."""
    return [name for part in answers["sensitive"].split(",") if (name := part.strip()) not in ("", "none")]


def wrong_answers(answers: dict[str, str], locked: set[str]) -> list[str]:
    """Return a sentence for each answer that cannot be; `locked` are the names of the packages that the project depends on."""
    project, wrong = answers["project"], []
    if not re.fullmatch(SLUG, project):
        wrong.append(
            f"project is {project!r}, must be lower-case letters, digits and single hyphens, begin with a letter and not end with a "
            "hyphen, such as crash-deaths"
        )
    elif project in locked:
        wrong.append(f"project is {project!r}, the name of a package that the project depends on and that it would replace; take another")
    wrong += _wrong_example(answers) if answers["data"] == "example" else _wrong_data(answers)
    for name, allowed in CHOICES.items():
        if answers[name] not in allowed:
            near = get_close_matches(answers[name].lower(), allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            wrong.append(f"{name} is {answers[name]!r}, must be one of {', '.join(allowed)}{hint}")
    return wrong


def _wrong_example(answers: dict[str, str]) -> list[str]:
    return [
        f"{name} is {answers[name]!r}, but the example has {value!r} there; leave it out, or give a file of your own as data"
        for name, value in EXAMPLE.items()
        if answers[name] != value
    ]


def _wrong_data(answers: dict[str, str]) -> list[str]:
    """Return what is wrong with a file of the user's, or with the columns that are named of it."""
    path = find_data(answers["data"])
    if path is None:
        return [
            f"data is {answers['data']!r}, must be 'example' or the path of a CSV or Parquet file: there is no such file, so that target "
            "and sensitive were not looked at"
        ]
    try:
        return problems(look(path), answers["target"].strip(), sensitive(answers))
    except Refused as refusal:
        return [f"data: {line}" for line in str(refusal).splitlines()]
    except OSError as error:
        return [f"data: {path}: {error.strerror or error}"]


def wrong_paths(answers: dict[str, str]) -> list[str]:
    """Return a sentence for each place of files that was given, although it follows from the answer `ci`: it may lie anywhere."""
    is_github = answers["ci"] == "github"
    follow = {
        "__workflows": ".github/workflows" if is_github else ".dvc/tmp",
        "__dependabot": ".github/dependabot.yml" if is_github else "",
    }
    return [
        f"{name} is {answers[name]!r}, which is no answer but follows from ci: leave it out"
        for name, value in follow.items()
        if answers[name] != value
    ]


def check(answers: dict[str, str], locked: set[str]) -> None:
    """End the process with all that is wrong."""
    wrong = wrong_paths(answers) + ([] if is_update(answers) else wrong_answers(answers, locked))
    if wrong:
        sys.exit("\n".join([*map(terminal, wrong), "", "Nothing was written. What follows is how cookiecutter says that it stopped:"]))
"""Take the user's file into the new project, and say what to do next."""

from pathlib import Path


URLS = {
    "s3": "the bucket",
    "gs": "the bucket",
    "azure": "the container",
    "ssh": "the host and the folder",
}


def own_data(answers: dict[str, str]) -> tuple[list[str], list[str]]:
    """Take the user's file in; return how it was read, a line each, and the commands that the user has to call for it."""
    path = find_data(answers["data"])
    if path is None:
        return [], []
    found = look(path)
    commands = take_in(path, found, [answers["target"].strip(), *sensitive(answers)])
    return [_said(found), *(f"  {note}" for note in found.notes)], commands


def _said(found: Found) -> str:
    if found.format == "parquet":
        return "It is Parquet: `make scope` looks at its columns first, and writes data/sources.yaml."
    delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[found.delimiter]
    mark = {".": "point", ",": "comma"}[found.decimal]
    missing = ", ".join(repr(word) for word in found.missing)
    how = f"{len(found.columns)} columns parted by {delimiter}, {found.encoding}, decimal {mark}, missing: {missing}"
    return f"Read as {how}; data/sources.yaml says so, correct it there."


def next_steps(answers: dict[str, str], read: list[str], commands: list[str]) -> str:
    """Return what to do in the new project; `read` and `commands` are what `own_data` gave."""
    name, example = answers["project"], answers["data"] == "example"
    make = ["make demo"] if example else ["make scope    # what the data can carry, and suites to begin with", "make repro"]
    plain = "uv run dvc repro" if example else "uv run python -m stages.scope && uv run dvc repro"
    before = ["make env", *commands] if commands else []
    lines = [f"Made {name}/. {' '.join(read[:1])}".strip(), *read[1:], "Next:", "", f"    cd {name}", "    git init"]
    lines += [f"    {step}" for step in [*before, *make]]
    lines += ["", f"Without make: {'; '.join([*commands, plain])}"]
    if answers["remote"] in URLS:
        lines.append(
            f"Before the first `uv run dvc push` set {URLS[answers['remote']]} in the line `url` of .dvc/config; credentials go into "
            ".dvc/config.local (see README.md)"
        )
    return "\n".join(lines)


def finish(answers: dict[str, str]) -> None:
    """Take the data in and print the next steps; where cruft renders for a difference, do neither.

    A folder is rendered even where no file in it is: those that stay empty go.
    """
    for folder in sorted(Path().rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    if not is_update(answers):
        read, commands = ([], []) if answers["data"] == "example" else own_data(answers)
        say(*next_steps(answers, read, commands).split("\n"))


finish(ANSWERS)
# {% endraw %}
