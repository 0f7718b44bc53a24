import json
from dataclasses import replace
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml
from ibis import _

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Params
from sluice.data.assigning import IS_TEST
from sluice.data.cells import PROBLEM, conform
from sluice.data.cleaning import prepare, summarise
from sluice.data.role_checks import BESIDE_KEY, check_roles
from sluice.data.sources import Raw, Source, read
from stages.prepare import main
from tests.engine.settings import SETTINGS

TOYS = {"colour": "text", "size": "integer", "label": "text"}
HEADER = "colour,size,label\n"
FOUR = HEADER + "red,1,a\nred,2,b\nblue,3,a\nblue,4,b\n"

YEARS = {"colour": "text", "pack": "text", "year": "integer", "label": "text"}
YEAR_HEADER = "colour,pack,year,label\n"
BOTH = (
    'both must be integers, or the column a date and test_from one in quotes, such as "2024-01-31"'
)
FROM_2001 = {"by": "time", "test_from": 2001}


def settings(split=None, **data):
    """Return the content of a params.yaml; at random, half of the rows are test rows."""
    parted = {"split": SETTINGS["prepare"]["split"] | (split or {})}
    return SETTINGS | {"data": SETTINGS["data"] | data, "prepare": parted}


def params(split=None, **data):
    return Params.model_validate(settings(split, **data))


def declared(columns, **changes):
    return Source(
        **{
            "path": "toys.csv",
            "format": "csv",
            "missing": ["", "NA"],
            "key": [],
            "columns": columns,
        }
        | changes
    )


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def raw_of(text, source):
    Path("toys.csv").write_text(text)
    return read(ibis.duckdb.connect(), "toys", source)


def prepared(text, columns, params, **changes):
    source = declared(columns, **changes)
    return prepare(raw_of(text, source), "toys", source, params)


def rejected(outcome):
    return outcome.rejects[["line", "kind", "reason"]].values.tolist()


def sides(outcome, column):
    """Return the values of `column` in training and in test, sorted."""
    rows = outcome.rows.to_pandas()
    return sorted(rows.loc[~rows[IS_TEST], column]), sorted(rows.loc[rows[IS_TEST], column])


def conformed(kind, text, **changes):
    """Return the one value of a column that is declared as `kind`, as text, and the problem with
    it.
    """
    source = declared({"value": kind, "label": "text"}, **changes)
    table = conform(raw_of(f'value,label\n"{text}",a\n', source).table, source)
    [row] = table.mutate(value=_.value.cast("string")).to_pandas().astype(object).to_dict("records")
    return tuple(None if pd.isna(row[key]) else row[key] for key in ("value", PROBLEM))


@pytest.mark.parametrize(
    "kind, text, value",
    [
        ("text", " red ", "red"),
        ("text", "NA", None),
        ("text", " NA ", None),
        ("text", "", None),
        ("text", "na", "na"),
        ("integer", "1995", "1995"),
        ("integer", "1995.0", "1995"),
        ("integer", " +7. ", "7"),
        ("integer", "-007", "-7"),
        ("integer", "NA", None),
        ("integer", "9223372036854775807", "9223372036854775807"),
        ("integer", "9007199254740993", "9007199254740993"),
        ("number", " 1.5", "1.5"),
        ("number", "1e3", "1000.0"),
        ("number", "", None),
        ("boolean", "true", "1"),
        ("boolean", "False", "0"),
        ("boolean", "NA", None),
        ("date", "2001-02-03", "2001-02-03 00:00:00"),
        ("date", "2001-02-03 04:05:06", "2001-02-03 04:05:06"),
        ("date", "2001-02-03T04:05:06Z", "2001-02-03 04:05:06"),
        ("date", "2001-02-03 04:05:06+02", "2001-02-03 02:05:06"),
        ("date", "2001-02-03T04:05:06-03:30", "2001-02-03 07:35:06"),
        ("date", "9999-12-31", "9999-12-31 00:00:00"),
        ("date", "0001-01-01", "0001-01-01 00:00:00"),
        ("date", " NA", None),
    ],
)
def test_a_value_takes_its_declared_type(kind, text, value):
    assert conformed(kind, text) == (value, None)


@pytest.mark.parametrize(
    "kind, text, value, what",
    [
        ("number", "1,5", "1.5", None),
        ("number", "-,5e2", "-50.0", None),
        ("number", "12", "12.0", None),
        ("number", "1.5", None, "value is no finite number: written as 9.9"),
        ("number", "1.000,5", None, "value is no finite number: written as 9.9,9"),
        ("integer", "7,0", "7", None),
        ("integer", "7.0", None, "value is no integer of 64 bits: written as 9.9"),
        ("date", "2001-02-03 04:05:06.5", "2001-02-03 04:05:06.5", None),
        ("text", "1,5", "1,5", None),
    ],
)
def test_a_decimal_comma_is_read_where_it_is_declared(kind, text, value, what):
    assert conformed(kind, text, decimal=",") == (value, what)


@pytest.mark.parametrize(
    ("how", "text", "value"),
    [
        ({"decimal": ",", "thousands": "."}, "16.865", "16865.0"),
        ({"decimal": ",", "thousands": "."}, "1.003,45", "1003.45"),
        ({"decimal": ",", "thousands": "."}, "512,3", "512.3"),
        ({"decimal": ",", "thousands": "."}, "1.5", None),
        ({"decimal": ",", "thousands": "."}, "16.86", None),
        ({"thousands": ","}, "1,234,567.5", "1234567.5"),
        ({"thousands": ","}, "16865", "16865.0"),
        ({"thousands": ","}, "1,2345", None),
        ({"thousands": " "}, "4\u202f000", "4000.0"),
        ({"thousands": "'"}, "4\u2019000", "4000.0"),
        ({"before": "$", "thousands": ","}, "-$1,200.50", "-1200.5"),
        ({"before": "$"}, "12", None),
        ({"after": "%"}, "12.5 %", "12.5"),
        ({"after": "kg"}, "40 kg", "40.0"),
        ({"after": "kg"}, "40 g", None),
        ({"negative": "parentheses"}, "(1.20)", "-1.2"),
        ({"negative": "trailing"}, "1.20-", "-1.2"),
        ({}, "\u22121.5", "-1.5"),
    ],
)
def test_a_number_is_read_as_its_column_declares(how, text, value):
    read_as, problem = conformed("number", text, number_formats={"value": how})
    assert read_as == value
    assert (problem is None) == (value is not None)


