import bz2
import gzip
import lzma
import re
import zipfile

import pytest

from sluice.core.command import UserError
from sluice.core.formats import check_rows, opened, wrong_names
from sluice.core.numbers import Notation

TABLE = b"colour,size\nred,1\n" * 50


def packed(folder, ending):
    """Write TABLE under a name with this ending."""
    path = folder / f"toys.csv{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("toys.csv", TABLE)
    else:
        path.write_bytes(
            {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[ending](
                TABLE
            )
        )
    return path


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz", ".zip"])
def test_a_file_is_unpacked_as_its_ending_says(tmp_path, ending):
    with opened(packed(tmp_path, ending)) as file:
        assert file.read() == TABLE


@pytest.mark.parametrize(
    ("ending", "kind"), [(".gz", "gzip"), (".bz2", "bzip2"), (".xz", "xz"), (".zip", "zip")]
)
def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path, ending, kind):
    (tmp_path / f"toys{ending}").write_bytes(TABLE)
    with (
        pytest.raises(
            UserError, match=rf"toys{ending} is a broken {kind} file \(.*\); copy it anew"
        ),
        opened(tmp_path / f"toys{ending}") as file,
    ):
        file.read()


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
def test_a_truncated_file_is_refused(tmp_path, ending):
    path = packed(tmp_path, ending)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"is a broken .* file"), opened(path) as file:
        file.read()


def test_a_missing_file_is_what_the_system_says(tmp_path):
    with pytest.raises(FileNotFoundError), opened(tmp_path / "toys.csv"):
        pass


def test_an_archive_of_two_tables_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "toys.zip", "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, TABLE)
    with (
        pytest.raises(
            UserError,
            match=r"holds 2 files \(a\.csv, b\.csv\), must hold the one table; pack that alone",
        ),
        opened(tmp_path / "toys.zip"),
    ):
        pass


def test_what_a_macintosh_adds_to_an_archive_is_not_counted(tmp_path):
    with zipfile.ZipFile(tmp_path / "toys.zip", "w") as archive:
        archive.writestr("toys.csv", TABLE)
        archive.writestr("__MACOSX/._toys.csv", b"x")
    with opened(tmp_path / "toys.zip") as file:
        assert file.read() == TABLE


def test_a_locked_archive_is_refused(tmp_path):
    path = packed(tmp_path, ".zip")
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag of the member's own header,
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and of its entry in the directory
    path.write_bytes(content)
    with pytest.raises(UserError, match="is locked with a password"), opened(path):
        pass


@pytest.mark.parametrize(
    ("kind", "decimal", "text", "matches"),
    [
        ("number", ".", "-1.5e3", True),
        ("number", ".", "1,5", False),
        ("number", ",", "1,5", True),
        ("number", ",", "1.5", False),
        ("number", ",", ",5", True),
        ("number", ",", "1.234,5", False),
        ("integer", ",", "3,0", True),
        ("integer", ",", "3,1", False),
        ("number", ".", "\u22121.5", True),
        ("integer", ".", "1,234", False),
    ],
)
def test_pattern_of_a_value_follows_the_decimal_mark(kind, decimal, text, matches):
    assert bool(re.match(Notation(decimal).pattern(kind), text)) == matches


WORDS = ["self", "index", "class", "row_id", "origin", "line", "p_a"]
SIGNS = ["'", '"', "{{x}}", "\x7b%x%}", "100%", "a.b", "a,b", "$x", "größe", "גיל", "🙂"]


def test_names_that_are_words_of_any_language_can_be_those_of_columns():
    assert wrong_names([*WORDS, *SIGNS, "x" * 500]) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "column 2 has no name"),
        (" x", "the name of column ' x' has spaces around it"),
        ("x\n(per month)", r"the name of column 2, 'x\n(per month)', holds a line break"),
        (
            "x\x1b[2J",
            r"the name of column 2, 'x\x1b[2J', holds a line break or another control character",
        ),
        ("x" * 501, "the name of column 2 is 501 characters long, must be 500 at most"),
        ("size", "two columns are named 'size'; each needs"),
        ("Size", "two columns are named 'Size', upper and lower case aside; each needs"),
        (
            "__Stage_row_id",
            (
                "a column is named '__Stage_row_id', but names that begin with __stage_ are for"
                " columns that the stages add"
            ),
        ),
    ],
)
def test_a_name_that_no_column_can_have_is_told(name, said):
    [sentence] = wrong_names(["size", name])
    assert sentence.startswith(said)


def test_a_hundred_thousand_columns_are_refused_in_a_sentence_at_once():
    assert wrong_names([f"x{nth}" for nth in range(100_000)]) == [
        "there are 100,000 columns, must be 1,000 at most"
    ]


FINE = [
    "a,b\n1,2\n",
    "a,b\r\n1,2\r\n",
    'a,b\r\n"1\n2",3\r\n',
    'a,b\n"1\r\n2",3\n',
    "a,b\n1,2",
    "a\n\n1",
    '\ufeffa,b\n5" pipe,2\n',
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", FINE)
def test_a_file_that_can_be_read_passes(tmp_path, text, encoding):
    (tmp_path / "toys.csv").write_bytes(text.encode(encoding))
    check_rows(tmp_path / "toys.csv", ",", encoding, text.split("\n")[0].count(",") + 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a,b\n1,2\r\n3,4\n",
            "some lines end in a line feed, some in a carriage return and a line feed",
        ),
        (
            "a,b\r\n1,2\r\n3,4\n",
            "some lines end in a line feed, some in a carriage return and a line feed",
        ),
        (
            'a,b\n1,"2"\r\n3,4\n',
            "some lines end in a line feed, some in a carriage return and a line feed",
        ),
        (
            'a,b\r\n"1\r\n2",2\n3,4\r\n',
            "some lines end in a line feed, some in a carriage return and a line feed",
        ),
        ("a,b\n1,2\n3\r,4\n", "line 3 holds a carriage return that ends no line"),
        ('a,b\n1,"2\n3,4\n', "the row that begins on line 2 has a quote that is never closed"),
        ("a,b\n1,2\n3,\0\n", "line 3 holds a NUL byte"),
        ("a,b\n1,2\n3", "ends in the middle of its last row, on line 3: it is cut off"),
    ],
)
def test_what_makes_a_file_unreadable_is_told_from_its_rows(tmp_path, text, said, encoding):
    (tmp_path / "toys.csv").write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=re.escape(said)):
        check_rows(tmp_path / "toys.csv", ",", encoding, 2)
