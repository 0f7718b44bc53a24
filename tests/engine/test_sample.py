import gzip

import pytest

from sluice.core.command import UserError
from sluice.core.numbers import Notation
from sluice.scoping import sample
from sluice.scoping.sample import kind_of, look


@pytest.fixture
def toys(tmp_path):
    """Write a file of this content, and look at it."""

    def toys(content, name="toys.csv", labels=()):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return look(tmp_path / name, labels)

    return toys


def refusal(toys, content, name="toys.csv"):
    with pytest.raises(UserError) as refused:
        toys(content, name)
    return str(refused.value)


def test_a_plain_table_is_as_it_looks(toys):
    found = toys(
        "colour,size,price,day,new\nred,1,1.5,2024-01-31,true\nblue,,2,2024-02-01 10:00,false\n"
    )
    assert (found.format, found.delimiter, found.encoding, found.decimal, found.missing) == (
        "csv",
        ",",
        "utf-8",
        ".",
        ("",),
    )
    assert found.columns == {
        "colour": "text",
        "size": "integer",
        "price": "number",
        "day": "date",
        "new": "boolean",
    }
    assert found.values["size"] == {"1"}
    assert (found.whole, found.notes) == (True, ())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_gives_each_row_as_many_fields_as_the_header(toys, delimiter):
    assert (
        toys(
            f'colour{delimiter}size{delimiter}note\nred{delimiter}1{delimiter}"a{delimiter}b"\nblue{delimiter}2{delimiter},;|\n'
        ).delimiter
        == delimiter
    )


def test_decimal_commas_are_no_delimiters(toys):
    found = toys("size;price\n1,5;2,5\n3,5;4,5\n")
    assert (found.delimiter, found.decimal, found.columns) == (
        ";",
        ",",
        {"size": "number", "price": "number"},
    )


def test_quoted_decimal_commas_are_decimal_marks(toys):
    found = toys('size,price\n1,"2,5"\n3,"4,25"\n')
    assert (found.delimiter, found.decimal, found.columns["price"]) == (",", ",", "number")


def test_a_mark_before_three_digits_is_asked_about(toys):
    found = toys('size,price\n1,"2,500"\n3,"14,250"\n5,831\n')
    assert (found.decimal, found.columns["price"], found.number_formats) == (".", "text", {})
    assert found.notes == (
        (
            "'price' holds numbers that can be read in two ways: 14,250 as 14.250 or 14250; 2,500"
            " as 2.500 or 2500, so that it is read as text; declare it as number in"
            ' data/sources.yaml, with number_formats: {price: {decimal: ","}} or number_formats:'
            ' {price: {decimal: ".", thousands: ","}}'
        ),
    )


def test_another_column_does_not_tell_what_a_mark_means(toys):
    found = toys("size;price\n1,5;2.500\n3,5;14.250\n")
    assert (found.decimal, found.columns) == (",", {"size": "number", "price": "text"})


def test_each_column_has_its_own_notation(toys):
    found = toys("size;price;rate\n1.5;2,25;1.234,5\n3.25;-0,5;12,5\n0.5;0,5;3,5\n")
    assert (found.decimal, set(found.columns.values())) == (",", {"number"})
    assert found.number_formats == {"size": Notation(), "rate": Notation(",", ".")}
    assert (
        "'rate' is read as numbers written 1.234,5; correct it under number_formats if it is not so"
        in found.notes
    )


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("latin-1", "latin-1"),
        ("cp1252", "cp1252"),
    ],
)
def test_encoding_is_found(toys, encoding, found):
    word = "5 €" if encoding == "cp1252" else "größe"
    toy = toys(f"colour,größe\n{word},1\nred,2\n".encode(encoding))
    assert (toy.encoding, list(toy.columns)) == (found, ["colour", "größe"])
    assert word in toy.values["colour"]
    assert bool(toy.notes) == (found in ("latin-1", "cp1252"))


@pytest.mark.parametrize(("encoding", "stray"), [("utf-8", b"\xe4"), ("cp1252", b"\x81")])
def test_a_stray_byte_does_not_change_the_encoding(toys, encoding, stray):
    rows = "".join(f"grün € {n},{n}\n" for n in range(20)).encode(encoding)
    found = toys(b"colour,size\n" + rows + b"rot " + stray + b",x\n")
    assert (found.encoding, found.columns["size"]) == (encoding, "integer")
    assert (
        found.notes[0]
        == f"nearly all of it is {encoding}, but 1 bytes are not: rows with such a byte will be"
        " rejected, mend them in the file"
    )