def test_a_number_in_another_notation_is_told_which_one_is_declared():
    problem = conformed(
        "number", "16.86", number_formats={"value": {"decimal": ",", "thousands": "."}}
    )[1]
    assert problem == "value is no finite number such as 1.234,5: written as 9.9"


def conformed_all(kind, *cells, **changes):
    """Return the values of a column that is declared as `kind`, as text, and which of them are a
    problem.
    """
    source = declared({"value": kind, "label": "text"}, **changes)
    raw = raw_of("value,label\n" + "".join(f'"{cell}",a\n' for cell in cells), source)
    table = conform(raw.table, source).order_by("__stage_record").to_pandas()
    return [None if pd.isna(value) else str(value) for value in table["value"]], table[
        PROBLEM
    ].notna().tolist()


def test_a_leading_zero_is_a_problem_where_one_spelling_is_declared():
    cells = ["10", "010", "+3", "1.0", "0", "-0"]
    assert conformed_all("integer", *cells)[1] == [False] * 6
    assert conformed_all("integer", *cells, one_spelling=["value"])[1] == [
        False,
        True,
        False,
        False,
        False,
        False,
    ]
    problem = conformed("integer", "010", one_spelling=["value"])[1]
    assert (
        problem == "value has a leading zero, see one_spelling in data/sources.yaml: written as 9"
    )


def test_a_second_spelling_is_a_problem_where_one_is_declared():
    cells = ["1.1", "1.10", "2.50", "2E3", "2e+3", "0.5", "-0.0"]
    assert conformed_all("number", *cells)[1] == [False] * 7
    assert conformed_all("number", *cells, one_spelling=["value"])[1] == [
        False,
        True,
        False,
        True,
        False,
        False,
        False,
    ]


def test_missing_words_are_those_of_the_column():
    assert conformed_all("text", "NA", "-", "", missing_in={"value": ["", "-"]})[0] == [
        "NA",
        None,
        None,
    ]
    assert conformed_all("text", "NA", "-", "", missing_in={"label": ["", "-"]})[0] == [
        None,
        "-",
        None,
    ]


def test_spaces_of_any_kind_around_a_value_are_no_part_of_it():
    assert conformed_all("text", "good\u00a0", "\u2003good ", "so\u00a0good")[0] == [
        "good",
        "good",
        "so\u00a0good",
    ]


def test_case_and_spaces_make_no_difference_where_that_is_declared():
    assert (
        conformed_all("text", "Very good", "VERY  GOOD", "very\u00a0good", ignore_case=["value"])[0]
        == ["very good"] * 3
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"number_formats": {"label": {"thousands": ","}}},
            "number_formats names 'label', which columns does not declare as integer or number",
        ),
        (
            {"one_spelling": ["label"]},
            "one_spelling names 'label', which columns does not declare as integer or number",
        ),
        (
            {"ignore_case": ["size"]},
            "ignore_case names 'size', which columns does not declare as text",
        ),
        (
            {"missing_in": {"weight": [""]}},
            "missing_in names 'weight', which columns does not declare",
        ),
        (
            {"decimal": ",", "number_formats": {"size": {"thousands": ","}}},
            "number_formats.size has ',' as decimal mark and between thousands",
        ),
        ({"number_formats": {"size": {"after": "5kg"}}}, "number_formats.size.after"),
    ],
)
def test_what_cannot_be_declared_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        declared(TOYS, **changes)


@pytest.mark.parametrize(
    ("how", "text", "value"),
    [
        ("%d.%m.%Y", "1.2.2012", "2012-02-01 00:00:00"),
        ("%m/%d/%Y", "01/02/2012", "2012-01-02 00:00:00"),
        ("%Y/%m/%d", "2012/01/02", "2012-01-02 00:00:00"),
        ("%d.%m.%Y %H:%M", "31.12.2012 7:05", "2012-12-31 07:05:00"),
        ("%d.%m.%Y %H:%M:%S", "31.12.2012 07:05:09", "2012-12-31 07:05:09"),
        ("%Y%m%d", "20121231", "2012-12-31 00:00:00"),
        ("%Y%m%d", "2012111", None),
        ("%d.%m.%Y", "31.02.2012", None),
        ("%d.%m.%Y", "2012-02-01", None),
        ("%d.%m.%Y", "1.2.12", None),
        ("%d.%m.%Y", "1x2x2012", None),
    ],
)
def test_a_date_is_read_in_its_declared_format(how, text, value):
    read_as, problem = conformed("date", text, date_formats={"value": how})
    assert read_as == value
    assert (problem is None) == (value is not None)


@pytest.mark.parametrize(
    "kind, text, what",
    [
        ("integer", "1.5", "no integer of 64 bits"),
        ("integer", "seven", "no integer of 64 bits"),
        ("integer", "1e3", "no integer of 64 bits"),
        ("integer", "9223372036854775808", "no integer of 64 bits"),
        ("integer", "99999999999999999999", "no integer of 64 bits"),
        ("number", "seven", "no finite number"),
        ("number", "1,5", "no finite number"),
        ("number", "inf", "no finite number"),
        ("number", "-Infinity", "no finite number"),
        ("number", "nan", "no finite number"),
        ("number", "1e400", "no finite number"),
        ("boolean", "2", "neither true nor false"),
        ("boolean", "perhaps", "neither true nor false"),
        ("date", "2001-02-30", "no ISO date"),
        ("date", "03.02.2001", "no ISO date"),
        ("date", "infinity", "no ISO date"),
        ("date", "-infinity", "no ISO date"),
        ("date", "epoch", "no ISO date"),
        ("date", "2001-02-03+02", "no ISO date"),
    ],
)
def test_a_value_that_is_none_of_its_type_is_a_problem(kind, text, what):
    value, problem = conformed(kind, text)
    assert value is None
    assert problem.startswith(f"value is {what}: written as ")


