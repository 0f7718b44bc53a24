import json
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.params import ROW_ID, Data
from sluice.gates.gate import gate
from sluice.gates.names import GATES
from sluice.monitoring.batch import critical
from sluice.monitoring.quarantine import Held, parted
from sluice.scoping.propose import merge, propose, sealed, write
from sluice.scoping.propose_columns import expect
from tests.drills import ALWAYS, broken

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Great Expectations warns itself
CRITERIA = SimpleNamespace(recall_floor=0.5, recall_floors={}, largest_gap=0.1)
ROLES = {
    "time": None,
    "cluster": [],
    "sensitive": [],
    "allowed": {},
    "cut_points": {},
    "favourable": None,
    "forbidden": {},
}
TOYS = pd.DataFrame(
    {
        "colour": ["red"] * 200 + ["blue"] * 100,
        "size": [float(n % 150) for n in range(300)],
        "parts": [n % 3 for n in range(300)],
        "maker": ["a", "b", None] * 100,
        "__stage_row_id": [f"{n:032x}" for n in range(300)],
    }
)


def suites(table=TOYS, n_rows=300, criteria=CRITERIA, **roles):
    return propose(table, Data(target="colour", **ROLES | roles), criteria, n_rows)


def toys(*expectations):
    """Return a suite as it was proposed, of these expectations."""
    return {
        "name": "toys",
        "meta": {"notes": "One row is a toy."},
        "expectations": list(expectations),
    }


def about(kind, suite):
    return next(one for one in suite["expectations"] if one["type"] == kind)


def columns_of(suite):
    return {one["kwargs"].get("column") for one in suite["expectations"]}


def test_every_table_has_a_suite():
    assert set(suites()) == {gate for gates in GATES.values() for gate in gates}


def test_every_expectation_is_inferred():
    metas = [one["meta"] for suite in suites().values() for one in suite["expectations"]]
    assert {meta["bound"] for meta in metas} == {"inferred"}
    assert all(meta["notes"] for meta in metas)


def test_a_table_passes_its_proposals(tmp_path):
    write(suites(), tmp_path)
    augmented = TOYS.assign(__stage_origin="real")
    verdicts = [
        gate(table, tmp_path / f"{name}.json", tmp_path / "r.json")
        for name, table in (("prepared", TOYS), ("augmented", augmented))
    ]
    assert [verdict.verdict for verdict in verdicts] == ["pass", "pass"]


def test_the_columns_are_a_set():
    expected = about("expect_table_columns_to_match_set", suites()["prepared"])
    assert expected["kwargs"] == {
        "column_set": ["colour", "size", "parts", "maker", "__stage_row_id"]
    }


def test_a_table_half_as_long_is_a_truncated_one():
    counts = [
        one
        for one in suites()["prepared"]["expectations"]
        if one["type"] == "expect_table_row_count_to_be_between"
    ]
    assert [(one["severity"], one["kwargs"]) for one in counts] == [
        ("critical", {"min_value": 150}),
        ("warning", {"min_value": 270, "max_value": 330}),
    ]


def test_a_sample_is_said_to_be_one():
    notes = [
        suite["meta"]["notes"] for suite in (suites()["prepared"], suites(n_rows=5000)["prepared"])
    ]
    assert [text.partition("Proposed from ")[2] for text in notes] == [
        "all 300 rows.",
        "a sample of 300 of 5,000 rows.",
    ]


def test_what_a_sample_cannot_show_is_not_proposed():
    kinds = {one["type"] for one in suites(n_rows=5000)["prepared"]["expectations"]}
    assert not kinds & {
        "expect_column_unique_value_count_to_be_between",
        "expect_compound_columns_to_be_unique",
    }


def test_of_a_few_rows_nothing_is_proposed_that_cannot_fail():
    table = TOYS.head(12).assign(colour=["red", "blue"] * 6)
    shares = [
        one["kwargs"]["mostly"]
        for one in suites(table, n_rows=12)["prepared"]["expectations"]
        if "mostly" in one["kwargs"]
    ]
    assert 0 not in shares


