"""Attributes: traits and personal data are known by name and by value."""

import pytest

from sluice.audits.attributes import personal, sensitive, words


@pytest.mark.parametrize(
    "name", ["maritalStatus", "marital_status", "MARITAL STATUS", "Marital-Status"]
)
def test_words_are_found_however_a_name_is_written(name):
    assert words(name) == ["marital", "status"]


@pytest.mark.parametrize(
    ("name", "trait"),
    [
        ("Sex", "sex or gender"),
        ("customer_gender", "sex or gender"),
        ("ageOFocc", "age"),
        ("dateOfBirth", "age"),
        ("ETHNICITY", "race or ethnic origin"),
        ("foreign_worker", "nationality"),
        ("zip_code", "place of living"),
        ("Familienstand", "marital or family status"),
        ("hispan", "race or ethnic origin"),
        ("is_latin", "race or ethnic origin"),
        ("black", "race or ethnic origin"),
        ("white", "race or ethnic origin"),
        ("marriage", "marital or family status"),
        ("maritalstatus", "marital or family status"),
        ("verheiratet", "marital or family status"),
        ("minority", "race or ethnic origin"),
        ("Minderheit", "race or ethnic origin"),
        ("nationality", "nationality"),
        ("Nationalität", "nationality"),
        ("Nationalita\u0308t", "nationality"),  # the same in two code points
        ("nationalité", "nationality"),
        ("Staatsangehörigkeit", "nationality"),
    ],
)
def test_a_trait_is_known_by_its_name(name, trait):
    assert sensitive(name, []) == trait


@pytest.mark.parametrize(
    "name",
    [
        "usage",
        "page_views",
        "sextant",
        "Essex",
        "trace",
        "average",
        "white_blood_cells",
        "platinum",
    ],
)
def test_a_word_inside_another_is_no_trait(name):
    assert sensitive(name, ["1", "2"]) is None


@pytest.mark.parametrize(
    ("values", "trait"),
    [
        (["m", "f"], "sex or gender"),
        (["Male", "Female"], "sex or gender"),
        (["male : single", "female : divorced/separated"], "sex or gender"),
        (["Married", "Single", "Divorced"], "marital or family status"),
        (["black", "white", "Asian"], "race or ethnic origin"),
    ],
)
def test_a_trait_is_known_by_its_values(values, trait):
    assert sensitive("x7", values) == trait


@pytest.mark.parametrize(
    "values", [["t", "f"], ["f"], ["m", "l", "xl"], ["black", "white", "red"], [], ["m", "m2"]]
)
def test_other_values_are_no_trait(values):
    assert sensitive("x7", values) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["ann@example.org", "bob.b@mail.example.com"], "an e-mail address"),
        (["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"], "an IBAN"),
        (["4111 1111 1111 1111", "5500005555555559", "378282246310005"], "a card number"),
        (["192.168.0.1", "::1"], "an IP address"),
        (["+49 30 1234567", "(555) 123-4567", "030 1234567"], "a phone number"),
    ],
)
def test_personal_data_are_known_by_their_values(values, kind):
    assert personal("x7", values) == kind


@pytest.mark.parametrize(
    "values",
    [
        ["1234567890123456", "9780306406157"],  # no issuer's number begins so; a book's
        ["4006381333931", "4411 1111-1111 1111"],  # an article's; two signs part the digits
        ["DE893704", "AB12-3456-7890-1234"],
        ["AB123456", "XY987654"],
        ["1.2", "3.4"],
        ["2001-02-03", "2001-12-31"],
        ["2:3:1", "2:3:2"],
        ["12345", "67890"],
        ["ann@example.org", "none", "none"],  # fewer than half
    ],
)
def test_other_values_are_no_personal_data(values):
    assert personal("x7", values) is None


def test_names_of_persons_need_the_column_to_say_so():
    values = [f"Ann{chr(97 + nth)} Smith" for nth in range(25)]
    assert personal("customer_name", values) == "a person's name"
    assert personal("street_style", values) is None or personal("shop", values) is None


def test_a_column_named_phone_of_few_values_is_no_phone_number():
    assert personal("telephone", ["yes", "none"]) is None
    assert personal("telephone", [f"x{nth}" for nth in range(30)]) == "a phone number"