def test_a_date_that_is_written_otherwise_is_told_how_it_must_be():
    value, problem = conformed("date", "2001-02-03", date_formats={"value": "%d.%m.%Y"})
    assert (value, problem) == (None, "value is no date written %d.%m.%Y: written as 9-9-9")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Ada Lovelace", "a a"),
        ("1.234,56 €", "9.9,9 €"),
        ("n/a", "a/a"),
        ("später7", "a9"),
        ("a@b.org", "a@a.a"),
        ("?" * 99, "?" * 30),
    ],
)
def test_a_problem_tells_how_a_value_is_written_and_not_the_value(text, written):
    assert conformed("number", text) == (None, f"value is no finite number: written as {written}")


@pytest.mark.parametrize("asks", [False, True])
def test_values_that_are_rejected_are_shown_only_where_somebody_asks(
    tmp_path, monkeypatch, capsys, asks
):
    monkeypatch.chdir(tmp_path)
    if asks:
        monkeypatch.setenv("SHOW_VALUES", "1")
    outcome = prepared(FOUR + "red,Ada,a\n", TOYS, params())
    assert rejected(outcome) == [[6, "bad_value", "size is no integer of 64 bits: written as a"]]
    assert ("Ada" in capsys.readouterr().out) == asks
    shown = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("private/rejects.txt")]
    assert shown == (
        ["toys, line 6: {'colour': 'red', 'size': 'Ada', 'label': 'a'}\n"] if asks else []
    )


def test_two_bad_values_of_a_row_are_both_told():
    text = "colour,size,price,label\nred,x,y,a\nred,2,2,b\nblue,3,3,a\nblue,4,4,b\nblue,5,5,a\n"
    outcome = prepared(text, TOYS | {"price": "number"}, params())
    assert rejected(outcome) == [
        [
            2,
            "bad_value",
            "size is no integer of 64 bits: written as a; price is no finite number: written as a",
        ]
    ]


def test_the_words_for_missing_are_those_declared():
    text = HEADER + "?,1,a\nNA,2,b\nblue,3,a\nblue,4,b\n"
    rows = prepared(text, TOYS, params(), missing=["?"]).rows.order_by("size").to_pandas()
    assert rows["colour"].isna().tolist() == [True, False, False, False]


def test_a_row_without_a_target_is_rejected():
    assert rejected(prepared(FOUR + "pink,5,NA\n", TOYS, params())) == [
        [6, "unlabelled", "label is missing"]
    ]


MANY = FOUR + "".join(f"blue,{n},{'ab'[n % 2]}\n" for n in range(10, 60))


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        (
            [f"red,{n},NA" for n in range(20)],
            {},
            (
                "the target 'label' is 'NA' in 20 rows, which `missing` in data/sources.yaml takes"
                " for rows"
            ),
        ),
        (
            [f"red,{n},-" for n in range(20)],
            {"missing": ["", "-"]},
            r"missing_in: {label: \[\"\"\]} there; if it means missing, missing_in",
        ),
        (
            ["red,x,c"] * 5,
            {},
            (
                "is 'c' in 5 rows, and none of them can be used .size is no integer of 64 bits:"
                " written as a.: the class would"
            ),
        ),
    ],
)
def test_a_class_that_would_vanish_stops(rows, changes, said):
    with pytest.raises(UserError, match=said):
        prepared(MANY + "\n".join([*rows, ""]), TOYS, params(), **changes)


def test_a_label_with_a_leading_zero_is_no_other_class():
    text = MANY.replace(",a\n", ",10\n").replace(",b\n", ",20\n")
    columns = TOYS | {"label": "integer"}
    outcome = prepared(text + "red,7,010\n", columns, params(), one_spelling=["label"])
    assert rejected(outcome) == [
        [
            56,
            "bad_value",
            "label has a leading zero, see one_spelling in data/sources.yaml: written as 9",
        ]
    ]
    with pytest.raises(
        UserError, match="the target 'label' is '010' in 9 rows, and none of them can be used"
    ):
        prepared(text + "red,7,010\n" * 9, columns, params(), one_spelling=["label"])


@pytest.mark.parametrize(
    ("rows", "changes"),
    [
        (["red,x,c"] * 4 + ["red,3,NA"] * 19 + ["red,3,"] * 30, {}),
        (["red,3,NA"] * 30, {"missing_in": {"label": ["", "NA"]}}),
        ([f"red,{n},NA" for n in range(30)], {"missing_in": {"label": [""]}}),
    ],
)
def test_what_is_no_class_or_told_to_be_missing_stops_nothing(rows, changes):
    outcome = prepared(MANY + "\n".join([*rows, ""]), TOYS, params(), **changes)
    is_class = changes.get("missing_in") == {"label": [""]}
    assert set(outcome.counts.index) == ({"a", "b", "NA"} if is_class else {"a", "b"})


def test_a_word_among_labels_that_are_numbers_is_no_class():
    text = MANY.replace(",a\n", ",10\n").replace(",b\n", ",20\n") + "red,3,NA\n" * 30
    outcome = prepared(text, TOYS | {"label": "integer"}, params())
    assert set(outcome.counts.index) == {"10", "20"}


