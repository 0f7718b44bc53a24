import json

import pytest

from sluice.gates.thresholds import thresholds
from sluice.scoping.propose_columns import expect
from tests.engine.test_propose import suites

NAMES = ("by_class", "classes", "by_group", "leakage", "proxies")


@pytest.fixture
def proposed():
    return {name: suites()[name] for name in NAMES}


def test_before_there_is_a_suite_the_proposed_ones_say_what_scope_goes_by(proposed, tmp_path):
    found = thresholds(proposed, tmp_path)
    assert (found.support, found.training, found.seen) == (20, 30, 0.25)
    assert (found.group_rows, found.group_support) == (200, 30)
    assert (found.gives_away, found.ranks_well, found.tells_groups) == (0.95, 0.9, 0.7)


def test_a_threshold_that_a_person_moved_in_a_suite_is_what_scope_goes_by(proposed, tmp_path):
    moved = json.loads(
        json.dumps(proposed["by_class"]).replace('"min_value": 20', '"min_value": 50')
    )
    (tmp_path / "by_class.json").write_text(json.dumps(moved))
    assert thresholds(proposed, tmp_path).support == 50
    assert thresholds(proposed, tmp_path).training == 30


def test_a_threshold_that_a_person_took_out_holds_nothing(proposed, tmp_path):
    bare = [expect("column_values_to_be_unique", "critical", "One row per check.", column="check")]
    for name in ("leakage", "classes"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name, "expectations": bare}))
    found = thresholds(proposed, tmp_path)
    assert (found.gives_away, found.training) == (float("inf"), 0)
