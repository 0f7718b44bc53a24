# ruff: noqa
# fmt: off
# made by tools/sync_template.py of stages/text.py, stages/command.py, stages/numbers.py, stages/formats.py, stages/before/notations.py, stages/before/sample.py, stages/detect.py, hooks/answers.py, hooks/next_steps.py: edit those
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

FORMULA = re.compile(
    r"'*[=+\-@\t\r\n＝＋－＠](?s:.)"
)  # a spreadsheet would compute such a cell; a lone sign is text there, too
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMAND = re.compile(r"^\s*::|##\[")  # GitHub's runner obeys such a line of a log
PLAIN = re.compile(r"[^\W_]([\w ]*[^\W_])?")


def terminal(text: str) -> str:
    r"""Return `text` on one line, without a sign that moves the cursor or cannot be seen: \x1b instead of an escape."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in text
    )


def say(*lines: str) -> None:
    """Print each of `lines`; what stands in one can neither begin another nor be a command to the program that keeps the log."""
    for line in lines:
        print(
            COMMAND.sub(
                lambda found: found[0].replace(":", r"\x3a").replace("#", r"\x23"), terminal(line)
            ),
            flush=True,
        )


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
        print(
            f"{name}: {what}; free space or mend the permissions, then run it again",
            file=sys.stderr,
        )
        sys.exit(FAILED)


def fail(error: BaseException) -> NoReturn:
    """Say on stderr where the program failed, write the traceback to a file that git ignores, and exit with FAILED.

    The text of `error` is in the file alone: it may quote values of rows.
    """
    name = Path(sys.argv[0]).stem
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parent)
    ] or frames
    where = f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else "no known line"
    to = Path(TRACEBACKS.format(name))
    try:
        to.parent.mkdir(exist_ok=True)
        to.write_text(
            "".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace"
        )
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
    names = [
        name
        for name in ("SIGTERM", "SIGHUP")
        if hasattr(signal, name) and threading.current_thread() is threading.main_thread()
    ]
    before = {
        number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)
    }
    ours = [
        number for number, handler in before.items() if handler == signal.SIG_DFL
    ]  # nohup ignores one, and that stays so

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
"""How the numbers of a column are written: which marks, signs and units stand in them, and what each of them means.

The look at a new file and the stages that read it share this grammar. Standard library only, as in `stages.formats`.
"""

import re
from dataclasses import dataclass
from functools import cached_property

MARKS = {
    ".": r"\.",
    ",": ",",
    " ": "[ \u00a0\u2007\u2009\u202f]",
    "'": "['\u2019]",
}  # decimal, or between thousands
SIGN = "[+\u2212-]?"  # with the minus of Unicode
BEFORE = r"^[^0-9\s+().,'-]{0,10}$"  # what may be declared to stand before a number, and after it
AFTER = r"^([^0-9\s+().,'-][^\s+().,'-]{0,9})?$"
LEADING_ZERO = r"^[+-]?0[0-9]"
EXPONENT_ALONE = r"^[+-]?[0-9]+[eE][0-9]+$"  # 1E5 may be a code; programs write 1e+05 and 1.0E5
ZERO_AT_END = r"\.[0-9]*[1-9](0+)$"  # 1.10 is the number 1.1, but not the same version


@dataclass(frozen=True)
class Notation:
    """How a number is written: `before` it a currency sign, `after` it a unit, and what makes it negative.

    thousands: the mark between groups of three digits, which a number may have or lack; a blank is any kind of space.
    negative: minus | parentheses, as in (1.20) | trailing, as in 1.20-.
    """

    decimal: str = "."
    thousands: str | None = None
    before: str = ""
    after: str = ""
    negative: str = "minus"

    def pattern(self, kind: str) -> str:
        """Return the regular expression of an integer or a number that is written so."""
        mark, whole = MARKS[self.decimal], "[0-9]+"
        if self.thousands:
            whole = f"(?:[1-9][0-9]{{0,2}}(?:{MARKS[self.thousands]}[0-9]{{3}})+|[0-9]+)"
        body = f"{whole}(?:{mark}0*)?"
        if kind == "number":
            body = f"(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        first, last = self._around()
        signed = f"{SIGN}{first}{SIGN if first else ''}{body}{last}"
        if self.negative == "parentheses":
            return rf"^(?:{signed}|\({first}{body}{last}\)|{first}\({body}\){last})$"
        return f"^{signed}-?$" if self.negative == "trailing" else f"^{signed}$"

    def _around(self) -> tuple[str, str]:
        """Return the regular expressions of what stands before and after the number."""
        space = f"{MARKS[' ']}?"
        return re.escape(self.before) + space if self.before else "", space + re.escape(
            self.after
        ) if self.after else ""

    def steps(self) -> list[tuple[str, str]]:
        """Return what is to be replaced by what, in this order, so that a number that is written so is one for Python and DuckDB."""
        first, last = self._around()
        steps = [("\u2212", "-")]
        in_brackets = (rf"^((?:{first})?)\((.*)\)((?:{last})?)$", r"-\1\2\3")
        steps += {"parentheses": [in_brackets], "trailing": [("^(.*)-$", r"-\1")]}.get(
            self.negative, []
        )
        steps += [(f"^({SIGN}){first}", r"\1")] if first else []
        steps += [(f"{last}$", "")] if last else []
        steps += [(MARKS[self.thousands], "")] if self.thousands else []
        return steps + ([(",", ".")] if self.decimal == "," else [])

    @cached_property
    def _replaced(self) -> list[tuple[re.Pattern[str], str]]:
        return [(re.compile(regex), new) for regex, new in self.steps()]

    def plain(self, text: str) -> str:
        """Return `text`, which matches the pattern, as Python writes a number."""
        for regex, new in self._replaced:
            text = regex.sub(new, text)
        return text

    def said(self) -> str:
        """Return the number 1234.5, and -1234.5 where another sign than a minus marks it, as they are written so."""
        body = f"{self.before}1{self.thousands or ''}234{self.decimal}5{' ' if self.after.isalpha() else ''}{self.after}"
        return body + {
            "parentheses": f", negative ({body})",
            "trailing": f", negative {body}-",
        }.get(self.negative, "")
"""How a raw file may be written: packed, encoded, and what a value of each type looks like.