def test_classes_that_differ_in_case_or_spaces_are_counted():
    labels = ["Good", "good\u00a0", "so  so", "so\u00a0so", "bad"]
    text = HEADER + "".join(f"red,{n},{label}\n" for n, label in enumerate(labels * 4))
    source = declared(TOYS)
    raw = raw_of(text, source)
    [row] = summarise(prepare(raw, "toys", source, params()), raw, "toys", source).to_dict(
        "records"
    )
    assert (row["classes_alike"], row["alike"]) == (2, "'Good', 'good'; 'so  so', 'so\\xa0so'")
    source = declared(TOYS, ignore_case=["label"])
    raw = raw_of(text, source)
    [row] = summarise(prepare(raw, "toys", source, params()), raw, "toys", source).to_dict(
        "records"
    )
    assert (row["classes_alike"], row["alike"], row["classes"]) == (
        0,
        "-",
        "good 40%, so so 40%, bad 20%",
    )


def test_a_class_that_is_rare_because_it_is_spelled_otherwise_is_told():
    with pytest.raises(
        UserError,
        match=(
            r"'A', 'a' differ only in case or spaces: if they are one class, write ignore_case:"
            r" .label. in"
        ),
    ):
        prepared(FOUR + "red,5,A\n", TOYS, params())


def test_a_row_without_a_cluster_is_rejected():
    text = YEAR_HEADER + "red,p,2000,a\nblue,q,2001,b\npink,,2001,b\n"
    assert rejected(prepared(text, YEARS, params(FROM_2001, time="year", cluster=["pack"]))) == [
        [4, "unlabelled", "pack is missing"]
    ]


def test_a_row_without_time_is_rejected_if_time_parts_the_rows():
    text = YEAR_HEADER + "red,p,2000,a\nblue,q,2001,b\npink,r,,\n"
    assert rejected(prepared(text, YEARS, params(FROM_2001, time="year"))) == [
        [4, "unlabelled", "label, year is missing"]
    ]


def test_a_row_without_time_is_kept_if_chance_parts_the_rows():
    text = YEAR_HEADER + "red,p,,a\nblue,q,2001,b\npink,r,,a\ngrey,s,,b\n"
    assert rejected(prepared(text, YEARS, params(time="year"))) == []


SIX = FOUR + "red,1,a\n red ,1.0,a\n"  # three rows are equal


def test_equal_rows_are_kept():
    outcome = prepared(SIX, TOYS, params())
    assert rejected(outcome) == []
    assert len(outcome.rows.to_pandas()) == 6


def test_equal_rows_are_on_one_side():
    for seed in range(5):
        rows = prepared(
            SIX, TOYS, params().model_copy(update={"random_state": seed})
        ).rows.to_pandas()
        assert rows[rows["size"] == 1][IS_TEST].nunique() == 1


def test_equal_rows_of_different_clusters_are_different_cases():
    text = (
        "customer,"
        + HEADER
        + "".join(f"{nth},red,1,{label}\n" for nth, label in enumerate("aabb" * 5))
    )
    outcome = prepared(text, {"customer": "integer"} | TOYS, params(cluster=["customer"]))
    rows = outcome.rows.to_pandas()
    assert rejected(outcome) == []
    assert (len(rows), rows["customer"].nunique(), rows[IS_TEST].nunique()) == (20, 20, 2)


def test_rows_that_differ_in_the_label_alone_are_on_one_side():
    text = HEADER + "red,1,a\nred,1,b\nred,2,a\nred,3,b\nred,4,a\nred,5,b\n"
    for seed in range(
        5
    ):  # else those of one class could be trained on and those of the other tested
        rows = prepared(
            text, TOYS, params().model_copy(update={"random_state": seed})
        ).rows.to_pandas()
        assert rows[rows["size"] == 1][IS_TEST].nunique() == 1
    assert rows.groupby("size")[ROW_ID].nunique().tolist() == [1] * 5


@pytest.mark.parametrize(
    "source", [{"equal_rows": "drop"}, {"key": ["colour", "size"]}], ids=["asked", "key"]
)
def test_of_equal_rows_the_first_stays_where_they_are_one_thing(source):
    forbidden = {"colour": "of the key", "size": "of the key"} if "key" in source else {}
    text = SIX.replace("colour", "shape,colour").replace("\n", "\nround,").removesuffix("round,")
    outcome = prepared(text, {"shape": "text"} | TOYS, params(forbidden=forbidden), **source)
    reason = "a row that was kept agrees in all columns"
    assert rejected(outcome) == [[6, "duplicate", reason], [7, "duplicate", reason]]
    assert outcome.rows.to_pandas()[ROW_ID].nunique() == 4


def test_equal_rows_that_are_different_cases_count_one_by_one():
    rows = prepared(SIX + "red,1,b\n", TOYS, params(), equal_rows="separate").rows.to_pandas()
    assert (len(rows), rows[ROW_ID].nunique()) == (7, 7)


def test_rows_that_differ_in_time_or_cluster_are_not_equal():
    text = YEAR_HEADER + "red,q,2000,a\nred,p,2000,a\nblue,r,2001,b\nblue,r,2002,b\nblue,r,2002,b\n"
    outcome = prepared(
        text, YEARS, params(FROM_2001, time="year", cluster=["pack"]), equal_rows="drop"
    )
    assert rejected(outcome) == [[6, "duplicate", "a row that was kept agrees in all columns"]]
    assert outcome.rows.to_pandas()[ROW_ID].nunique() == 4


def test_rows_are_equal_that_differ_only_in_what_has_no_content():
    columns, text = (
        {"line": "text"} | TOYS,
        "line,colour,size,label\n1,red,1,a\n2,red,1,a\n3,red,2,b\n4,blue,3,a\n5,blue,4,b\n",
    )
    of_export = {"line": "a number of the export"}
    assert (
        len(
            prepared(text, columns, params(forbidden=of_export), equal_rows="drop").rows.to_pandas()
        )
        == 5
    )
    outcome = prepared(
        text, columns, params(forbidden=of_export), equal_rows="drop", no_content=["line"]
    )
    assert rejected(outcome) == [
        [3, "duplicate", "a row that was kept agrees in all columns but line"]
    ]


