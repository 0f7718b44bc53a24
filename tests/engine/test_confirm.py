import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from sluice.commands import confirm
from sluice.core.command import UserError

NOTES = 'It says {"bound": "inferred"}.'


def bound(column: str, low: float, said: str = "inferred") -> dict:
    return {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": column, "min_value": low, "max_value": 9},
        "severity": "critical",
        "meta": {"notes": NOTES, "bound": said},
    }


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A suite of three proposed bounds in an odd layout, and the rows that it judges."""
    monkeypatch.chdir(tmp_path)
    for folder in ("expectations", "data/prepared", "reports"):
        Path(folder).mkdir(parents=True)
    content = {"name": "prepared", "expectations": [bound("a", 0), bound("b", 1), bound("a", 2)]}
    path = Path("expectations/prepared.json")
    path.write_bytes(json.dumps(content, indent=3).replace("\n", "\r\n").encode())
    table = pd.DataFrame({"a": [1, 2, 3, 4], "b": [5.5, None, 7.25, 6.0]})
    table.to_parquet("data/prepared/train.parquet")
    table.head(1).to_parquet("data/prepared/test.parquet")
    return path


def test_proposed_bounds_are_shown_beside_the_data(suite, capsys):
    confirm.main("prepared", "b")
    header, line, done = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["checked", "proposed"]
    assert line.split("  ")[0] == "b"
    assert "1 to 9" in line
    assert "5.5 to 7.25, 20 % missing" in line
    assert line.endswith("expectations/prepared.json:17")
    assert done == "expectations/prepared.json: 1 bound confirmed, 2 left"


def test_confirming_changes_the_mark_and_no_other_byte(suite):
    before = suite.read_bytes()
    confirm.main("prepared", None)
    mark = b'"bound": "%s"\r\n'
    assert suite.read_bytes() == before.replace(mark % b"inferred", mark % b"confirmed")
    assert NOTES in json.loads(suite.read_text())["expectations"][0]["meta"]["notes"]


def test_bounds_of_another_column_stay_proposed(suite):
    confirm.main("prepared", "a")
    said = [one["meta"]["bound"] for one in json.loads(suite.read_text())["expectations"]]
    assert said == ["confirmed", "inferred", "confirmed"]


def test_a_person_at_a_terminal_is_asked_first(suite, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    before = suite.read_bytes()
    confirm.main("prepared", None)
    assert suite.read_bytes() == before
    assert "Nothing was changed." in capsys.readouterr().out


def test_a_judged_table_shows_the_value_of_its_rows(suite, capsys):
    one = bound("recall_high", 0.5)
    one["kwargs"]["row_condition"] = {
        "type": "comparison",
        "column": {"name": "class"},
        "operator": "==",
        "parameter": "dead",
    }
    content = {"name": "by_class", "meta": {"row": ["class"]}, "expectations": [one]}
    Path("expectations/by_class.json").write_text(json.dumps(content))
    Path("reports/by_class.csv").write_text("class,recall_high\nalive,0.9\ndead,0.25\n")
    confirm.main("by_class", None)
    out = capsys.readouterr().out
    assert "recall_high where class is dead" in out
    assert "0.25" in out
    assert "0.9" not in out


def test_without_a_suite_each_is_counted(suite, capsys):
    confirm.main(None, None)
    out = capsys.readouterr().out
    assert "  prepared      0 of 3 bounds confirmed" in out
    assert "`uv run sluice confirm NAME` shows the other bounds" in out


def test_an_unknown_suite_is_refused(suite):
    with pytest.raises(UserError, match=r"no suite expectations/toys\.json; there are prepared"):
        confirm.main("toys", None)


def test_a_column_without_a_suite_is_refused(suite):
    with pytest.raises(UserError, match="--column needs a suite"):
        confirm.main(None, "a")


def test_a_broken_suite_is_refused(suite):
    suite.write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        confirm.main("prepared", None)


def test_a_confirmed_suite_has_nothing_left(suite, capsys):
    confirm.main("prepared", None)
    capsys.readouterr()
    confirm.main("prepared", None)
    assert capsys.readouterr().out.endswith("no bound is left to confirm\n")