def test_a_word_cut_by_the_end_of_the_sample_does_not_change_the_encoding(toys, monkeypatch):
    content = "colour,size\nred,1\ngrün,2\n".encode()
    monkeypatch.setattr(sample, "SAMPLE_BYTES", content.index(b"\xbc"))
    found = toys(content)
    assert (found.encoding, found.whole, found.values["colour"]) == ("utf-8", False, {"red"})


def test_a_western_file_that_was_seen_in_part_may_yet_hold_more_than_latin_1(toys, monkeypatch):
    monkeypatch.setattr(sample, "SAMPLE_BYTES", 30)
    assert (
        toys("colour,size\ngrün,1\nred,2\nblue,3\npink,4\n".encode("latin-1")).encoding == "cp1252"
    )


def test_a_long_value_is_read(toys):
    assert toys(f"colour,size\n{'x' * 150_000},1\n").columns == {
        "colour": "text",
        "size": "integer",
    }


def test_a_packed_file_is_unpacked(toys):
    assert toys(gzip.compress(b"colour,size\nred,1\n"), name="toys.csv.gz").columns == {
        "colour": "text",
        "size": "integer",
    }


@pytest.mark.parametrize("word", ["NA", "N/A", "nan", "NULL", "?", "-", ".", "None"])
def test_a_word_among_numbers_is_a_missing_value(toys, word):
    found = toys(f"colour,size\nred,1\nblue,{word}\n")
    assert (found.missing, found.columns["size"]) == (("", word), "integer")


@pytest.mark.parametrize("word", ["-", ".", "None"])
def test_a_word_among_words_may_be_one(toys, word):
    assert toys(f"colour,size\nred,1\n{word},2\n").missing == ("",)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"1", "-2", "3.0"}, "integer"),
        ({"1", "2.5"}, "number"),
        ({"01", "12"}, "text"),
        ({"01.10", "15.03"}, "text"),
        ({"1.10", "1.1", "2.0"}, "text"),
        ({"1.10", "1.25", "-0.0", "0"}, "number"),
        ({"1E5", "2E3"}, "text"),
        ({"1e+05", "2.0E3", "1e-7"}, "number"),
        ({"3.00", "4.00"}, "number"),
        ({"2024-01-31 25:00"}, "text"),
        ({"0", "10"}, "integer"),
        ({"1234567890123456789"}, "text"),
        ({"2024-01-31"}, "date"),
        ({"2024-01-31", "2024-13-01"}, "text"),
        ({"31/01/2024"}, "text"),
        ({"T", "f"}, "boolean"),
        ({"True"}, "text"),
        ({"yes", "no"}, "text"),
        (set(), "text"),
    ],
)
def test_type_is_what_all_values_have(cells, kind):
    assert kind_of(cells) == kind


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        (["31/01/2024", "01/02/2024"], "%d/%m/%Y"),
        (["01/31/2024", "02/01/2024"], "%m/%d/%Y"),
        (["1.2.2012", "13.2.2012"], "%d.%m.%Y"),
        (["2012/01/01", "2012/01/02"], "%Y/%m/%d"),
        (["2012-1-1", "2012-12-31"], "%Y-%m-%d"),
        (["31.01.2024 7:30", "01.02.2024 17:05"], "%d.%m.%Y %H:%M"),
        (["31.01.2024 07:30:01", "01.02.2024 17:05:59"], "%d.%m.%Y %H:%M:%S"),
    ],
)
def test_dates_that_can_be_read_in_one_way_only_are_dates(toys, cells, how):
    found = toys("day,size\n" + "".join(f"{cell},1\n" for cell in cells))
    assert (found.columns["day"], found.date_formats) == ("date", {"day": how})
    assert f"'day' is read as dates written {how}" in found.notes[0]


def test_day_and_month_are_never_guessed(toys):
    found = toys("day,size\n01/02/2024,1\n03/04/2024,2\n")
    assert (found.columns["day"], found.date_formats) == ("text", {})
    [note] = found.notes
    assert "nobody can tell the day from the month" in note
    assert '{day: "%d/%m/%Y"} or {day: "%m/%d/%Y"}' in note


@pytest.mark.parametrize(
    "cells",
    [
        ["31/01/24", "01/02/24"],
        ["31/01/2024", "2024/02/01"],
        ["31/01/2024", "01.02.2024"],
        ["32/01/2024", "01/02/2024"],
    ],
)
def test_dates_of_no_one_form_stay_text_with_a_note(toys, cells):
    found = toys("day,size\n" + "".join(f"{cell},1\n" for cell in cells))
    assert (found.columns["day"], found.date_formats) == ("text", {})
    assert "'day' looks like dates" in found.notes[0]