def test_a_column_without_content_has_no_other_use():
    with pytest.raises(UserError, match="no_content names 'size', which"):
        check_roles(params(), declared(TOYS, no_content=["size"]))
    check_roles(
        params(forbidden={"size": "a number of the export"}), declared(TOYS, no_content=["size"])
    )


def test_a_missing_value_equals_no_word():
    text = HEADER + 'NA,1,a\n"-",1,a\nblue,3,b\nblue,4,b\n'
    assert rejected(prepared(text, TOYS, params())) == []


def test_values_do_not_run_into_each_other():
    columns = {"colour": "text", "shape": "text", "label": "text"}
    text = "colour,shape,label\na+b,c,a\na,b+c,a\nx,y,b\nx,z,b\n"
    outcome = prepared(text, columns, params())
    assert outcome.rows.to_pandas()["__stage_row_id"].nunique() == 4


def test_rows_of_one_key_that_differ_are_all_rejected():
    text = "id,colour,size,label\n1,red,1,a\n2,red,2,b\n3,blue,3,a\n4,blue,4,b\n5,pink,5,a\n5,pink,6,a\n"
    outcome = prepared(text, {"id": "text"} | TOYS, params(forbidden={"id": "a name"}), key=["id"])
    reason = "other rows have the same key: id"
    assert rejected(outcome) == [[6, "key_conflict", reason], [7, "key_conflict", reason]]


def test_a_row_that_stands_twice_is_no_key_conflict():
    text = "id,colour,size,label\n1,red,1,a\n2,red,2,b\n3,blue,3,a\n4,blue,4,b\n4,blue,4,b\n"
    outcome = prepared(text, {"id": "text"} | TOYS, params(forbidden={"id": "a name"}), key=["id"])
    assert [kind for _, kind, _ in rejected(outcome)] == ["duplicate"]


def test_by_time_rows_from_the_cut_off_on_are_test_rows():
    text = YEAR_HEADER + "red,p,2000,a\nblue,q,2001,b\npink,r,2002,b\ngrey,s,1999,b\n"
    assert sides(prepared(text, YEARS, params(FROM_2001, time="year")), "colour") == (
        ["grey", "red"],
        ["blue", "pink"],
    )


def test_by_date_rows_from_the_cut_off_on_are_test_rows():
    columns = {"colour": "text", "day": "date", "label": "text"}
    text = "colour,day,label\nred,2000-12-31,a\nblue,2001-01-01,b\npink,2000-12-31 23:59:59,b\n"
    outcome = prepared(text, columns, params({"by": "time", "test_from": "2001-01-01"}, time="day"))
    assert sides(outcome, "colour") == (["pink", "red"], ["blue"])


def test_a_cluster_goes_where_its_latest_row_goes():
    text = YEAR_HEADER + "red,p,2000,a\nblue,q,2000,b\npink,q,2001,b\n"
    outcome = prepared(text, YEARS, params(FROM_2001, time="year", cluster=["pack"]))
    assert sides(outcome, "colour") == (["red"], ["pink"])


def test_earlier_rows_of_a_cluster_in_test_are_rejected():
    text = YEAR_HEADER + "red,p,2000,a\nblue,q,2000,b\npink,q,2001,b\n"
    outcome = prepared(text, YEARS, params(FROM_2001, time="year", cluster=["pack"]))
    assert rejected(outcome) == [[3, "before_cutoff", "its cluster goes on after year 2001"]]


def test_a_cluster_that_is_cut_by_time_loses_no_row():
    text = YEAR_HEADER + "red,p,2000,a\nblue,q,2000,b\npink,q,2001,b\n"
    outcome = prepared(
        text,
        YEARS,
        params(FROM_2001 | {"keep_clusters_whole": False}, time="year", cluster=["pack"]),
    )
    assert rejected(outcome) == []
    assert sides(outcome, "colour") == (["blue", "red"], ["pink"])


def test_rows_agree_in_all_columns_of_a_cluster():
    text = (
        YEAR_HEADER + "red,p,2000,a\nblue,p,2001,b\n"
    )  # the same pack in another year is another cluster
    outcome = prepared(text, YEARS, params(FROM_2001, time="year", cluster=["pack", "year"]))
    assert sides(outcome, "colour") == (["red"], ["blue"])


def test_at_random_the_share_of_each_class_is_kept():
    text = HEADER + "".join(
        f"red,{size},{'aab'[size % 3]}\n" for size in range(12)
    )  # 8 rows of a, 4 of b
    assert sides(prepared(text, TOYS, params()), "label") == (
        ["a"] * 4 + ["b"] * 2,
        ["a"] * 4 + ["b"] * 2,
    )


def test_at_random_clusters_stay_whole():
    columns = TOYS | {"pack": "integer"}
    text = "colour,size,label,pack\n" + "".join(
        f"red,{size},{'ab'[size % 2]},{size // 4}\n" for size in range(16)
    )
    train, test = sides(prepared(text, columns, params(cluster=["pack"])), "pack")
    assert not set(train) & set(test)
    assert (len(train), len(test)) == (8, 8)


def test_at_random_a_row_is_its_own_cluster_unless_one_is_declared():
    train, test = sides(
        prepared(HEADER + "red,1,a\nred,2,a\nred,3,b\nred,4,b\n", TOYS, params()), "label"
    )
    assert train == test == ["a", "b"]


def test_a_forbidden_column_is_dropped():
    rows = prepared(FOUR, TOYS, params(forbidden={"size": "set after the sale"})).rows
    assert list(rows.columns) == ["colour", "label", "__stage_row_id", IS_TEST]


@pytest.mark.parametrize("kind, labels", [("boolean", ["0", "1"]), ("integer", ["0", "1"])])
def test_a_label_is_text_whatever_its_type(kind, labels):
    text = HEADER + "red,1,0\nred,2,1.0\nblue,3,0\nblue,4,1\n"
    if kind == "boolean":
        text = text.replace(",0\n", ",no\n").replace(",1.0\n", ",yes\n").replace(",1\n", ",true\n")
    assert sides(prepared(text, TOYS | {"label": kind}, params()), "label") == (labels, labels)