def test_synthetic_rows_are_not_held_to_who_they_would_be():
    roles = {"time": "size", "cluster": ["maker"], "sensitive": ["parts"]}
    assert columns_of(suites(**roles)["augmented"]) == {None, "__stage_origin", "colour"}


def test_numbers_of_synthetic_rows_may_lie_between_codes():
    [parts] = [
        one
        for one in suites()["augmented"]["expectations"]
        if "value_set" not in one["kwargs"]
        and "min_value" in one["kwargs"]
        and one["kwargs"]["column"] == "parts"
    ]
    assert (parts["kwargs"]["min_value"], parts["kwargs"]["max_value"]) == (0, 2)


def test_figures_that_augmentation_changes_on_purpose_are_not_judged_after_it():
    kinds = {one["type"] for one in suites()["augmented"]["expectations"]}
    assert not {
        kind for kind in kinds if "divergence" in kind or "quantile" in kind or "proportion" in kind
    }


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        write(suites(), tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == sum(map(len, GATES.values()))
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in files
    )


@pytest.fixture
def proposed():
    return suites()["prepared"]


def longer():
    """Return the proposals for TOYS and as many again, so that margins differ."""
    table = pd.concat(
        [TOYS, TOYS.assign(__stage_row_id=[f"{n:032x}" for n in range(300, 600)])],
        ignore_index=True,
    )
    return suites(table, n_rows=600)["prepared"]


def sized(**bounds):
    return expect("column_values_to_be_between", "critical", "Seen.", column="size", **bounds)


def test_a_range_with_exceptions_takes_the_place_of_one_without():
    old, new = (
        sealed(toys(sized(**bounds)))
        for bounds in ({"max_value": 7}, {"max_value": 9, "mostly": 0.9})
    )
    merged, lines = merge(old, new)
    assert merged["expectations"] == new["expectations"]
    assert [line.partition(": expect")[0] for line in lines] == ["toys: removed", "toys: added"]


