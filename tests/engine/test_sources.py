import bz2
import gzip
import io
import lzma
import zipfile
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.core.command import UserError
from sluice.data.sources import (
    RECORD,
    Raw,
    Source,
    as_text,
    check_records,
    load_sources,
    read,
    row_lines,
)

TOYS = {"colour": "text", "size": "integer"}
HEADER = "colour,size\n"


def source(path, **changes):
    return Source(
        **{"path": str(path), "format": "csv", "missing": [""], "key": [], "columns": TOYS}
        | changes
    )


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Write a file of this content, and read it as the source `toys`."""
    monkeypatch.chdir(tmp_path)

    def toys(content, name="toys.csv", **changes):
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(ibis.duckdb.connect(), "toys", source(name, **changes))

    return toys


def colours(raw):
    return raw.table.order_by(RECORD).colour.to_pandas().tolist()


def lines(raw):
    return raw.lines(raw.table.order_by(RECORD)[RECORD].to_pandas()).tolist()


def refusal(toys, content, **changes):
    """Return the sentences with which a file is refused."""
    with pytest.raises(UserError) as refused:
        toys(content, **changes)
    return str(refused.value).splitlines()


@pytest.mark.parametrize("content", ["red,1\nblue", 'red,1\n"blue",2\n"green"'])
def test_a_file_that_is_cut_off_in_the_middle_of_a_row_is_refused(toys, content):
    [sentence] = refusal(toys, HEADER + content)
    last = content.count("\n") + 2
    assert (
        sentence
        == f"toys.csv ends in the middle of its last row, on line {last}: it is cut off; copy it"
        " anew from where it came"
    )


def test_a_last_row_without_a_line_end_is_a_row(toys):
    assert colours(toys(HEADER + "red,1\nblue,2")) == ["red", "blue"]


def test_every_value_is_read_as_text(toys):
    raw = toys(HEADER + "red,1\nblue,02.50\n")
    assert raw.table.to_pandas().values.tolist() == [[1, "red", "1"], [2, "blue", "02.50"]]
    assert (len(raw.rejects), raw.records_in_file) == (0, 2)


def test_columns_may_stand_in_any_order(toys):
    assert toys("size,colour\n1,red\n").table.to_pandas()[["colour", "size"]].values.tolist() == [
        ["red", "1"]
    ]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(
        UserError,
        match=(
            r"data/sources\.yaml: sources\.toys\.path is '.*', where there is no file; mend the"
            r" path or put it"
        ),
    ):
        read(ibis.duckdb.connect(), "toys", source(tmp_path / "toys.csv"))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError, match="where there is no file"):
        read(ibis.duckdb.connect(), "toys", source(tmp_path))


@pytest.mark.parametrize("content", ["", "\nred,1\n", b"\xef\xbb\xbf"])
def test_a_file_without_a_header_is_refused(toys, content):
    [sentence] = refusal(toys, content)
    assert (
        sentence
        == "toys.csv is empty or begins with an empty line; its first line must name the columns"
    )


@pytest.mark.parametrize("content", [HEADER, HEADER.strip()])
def test_a_header_alone_is_a_table_without_rows(toys, content):
    raw = toys(content)
    assert (colours(raw), len(raw.rejects), raw.records_in_file) == ([], 0, 0)


def test_the_wrong_delimiter_is_named(toys):
    assert refusal(toys, "colour;size\nred;1\n") == [
        "toys.csv has one column; sources.toys in data/sources.yaml has the delimiter ',': is it"
        " another?"
    ]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_declared_delimiter_is_used(toys, delimiter):
    assert colours(toys(f"colour{delimiter}size\nred,1{delimiter}1\n", delimiter=delimiter)) == [
        "red,1"
    ]


def test_all_columns_that_are_not_as_declared_are_told_at_once(toys):
    assert refusal(toys, "colour,colour,weight\nred,red,1\n") == [
        "toys.csv has two columns named 'colour': each needs a name of its own (sources.toys)",
        "toys.csv has no column 'size', which data/sources.yaml declares (sources.toys)",
        "toys.csv has a column 'weight', which data/sources.yaml does not declare (sources.toys)",
    ]


def test_ragged_rows_are_rejected_with_their_line(toys):
    raw = toys(HEADER + "red,1\nblue\ngreen,3,x\npink,4\nwhite,5,6\ngrey,9\n")
    assert colours(raw) == ["red", "pink", "grey"]
    assert raw.rejects.values.tolist() == [
        ["toys", 3, "malformed", "missing columns: Expected Number of Columns: 2 Found: 1"],
        ["toys", 4, "malformed", "too many columns: Expected Number of Columns: 2 Found: 3"],
        ["toys", 6, "malformed", "too many columns: Expected Number of Columns: 2 Found: 3"],
    ]


def test_accepted_rows_know_their_line_after_rejects(toys):
    assert lines(toys(HEADER + "red,1\nblue\ngreen,3,x\npink,4\nwhite,5,6\ngrey,9\n")) == [2, 5, 7]


def test_accepted_rows_know_their_line_after_blank_lines(toys):
    assert lines(toys(HEADER + "red,1\n\nblue,2\n\n\npink,3\n")) == [2, 4, 7]


def test_accepted_rows_know_their_line_after_quoted_newlines(toys):
    assert lines(toys(HEADER + '"re\nd",1\nblue,2\n')) == [2, 4]


def test_accepted_rows_know_their_line_after_blank_lines_between_rejects(toys):
    assert lines(toys(HEADER + "red\n\nblue,2\n\n\npink\nwhite,3\n")) == [4, 8]


def test_a_reject_after_quoted_newlines_has_its_line(toys):
    assert toys(HEADER + '"re\nd",1\nblue\n').rejects["line"].tolist() == [4]


def test_a_reject_after_blank_lines_has_its_line(toys):
    assert toys(HEADER + "red,1\n\nblue\n").rejects["line"].tolist() == [4]


def test_lines_are_signed_integers(toys):
    raw = toys(
        HEADER + "red,1\nblue\n"
    )  # unsigned ones would turn to floats beside others, and be written as 1.23457e+06
    assert str(raw.rejects["line"].dtype) == "int64"
    assert str(raw.lines(pd.Series([1])).dtype) == "int64"


def test_a_byte_order_mark_is_no_part_of_the_header(toys):
    assert colours(toys(b"\xef\xbb\xbf" + HEADER.encode() + b"red,1\n")) == ["red"]


@pytest.mark.parametrize("name", ["toys.csv", "toys.csv.gz"])
def test_latin_1_is_read_when_it_is_declared(toys, name):
    content = (HEADER + "grün,1\n").encode("latin-1")
    raw = toys(
        gzip.compress(content) if name.endswith(".gz") else content, name=name, encoding="latin-1"
    )
    assert colours(raw) == ["grün"]


def test_a_row_that_is_not_of_the_declared_encoding_is_rejected(toys):
    raw = toys((HEADER + "red,1\ngrün,2\nblue,3\n").encode("latin-1"))
    assert colours(raw) == ["red", "blue"]
    assert raw.rejects[["line", "kind"]].values.tolist() == [[3, "malformed"]]
    assert raw.rejects["reason"][0].startswith("invalid encoding: Invalid unicode")


def test_each_reason_of_a_row_rejected_twice_goes_with_its_kind(toys):
    [reason] = toys((HEADER + "grün,1,x\nblue,3\n").encode("latin-1")).rejects["reason"]
    assert "invalid encoding: Expected Number of Columns" not in reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_read_when_it_is_declared(toys, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    raw = toys((mark + HEADER + 'grün,1\n\nblue\n"re\nd",3\n').encode(encoding), encoding="utf-16")
    assert (colours(raw), lines(raw), raw.rejects["line"].tolist()) == (
        ["grün", "re\nd"],
        [2, 5],
        [4],
    )


def test_the_windows_encoding_is_read_when_it_is_declared(toys):
    assert colours(toys((HEADER + "5 €,1\n„grün“,2\n").encode("cp1252"), encoding="cp1252")) == [
        "5 €",
        "„grün“",
    ]


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [
        ("cp1252", b"\x81"),
        ("cp1252", b"\xc3\x81"),
        ("utf-16", "\ud800".encode("utf-16-le", "surrogatepass")),
    ],
)
def test_a_row_with_what_its_encoding_does_not_know_is_rejected(toys, encoding, bad):
    before, after = "red,1\ngr", "n,2\nblue,3\n"
    encode = {"cp1252": "cp1252", "utf-16": "utf-16-le"}[encoding]
    mark = "\ufeff" if encoding == "utf-16" else ""
    raw = toys(
        (mark + HEADER + before).encode(encode) + bad + after.encode(encode), encoding=encoding
    )
    assert (colours(raw), raw.rejects["line"].tolist()) == (["red", "blue"], [3])


def test_half_a_character_of_utf_16_is_refused(toys):
    [sentence] = refusal(toys, (HEADER + "red,1\n").encode("utf-16") + b"\0", encoding="utf-16")
    assert sentence.startswith("toys.csv is not utf-16 (")
    assert sentence.endswith("); data/sources.yaml declares the encoding")


def test_a_header_that_windows_does_not_know_is_refused(toys):
    [sentence] = refusal(toys, b"gr\x81n,colour\n1,red\n", encoding="cp1252")
    assert (
        sentence
        == "toys.csv: its header is not cp1252 (byte 2); data/sources.yaml declares the encoding"
    )


@pytest.mark.parametrize(("ending", "pack"), [(".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_packed_file_is_read(toys, ending, pack):
    raw = toys(pack((HEADER + "red,1\nblue\n").encode()), name=f"toys.csv{ending}")
    assert (colours(raw), raw.rejects["line"].tolist()) == (["red"], [3])


def test_a_zip_archive_of_one_table_is_read(toys):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("toys.csv", (HEADER + "grün,1\n").encode("latin-1"))
    assert colours(toys(content.getvalue(), name="toys.zip", encoding="latin-1")) == ["grün"]


def test_what_is_wrong_in_a_packed_file_is_told_under_its_own_name(toys):
    assert refusal(toys, bz2.compress(b"size\n1\n"), name="toys.csv.bz2") == [
        "toys.csv.bz2 has one column; sources.toys in data/sources.yaml has the delimiter ',': is"
        " it another?"
    ]


def test_a_header_that_is_not_of_the_declared_encoding_is_refused(toys):
    [sentence] = refusal(toys, "größe,colour\n1,red\n".encode("latin-1"))
    assert (
        sentence
        == "toys.csv: its header is not utf-8 (byte 2); data/sources.yaml declares the encoding"
    )


@pytest.mark.parametrize("content", ["red,1\nre\0d,2\n", '"red",1\n"re\0d",2\n'])
def test_a_nul_byte_is_refused(toys, content):
    [sentence] = refusal(toys, HEADER + content)
    assert (
        sentence
        == "toys.csv: line 3 holds a NUL byte; it is not a text file, or is broken: export it anew"
    )


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_truncated_gzip_file_is_refused(toys, cut):
    content = gzip.compress((HEADER + "".join(f"red,{size}\n" for size in range(500))).encode())
    [sentence] = refusal(toys, content[:-cut], name="toys.csv.gz")
    assert "toys.csv.gz is a broken gzip file (Compressed file ended before" in sentence
    assert sentence.endswith("copy it anew from where it came")


def test_a_gzip_file_that_is_none_is_refused(toys):
    [sentence] = refusal(toys, HEADER + "red,1\n", name="toys.csv.gz")
    assert "toys.csv.gz is a broken gzip file (Not a gzipped file" in sentence


def test_a_corrupt_gzip_file_is_refused(toys):
    content = bytearray(
        gzip.compress((HEADER + "".join(f"red,{size}\n" for size in range(500))).encode())
    )
    content[30:34] = b"\0\1\2\3"
    [sentence] = refusal(toys, bytes(content), name="toys.csv.gz")
    assert "toys.csv.gz is a broken gzip file" in sentence


def test_a_gzip_file_is_read(toys):
    assert colours(toys(gzip.compress((HEADER + "red,1\n").encode()), name="toys.csv.gz")) == [
        "red"
    ]


def test_quoted_newlines_are_part_of_a_value(toys):
    raw = toys(HEADER + '"re\nd",1\n"bl\r\nue",2\n')
    assert (colours(raw), raw.records_in_file) == (["re\nd", "bl\r\nue"], 2)


def test_doubled_quotes_are_one(toys):
    assert colours(toys(HEADER + '"re""d, dark",1\n')) == ['re"d, dark']


def test_a_row_with_text_after_a_quote_is_rejected(toys):
    raw = toys(HEADER + '"red"x,1\nblue,2\n')
    assert (colours(raw), raw.rejects["line"].tolist()) == (["blue"], [2])


@pytest.mark.parametrize("rows", ['"blue,2\npink,3\ngrey,4\n', 'blue,"2\npink,3\ngrey,4\n'])
def test_a_quote_that_never_ends_swallows_no_row_unseen(toys, rows):
    [sentence] = refusal(
        toys, HEADER + "red,1\n" + rows
    )  # one record by any count, however many lines follow
    assert "quote" in sentence


def test_a_value_longer_than_the_csv_module_likes_is_counted(toys):
    raw = toys(HEADER + '"' + "x" * 200_000 + '",1\nblue,2\n')
    assert (len(colours(raw)), raw.records_in_file) == (2, 2)


def test_blank_lines_are_no_records(toys):
    raw = toys(HEADER + "red,1\n\nblue,2\n\n\n")
    assert (colours(raw), len(raw.rejects), raw.records_in_file) == (["red", "blue"], 0, 2)


def test_crlf_ends_a_line(toys):
    raw = toys("colour,size\r\nred,1\r\n\r\nblue,2\r\n")
    assert raw.table.to_pandas().values.tolist() == [[1, "red", "1"], [2, "blue", "2"]]


def test_mixed_ends_of_lines_are_refused(toys):
    [sentence] = refusal(toys, "colour,size\nred,1\nblue,2\r\n")
    assert sentence.endswith(
        "toys.csv: some lines end in a line feed, some in a carriage return and a line feed; export"
        " it with one of them"
    )


def test_a_space_before_a_quote_is_no_part_of_the_value(toys):
    raw = toys('size,colour\n1, "red, dark"\n2, "green\nblue"\n3, red\n')
    assert raw.table.to_pandas()["colour"].str.strip().tolist() == [
        "red, dark",
        "green\nblue",
        "red",
    ]
    assert raw.starts.tolist() == [2, 3, 5]


def test_ends_of_lines_of_an_old_macintosh_are_refused_or_read(toys):
    try:
        assert colours(toys("colour,size\rred,1\rblue,2\r")) == ["red", "blue"]
    except UserError as refused:
        assert "toys.csv" in str(refused)


def test_a_blank_line_in_a_file_of_one_column_is_a_missing_value(toys):
    raw = toys("colour\nred\n\nblue\n", columns={"colour": "text"})
    assert (raw.table.colour.isnull().to_pandas().tolist(), raw.records_in_file) == (
        [False, True, False],
        3,
    )


@pytest.mark.parametrize("name", ["it's", 'a "b"', "a.b", "größe", "col,our"])
def test_a_column_may_have_an_odd_name(toys, name):
    quoted = name.replace('"', '""')
    raw = toys(f'"{quoted}",size\nred,1\n', columns={name: "text", "size": "integer"})
    assert raw.table[name].to_pandas().tolist() == ["red"]


@pytest.mark.parametrize(
    "content",
    [
        HEADER + "red,1\nblue\ngreen,3,x\npink,4",
        HEADER + '"re\nd",1\n\nblue\n"pi""nk",4\n\n',
        "colour,size\r\nred,1\r\n\r\nblue\r\n",
        (HEADER + "grün,1\nred,2\n").encode("latin-1"),
        HEADER + "   \n,\nred,1\n",
        HEADER + 're"d,1\n"blue"x,2\nred,3\n',
    ],
)
def test_the_count_of_records_agrees_with_the_rows_that_were_read(toys, content):
    raw = toys(content)
    assert raw.records_in_file == len(colours(raw)) + len(raw.rejects)


@pytest.mark.parametrize(
    "content, n", [("", 0), ("red\n", 1), ("red\n\n", 2), ('"re\nd"\n\n', 2), ('"red"\r\n\r\n', 2)]
)
def test_records_of_one_column_are_counted(tmp_path, content, n):
    (tmp_path / "toys.csv").write_bytes(
        (b"colour\r\n" if "\r" in content else b"colour\n") + content.encode()
    )
    _, is_record, _ = row_lines(
        tmp_path / "toys.csv", source(tmp_path / "toys.csv", columns={"colour": "text"})
    )
    assert is_record.sum() - 1 == n


def test_lines_count_the_rejects_that_stand_before():
    raw = Raw(
        None, pd.DataFrame({"line": [2, 3, 6, 6]}), np.arange(2, 9)
    )  # lines 4, 5, 7 and 8 were accepted
    assert raw.lines(pd.Series([4, 1, 2, 3])).tolist() == [8, 4, 5, 7]


@pytest.fixture
def parquet(tmp_path, monkeypatch):
    """Write a Parquet file of this table, and read it as the source `toys`."""
    monkeypatch.chdir(tmp_path)

    def parquet(table, **changes):
        pq.write_table(pa.table(table), "toys.parquet")
        return read(
            ibis.duckdb.connect(), "toys", source("toys.parquet", format="parquet", **changes)
        )

    return parquet


def test_parquet_keeps_its_types(parquet):
    raw = parquet({"colour": ["red", None, "blue"], "size": [1, 2, None]})
    table = raw.table.order_by(RECORD).to_pandas()
    assert table.astype(object).where(table.notna(), None).values.tolist() == [
        [1, "red", 1],
        [2, None, 2],
        [3, "blue", None],
    ]
    assert (len(raw.rejects), raw.records_in_file, lines(raw)) == (0, 3, [2, 3, 4])


def test_parquet_gives_dates_and_truths_as_words(parquet):
    table = parquet({"colour": [True], "size": [date(2001, 2, 3)]}).table
    [row] = (
        table.select(as_text(table.colour).name("colour"), as_text(table["size"]).name("size"))
        .to_pandas()
        .to_numpy()
        .tolist()
    )
    assert row == ["True", "2001-02-03"]


@pytest.mark.parametrize("nested", [[[1], [2]], [{"width": 1}, {"width": 2}]])
def test_parquet_with_nested_columns_is_refused(parquet, nested):
    with pytest.raises(
        UserError,
        match=(
            r"toys\.parquet: size holds lists or structures; a table here has one value a cell, so"
            r" unfold them"
        ),
    ):
        parquet({"colour": ["red", "blue"], "size": nested})


def test_parquet_with_other_columns_is_refused(parquet):
    with pytest.raises(UserError) as refused:
        parquet({"colour": ["red"], "weight": [1]})
    assert str(refused.value).splitlines() == [
        "toys.parquet has no column 'size', which data/sources.yaml declares (sources.toys)",
        (
            "toys.parquet has a column 'weight', which data/sources.yaml does not declare"
            " (sources.toys)"
        ),
    ]


@pytest.mark.parametrize("content", ["", HEADER, "PAR1" + "x" * 40 + "PAR1"])
def test_a_file_that_is_not_parquet_is_refused(toys, content):
    [sentence] = refusal(toys, content, name="toys.parquet", format="parquet")
    assert (
        sentence
        == "toys.parquet is not a Parquet file; sources.toys.format in data/sources.yaml says that"
        " it is"
    )


def test_a_truncated_parquet_file_is_refused(toys, parquet):
    parquet({"colour": ["red"], "size": [1]})
    [sentence] = refusal(
        toys, Path("toys.parquet").read_bytes()[:-20], name="toys.parquet", format="parquet"
    )
    assert "toys.parquet is not a Parquet file" in sentence


def test_columns_that_differ_in_case_only_are_refused_in_csv(toys):
    [sentence] = refusal(toys, "size,Size\n1,2\n", columns={"size": "integer"})[:1]
    assert "two columns named" in sentence  # DuckDB takes them for one


def test_columns_that_differ_in_case_only_are_refused_in_parquet(parquet):
    with pytest.raises(UserError, match="two columns named"):
        parquet({"size": [1], "Size": [2]}, columns={"size": "integer"})


def test_sources_are_read_from_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"data/sources\.yaml does not exist; restore it from git or write it anew"
    ):
        load_sources()


@pytest.mark.parametrize(
    ("formats", "what"),
    [
        (
            {"size": "%d.%m.%Y"},
            "date_formats names 'size', which columns does not declare as a date",
        ),
        (
            {"day": "%d.%m"},
            r"'%d.%m' is no date format: it needs %Y \(four digits\), %m and %d, once each",
        ),
        ({"day": "%d.%m.%Y %H"}, "is no date format"),
        ({"day": "%d.%m.%y"}, "is no date format"),
        ({"day": "%d.%m.%Y%d"}, "is no date format"),
    ],
)
def test_date_format_that_cannot_be_read_is_refused(formats, what):
    columns = {"day": "date", "size": "number"}
    with pytest.raises(ValueError, match=what):
        Source(
            path="x.csv", format="csv", missing=[], key=[], columns=columns, date_formats=formats
        )


def test_file_without_a_header_is_refused_and_not_quoted(toys):
    [sentence] = refusal(toys, "Ada,1\nBob,2\n")
    assert sentence.endswith(
        "has none of the columns that data/sources.yaml declares (sources.toys); does its first"
        " line name them?"
    )
    assert "Ada" not in sentence


def test_file_of_another_number_of_records_than_its_sender_says_is_refused(toys):
    raw = toys(HEADER + "red,1\nblue,2\n")
    check_records(raw, "toys", source("toys.csv", records=2))
    check_records(raw, "toys", source("toys.csv"))
    with pytest.raises(
        UserError,
        match=(
            r"toys\.csv has 2 records, must have 3 \(sources\.toys\.records in"
            r" data/sources\.yaml\): it is cut off"
        ),
    ):
        check_records(raw, "toys", source("toys.csv", records=3))


@pytest.mark.parametrize("first", ["", '""', " "])
def test_a_first_column_without_a_name_is_left_out(toys, first):
    raw = toys(f"{first},colour,size\n7,red,1\n8,blue\n9,green,2\n")
    assert raw.table.columns == (RECORD, "colour", "size")
    assert (colours(raw), raw.rejects["line"].tolist()) == (["red", "green"], [3])


def test_another_column_without_a_name_is_refused(toys):
    assert refusal(toys, "colour,,size\nred,1,2\n") == [
        "toys.csv has no name for column 2: give it one (sources.toys)"
    ]
    assert refusal(toys, ",colour,,size\n0,red,1,2\n") == [
        "toys.csv has no name for column 3: give it one (sources.toys)"
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_line_break_in_the_name_of_a_column_is_read_as_a_space(toys, encoding):
    content = '"col\r\nour","size \r\n(cm)"\r\nred,1\r\n"blue",2\r\n'.encode(encoding)
    raw = toys(
        content,
        encoding=encoding.removesuffix("-sig"),
        columns={"col our": "text", "size (cm)": "integer"},
    )
    assert raw.table.to_pandas()["size (cm)"].tolist() == ["1", "2"]
    assert (lines(raw), raw.records_in_file) == ([4, 5], 2)


def test_a_header_that_breaks_its_lines_otherwise_than_the_rows_is_refused(toys):
    """DuckDB finds no row after it."""
    [sentence] = refusal(
        toys, '"col\nour","size"\r\nred,1\r\n', columns={"col our": "text", "size": "integer"}
    )
    assert "readers differ on where its rows end" in sentence