@pytest.mark.parametrize("name", ["n", "y", "self", "it's", "a.b", "größe", "count"])
def test_a_target_may_have_an_odd_name(name):
    text = FOUR.replace("label", name)
    outcome = prepared(
        text, {"colour": "text", "size": "integer", name: "text"}, params(target=name)
    )
    assert sides(outcome, name) == (["a", "b"], ["a", "b"])


def test_one_class_is_refused():
    with pytest.raises(
        UserError,
        match="the target 'label' is 'a' in every row; a classifier needs two classes or more",
    ):
        prepared(FOUR.replace(",b", ",a"), TOYS, params())


def test_a_continuous_target_is_refused():
    text = HEADER + "".join(f"red,{size},{size / 7}\n" for size in range(201))
    with pytest.raises(
        UserError,
        match=(
            r"the target 'label' has over 200 different values; it is continuous or an identifier"
        ),
    ):
        prepared(text, TOYS, params())


def test_200_classes_are_not_refused():
    text = HEADER + "".join(f"red,{size},{size // 2}\n" for size in range(400))
    assert prepared(text, TOYS, params()).rows.label.nunique().execute() == 200


def test_a_target_of_lists_is_refused():
    with pytest.raises(
        UserError,
        match=(
            r"the target 'label' holds lists in 1 of its values; this pipeline takes one label"
            r" a row"
        ),
    ):
        prepared(FOUR + "red,5,a\nred,6,[b]\n", TOYS, params())


def test_intervals_are_labels():
    text = FOUR.replace(",a", ',"(0, 10]"').replace(
        ",b", ',"(10, 20]"'
    )  # as pandas.cut writes them
    assert sides(prepared(text, TOYS, params()), "label") == (
        ["(0, 10]", "(10, 20]"],
        ["(0, 10]", "(10, 20]"],
    )


def test_a_source_without_rows_is_refused():
    with pytest.raises(
        UserError,
        match=(
            r"sources\.toys: its file \(path in data/sources\.yaml\) has no row, only a header; put"
            r" the data there"
        ),
    ):
        prepared(HEADER, TOYS, params())


@pytest.mark.parametrize(
    "rows, reasons",
    [
        (
            "red,x,a\nred,y,b\nred,1e9,b\n",
            [
                "2 times: size is no integer of 64 bits: written as a",
                "1 times: size is no integer of 64 bits: written as 9a9",
            ],
        ),
        ("red\n", ["1 times: missing columns: Expected Number of Columns: 3 Found: 1"]),
    ],
)
def test_a_source_of_which_no_row_is_left_is_refused_with_the_reasons(rows, reasons):
    with pytest.raises(UserError) as refused:
        prepared(HEADER + rows, TOYS, params())
    assert str(refused.value).splitlines() == [
        f"no row of sources.toys is left of {len(rows.splitlines())}",
        *reasons,
    ]


@pytest.mark.parametrize(
    "columns, params, sentence",
    [
        (
            TOYS,
            params(target="lable"),
            (
                "params.yaml: data.target is 'lable', no column of toys.csv; it has colour, size,"
                " label"
            ),
        ),
        (
            TOYS,
            params(time="year"),
            "params.yaml: data.time is 'year', no column of toys.csv; it has colour, size, label",
        ),
        (
            TOYS,
            params(cluster=["pack"]),
            (
                "params.yaml: data.cluster is 'pack', no column of toys.csv; it has colour, size,"
                " label"
            ),
        ),
        (
            TOYS,
            params(sensitive=["age"]),
            (
                "params.yaml: data.sensitive is 'age', no column of toys.csv; it has colour, size,"
                " label"
            ),
        ),
        (
            TOYS,
            params(forbidden={"price": "late"}),
            (
                "params.yaml: data.forbidden is 'price', no column of toys.csv; it has colour,"
                " size, label"
            ),
        ),
        (
            TOYS | {"label": "number"},
            params(),
            (
                "data/sources.yaml: the target 'label' is a number; rows are sorted into classes"
                " here, so declare a label (text, integer or boolean)"
            ),
        ),
        (
            TOYS | {"size": "date"},
            params(sensitive=["size"]),
            (
                "data/sources.yaml: the sensitive column 'size' is a date; groups need a text,"
                " number or boolean"
            ),
        ),
        (
            TOYS,
            params(sensitive=["colour"], cut_points={"colour": [1]}),
            (
                "params.yaml: data.cut_points.colour cuts a number, but data/sources.yaml has a"
                " text there"
            ),
        ),
        (
            TOYS,
            params(FROM_2001, time="colour"),
            "params.yaml: prepare.split.test_from is 2001, but data.time 'colour' is of type text; "
            + BOTH,
        ),
        (
            TOYS | {"day": "date"},
            params(FROM_2001, time="day"),
            "params.yaml: prepare.split.test_from is 2001, but data.time 'day' is of type date; "
            + BOTH,
        ),
        (
            TOYS,
            params({"by": "time", "test_from": "2001-02-03"}, time="size"),
            "params.yaml: prepare.split.test_from is '2001-02-03', but data.time 'size' is of type"
            " integer; " + BOTH,
        ),
    ],
)
def test_a_role_that_a_column_cannot_have_is_refused(columns, params, sentence):
    with pytest.raises(UserError) as refused:
        check_roles(params, declared(columns))
    assert str(refused.value) == sentence


def test_a_key_that_would_be_a_feature_is_refused():
    with pytest.raises(UserError) as refused:
        check_roles(params(), declared(TOYS, key=["colour"]))
    assert (
        str(refused.value)
        == "params.yaml: the key 'colour' would be a feature; name it in data.cluster or"
        " data.forbidden"
    )


@pytest.mark.parametrize("role", [{"cluster": ["colour"]}, {"forbidden": {"colour": "a name"}}])
def test_a_key_that_is_no_feature_is_accepted(role):
    check_roles(params(**role), declared(TOYS, key=["colour"]))


