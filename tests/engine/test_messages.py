import sys

import pytest

from sluice.core.text import say
from sluice.gates.messages import Finding, number, some


def finding(**parts):
    return Finding("code", "warn", False, "size", **{"found": ["9"]} | parts)


def test_a_sentence_leaves_out_what_is_not_known():
    assert finding().sentence == "WARN: size: 9."
    told = finding(required="at most 5", fix="Mend it.", where="toys.json:3").sentence
    assert told == "WARN: size: 9. Required: at most 5. Mend it. (toys.json:3)"


def test_what_was_found_stays_a_list_until_it_is_told():
    assert finding(found=["a", "b"], more=1200).sentence == "WARN: size: a; b; and 1,200 more."


def test_text_of_data_stays_on_its_line():
    assert finding(found=["9\n\x1b[2J"]).sentence == r"WARN: size: 9\n\x1b[2J."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.784512, "0.78"),
        (248.31, "250"),
        (-0.004697, "-0.0047"),
        (9.0, "9"),
        (1234567, "1234567"),
        (0.0, "0"),
        (2.5e-7, "2.5e-07"),
        (float("inf"), "inf"),
        ((1.26, "a"), "1.3 with a"),
    ],
)
def test_a_number_is_rounded_to_two_digits_for_people(value, said):
    assert number(value) == said


@pytest.mark.parametrize(("value", "said"), [(0.4996, "0.4996"), (0.496, "0.496"), (0.44, "0.44")])
def test_rounding_does_not_hide_that_a_bound_is_missed(value, said):
    assert number(value, [0.5]) == said


def test_a_list_names_the_first_and_counts_the_rest():
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
    assert some(["a"]) == "a"


def on_terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_the_verdict_alone_is_coloured_on_a_terminal(monkeypatch, capsys):
    on_terminal(monkeypatch)
    say("gate a: fail", verdict="fail")
    assert capsys.readouterr().out == "gate a: \x1b[31mfail\x1b[0m\n"


def test_no_colour_where_nobody_wants_any(monkeypatch, capsys):
    on_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    say("gate a: fail", verdict="fail")
    assert capsys.readouterr().out == "gate a: fail\n"


def test_no_colour_in_a_file(capsys):
    say("gate a: fail", verdict="fail")
    assert capsys.readouterr().out == "gate a: fail\n"
