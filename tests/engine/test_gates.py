import json

import pytest

from sluice.commands.summary import gates
from sluice.gates.names import unconfirmed
from sluice.reports.evaluation_page import Judged


@pytest.fixture
def reports(tmp_path):
    def reports(**counts):
        for name, (confirmed, bounds) in counts.items():
            report = {"gate": name, "confirmed": confirmed, "bounds": bounds}
            (tmp_path / f"{name}.json").write_text(json.dumps(report))
        return tmp_path

    return reports


def test_bounds_that_nobody_confirmed_are_counted_over_all_gates(reports):
    said = unconfirmed(reports(prepared=(0, 126), classes=(3, 9)))
    assert said.startswith("3 of 135 bounds are confirmed: ")


def test_nothing_is_said_where_all_bounds_are_confirmed(reports):
    assert unconfirmed(reports(prepared=(126, 126))) == ""


def test_a_report_of_an_older_version_counts_nothing(tmp_path):
    (tmp_path / "prepared.json").write_text('{"gate": "prepared"}')
    assert unconfirmed(tmp_path) == ""


def test_the_screen_has_a_column_of_confirmed_bounds():
    judged = [
        Judged("prepared", "validate", "pass", False, [], 0, 126),
        Judged("by_group", "evaluate", "fail", True, []),
    ]
    assert gates(judged) == [
        "  prepared    pass          validate                0 of 126 bounds confirmed",
        "  by_group    fail          evaluate stopped here",
    ]