Standard library only: the template checks its answers with this before there is an environment.
"""

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


ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
DELIMITERS = (",", ";", "\t", "|")
PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zip": "zip"}
PARQUET = (".parquet", ".pq")
INDEX_LEVEL = r"__index_level_\d+__"  # what pandas calls an index without a name
PATTERNS = {
    "integer": Notation().pattern("integer"),
    "number": Notation().pattern("number"),
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$",
}
OFFSET = r":[0-9]{2}(\.[0-9]+)?[+-][0-9]{2}(:?[0-9]{2})?$"  # of a time stamp that says how far its clock is from UTC
DATE_PARTS = dict.fromkeys(["%m", "%d", "%H", "%M", "%S"], "([0-9]{1,2})") | {"%Y": "([0-9]{4})"}
MOST_CLASSES = 200  # more labels than this are a continuous target or an identifier
MOST_COLUMNS = 1000  # each check costs time per column
LONGEST_NAME = 500  # signs of the name of a column
MIXED = "some lines end in a line feed, some in a carriage return and a line feed; export it with one of them"
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
    """Return the names of columns as they are called here: a line break in one, and the spaces around it, are one space."""
    return [
        " ".join(filter(None, map(str.strip, re.split("[\r\n]", name))))
        if "\n" in name or "\r" in name
        else name
        for name in names
    ]


def wrong_names(names: list[str]) -> list[str]:
    """Return a sentence for each name that a column cannot have here; whatever is not told of can be one, keywords and quotes too."""
    if len(names) > MOST_COLUMNS:
        return [f"there are {len(names):,} columns, must be {MOST_COLUMNS:,} at most"]
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
    folded = [name.lower() for name in names]  # DuckDB does not tell "Size" from "size"
    twice = sorted(
        {name for nth, name in enumerate(names) if name and name.lower() in folded[:nth]}
    )
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
        raise ValueError(
            f"{written!r} is no date format: it needs %Y (four digits), %m and %d, once each, and may have %H:%M or %H:%M:%S"
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
    """Yield the bytes of the file at `path`, unpacked as its ending says; raises Refused where they cannot be."""
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
        raise Refused(
            f"{path} is a broken {kind} file ({error}); copy it anew from where it came"
        ) from None
    except OSError as error:
        if (
            error.errno is not None
        ):  # what the system says; gzip and bzip2 raise the same type without a number
            raise
        raise Refused(
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
        raise Refused(
            f"{path} holds {len(names)} files ({', '.join(names[:5])}), must hold the one table; pack that alone"
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise Refused(f"{path} is locked with a password; unpack it and give what is in it")
    return names[0]


def is_index(header: list[str]) -> bool:
    """Whether the first column has no name, though others have: so pandas and R write the names of the rows."""
    return len(header) > 1 and not header[0].strip()


@dataclass(frozen=True)
class Rows:
    """The rows of a text file, its header among them: the line on which each begins, which are not blank, and the text of the last.

    is_ended: whether the last line has a line end.
    """

    starts: Sequence[int]
    filled: bytearray
    last: str
    is_ended: bool


def rows_of(path: Path, delimiter: str, encoding: str, before: int = 0) -> Rows:
    """Return the rows of a text file; before: how many lines of a larger one lie between the header and its first row.

    Raises Refused for NUL bytes, for carriage returns on which readers differ, and for a quote that is never closed: it would swallow
    the rest.
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
        raise Refused(f"{path}: {MIXED}")
    if quoted:
        return _quoted_rows(path, delimiter, encoding, before, None not in ends)
    return Rows(
        range(1 + before, len(filled) + 1 + before), filled, _text(line, encoding), None not in ends
    )


def _lines(file: Any, encoding: str) -> Iterable[bytes]:
    """Return the lines of a file, in UTF-8 where it is in UTF-16, of which a line feed is two bytes."""
    if encoding != "utf-16":
        return file
    return (
        line.encode("utf-8", "replace")
        for line in io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
    )


def _text(line: bytes, encoding: str) -> str:
    return line.decode("utf-8" if encoding == "utf-16" else encoding, errors="replace")