def test_numbers_with_a_stray_word_stay_text_with_a_note(toys):
    found = toys("size,colour\n" + "".join(f"{size},red\n" for size in range(30)) + "unknown,red\n")
    assert found.columns["size"] == "text"
    assert found.notes == (
        (
            "'size' holds numbers, but also 'unknown', so that it is read as text; if that means"
            " missing, declare it as number in data/sources.yaml, with the words under missing_in:"
            " {size: [...]}"
        ),
    )


@pytest.mark.parametrize(
    "odd", [["unknown"], ["n.a.", "tbd", "--", "ask", "none yet"], ["#DIV/0!"]]
)
def test_words_among_numbers_do_not_hide_what_the_others_are(toys, odd):
    [note] = toys("size,colour\n" + "".join(f"{size},red\n" for size in [*range(30), *odd])).notes
    assert note.startswith(f"'size' holds numbers, but also {sorted(odd)[0]!r}")


def test_a_word_among_dates_does_not_hide_what_the_others_are(toys):
    days = [f"2024-01-{day:02d}" for day in range(1, 29)]
    [note] = toys("day,colour\n" + "".join(f"{day},red\n" for day in [*days, "later"])).notes
    assert note.startswith("'day' looks like dates (2024-01-01), but also 'later'")


@pytest.mark.parametrize(
    "form",
    [
        "{} kg|{} g",
        "1,23,{}|{}",
        "$ {}|€ {}",
        "USD {}|EUR {}",
        "1.{},5|1,{}.5",
        "{}_000|{}",
        "1·{}|{}",
    ],
)
def test_numbers_in_no_one_notation_are_told(toys, form):
    forms = form.split("|")
    cells = [forms[n % 2].format(n) for n in range(100, 160)]
    found = toys("size|colour\n" + "".join(f"{cell}|red\n" for cell in cells))
    assert found.columns["size"] == "text"
    assert found.notes[0].startswith("'size' holds numbers")


@pytest.mark.parametrize("form", ["A{}", "{}:30", "{}:1:2", "{}-{}", "x{}y", "{}/2", "a{}b{}"])
def test_codes_and_times_are_no_numbers(toys, form):
    assert (
        toys("code|colour\n" + "".join(f"{form.format(n, n)}|red\n" for n in range(100, 160))).notes
        == ()
    )


def test_a_leading_zero_among_numbers_is_asked_about(toys):
    found = toys("code,colour\n" + "".join(f"{n},red\n" for n in ["00501", *range(990, 1020)]))
    assert found.columns["code"] == "text"
    assert found.notes[0].startswith(
        "'code' holds numbers with a leading zero, such as 00501, which would be lost, so that it"
        " is read as text"
    )


def test_codes_of_one_width_are_text_without_a_word(toys):
    assert toys("code,size\n00501,1\n10001,2\n").notes == ()


def test_what_was_relied_on_is_kept_for_the_stages(toys):
    found = toys(
        "size,price,mixed,colour\n"
        + "".join(f"{n},{n}.5,{n}.25,red\n" for n in range(60))
        + "60,60.5,7.250,red\n"
    )
    assert found.columns["mixed"] == "number"
    assert found.one_spelling == ("size", "price")


MISSED = "size,region,outcome\n" + "".join(
    f"{'NA' if n < 3 else n},{'EU' if n % 2 else 'NA'},{'NA' if n < 3 else 'yes'}\n"
    for n in range(90)
)


def test_words_for_missing_values_are_of_each_column(toys):
    found = toys(MISSED)
    assert (found.missing, found.missing_in) == (("", "NA"), {"region": ("",)})
    assert found.values["region"] == {"EU", "NA"}
    assert found.values["outcome"] == {"yes"}
    assert found.notes == (
        (
            "'region' has 'NA' in 45 rows, which is read as a value like EU; if it means missing"
            ' there, write missing_in: {region: ["", "NA"]} in data/sources.yaml'
        ),
    )


def test_a_word_that_many_rows_of_a_feature_have_is_asked_about(toys):
    found = toys(
        "size,region\n" + "".join(f"{n},{'NA' if n % 2 else 'Europe'}\n" for n in range(90))
    )
    assert (found.missing, found.values["region"]) == (("", "NA"), {"Europe"})
    assert found.notes == (
        (
            "'region' has 'NA' in 45 rows, which is read as missing; if it is a value there, write "
            'missing_in: {region: [""]} in data/sources.yaml'
        ),
    )