def test_all_roles_that_columns_cannot_have_are_told_at_once():
    with pytest.raises(UserError) as refused:
        check_roles(params(target="lable", cluster=["pack"]), declared(TOYS, key=["colour"]))
    assert [sentence.split(",")[0] for sentence in str(refused.value).splitlines()] == [
        "params.yaml: data.target is 'lable'",
        "params.yaml: data.cluster is 'pack'",
        (
            "params.yaml: the key 'colour' would be a feature; name it in data.cluster or"
            " data.forbidden"
        ),
    ]


def test_the_target_is_no_key():
    with pytest.raises(
        UserError,
        match=r"^data/sources\.yaml: the key names the target 'size'; a key tells rows apart",
    ):
        check_roles(
            params(target="size"), declared({"size": "integer", "colour": "text"}, key=["size"])
        )


@pytest.mark.parametrize("name", BESIDE_KEY)
def test_a_key_that_is_called_as_what_score_writes_is_refused_before_there_is_a_model(name):
    with pytest.raises(
        UserError,
        match=(
            f"^data/sources.yaml: the key '{name}' is called as a column that is written beside it;"
            " rename it"
        ),
    ):
        columns = {"size": "integer", "colour": "text", name: "text"}
        check_roles(
            params(forbidden={name: "a name"}, target="size"), declared(columns, key=[name])
        )


def test_a_sensitive_number_without_cut_points_is_refused():
    rows = HEADER + "".join(f"red,{n},{'ab'[n % 2]}\n" for n in range(11))
    with pytest.raises(
        UserError,
        match=(
            r"^params.yaml: data.sensitive names 'size', a number of 11 different values, over 10"
        ),
    ):
        prepared(rows, TOYS, params(sensitive=["size"]))
    assert sides(
        prepared(rows, TOYS, params(sensitive=["size"], cut_points={"size": [5]})), "size"
    )[0]


EVERY_KIND = (
    "id,colour,size,pack,year,label\n"
    "1,red,1,p,2000,a\n"  # training
    "2,blue,2,q,2001,b\n"  # test
    "3,pink,x,r,2000,a\n"
    "4,pink,3,r,2000,\n"
    "1,red,1,p,2000,a\n"
    "5,grey,4,s,2000,a\n"
    "5,grey,5,s,2000,b\n"
    "6,lime,6,q,2000,b\n"
    "7,lime\n"
)
EVERY_KIND_COLUMNS = {
    "id": "text",
    "colour": "text",
    "size": "integer",
    "pack": "text",
    "year": "integer",
    "label": "text",
}
EVERY_KIND_DATA = {"time": "year", "cluster": ["pack"], "forbidden": {"id": "a name"}}


@pytest.fixture
def every_kind():
    """A source with every kind of reject, and what became of it."""
    source = declared(EVERY_KIND_COLUMNS, key=["id"])
    raw = raw_of(EVERY_KIND, source)
    return prepare(raw, "toys", source, params(FROM_2001, **EVERY_KIND_DATA)), raw, source


def test_every_reject_has_its_line(every_kind):
    outcome, *_ = every_kind
    assert outcome.rejects[["source", "line", "kind"]].values.tolist() == [
        ["toys", 4, "bad_value"],
        ["toys", 5, "unlabelled"],
        ["toys", 6, "duplicate"],
        ["toys", 7, "key_conflict"],
        ["toys", 8, "key_conflict"],
        ["toys", 9, "before_cutoff"],
        ["toys", 10, "malformed"],
    ]


def test_lines_of_rejects_are_integers(every_kind):
    outcome, *_ = every_kind
    assert (
        str(outcome.rejects["line"].dtype) == "int64"
    )  # a float is written with 6 digits: line 1234567 would be 1.23457e+06


def test_every_record_is_accounted_for(every_kind):
    outcome, raw, source = every_kind
    [row] = summarise(outcome, raw, "toys", source).to_dict("records")
    assert row == {
        "source": "toys",
        "path": "toys.csv",
        "records": 9,
        "malformed": 1,
        "bad_value": 1,
        "unlabelled": 1,
        "duplicate": 1,
        "key_conflict": 2,
        "before_cutoff": 1,
        "train": 1,
        "test": 1,
        "unaccounted": 0,
        "unusable_share": pytest.approx(5 / 9),
        "duplicate_share": pytest.approx(1 / 9),
        "equal_share": 0.0,
        "before_cutoff_share": 0.5,  # of the row that is training and the one that could have been
        "equal": 0,
        "class_shift": pytest.approx(0.0),
        "classes": "a 50%, b 50%",
        "equal_classes": "-",
        "duplicate_classes": "a 100%",
        "key_conflict_classes": "a 50%, b 50%",
        "before_cutoff_classes": "b 100%",
        "classes_alike": 0,
        "alike": "-",
    }


def test_equal_rows_are_counted_with_their_classes():
    source = declared(TOYS)
    raw = raw_of(SIX, source)
    [row] = summarise(prepare(raw, "toys", source, params()), raw, "toys", source).to_dict(
        "records"
    )
    assert (row["equal"], row["equal_share"], row["equal_classes"]) == (
        2,
        pytest.approx(2 / 6),
        "a 100%",
    )
    assert (row["duplicate"], row["classes"], row["class_shift"]) == (0, "a 67%, b 33%", 0.0)


def test_dropped_rows_of_another_class_shift_the_shares():
    source = declared(TOYS, equal_rows="drop")
    raw = raw_of(SIX, source)
    [row] = summarise(prepare(raw, "toys", source, params()), raw, "toys", source).to_dict(
        "records"
    )
    assert (row["duplicate"], row["duplicate_classes"], row["equal"]) == (2, "a 100%", 0)
    assert row["class_shift"] == pytest.approx(4 / 6 - 2 / 4)


