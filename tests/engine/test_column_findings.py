"""Column findings: what a column seems to be, and what is to be done about it."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from sluice.core.params import Data
from sluice.data.sources import Source
from sluice.scoping.column_findings import (
    copy_findings,
    findings,
    is_constant,
    is_date,
    is_free_text,
    is_identifier,
    is_named_id,
    missing_findings,
    names_a_thing,
)
from sluice.scoping.columns import Column

DATA = Data(
    target="label",
    time=None,
    cluster=[],
    sensitive=[],
    allowed={},
    cut_points={},
    favourable=None,
    forbidden={},
)


def source(**columns) -> Source:
    return Source(path="toys.csv", format="csv", missing=["", "NA"], key=[], columns=columns)


def texts(found) -> str:
    return "\n".join(
        f"{finding.weight} {finding.about}: {finding.what}; {finding.do}" for finding in found
    )


def column(**given) -> Column:
    values = {
        "name": "size",
        "type": "text",
        "rows": 100,
        "missing": 0,
        "distinct": 2,
        "common": [("a", 60), ("b", 40)],
    }
    return Column(**(values | given))


def said(one: Column, data: Data = DATA) -> str:
    return texts(findings([one], data, source(size="text", label="text")))


def test_a_type_that_does_not_hold_is_to_be_mended():
    sentence = said(column(type="integer", common=[("7", 60)], misfits=3, examples=["a", "9.9"]))
    assert (
        "stop size: 3 of 100 values are no integer of 64 bits, written as 'a', '9.9'; their rows"
        " are rejected" in sentence
    )
    assert "data/sources.yaml (now integer)" in sentence


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"distinct": 100, "words_a_value": 1.0}, True),
        ({"distinct": 100, "words_a_value": 3.0}, False),
        ({"distinct": 90, "words_a_value": 1.0}, False),
        ({"distinct": 100, "type": "integer"}, False),
        ({"distinct": 100, "type": "integer", "rises": True}, True),
        ({"distinct": 100, "type": "integer", "name": "customer_id"}, True),
        ({"distinct": 100, "type": "number", "name": "customer_id"}, False),
        ({"distinct": 40, "rows": 40, "words_a_value": 1.0}, False),
    ],
)
def test_an_identifier_has_nearly_one_value_a_row(given, answer):
    assert is_identifier(column(**given)) == answer


def test_a_continuous_amount_names_nothing_whatever_it_is_called():
    whole = column(name="row_id", type="number", distinct=80, common=[("7", 2), ("9", 1)])
    assert names_a_thing(whole)
    assert not names_a_thing(replace(whole, common=[("7.25", 2), ("9", 1)]))


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "customer_id",
        "customerId",
        "CustomerID",
        "caseid",
        "CASEID",
        "userid",
        "order_no",
        "uuid",
        "kundenid",
    ],
)
def test_a_name_of_a_thing_and_id_is_that_of_an_identifier(name):
    assert is_named_id(name)


@pytest.mark.parametrize(
    "name",
    [
        "humid",
        "paid",
        "amount_paid",
        "valid",
        "isValid",
        "PAID",
        "grid",
        "thyroid",
        "covid",
        "acid",
        "overpaid",
    ],
)
def test_a_word_that_merely_ends_in_id_is_not(name):
    assert not is_named_id(name)


@pytest.mark.parametrize(
    ("values", "kind", "answer"),
    [
        (["31.12.2001", "01.01.2002"], "text", True),
        (["2012-01-01T06:16:41Z", "2012-01-02T06:16:41Z"], "text", True),
        (["3 May 2001", "4 June 2002"], "text", True),
        (["20011231", "20020101"], "integer", True),
        (["20011331", "20020101"], "integer", False),
        (["1.5", "2.5"], "text", False),
        (["10-24", "25-39"], "text", False),
    ],
)
def test_dates_are_known_by_how_they_are_written(values, kind, answer):
    assert is_date(column(type=kind, common=[(value, 1) for value in values])) == answer


def test_free_text_has_many_words_and_hardly_a_value_twice():
    assert is_free_text(column(distinct=90, words_a_value=6.0))
    assert not is_free_text(column(distinct=40, words_a_value=6.0))
    assert not is_free_text(column(distinct=90, words_a_value=3.0))


def test_a_column_of_one_value_is_constant():
    assert is_constant(column(common=[("a", 99), ("b", 1)]))
    assert not is_constant(column(common=[("a", 98), ("b", 2)]))
    assert is_constant(column(missing=99, distinct=1, common=[("a", 1)]))
    assert not is_constant(column(missing=50, distinct=1, common=[("a", 50)]))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"common": [("a", 99), ("b", 1)]},
            "note size: 'a' in 99.0% of the rows: it says next to nothing",
        ),
        ({"distinct": 0, "missing": 100, "common": []}, "look size: it is empty"),
        (
            {"distinct": 100, "words_a_value": 1.0},
            "look size: it names the row: 100 values in 100 rows",
        ),
        (
            {"name": "shop_id", "distinct": 60},
            (
                "look shop_id: by its name it names something that stands in several rows: 60"
                " values in 100 rows"
            ),
        ),
        (
            {"common": [("31.12.2001", 60), ("01.01.2002", 40)]},
            "its values are written as dates, as 99.99.9999, but declared as text",
        ),
        ({"distinct": 90, "words_a_value": 6.0}, "look size: free text, 6 words a value"),
        ({"distinct": 300, "rows": 1000, "words_a_value": 1.0}, "note size: 300 categories"),
        ({"common": [("?", 60), ("b", 40)]}, "look size: '?' (60 times) may mean a missing value"),
        (
            {"name": "sex"},
            "look sex: it seems to be sex or gender, and is a feature; name each in data.sensitive",
        ),
        (
            {"name": "age", "type": "number", "distinct": 60, "common": [("7", 60)]},
            "its groups' bounds in data.cut_points",
        ),
        (
            {"name": "birthday", "type": "date", "distinct": 60, "common": [("2000-01-01", 60)]},
            "add a column of groups such as bands",
        ),
        (
            {"common": [("a@b.org", 60), ("c@b.org", 40)]},
            "stop size: it seems to hold an e-mail address of a person",
        ),
    ],
)
def test_findings_say_what_a_feature_seems_to_be(given, sentence):
    assert sentence in said(column(**given))


def test_findings_of_an_ordinary_feature_are_none():
    assert said(column()) == ""


@pytest.mark.parametrize(
    "role", [{"sensitive": ["sex"]}, {"forbidden": {"sex": "law"}}, {"cluster": ["sex"]}]
)
def test_findings_leave_columns_with_another_role_alone(role):
    assert said(column(name="sex"), DATA.model_copy(update=role)) == ""


def test_a_sentinel_stands_apart_from_all_other_numbers():
    common = [("-1", 30), *[(str(n), 5) for n in range(20, 34)]]
    one = column(type="integer", common=common, distinct=15, low="-1", high="33")
    assert "look size: the value -1 stands apart from all others" in said(one)
    assert "stands apart" not in said(replace(one, common=[("-2", 30), *common[1:]], low="-2"))
    ordinary = column(
        type="integer",
        common=[(str(n), 5) for n in range(90, 105)],
        distinct=15,
        low="90",
        high="104",
    )
    assert "stands apart" not in said(ordinary)


def test_missing_findings_names_the_emptiest_features_first():
    half = column(name="half", missing=60, distinct=2)
    most = column(name="most", missing=80, distinct=2)
    [found] = missing_findings([half, most, column()], DATA)
    assert found.what == "more than half is missing: most 80%, half 60%"
    assert missing_findings([column()], DATA) == []


def test_copies_are_named_together():
    [found] = copy_findings(pd.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "y"], "c": [1, 2, 2]}))
    assert (found.weight, found.about) == ("note", "a, b")


@pytest.mark.parametrize(
    ("kind", "values", "dates", "advice"),
    [
        ("text", ["31.12.2001", "01.02.2002"], ["%d.%m.%Y"], 'date_formats: {size: "%d.%m.%Y"};'),
        (
            "text",
            ["01/02/2001", "03/04/2002"],
            ["%d/%m/%Y", "%m/%d/%Y"],
            '{size: "%d/%m/%Y"} or {size: "%m/%d/%Y"}, whichever is right: nobody',
        ),
        ("integer", ["20011231", "20020101"], ["%Y%m%d"], 'date_formats: {size: "%Y%m%d"};'),
        (
            "text",
            ["31.12.01", "01.02.02"],
            [],
            "write all its values in one format, best as 2024-12-31",
        ),
        (
            "text",
            ["31.12.2001", "01.02.2002"],
            [],
            "write all its values in one format, best as 2024-12-31",
        ),
        (
            "text",
            ["2001-12-31T00:00:00+02:00", "2002-01-01T00:00:00+02:00"],
            [""],
            "declare it as date in data/sources.yaml; name it",
        ),
    ],
)
def test_advice_on_dates_is_one_that_can_be_followed(kind, values, dates, advice):
    assert advice in said(
        column(type=kind, distinct=30, common=[(value, 3) for value in values], dates=dates)
    )


def test_dates_that_stand_for_no_date_are_named():
    sentence = said(
        column(type="date", low="0001-01-01", high="9999-12-31", common=[("9999-12-31", 3)])
    )
    assert "0001-01-01 and 9999-12-31 may stand for open or not known" in sentence
    assert "may stand for" not in said(
        column(type="date", low="2001-01-01", high="2002-12-31", common=[("2002-12-31", 3)])
    )


@pytest.mark.parametrize("distinct", [100, 60])
def test_what_an_identifier_tells_of_a_sensitive_column_is_said_where_it_is_discussed(distinct):
    one = column(name="patient_id", type="integer", distinct=distinct, common=[("7", 1)])
    [found] = findings(
        [one], DATA, source(patient_id="integer", label="text"), {"patient_id": "; it tells sex"}
    )
    assert found.what.endswith(f"{distinct} values in 100 rows; it tells sex")


def numbers_as_text(cells) -> Column:
    return column(distinct=len(cells), rows=len(cells), common=[(cell, 1) for cell in cells])


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (
            [f"{n},{n}" for n in range(100, 130)],
            "declared as text, it holds numbers that can be read in two ways: 9,9 as 9.9 or 9",
        ),
        (
            [f"{n} kg" for n in range(100, 130)],
            "declared as text, it holds numbers written as 1234.5 kg",
        ),
        ([*map(str, range(30)), "Ada"], "declared as text, it holds numbers, but also 'a'"),
        (
            [f"{n} {'kg' if n % 2 else 'g'}" for n in range(100, 130)],
            "declared as text, it holds numbers in no one notation",
        ),
    ],
)
def test_numbers_in_another_notation_are_told_without_their_values(cells, what):
    sentence = re.sub("9+", "9", said(numbers_as_text(cells)))
    assert f"look size: {what}" in sentence


def test_words_are_told_nothing_of():
    assert "declared as text" not in said(column())


def test_values_that_differ_in_case_alone_are_told_with_the_remedy():
    sentence = said(column(distinct=3, common=[("red", 50), ("Red", 40), ("blue", 10)]))
    assert (
        "look size: values differ only in upper and lower case or in spaces: 'Red', 'red'; if they"
        " are one, write ignore_case: [size]" in sentence
    )


def test_values_that_may_be_codes_are_told_as_such():
    declared = source(size="integer").model_copy(update={"one_spelling": ["size"]})
    sentence = texts(
        findings(
            [column(type="integer", common=[("7", 60)], misfits=3, examples=["9"])], DATA, declared
        )
    )
    assert (
        "3 of 100 values are no integer of 64 bits or may be codes, written as '9'; their rows are"
        " rejected" in sentence
    )
    assert (
        "numbers with leading zeros are text if they are codes, else take the column out of"
        " one_spelling" in sentence
    )


def test_words_behind_numbers_are_shown_by_their_form():
    sentence = said(numbers_as_text([f"{n} {'Ada' if n % 2 else 'Bob'}" for n in range(100, 130)]))
    assert "holds numbers in no one notation, such as 999 a" in sentence
    assert "Ada" not in sentence