def test_a_word_that_many_rows_have_as_their_label_is_a_class(toys):
    found = toys(MISSED, labels=["outcome"])
    assert (found.missing_in["outcome"], found.values["outcome"]) == (("",), {"NA", "yes"})
    assert found.notes[1].startswith(
        "'outcome' has 'NA' in 3 rows, which is read as a class or group; if it means missing there"
    )


def test_a_word_that_hardly_any_row_has_as_its_label_is_missing_with_a_note(toys):
    found = toys(
        "size,outcome\n" + "".join(f"{n},{'NA' if n == 7 else 'yes'}\n" for n in range(200)),
        labels=["outcome"],
    )
    assert (found.missing, found.missing_in, found.values["outcome"]) == (("", "NA"), {}, {"yes"})
    assert found.notes[0].startswith("'outcome' has 'NA' in 1 rows, which is read as missing")


def test_a_word_among_numbers_is_missing_in_a_label_too(toys):
    found = toys(
        "size,outcome\n" + "".join(f"{n},{'NA' if n < 30 else n % 2}\n" for n in range(90)),
        labels=["outcome"],
    )
    assert (found.missing, found.columns["outcome"], found.values["outcome"]) == (
        ("", "NA"),
        "integer",
        {"0", "1"},
    )
    assert found.missing_in == {
        "outcome": ("", "NA")
    }  # that it is no class is settled: prepare need not ask
    assert found.notes[0].startswith(
        "'outcome' has 'NA' in 30 rows, which is read as missing: they have no class or group"
    )


def test_a_sign_that_is_a_class_is_none_for_missing_in_its_column(toys):
    found = toys("size,outcome\n1,-\n-,+\n3,-\n", labels=["outcome"])
    assert (found.missing, found.missing_in, found.values) == (
        ("", "-"),
        {"outcome": ("",)},
        {"size": {"1", "3"}, "outcome": {"+", "-"}},
    )


def test_spaces_around_a_value_are_no_part_of_it(toys):
    assert toys("size,colour\n1,red\u00a0\n2, red\u202f\n").values["colour"] == {"red"}


def test_a_line_break_in_a_name_is_a_space(toys):
    assert list(toys('size,"visits \r\n(per month)"\n1,2\n').columns) == [
        "size",
        "visits (per month)",
    ]


def test_ragged_rows_are_told(toys):
    assert toys("colour,size\nred,1\nblue\ngreen,2\n").notes == (
        "1 of 3 rows looked at have another number of fields than the header",
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; its first line must name the columns"),
        (b"\n\n", "is empty; its first line must name the columns"),
        (
            b"\ncolour,size\nred,1\n",
            "begins with an empty line; its first line must name the columns",
        ),
        (
            b"colour,size\rred,1\r",
            "its lines end in carriage returns alone; export it with line feeds",
        ),
        (
            b"colour size\nred 1\n",
            (
                "is no table of two columns or more, parted by comma, semicolon, tab or bar; it"
                " begins 'colour size'"
            ),
        ),
        (b"colour,size\n", "it has no row, only a header"),
        (b"colour,size\nred,\0\n", "is no text: it holds NUL bytes"),
        (b"\xff\xfe\x00\xd8a,b", "begins like UTF-16, but is not"),
        (b"size,\n1,2\n", "column 2 has no name; give it one, or leave the column out"),
        (b"colour, size\nred,1\n", "the name of column ' size' has spaces around it; remove them"),
        (
            b"size,Size\n1,2\n",
            (
                "two columns are named 'Size', upper and lower case aside; each needs a name of"
                " its own"
            ),
        ),
        (
            b"a" * 501 + b",size\n1,2\n",
            "the name of column 1 is 501 characters long, must be 500 at most",
        ),
        (b"1,2.5\n2,3.5\n", "it begins with values (1, 2.5); its first line must name the columns"),
        (
            b"red,1,f,f\nblue,2,t,f\n",
            "it begins with values (red, 1, f); its first line must name the columns",
        ),
        (
            b'{"size": 1, "colour": "red"}\n',
            "is JSON, or a page, and no table; export it as CSV or Parquet",
        ),
        (
            ",".join(f"c{n}" for n in range(1001)).encode() + b"\n" + b"," * 1000 + b"\n",
            "there are 1,001 columns, must be 1,000 at most",
        ),
    ],
)
def test_what_is_no_table_is_refused(toys, content, said):
    assert said in refusal(toys, content)


