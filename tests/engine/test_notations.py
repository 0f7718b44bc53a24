import re

import pytest
import yaml

from sluice.core.numbers import Notation
from sluice.data.sources import NumberFormat
from sluice.scoping.notations import is_sure, one_line, question, written_as


def readings(*cells):
    written = written_as(set(cells))
    return [one.example() for one in written.readings] if written else []


def sure(*cells):
    """Return how `cells` are written, None where they are no numbers, or nobody can tell."""
    written = written_as(set(cells))
    return written.readings[0] if written and is_sure(written, set(cells)) else None


@pytest.mark.parametrize(
    ("cells", "notation"),
    [
        (["1", "22"], Notation()),
        (["1.5", "22"], Notation()),
        (["1,5", "22"], Notation(",")),
        (["0,418", "2,041"], Notation(",")),
        (["1.003,45", "512,30"], Notation(",", ".")),
        (["1,003.45", "512.30"], Notation(".", ",")),
        (["1,234,567", "831"], Notation(".", ",")),
        (["1.234.567", "831"], Notation(",", ".")),
        (["4\u202f000", "370"], Notation(".", " ")),
        (["4\u00a0000,5", "370"], Notation(",", " ")),
        (["4'000", "370"], Notation(".", "'")),
        (["4\u2019000.5", "370"], Notation(".", "'")),
        (["12.5%", "3 %"], Notation(after="%")),
        (["$1,200.50", "-$3"], Notation(".", ",", before="$")),
        (["1.200,50 €", "3 €"], Notation(",", ".", after="€")),
        (["EUR 12.5", "EUR 3"], Notation(before="EUR")),
        (["(1.20)", "2.5"], Notation(negative="parentheses")),
        (["$(1.20)", "$2.5"], Notation(before="$", negative="parentheses")),
        (["($1.20)", "$2.5"], Notation(before="$", negative="parentheses")),
        (["(1,20) €", "2,5 €"], Notation(",", after="€", negative="parentheses")),
        (["1.20-", "2.5"], Notation(negative="trailing")),
        (["\u22121.5", "2"], Notation()),
    ],
)
def test_what_can_be_read_in_one_way_is_read_so(cells, notation):
    assert sure(*cells) == notation


@pytest.mark.parametrize(
    "cells",
    [
        ["16,865", "831"],
        ["16.865", "831"],
        ["-1,234", "-5"],
        ["1,234", "5,678"],
        ["$1,200", "$3"],
        ["1,000%", "3%"],
        ["(1,234)", "5"],
        ["1.000", "2.000"],
    ],
)
def test_a_mark_before_three_digits_may_mean_two_things(cells):
    assert len(readings(*cells)) == 2
    assert sure(*cells) is None


@pytest.mark.parametrize("n_cells", [10, 100])
@pytest.mark.parametrize(
    "stray", ["12,5", "0,125", "1234,5", "unknown", "1.5", "$5", "1 234", "1.234.567", "1,2345"]
)
def test_a_stray_value_does_not_decide_what_a_mark_means(stray, n_cells):
    cells = {f"{n},{n:03d}" for n in range(100, 100 + n_cells)} | {"831", stray}
    assert len(readings(*cells)) == 2


def test_many_values_of_other_lengths_do():
    assert sure(*[f"{n / 1000}".replace(".", ",") for n in range(1001, 1100)]) == Notation(",")


@pytest.mark.parametrize(
    "cells",
    [
        ["40 kg", "3 kg"],  # may be a name
        ["110 001", "110 002"],  # a postcode
        ["(1)", "(2)"],
        ["1-", "2-"],
        ["1", "2", "3", "4", "x"],
        ["Q1", "Q2"],
        ["1.234,5", "1,234.5"],
    ],
)
def test_what_may_be_a_name_is_not_read_as_a_number(cells):
    assert sure(*cells) is None


@pytest.mark.parametrize(
    "cells",
    [["red", "blue"], [], ["12-13", "2-3"], ["2:13:2"], ["3f2a", "1b22"], ["a1", "b2", "c3"]],
)
def test_words_are_no_numbers(cells):
    assert readings(*cells) == []


def test_a_question_has_both_readings_and_three_examples():
    cells = {"16,865", "1,530", "2,739", "1,416", "831"}
    what, do = question(written_as(cells), cells, "size")  # type: ignore[arg-type, misc]
    assert (
        what
        == "holds numbers that can be read in two ways: 1,416 as 1.416 or 1416; 1,530 as 1.530 or"
        " 1530; 16,865 as 16.865 or 16865"
    )
    assert do.endswith(
        'number_formats: {size: {decimal: ","}} or number_formats: {size: {decimal: ".", thousands:'
        ' ","}}'
    )


def test_a_unit_is_told():
    what, do = question(written_as({"40 kg", "3 kg"}), {"40 kg", "3 kg"}, "size")  # type: ignore[arg-type, misc]
    assert what == "holds numbers written as 1234.5 kg"
    assert do.endswith('number_formats: {size: {decimal: ".", after: "kg"}}')


def test_a_notation_on_one_line_is_what_is_declared():
    assert (
        one_line(Notation(",", ".", before='"')) == '{decimal: ",", thousands: ".", before: "\\""}'
    )


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("$(1.20)", "-1.20"),
        ("($1.20)", "-1.20"),
        ("$ (1.20)", "-1.20"),
        ("$1.20", "1.20"),
        ("-$3", "-3"),
    ],
)
def test_parentheses_stand_before_or_after_the_currency(cell, plain):
    notation = Notation(before="$", negative="parentheses")
    assert re.match(notation.pattern("number"), cell)
    assert notation.plain(cell) == plain


def test_a_price_without_cents_is_not_negative():
    assert readings("500.-", "1'200.-", "95.-") == []


@pytest.mark.parametrize("form", ["about {} years old", "{} kilograms of wool", "A(x): {}"])
def test_what_cannot_be_declared_is_not_advised(form):
    cells = {form.format(n) for n in range(30)}
    assert question(written_as(cells), cells, "size") is None


@pytest.mark.parametrize("form", ["#{}", "{} kg", "{} m²"])
def test_what_is_advised_can_be_declared(form):
    cells = {form.format(n) for n in range(30)}
    _, remedy = question(written_as(cells), cells, "size")
    NumberFormat(**yaml.safe_load(remedy.split("number_formats: ")[1])["size"])