MONTHS = 15
ORDERS = pd.DataFrame(
    {
        "colour": ["red", "blue", "red"] * 100 * MONTHS,
        "month": [
            pd.Timestamp("1997-01-01") + pd.Timedelta(days=30 * (n // 300))
            for n in range(300 * MONTHS)
        ],
        "days_since_first": [n // 300 * 30 + n % 28 for n in range(300 * MONTHS)],
        ROW_ID: [f"{n:032x}" for n in range(300 * MONTHS)],
    }
)


@pytest.mark.parametrize("time", ["month", None])
def test_rows_of_later_months_are_neither_blocked_nor_set_aside_for_a_clock(tmp_path, time):
    first, later = ORDERS[: 12 * 300], ORDERS[12 * 300 :]
    write(suites(first, n_rows=len(first), time=time), tmp_path)
    live = later.drop(columns=["colour", ROW_ID]).assign(line=range(len(later)))
    held = Held(
        critical(tmp_path / "prepared.json", Data(target="colour", **ROLES | {"time": time}))
    )
    held = Held(parted(held.suite, list(live.columns))[0])
    assert held.quarantine(live).empty
    assert held.differences() == []
    assert not [
        line
        for line in gate(later, tmp_path / "prepared.json", tmp_path / "r.json").sentences
        if "days_since_first" in line
    ]


def test_without_a_suite_the_proposal_is_the_suite(proposed):
    assert merge(None, proposed) == (proposed, [])


def test_the_same_proposal_again_changes_nothing(proposed):
    assert merge(deepcopy(proposed), proposed) == (proposed, [])


def test_a_proposal_that_nobody_touched_gives_way_to_a_new_one(proposed):
    merged, lines = merge(proposed, longer())
    assert about("expect_table_row_count_to_be_between", merged)["kwargs"] == {"min_value": 300}
    [line] = [line for line in lines if '{"min_value": 150}' in line]
    assert (
        line == 'prepared: changed: expect_table_row_count_to_be_between {"min_value": 150}; '
        'proposed now: expect_table_row_count_to_be_between {"min_value": 300}'
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["meta"].update(bound="confirmed"), "confirmed, so kept"),
        (lambda one: one["kwargs"].update(min_value=160), "edited, so kept"),
        (lambda one: one["meta"].update(notes="Mine."), "edited, so kept"),
        (lambda one: one["meta"].pop("proposed"), "edited, so kept"),
    ],
    ids=["confirmed", "bound", "notes", "fingerprint"],
)
def test_what_a_person_decided_is_kept_with_the_difference_told(proposed, change, said):
    change(about("expect_table_row_count_to_be_between", proposed))
    theirs = deepcopy(about("expect_table_row_count_to_be_between", proposed))
    merged, lines = merge(proposed, longer())
    assert about("expect_table_row_count_to_be_between", merged) == theirs
    assert [
        line
        for line in lines
        if line.startswith(f"prepared: {said}: expect_table_row_count_to_be_between")
    ]


def test_a_severity_that_a_person_changed_is_kept(proposed):
    about("expect_column_values_to_be_in_set", proposed)["severity"] = "warning"
    merged, _ = merge(deepcopy(proposed), longer())
    assert about("expect_column_values_to_be_in_set", merged) == about(
        "expect_column_values_to_be_in_set", proposed
    )


def test_an_expectation_of_a_persons_own_is_kept(proposed):
    own = {
        "type": "expect_column_sum_to_be_between",
        "kwargs": {"column": "size", "max_value": 9},
        "severity": "info",
        "meta": {},
    }
    merged, lines = merge(proposed | {"expectations": [own, *proposed["expectations"]]}, proposed)
    assert merged["expectations"][0] == own
    assert lines == []


def test_what_a_person_removed_stays_away_and_is_told(proposed):
    gone = about("expect_column_quantile_values_to_be_between", proposed)
    rest = proposed | {"expectations": [one for one in proposed["expectations"] if one != gone]}
    merged, [line] = merge(rest, proposed)
    assert merged == rest
    assert line.startswith(
        "prepared: not in the suite, so left out: expect_column_quantile_values_to_be_between"
        ' {"column": "size"'
    )


def test_a_proposal_that_no_longer_holds_goes_if_nobody_touched_it(proposed):
    merged, lines = merge(proposed, suites(TOYS.assign(size="large"))["prepared"])
    assert "expect_column_quantile_values_to_be_between" not in {
        one["type"] for one in merged["expectations"]
    }
    assert any(
        line.startswith("prepared: removed: expect_column_quantile_values_to_be_between")
        for line in lines
    )


def test_a_new_column_is_added(proposed):
    merged, lines = merge(proposed, suites(TOYS.assign(weight=2.5))["prepared"])
    assert "weight" in columns_of(merged)
    assert any(
        line.startswith('prepared: added: expect_column_values_to_be_in_set {"column": "weight"')
        for line in lines
    )


def test_a_new_class_is_added_where_classes_have_floors_of_their_own():
    floors = SimpleNamespace(recall_floor=0.5, recall_floors={"red": 0.8}, largest_gap=0.1)
    old = suites(criteria=floors)["by_class"]
    merged, lines = merge(
        old,
        suites(TOYS.assign(colour=["gold"] * 30 + list(TOYS["colour"][30:])), criteria=floors)[
            "by_class"
        ],
    )
    added = [line for line in lines if ": added: " in line]
    assert len(added) == 2
    assert all(line.endswith("where class is gold") for line in added)
    assert len(merged["expectations"]) == len(old["expectations"]) + 2


def test_what_holds_where_two_columns_have_a_value_is_told_with_both():
    old = suites(sensitive=["maker"])["by_group"]
    for expectation in old["expectations"]:
        if expectation["kwargs"].get("column") == "support":
            expectation["kwargs"]["min_value"] = 9
    lines = merge(old, suites(sensitive=["maker"])["by_group"])[1]
    assert [line.rpartition(" where ")[2] for line in lines] == [
        f"kind is group and rate is {rate}"
        for rate in ("recall", "false_positive_rate", "precision")
    ]
    assert all("by_group: edited, so kept: " in line for line in lines)


def test_write_tells_how_much_it_proposed(tmp_path):
    lines = write({"toys": toys(*suites()["classes"]["expectations"])}, tmp_path)
    assert lines == ["toys: proposed, 7 expectations"]


def test_writing_the_same_proposals_again_changes_no_byte(tmp_path):
    write(suites(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert write(suites(), tmp_path) == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_write_keeps_what_a_person_decided(tmp_path):
    write(suites(), tmp_path)
    path = tmp_path / "by_class.json"
    path.write_text(path.read_text().replace('"min_value": 20', '"min_value": 25'))
    lines = write(suites(), tmp_path)
    assert [line.partition(";")[0] for line in lines] == [
        'by_class: edited, so kept: expect_column_values_to_be_between {"column": "support",'
        ' "min_value": 25}'
    ]
    assert '"min_value": 25' in path.read_text()


def test_write_refuses_suites_that_are_not_sound_and_touches_none(tmp_path):
    write(suites(), tmp_path)
    for name in ("classes", "leakage"):
        (tmp_path / f"{name}.json").write_text("{")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError) as refused:
        write(longer_suites(), tmp_path)
    sentences = str(refused.value).splitlines()
    assert [Path(sentence.split()[0]).name for sentence in sentences] == [
        "classes.json",
        "leakage.json",
    ]
    assert all(
        sentence.endswith("mend it there, or delete the file to have it proposed anew")
        for sentence in sentences
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def longer_suites():
    return suites(pd.concat([TOYS, TOYS], ignore_index=True), n_rows=600)


def test_written_suites_are_json_as_a_person_edits_it(tmp_path):
    write(suites(), tmp_path)
    text = (tmp_path / "prepared.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "name": "prepared"')
    assert json.loads(text)["name"] == "prepared"


EVERY_KIND = (
    TOYS.assign(  # a table from which each type of expectation is proposed that proposals know
        code=[f"T{n:03d}" for n in range(300)],
        sold=pd.date_range("2024-01-01", periods=300, freq="D").as_unit("us"),
        paid=lambda toys: toys["sold"] + pd.to_timedelta([n % 40 for n in range(300)], unit="D"),
        price=[7 * n % 300 - 150.0 for n in range(300)],
        tax=[n * n % 37 for n in range(300)],
        total=lambda toys: toys["price"] + toys["tax"],
        copy=lambda toys: toys["tax"],
        shelf=[n // 20 for n in range(300)],
        place=[7 if n % 3 == 0 else n % 20 + 8 for n in range(300)],
        tone=["warm"] * 200 + ["cold"] * 100,
        empty=[None] * 300,
    )
)
PROPOSED = [(nth, one) for nth, one in enumerate(suites(EVERY_KIND)["prepared"]["expectations"], 1)]


def test_a_drill_is_held_for_every_type_of_expectation_that_is_proposed():
    assert len({one["type"] for _, one in PROPOSED}) == 20


@pytest.mark.parametrize(
    ("nth", "raw"),
    PROPOSED,
    ids=[f"{nth}-{raw['type'].removeprefix('expect_')}" for nth, raw in PROPOSED],
)
def test_a_proposal_bites_on_its_defect_alone(nth, raw, tmp_path):
    path = tmp_path / "toys.json"
    path.write_text(json.dumps({"name": "toys", "expectations": [raw, ALWAYS]}))
    assert gate(EVERY_KIND, path, tmp_path / "report.json").verdict == "pass"
    defects = broken(EVERY_KIND, raw)
    assert defects
    for named, table in defects:
        verdict = gate(table, path, tmp_path / "report.json")
        assert verdict.verdict == ("fail" if raw["severity"] == "critical" else "warn"), (
            verdict.sentences
        )
        [sentence] = verdict.sentences
        assert named in sentence