def test_all_that_is_wrong_with_a_header_is_told_at_once(toys):
    assert len(refusal(toys, b"a, b,,c,C\n1,2,3,4,5\n").splitlines()) == 3


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        look(tmp_path / "toys.csv")


@pytest.mark.parametrize("first", ["", '""', " "])
def test_a_first_column_without_a_name_is_left_out_with_a_note(toys, first):
    found = toys(f"{first},colour,size\n0,red,1\n1,blue,2\n")
    assert found.columns == {"colour": "text", "size": "integer"}
    assert found.values == {"colour": {"red", "blue"}, "size": {"1", "2"}}
    assert found.notes == (
        (
            "the first column has no name, as pandas and R write the names of the rows, and is"
            " left out"
        ),
    )


def test_another_column_without_a_name_is_refused(toys):
    assert "column 2 has no name; give it one" in refusal(toys, "colour,,size\nred,1,2\n")


def test_names_of_rows_without_a_column_of_their_own_are_told(toys):
    assert "its rows have one field more than its header, as R writes" in refusal(
        toys, '"colour","size"\n"1","red",2\n"2","blue",3\n'
    )


def test_time_stamps_with_an_offset_are_dates_of_utc_and_told(toys):
    found = toys("when,size\n2023-01-01T00:00:00+02:00,1\n2023-06-01 12:00-0500,2\n")
    assert found.columns["when"] == "date"
    assert found.notes == (
        (
            "'when' has time stamps with an offset from UTC, such as 2023-01-01T00:00:00+02:00, and"
            " is read as UTC"
        ),
    )


def test_a_folder_is_told_as_one(tmp_path):
    with pytest.raises(UserError, match="is a folder; name the one CSV or Parquet file in it"):
        look(tmp_path)


@pytest.mark.parametrize(
    ("late", "encoding"),
    [
        ("größe".encode(), "utf-8"),
        ("größe".encode("cp1252"), "cp1252"),
        ("größe".encode() + b"\xff", "utf-8"),
    ],
)
def test_the_first_letter_beyond_ascii_tells_the_encoding_however_late_it_comes(
    toys, monkeypatch, late, encoding
):
    monkeypatch.setattr(sample, "SAMPLE_BYTES", 30)
    assert toys(b"colour,size\n" + b"red,1\n" * 9 + late + b",2\n").encoding == encoding


def test_na_beside_abbreviations_and_other_things_is_told(toys):
    [note] = [
        note for note in toys("region,size\nNA,1\nEU,2\n-999,3\nAPAC,4\n").notes if "region" in note
    ]
    assert note.startswith(
        "'region' has 'NA' in 1 rows, which is read as missing, though APAC stands beside it; if it"
        " is a value there"
    )


def test_a_space_before_a_quote_is_no_part_of_the_value(toys):
    found = toys(
        "size,colour,label\n" + "".join(f'{n}, "{n * 3}", "red, {n % 2}"\n' for n in range(30))
    )
    assert (found.columns, found.notes) == (
        {"size": "integer", "colour": "integer", "label": "text"},
        (),
    )
    assert found.values["label"] == {"red, 0", "red, 1"}


@pytest.mark.parametrize(
    "form", ["2023-01-{:02d} 1:00 PM", "2023-01-{:02d} 10:00 +02:00", "2023-01-{:02d}T10Z"]
)
def test_time_stamps_in_no_format_that_is_read_are_told(toys, form):
    found = toys("size,at\n" + "".join(f"{n},{form.format(n)}\n" for n in range(1, 29)))
    assert found.columns["at"] == "text"
    assert found.notes[0].startswith("'at' looks like dates (2023-01-01")


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b"])
def test_a_mark_that_nobody_sees_is_no_part_of_a_name(toys, mark):
    assert "the name of column" in refusal(toys, f"size,{mark}colour\n1,red\n")


def test_what_to_do_about_a_word_among_labels_that_are_numbers_can_be_done(toys):
    found = toys(
        "size,label\n" + "".join(f"{n},{['NA', '1', '0'][n % 3]}\n" for n in range(90)),
        labels=["label"],
    )
    assert found.notes == (
        (
            "'label' has 'NA' in 30 rows, which is read as missing: they have no class or group; if"
            " it is a class or group, declare it as text in data/sources.yaml, with missing_in:"
            ' {label: [""]}'
        ),
    )