def test_a_lost_row_is_unaccounted(every_kind):
    outcome, raw, source = every_kind
    lost = replace(outcome, rows=outcome.rows.filter(~_[IS_TEST]))
    assert summarise(lost, raw, "toys", source)["unaccounted"].tolist() == [1]


def test_a_lost_reject_is_unaccounted(every_kind):
    outcome, raw, source = every_kind
    lost = replace(outcome, rejects=outcome.rejects.iloc[1:])
    assert summarise(lost, raw, "toys", source)["unaccounted"].tolist() == [1]


def test_a_record_that_the_reader_lost_is_unaccounted(every_kind):
    outcome, raw, source = every_kind
    assert summarise(outcome, Raw(raw.table, raw.rejects, np.arange(2, 12)), "toys", source)[
        "unaccounted"
    ].tolist() == [1]


def stage(text, columns, content, **source):
    """Run the stage in the working folder; its gate demands that at most 6 of 10 records are
    unusable, and none unaccounted.
    """
    for folder in ("data", "expectations"):
        Path(folder).mkdir(exist_ok=True)
    Path("toys.csv").write_text(text)
    Path("params.yaml").write_text(yaml.safe_dump(content))
    toys = {
        "path": "toys.csv",
        "format": "csv",
        "missing": [""],
        "key": [],
        "columns": columns,
    } | source
    Path("data/sources.yaml").write_text(
        yaml.safe_dump({"sources": {"toys": toys}}, sort_keys=False)
    )
    suite = [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": column, "max_value": most},
            "severity": "critical",
            "meta": {"notes": "None is lost.", "bound": "confirmed"},
        }
        for column, most in (("unaccounted", 0), ("unusable_share", 0.6))
    ]
    Path("expectations/sources.json").write_text(
        json.dumps({"name": "sources", "meta": {"row": ["source"]}, "expectations": suite})
    )
    main()


def outputs():
    return [Path(f"data/prepared/{side}.parquet").read_bytes() for side in ("train", "test")]


def shuffled(text):
    """Return the rows of `text` in another order, under the same header."""
    header, *rows = text.splitlines(keepends=True)
    return header + "".join(rows[1::2] + rows[0::2][::-1])


@pytest.mark.parametrize(
    "text, columns, content, source",
    [
        (EVERY_KIND, EVERY_KIND_COLUMNS, settings(FROM_2001, **EVERY_KIND_DATA), {"key": ["id"]}),
        (
            YEAR_HEADER + "".join(f"red{n},p,{1991 + n},{'ab'[n % 2]}\n" for n in range(20)),
            YEARS,
            settings(FROM_2001, time="year"),
            {},
        ),
        (
            HEADER
            + "".join(f"red,{size},{'ab'[size % 2]}\n" for size in range(20))
            + "red,1,b\nred,,a\n",
            TOYS,
            settings(),
            {},
        ),
        (
            "id," + HEADER + "".join(f"{n},red{n},{n // 2},{'ab'[n % 2]}\n" for n in range(20)),
            {"id": "text"} | TOYS,
            settings(cluster=["size"]),
            {},
        ),
        (
            "line," + HEADER + "".join(f"{n},red,{n // 4},{'ab'[n % 2]}\n" for n in range(40)),
            {"line": "text"} | TOYS,
            settings(forbidden={"line": "a number of the export"}),
            {"equal_rows": "separate", "no_content": ["line"]},
        ),
    ],
    ids=[
        "with rejects",
        "by time",
        "at random",
        "at random by cluster",
        "at random, equal rows apart",
    ],
)
@pytest.mark.slow
def test_the_order_of_the_rows_in_the_file_does_not_matter(text, columns, content, source):
    stage(text, columns, content, **source)
    first = outputs()
    stage(shuffled(text), columns, content, **source)
    assert outputs() == first


def test_train_and_test_parquet_hold_the_rows_of_their_side():
    stage(EVERY_KIND, EVERY_KIND_COLUMNS, settings(FROM_2001, **EVERY_KIND_DATA), key=["id"])
    tables = [
        pd.read_parquet(f"data/prepared/{side}.parquet").drop(columns="__stage_row_id")
        for side in ("train", "test")
    ]
    assert [list(table.columns) for table in tables] == [
        ["colour", "size", "pack", "year", "label"]
    ] * 2
    assert [table.values.tolist() for table in tables] == [
        [["red", 1, "p", 2000, "a"]],
        [["blue", 2, "q", 2001, "b"]],
    ]


def test_a_source_that_loses_too_many_rows_stops_before_its_tables_are_written():
    with pytest.raises(
        UserError, match=r"stopped by the gate sources \(fail\), read reports/gates/sources\.json"
    ):
        stage(FOUR + "pink,x,a\n" * 7, TOYS, settings())
    assert sorted(path.name for path in Path("data/prepared").iterdir()) == ["rejects.csv"]


def test_the_reasons_are_written_even_if_the_gate_stops():
    with pytest.raises(UserError):
        stage(FOUR + "pink,x,a\n" * 7, TOYS, settings())
    assert (
        Path("data/prepared/rejects.csv").read_text().splitlines()[1]
        == "toys,6,bad_value,size is no integer of 64 bits: written as a"
    )
    assert len(pd.read_csv("reports/sources.csv")) == 1


@pytest.mark.parametrize("cell", ["-9", "-9.0", " -9 "])
def test_a_number_that_means_missing_does_so_however_it_is_written(tmp_path, cell):
    """Parquet holds -9.0 where CSV says -9."""
    (tmp_path / "toys.csv").write_text(f"n,x,text\n{cell},{cell},-9.0\n")
    columns = {"n": "integer", "x": "number", "text": "text"}
    source = declared(columns, path=str(tmp_path / "toys.csv"), missing=["", "-9"])
    table = conform(read(ibis.duckdb.connect(), "toys", source).table, source).to_pandas()
    assert table[["n", "x", PROBLEM]].isna().all(axis=None)
    assert table["text"].tolist() == ["-9.0"]