def check_line(path: Path, line: bytes, number: int) -> None:
    """Raise Refused for a line that holds a NUL byte, or a carriage return on which readers differ."""
    if b"\0" in line:
        raise Refused(
            f"{path}: line {number} holds a NUL byte; it is not a text file, or is broken: export it anew"
        )
    if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
        raise Refused(
            f"{path}: line {number} holds a carriage return that ends no line; export it with line feeds, or remove it"
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
            raise Refused(f"{path}: the row that begins on line {starts[-1]} {UNCLOSED}") from None
    if {True, False} <= ends:
        raise Refused(f"{path}: {MIXED}")
    return Rows(starts, filled, "".join(last_row), is_ended)


def check_rows(path: Path, delimiter: str, encoding: str, width: int) -> None:
    """Raise Refused where a text file of `width` columns cannot be read as a whole, for what only its rows show, first to last."""
    if encoding != "utf-16" and _is_plain(path):
        return
    rows = rows_of(path, delimiter, encoding)
    fields = next(csv.reader([rows.last], delimiter=delimiter, skipinitialspace=True), [])
    if not rows.is_ended and len(rows.starts) > 1 and len(fields) < width:
        raise Refused(f"{path} {CUT_OFF.format(rows.starts[-1])}")


def _is_plain(path: Path) -> bool:
    """Whether nothing in a text file can be at odds: no quote, no carriage return, no NUL byte, and a line feed at its end."""
    last = b""
    with opened(path) as file:
        while block := file.read(2**20):
            last = block[-1:]
            if any(sign in block for sign in (b'"', b"\r", b"\0")):
                return False
    return last == b"\n"


def parquet_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file, without pandas' index that has none; none where its footer is of no known kind.

    The footer is a struct in Thrift's compact protocol (Parquet format 2.10, parquet.thrift): its second field is the list of schema
    elements, the root first; of an element the fourth field is the name and the fifth how many elements lie in it.
    Raises Refused where the file does not begin and end as one of Parquet.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        begin = file.read(4)
        file.seek(max(0, size - 8))
        length, end = int.from_bytes(file.read(4), "little"), file.read(4)
        if begin != b"PAR1" or end not in (b"PAR1", b"PARE") or not 0 < length <= size - 12:
            raise Refused(f"{path} is no Parquet file, as its name says, or is cut off")
        file.seek(size - 8 - length)
        footer = file.read(length)
    try:
        elements = iter(next(value for key, value in _fields(io.BytesIO(footer)) if key == 2)[1:])
        names = [_passed(element, elements)[4].decode() for element in elements]
    except (
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
        RecursionError,
        StopIteration,
        TypeError,
        ValueError,
    ):
        return []  # encrypted, or not as it was written down: whoever reads the file will say
    return [name for name in names if not re.fullmatch(INDEX_LEVEL, name)]


def _passed(element: dict[int, Any], rest: Iterator[dict[int, Any]]) -> dict[int, Any]:
    """Return an element of a schema, those that lie in it passed over in `rest`."""
    for _ in range(element.get(5, 0)):
        _passed(next(rest), rest)
    return element


def _fields(data: io.BytesIO) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a struct in Thrift's compact protocol, number and value; raises IndexError where they break off."""
    number = 0
    while head := data.read(1)[0]:
        number = number + (head >> 4) if head >> 4 else _integer(data)
        yield number, _thrift(data, head & 15)


def _thrift(data: io.BytesIO, kind: int) -> Any:
    """Return a value of one of the compact protocol's types: truths, numbers, bytes, lists, structs."""
    if kind in (1, 2):
        return kind == 1
    if kind in (3, 7):
        return data.read(1 if kind == 3 else 8)
    if kind in (4, 5, 6):
        return _integer(data)
    if kind == 8:
        return data.read(_varint(data))
    if kind in (9, 10):
        head = data.read(1)[0]
        n = head >> 4 if head >> 4 < 15 else _varint(data)
        return [
            data.read(1)[0] == 1 if head & 15 in (1, 2) else _thrift(data, head & 15)
            for _ in range(n)
        ]
    if kind == 12:
        return dict(_fields(data))
    raise ValueError(f"{kind} is no type of a field that Parquet has")


def _varint(data: io.BytesIO) -> int:
    found, shift = 0, 0
    while (byte := data.read(1)[0]) & 128:
        found, shift = found | (byte & 127) << shift, shift + 7
    return found | byte << shift


def _integer(data: io.BytesIO) -> int:
    """Return a signed number, as the protocol folds it."""
    found = _varint(data)
    return (found >> 1) ^ -(found & 1)
"""Find how the numbers of a column are written, and say where nobody can tell: a mark before three digits may mean two things.

Standard library only: the template looks at a file with this before there is an environment.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace


GRID = (
    (".", None),
    (",", None),
    (".", ","),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)  # decimal, thousands
MOSTLY = 0.8  # of the values of a column are numbers: the others are words among numbers
STRAY = 0.02  # of the numbers with marks may be at odds with a way to read them that is possible all the same
ENOUGH = 8  # numbers with marks, of which one alone may be a slip of the pen
FEW_DOUBLE = 0.02  # of the numbers may be written in two ways without being codes
BARE = re.compile("[+-]?[0-9](?:[0-9.,]*[0-9])?")  # with nothing around its digits
LONG = "[+-]?[0-9]{19}"
SUSPECT = re.compile(f"{LEADING_ZERO}|{LONG}|{EXPONENT_ALONE}")
FRACTION = r"\.[0-9]*[1-9]"
MANY = 20  # different values; with fewer nothing is said of words
CURRENCIES = {
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "JPY",
    "CNY",
    "INR",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "BRL",
    "AUD",
    "CAD",
    "Kč",
    "kr",
    "zł",
}
EXAMPLES = 3


@dataclass(frozen=True)
class Written:
    """How numbers are written: each of `readings` is possible, the likeliest first; `odd` are the values that fit none of them."""

    readings: tuple[Notation, ...]
    odd: tuple[str, ...]


def written_as(cells: set[str]) -> Written | None:
    """Return how `cells`, the different values of a column, are written as numbers; None where most of them are none.

    A stray value decides nothing: a way to read them is possible unless more than STRAY of the marked numbers are at odds with it, and
    of ENOUGH more than one.
    """
    dressed = {cell for cell in cells if not BARE.fullmatch(cell)}
    without = sum(not re.search("[0-9]", cell) for cell in dressed)
    if not cells or len(cells) - without < MOSTLY * len(cells):
        return None
    dress, signs = _dress(dressed, len(cells) - len(dressed)), set("".join(cells))
    marks = [mark for mark, regex in MARKS.items() if any(re.match(regex, sign) for sign in signs)]
    grid = [
        (d, t)
        for d, t in GRID
        if (t is None or t in marks) and (d in marks or d == "." or t == ".")
    ]
    odd = {}
    for decimal, thousands in grid:
        notation = replace(dress, decimal=decimal, thousands=thousands)
        matches = re.compile(notation.pattern("number")).match
        odd[notation] = {cell for cell in cells if not matches(cell)}
    likely = sorted(odd, key=lambda notation: len(odd[notation]))
    best = odd[likely[0]]
    if len(cells) - len(best) < MOSTLY * len(cells):
        return None
    has_mark = re.compile("|".join(MARKS[mark] for mark in marks) or "(?!)").search
    marked = sum(has_mark(cell, 1) is not None for cell in cells - best)
    readings: list[Notation] = []
    for notation in likely:
        possible = len(odd[notation]) <= len(best) + max(STRAY * marked, marked >= ENOUGH)
        if possible and not any(
            _same(notation, one, cells - odd[notation] - odd[one]) for one in readings
        ):
            readings.append(notation)
    return Written(tuple(readings), tuple(sorted(best)))


def _same(a: Notation, b: Notation, cells: set[str]) -> bool:
    return all(float(a.plain(cell)) == float(b.plain(cell)) for cell in cells)


def _dress(dressed: set[str], n_bare: int) -> Notation:
    """Return what most values have around their digits: a currency, a unit, and what makes them negative; `n_bare` have nothing."""
    ends = Counter({("", ""): n_bare})
    for cell in dressed:
        digits = [nth for nth, sign in enumerate(cell) if sign in "0123456789"]
        if digits:
            blank = "(+-\u2212)., '\u2019\u00a0\u2007\u2009\u202f"
            ends[cell[: digits[0]].strip(blank), cell[digits[-1] + 1 :].strip(blank)] += 1
    [((before, after), _n)] = ends.most_common(1)
    in_brackets = any(
        re.match(r"[^0-9\s]{0,3}\s?\(.*[0-9].*\)\s?[^0-9\s]{0,3}$", cell) for cell in dressed
    )
    trailing = any(
        re.search("[0-9][^0-9.,]*-$", cell) for cell in dressed
    )  # 500.- is a price without cents
    return Notation(
        before=before,
        after=after,
        negative="parentheses" if in_brackets else "trailing" if trailing else "minus",
    )


def is_sure(written: Written, cells: set[str]) -> bool:
    """Whether nobody could read `cells` in another way: there is one, and what stands around the digits is no part of a name."""
    notation = written.readings[0]
    around = [text for text in (notation.before, notation.after) if text]
    known = all(
        text in CURRENCIES or text in "%‰" or unicodedata.category(text[-1]) == "Sc"
        for text in around
    )
    negative = {"parentheses": "(", "trailing": "-"}.get(notation.negative)
    some_positive = not negative or any(negative not in cell[:1] + cell[-1:] for cell in cells)
    of_one_width = notation.thousands is not None and len(set(map(len, cells))) == 1 < len(
        cells
    )  # as 110 001 is a postcode
    return (
        len(written.readings) == 1
        and not written.odd
        and known
        and some_positive
        and not of_one_width
    )


def code_of(plain: set[str], show: Callable[[str], str] = str) -> str | None:
    """Return why these numbers, as Python writes them, are rather codes, with a value as `show` shows it; None where they are numbers."""
    suspects = list(filter(SUSPECT.match, plain))
    if led := sorted(filter(re.compile(LEADING_ZERO).match, suspects)):
        return f"holds numbers with a leading zero, such as {show(led[0])}, which would be lost"
    if longest := list(filter(re.compile(LONG).match, suspects)):
        return f"holds numbers of {len(longest[0])} digits, which 64 bits do not hold"
    alone = sorted(filter(re.compile(EXPONENT_ALONE).match, suspects))
    if alone and not any(re.search(FRACTION, number) for number in plain):
        return f"holds {show(alone[0])}, which may be a code as well as a power of ten"
    double = doubles(plain)
    if len(double) > FEW_DOUBLE * len(plain):
        pair = f"{show(double[0].rstrip('0'))} and {show(double[0])}"
        return f"holds numbers that differ only in a zero at the end, such as {pair}, and may be versions or codes"
    return None


def doubles(plain: set[str]) -> list[str]:
    """Return the numbers that end in a zero too many, so that they are another one of them."""
    there = [number for number in plain if number[-1:] == "0" and number.rstrip("0") in plain]
    return sorted(filter(re.compile(ZERO_AT_END).search, there))


def question(
    written: Written,
    cells: set[str],
    column: str,
    examples: int = EXAMPLES,
    show: Callable[[str], str] = str,
) -> tuple[str, str] | None:
    """Return what is to be said of a column of text that holds numbers in another notation, and what to do; None if that is nothing.

    Values stand in it, as `show` shows them.
    """
    notation = written.readings[0]
    if notation.before not in CURRENCIES and any(sign.isalpha() for sign in notation.before[-1:]):
        return None  # a code such as A12
    if not (re.search(BEFORE, notation.before) and re.search(AFTER, notation.after)):
        return None  # a sentence such as "for 5 years", which cannot be declared
    if len(written.readings) > 1:
        fit = [
            cell
            for cell in sorted(cells)
            if len({_value(one, cell) for one in written.readings} - {None}) > 1
        ][:examples]
        both = "; ".join(
            f"{show(cell)} as {' or '.join(show(value) for one in written.readings if (value := _value(one, cell)))}"
            for cell in fit
        )
        how = " or ".join(
            f"number_formats: {{{column}: {one_line(one)}}}" for one in written.readings
        )
        return (
            f"holds numbers that can be read in two ways: {both}",
            f"declare it as number in data/sources.yaml, with {how}",
        )
    if written.odd:
        if len(cells) < MANY:
            return None
        shown = ", ".join(repr(show(cell)) for cell in written.odd[:EXAMPLES]) + (
            f" and {len(written.odd) - EXAMPLES} more" if len(written.odd) > 3 else ""
        )
        fitting = "" if notation == Notation() else f" written as {notation.said()}"
        return f"holds numbers{fitting}, but also {shown}", (
            f"if that means missing, declare it as number in data/sources.yaml, with the words under missing_in: {{{column}: [...]}}"
        )
    if notation in (Notation(), Notation(decimal=",")):
        return None
    how = f"number_formats: {{{column}: {one_line(notation)}}}"
    return (
        f"holds numbers written as {notation.said()}",
        f"if they are no names or codes, declare it as number in data/sources.yaml, with {how}",
    )


def _value(notation: Notation, cell: str) -> str | None:
    return notation.plain(cell) if re.match(notation.pattern("number"), cell) else None


def one_line(notation: Notation) -> str:
    """Return `notation` as YAML on one line, as it stands under number_formats."""
    given = {
        name: value for name, value in asdict(notation).items() if value not in (None, "", "minus")
    }
    return (
        "{"
        + ", ".join(
            f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in given.items()
        )
        + "}"
    )
"""Look at the first megabytes of a raw file: how it is written, and what its columns hold.

Standard library only: the template checks its answers with this before there is an environment.
"""

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


SAMPLE = 2_000_000  # bytes, unpacked, that are looked at
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "?")
PERHAPS = (
    "None",
    "-",
    ".",
)  # missing where a column holds numbers or dates otherwise; words, where all that use them hold text
INDEX = "the first column has no name, as pandas and R write the names of the rows, and is left out"
ROW_NAMES = (
    "its rows have one field more than its header, as R writes the names of the rows; export it with row.names = FALSE (R), or give that "
    "column a name"
)
FREQUENT, FREQUENT_SHARE = (
    20,
    0.01,
)  # rows, or share of them, from which on such a word is a label where a label can stand
ABBREVIATION = re.compile("^[A-Z]{2,5}$")  # NA beside EU and APAC is one
BROKEN = re.compile("[\udc80-\udcff]")  # a byte that is none of the encoding
OF_CP1252 = re.compile(
    rb"[\x80\x82-\x8c\x8e\x91-\x9c\x9e\x9f]"
)  # signs such as the euro, where latin-1 has none
STRAYS = 9  # signs that are right for one that is broken, at least
SHAPE = re.compile(
    r"^[0-9]{1,4}(?P<mark>[./-])[0-9]{1,2}(?P=mark)[0-9]{1,4}(?P<time> [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?$"
)
# a number of another notation, or in units that differ: 1,23,456 or $5 beside 7 kg; not a code such as A12, nor a time
MEASURED = re.compile(
    r"^([^\w\s]{0,3}|[A-Z]{3})\s?[+\u2212-]?\d[\d .,'_\xb7\u2019\u00a0\u2007\u2009\u202f]*[^\d\s]{0,10}$"
)
WHOLE = re.compile(
    r"^[+-]?[0-9]+(\.0?)?$"
)  # 3.0 is what programs write of 3 where values are missing, and 3.00 a price
OTHER_DATE = re.compile(
    r"^([0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2})(\b|T)"
)


@dataclass(frozen=True)
class Found:
    """How a file is written: `columns` maps each to its type, `values` to what it holds in the sample, missing words left out.

    `missing_in` has the words of columns whose words are other than `missing`, `number_formats` how the numbers of a column are
    written that are not written as the decimal mark says, and `one_spelling` the columns in which no number is written in two ways.
    `whole` says that the sample is the file; `names` are the columns where their types are not known yet, as of Parquet; `notes` are
    sentences for whoever has to correct data/sources.yaml.
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
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What one column holds: `cells` are its different values without the words for missing ones, `written` how these are numbers.

    how: the format of its dates; notes: what is to be said of it, and what to do, in pairs; own: its words are not those of all.
    """

    kind: str
    cells: set[str]
    missing: tuple[str, ...] = ()
    written: Written | None = None
    how: str | None = None
    notes: tuple[tuple[str, str], ...] = ()
    own: bool = False


def look(path: Path, labels: Iterable[str] = (), only_labels: bool = False) -> Found:
    """Return what the first SAMPLE bytes of `path` show; of a Parquet file, which tells its columns itself, only their names.

    labels: the columns whose values are classes or groups, so that a word for a missing value may be one of them. only_labels: of the
    others nothing but the name is wanted, and they are called text.

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
    columns = {column: cells for column, *cells in zip(header, *rows, strict=True)}
    wanted = [column for column in columns if column in labels or not only_labels]
    looks = {column: Look("text", set(), ()) for column in columns}
    looks |= {
        column: look_at(column, _trimmed(columns[column]), column in labels) for column in wanted
    }
    notes = [INDEX] if indexed else []
    notes += (
        [
            f"{ragged:,} of {len(rows) + ragged:,} rows looked at have another number of fields than the header"
        ]
        if ragged
        else []
    )
    if broken := len(BROKEN.findall(text)):
        notes.append(
            f"nearly all of it is {encoding}, but {broken:,} bytes are not: rows with such a byte will be rejected, mend them in the file"
        )
    if encoding in ("cp1252", "latin-1"):
        notes.append(f"it is not UTF-8; read as {encoding}: see that accented letters are right")
    found = _found(looks, delimiter, encoding)
    return replace(found, whole=whole, notes=(*notes, *found.notes))


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
    marked = Counter(
        number.decimal
        for column, number in numbers.items()
        if any(number.decimal in cell for cell in looks[column].cells)
    )
    decimal = "," if marked[","] > marked["."] else "."
    formats = {
        column: number
        for column, number in numbers.items()
        if number != Notation(decimal)
        and (number != Notation() or any("." in cell for cell in looks[column].cells))
    }
    missing = tuple(
        word
        for word in ("", *MISSING[1:], *PERHAPS)
        if not word or any(word in one.missing for one in looks.values())
    )
    own = {column: ("", *one.missing) for column, one in looks.items() if one.own}
    notes = [f"{column!r} {what}; {do}" for column, one in looks.items() for what, do in one.notes]
    notes += [
        f"{column!r} has time stamps with an offset from UTC, such as {far}, and is read as UTC"
        for column, one in looks.items()
        if one.kind == "date"
        and (far := min(filter(re.compile(OFFSET).search, one.cells), default=""))
    ]
    notes += [
        f"{column!r} is read as numbers written {number.said()}; correct it under number_formats if it is not so"
        for column, number in formats.items()
    ]
    notes += [
        f"{column!r} is read as dates written {one.how}; correct it under date_formats if it is not so"
        for column, one in looks.items()
        if one.how
    ]
    return Found(
        "csv",
        delimiter,
        encoding,
        decimal,
        missing,
        {
            column: words
            for column, words in own.items()
            if words != missing or looks[column].kind != "text"
        },
        {column: one.how for column, one in looks.items() if one.how},
        formats,
        tuple(
            column
            for column, number in numbers.items()
            if _spelled_once(looks[column].cells, number)
        ),
        {column: one.kind for column, one in looks.items()},
        {column: one.cells for column, one in looks.items()},
        notes=tuple(notes),
    )


def look_at(column: str, counts: "Counter[str]", is_label: bool = False) -> Look:
    """Return what `column` holds, whose trimmed values are counted; of a label the words for missing values may be classes."""
    there = [word for word in (*MISSING[1:], *PERHAPS) if word in counts]
    cells = set(counts) - {"", *there}
    written = written_as(cells)
    notation = written.readings[0] if written and is_sure(written, cells) else None
    kind, how = kind_of(cells, notation), None
    fits = date_formats(cells) if kind == "text" else []
    if len(fits) == 1:
        kind, how = "date", fits[0]
    if kind != "text" or written:
        notes = _odd_text(column, cells, written) if kind == "text" else []
        as_class = f'if it is a class or group, declare it as text in data/sources.yaml, with missing_in: {{{column}: [""]}}'
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
    """Return which of the words for missing values that are `there` are values of this column of text, and what is to be said of them."""
    words = {word for word in there if word in PERHAPS}
    like_it = bool(cells) and all(map(ABBREVIATION.match, cells))
    notes = []
    for word in there:
        n = counts[word]
        if (
            is_label
            and word not in words
            and (n >= FREQUENT or n >= FREQUENT_SHARE * counts.total())
        ):
            words.add(word)
            notes.append(
                (
                    f"has {word!r} in {n:,} rows, which is read as a class or group",
                    _if_missing(column, word),
                )
            )
        elif word == "NA" and like_it and not is_label:
            words.add(word)
            notes.append(
                (
                    f"has 'NA' in {n:,} rows, which is read as a value like {min(cells)}",
                    _if_missing(column, word),
                )
            )
        elif (
            word == "NA"
            and not is_label
            and ((beside := [cell for cell in cells if ABBREVIATION.match(cell)]) or n >= FREQUENT)
        ):
            what = f"has 'NA' in {n:,} rows, which is read as missing" + (
                f", though {min(beside)} stands beside it" if beside else ""
            )
            notes.append(
                (
                    what,
                    f'if it is a value there, write missing_in: {{{column}: [""]}} in data/sources.yaml',
                )
            )
        elif is_label and word not in words:
            notes.append(
                (
                    _read_as_missing(word, counts),
                    f'if it is a class or group, write missing_in: {{{column}: [""]}} in data/sources.yaml',
                )
            )
    return words, notes


def _read_as_missing(word: str, counts: "Counter[str]") -> str:
    return f"has {word!r} in {counts[word]:,} rows, which is read as missing: they have no class or group"


def _if_missing(column: str, word: str) -> str:
    return f'if it means missing there, write missing_in: {{{column}: ["", "{word}"]}} in data/sources.yaml'


def _spelled_once(cells: set[str], notation: Notation) -> bool:
    """Whether no two of `cells`, which are numbers, are one, and none may be a code, so that this is to hold for later files as well."""
    plain = set(map(notation.plain, cells))
    return not doubles(plain) and not any(map(re.compile(EXPONENT_ALONE).match, plain))


def _decoded(path: Path, sample: bytes, whole: bool) -> tuple[str, str]:
    """Return the sample as text, and its encoding: by its mark, else UTF-8 if it is that, else a Western one of one byte."""
    if sample[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16"
    elif b"\0" in sample:
        raise Refused(f"{path} is no text: it holds NUL bytes; export the table as CSV, in UTF-8")
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
        raise Refused(f"{path} begins like UTF-16, but is not; export it in UTF-8") from None
    foreign = len(BROKEN.findall(text))
    if not foreign or STRAYS * foreign <= sum(sign > "\x7f" for sign in text) - foreign:
        return text, encoding
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        text = sample.decode("cp1252", "surrogateescape")
        if STRAYS * len(BROKEN.findall(text)) > len(OF_CP1252.findall(sample)):
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
        raise Refused(f"{path}: {ROW_NAMES}")
    if not best:
        first = text.split("\n", 1)[0][:80]
        raise Refused(
            f"{path} is no table of two columns or more, parted by comma, semicolon, tab or bar; it begins {first!r}"
            if text.strip()
            else f"{path} is empty; its first line must name the columns"
        )
    return best


def _rows(
    path: Path, text: str, delimiter: str, whole: bool
) -> tuple[list[str], list[list[str]], int, bool]:
    """Return the names of the columns, the rows that are as long, and how many are not; the last of a part may be cut.

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
    numbers = [name for name in header if re.match(PATTERNS["number"], name) or name in MISSING[1:]]
    if len(numbers) == len(header) or (numbers and len(set(header)) < len(header)):
        problems = [
            f"it begins with values ({', '.join(header[:3])}); its first line must name the columns"
        ]
    rows = [row for row in reader if row][: None if whole else -1]
    if BROKEN.search(text):  # the stages reject such rows
        rows = [row for row in rows if not any(map(BROKEN.search, row))]
    if not rows:
        problems.append("it has no row, only a header")
    if problems:
        raise Refused("\n".join(f"{path}: {problem}" for problem in problems))
    good = [row[1:] if indexed else row for row in rows if len(row) == width]
    return header, good, len(rows) - len(good), indexed


def _all(form: "str | re.Pattern[str]", cells: set[str]) -> bool:
    """Whether there are `cells`, and all of them match."""
    return bool(cells) and all(map(re.compile(form).match, cells))


def kind_of(cells: set[str], notation: Notation | None = Notation()) -> str:  # noqa: B008 - it does not change
    """Return the type that all of `cells` have, which are different values of one column, where their numbers are written so."""
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
    """Return the formats, with day, month and year in any usual order, in which all of `cells` are dates; ISO has no need of one.

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
    """Return what is to be said of a column of text that was meant to be something else, and what to do."""
    if len(fits := date_formats(cells)) > 1:
        how = " or ".join(f'{{{column}: "{one}"}}' for one in fits)
        return [
            (
                f"holds dates such as {min(cells)}, of which nobody can tell the day from the month, so that it stays text",
                f"if it is to be a date, declare it so, with date_formats: {how}",
            )
        ]
    dates = {cell for cell in cells if OTHER_DATE.match(cell) or is_date(cell)}
    if cells and len(dates) >= MOSTLY * len(cells):
        odd = sorted(cells - dates)
        but = f", but also {odd[0]!r}" if odd else ""
        return [
            (
                f"looks like dates ({min(dates)}){but}, but not all in one format with a year of four digits, so that it stays text",
                "write them alike, best as 2024-12-31, and what means missing under missing_in",
            )
        ]
    return [
        (f"{what}, so that it is read as text", do) for what, do in asked(column, cells, written)
    ]


def asked(
    column: str,
    cells: set[str],
    written: Written | None,
    examples: int = EXAMPLES,
    show: Callable[[str], str] = str,
) -> list[tuple[str, str]]:
    """Return what is to be said of the numbers in a column of text, how they are `written`, and what to do; `show` shows a value."""
    if written is None:
        measured = {cell for cell in cells if MEASURED.match(cell)}
        if len(cells) < MANY or len(measured) < len(cells) / 2:
            return []
        return [
            (
                f"holds numbers in no one notation, such as {show(min(measured))}",
                "write the numbers alone, all in one way and one unit",
            )
        ]
    notation = written.readings[0]
    plain = {notation.plain(cell) for cell in cells if cell not in written.odd}
    why = code_of(plain, show)
    if why is None or (
        len(written.readings) > 1 and not any(re.match(LEADING_ZERO, number) for number in plain)
    ):
        return [told] if (told := question(written, cells, column, examples, show)) else []
    return (
        []
        if len(set(map(len, cells))) == 1
        else [(why, "if it is a quantity, declare it as integer or number in data/sources.yaml")]
    )
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
PURPOSE = (
    "this pipeline sorts the rows of a table into classes, by one label a row, two classes or more"
)


def problems(found: Found, target: str, sensitive: list[str]) -> list[str]:
    """Return a sentence for each thing that is wrong with these answers, each with what the header offers."""
    columns = list(found.columns or found.names)
    wrong = []
    if not target:
        wrong.append(f"target is empty, must be the column to predict: {_offered(columns)}")
    for role, name in [("target", target), *(("sensitive", name) for name in sensitive)]:
        if name and columns and name not in columns:
            near = get_close_matches(name, columns, n=3, cutoff=0.7) or [
                c for c in columns if c.lower() == name.lower()
            ]
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            wrong.append(
                f"{role} is {name!r}, no column of the file; it has {_offered(columns)}{hint}"
            )
    if target in sensitive:
        wrong.append(f"sensitive names the target {target!r}; give each column one role")
    if target in found.values:
        wrong += [f"target is {target!r}, {why}" for why in _no_label(found, target)]
    for name in dict.fromkeys(sensitive):
        if name in found.columns and (kind := _label_kind(found, name)) in ("number", "date"):
            later = (
                "; name a number in params.yaml afterwards, with its cut points"
                if kind == "number"
                else ""
            )
            wrong.append(
                f"sensitive is {name!r}, a {kind}; groups need a text, integer or boolean{later}"
            )
    if columns and not set(columns) - {target, *sensitive}:
        wrong.append("no column is left to predict from: each one is the target or sensitive")
    return wrong


def _offered(columns: list[str]) -> str:
    return (
        ", ".join(columns[:50]) + (f" and {len(columns) - 50} more" if len(columns) > 50 else "")
        if columns
        else "its header names them"
    )


def _no_label(found: Found, target: str) -> list[str]:
    """Return why the values of `target` cannot be labels; nothing if they can."""
    cells, kind = found.values[target], _label_kind(found, target)
    some = ", ".join(sorted(cells)[:3])
    if lists := sorted(cell for cell in cells if LIST.match(cell)):
        return [f"which holds lists such as {lists[0][:80]!r}; {PURPOSE}"]
    if kind in ("number", "date") or (kind == "integer" and len(cells) > MOST_CLASSES):
        return [
            f"which is continuous ({kind}s such as {some}); {PURPOSE}: make classes of it first"
        ]
    if len(cells) > MOST_CLASSES:
        return [
            f"which has over {MOST_CLASSES} different values such as {some[:200]}: a name or free text, not a class; {PURPOSE}"
        ]
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
    kinds = found.columns | {
        column: _label_kind(found, column) for column in labels if column in found.columns
    }
    numbers = [column for column, kind in kinds.items() if kind in ("integer", "number")]
    missing_in = {
        column: f"[{', '.join(map(_quoted, words))}]" for column, words in found.missing_in.items()
    }
    formats = {
        column: one_line(found.number_formats[column])
        for column in numbers
        if column in found.number_formats
    }
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
        f"    missing_in: {_mapping(missing_in)}  # column: the words that mean missing there, instead of those under missing",
        "    records: null  # how many the file must have, where its sender says so: a file that was cut off is refused",
        '    # column: how its numbers are written, where not as the decimal mark says, such as {decimal: ",", thousands: "."};',
        '    # also before: "$", after: "%", and negative: parentheses as in (1.20), or trailing as in 1.20-',
        f"    number_formats: {_mapping(formats)}",
        "    # columns of numbers that are no codes: a row with 010, with 1E5, or with 1.10 where 1.1 stands as well, is rejected",
        f"    one_spelling: [{', '.join(_plain(column) for column in numbers if column in found.one_spelling)}]",
        "    ignore_case: []  # columns of text in which upper and lower case, and how many spaces, make no difference",
        f"    date_formats: {_mapping({column: _quoted(how) for column, how in found.date_formats.items()})}"
        '  # column: how its dates are written, where not as 2024-12-31, such as "%d.%m.%Y"',
        "    key: []  # columns that name a row: repeats of a row are dropped, rows of one key that differ are refused",
        "    equal_rows: together  # rows equal in all columns; together: on one side of every split | separate: different cases | drop",
        "    no_content: []  # columns that say nothing of a row, such as a line number of the export: equal rows may differ in them",
        "    columns:",
    ]
    return (
        "\n".join([*lines, *(f"      {_plain(column)}: {kind}" for column, kind in kinds.items())])
        + "\n"
    )


def _mapping(values: dict[str, str]) -> str:
    """Return a mapping of columns to what is YAML already, on one line."""
    return "{" + ", ".join(f"{_plain(column)}: {value}" for column, value in values.items()) + "}"


def _plain(text: str) -> str:
    """Return `text` as YAML, in quotes unless it is a name that cannot be taken for anything else."""
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    safe = re.match(r"^[A-Za-z_][A-Za-z0-9_./-]*$", text) and text.lower() not in words
    return text if safe else _quoted(text)


def _quoted(text: str) -> str:
    """Return `text` as a quoted scalar of YAML, which reads JSON's escapes, but no bare character that cannot be printed."""
    unprintable = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
    return re.sub(
        unprintable, lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def take_in(path: Path, found: Found, labels: list[str]) -> list[str]:
    """Write data/sources.yaml, unless the columns are not known yet, and copy `path` to data/raw; return commands left to call.

    A file above LARGEST is too large for git: the command puts it into DVC's cache and links it from there.
    """
    raw = RAW / path.name
    RAW.mkdir(
        parents=True, exist_ok=True
    )  # also where nothing is copied: `dvc add` wants the folder
    if found.columns:
        SOURCES.write_text(
            sources_yaml(found, raw.as_posix(), labels), encoding="utf-8", newline="\n"
        )
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
    from stages.params import (
        load_params,
    )  # not of the standard library, which is all that the template's check may need

    if SOURCES.exists():
        if path:
            raise Refused(
                f"{SOURCES.as_posix()} says already what the raw file is; correct it there, or delete it and run this again"
            )
        return
    raw = [
        file
        for file in sorted(RAW.glob("*"))
        if file.is_file() and file.name != ".gitignore" and file.suffix != ".dvc"
    ]
    if path is None and len(raw) != 1:
        raise Refused(
            f"data/raw has {len(raw)} files, and no data/sources.yaml says which; run `python -m stages.detect FILE`"
        )
    path, data = path or raw[0], load_params().data
    found = look(path, [data.target, *data.sensitive])
    if found.format == "parquet":
        found = look_at_parquet(path, [data.target, *data.sensitive])
    else:
        check_rows(path, found.delimiter, found.encoding, len(found.columns))
    if wrong := problems(found, data.target, data.sensitive):
        raise Refused("\n".join(f"params.yaml: data.{problem}" for problem in wrong))
    left = take_in(path, found, [data.target, *data.sensitive])
    say(
        "data/sources.yaml is written; correct it there",
        *found.notes,
        *(f"now run: {command}" for command in left),
    )


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
CHOICES = {
    "remote": ("none", "local", "s3", "gs", "azure", "ssh"),
    "ci": ("github", "gitlab", "none"),
}
EXAMPLE = {"target": "dead", "sensitive": "sex"}


def is_update(answers: dict[str, str]) -> bool:
    """Whether cruft renders the project once more into a temporary folder, to compare: neither data nor a reader are there."""
    above = Path.cwd().parent
    temporary = re.fullmatch(r"tmp[a-z0-9_]{8}", above.name) and above.parent.samefile(
        tempfile.gettempdir()
    )
    return "_repo_dir" not in answers and bool(temporary)


def find_data(answer: str) -> Path | None:
    """Return the file that the answer `data` means, seen from where cookiecutter was called or from where the project is made."""
    return next((path for path in _places(answer) if path.is_file()), None)


def _places(answer: str) -> list[Path]:
    folders = [Path(os.environ.get("PWD", ".")), Path.cwd().parent]
    return [(folder / Path(answer).expanduser()).resolve() for folder in folders]


def _files_in(folder: Path) -> str:
    """Return the first files of a folder, to choose from."""
    names = sorted(
        path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")
    )
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f" ({', '.join(names[:5])}{more})" if names else ", which has none"


def sensitive(answers: dict[str, str]) -> list[str]:
    """Return the columns that the answer `sensitive` names."""
    return [
        name
        for part in answers["sensitive"].split(",")
        if (name := part.strip()) not in ("", "none")
    ]


def wrong_answers(answers: dict[str, str], locked: set[str]) -> list[str]:
    """Return a sentence for each answer that cannot be; `locked` are the names of the packages that the project depends on."""
    project, wrong = answers["project"], []
    if not re.fullmatch(SLUG, project):
        wrong.append(
            f"project is {project!r}, must be lower-case letters, digits and single hyphens, begin with a letter and not end with a "
            "hyphen, such as crash-deaths"
        )
    elif project in locked:
        wrong.append(
            f"project is {project!r}, the name of a package that the project depends on and that it would replace; take another"
        )
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
    if path is None and (
        folder := next((place for place in _places(answers["data"]) if place.is_dir()), None)
    ):
        return [
            f"data is {answers['data']!r}, which is a folder; name the one CSV or Parquet file in it{_files_in(folder)}"
        ]
    if path is None:
        return [
            f"data is {answers['data']!r}, must be 'example' or the path of a CSV or Parquet file: there is no such file, so that target "
            "and sensitive were not looked at"
        ]
    try:
        target, groups = answers["target"].strip(), sensitive(answers)
        found = look(path, [target, *groups], only_labels=True)
        if found.format == "csv":
            check_rows(path, found.delimiter, found.encoding, len(found.columns))
        return problems(found, target, groups)
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
        sys.exit(
            "\n".join(
                [
                    *map(terminal, wrong),
                    "",
                    "Nothing was written. What follows is how cookiecutter says that it stopped:",
                ]
            )
        )
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
    labels = [answers["target"].strip(), *sensitive(answers)]
    found = look(path, labels)
    commands = take_in(path, found, labels)
    return [_said(found), *(f"  {note}" for note in found.notes)], commands


def _said(found: Found) -> str:
    if found.format == "parquet":
        return (
            "It is Parquet: `make scope` looks at its columns first, and writes data/sources.yaml."
        )
    delimiter = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[found.delimiter]
    mark = {".": "point", ",": "comma"}[found.decimal]
    missing = ", ".join(repr(word) for word in found.missing)
    how = f"{len(found.columns)} columns parted by {delimiter}, {found.encoding}, decimal {mark}, missing: {missing}"
    return f"Read as {how}; data/sources.yaml says so, correct it there."


def next_steps(answers: dict[str, str], read: list[str], commands: list[str]) -> str:
    """Return what to do in the new project; `read` and `commands` are what `own_data` gave."""
    name, example = answers["project"], answers["data"] == "example"
    make = (
        ["make demo"]
        if example
        else ["make scope    # what the data can carry, and suites to begin with", "make repro"]
    )
    plain = "uv run dvc repro" if example else "uv run python -m stages.scope && uv run dvc repro"
    before = ["make env", *commands] if commands else []
    lines = [
        f"Made {name}/. {' '.join(read[:1])}".strip(),
        *read[1:],
        "Next:",
        "",
        f"    cd {name}",
        "    git init",
    ]
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
