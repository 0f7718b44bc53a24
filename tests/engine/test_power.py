"""Proof: what test rows can prove of a class and of a group, and criteria that do not fit the
classes.
"""

import re
from dataclasses import replace

import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.params import Data, Scope
from sluice.gates.thresholds import Thresholds
from sluice.metrics.intervals import clopper_pearson
from sluice.scoping.power import (
    check_criteria,
    class_findings,
    group_findings,
    group_proofs,
    prove,
    rows_needed,
)

LIMITS = Thresholds(
    support=20,
    training=30,
    seen=0.25,
    group_rows=200,
    group_support=30,
    gives_away=0.95,
    ranks_well=0.9,
    tells_groups=0.7,
)
DATA = Data(
    target="label",
    time=None,
    cluster=[],
    sensitive=["colour"],
    allowed={},
    cut_points={},
    favourable=None,
    forbidden={},
)


def criteria(**given) -> Scope:
    return Scope(
        **(
            {
                "metric": "balanced_accuracy",
                "recall_floor": 0.5,
                "recall_floors": {},
                "largest_gap": 0.1,
            }
            | given
        )
    )


def test_a_floor_is_that_of_the_class_or_of_all():
    assert criteria(recall_floors={"rare": 0.3}).floor("rare") == 0.3
    assert criteria(recall_floors={"rare": 0.3}).floor("most") == 0.5


def test_accuracy_is_refused_where_a_class_is_much_rarer_than_another():
    sentence = (
        r"params\.yaml: scope\.metric is 'accuracy', but 'rare' has 24 rows and 'most' 100: never"
        r" finding the former would hardly "
        r"lower it; take balanced_accuracy or macro_f1"
    )
    with pytest.raises(UserError, match=sentence):
        check_criteria(criteria(metric="accuracy"), pd.Series({"most": 100, "rare": 24}), 0.25)
    check_criteria(criteria(metric="accuracy"), pd.Series({"most": 100, "rare": 25}), 0.25)
    check_criteria(criteria(metric="macro_f1"), pd.Series({"most": 100, "rare": 1}), 0.25)


def test_a_floor_of_no_class_is_refused_with_all_other_problems():
    with pytest.raises(UserError) as refused:
        check_criteria(
            criteria(metric="accuracy", recall_floors={"raer": 0.3}),
            pd.Series({"most": 100, "rare": 1}),
            0.25,
        )
    first, second = str(refused.value).splitlines()
    assert (
        first
        == "params.yaml: scope.recall_floors names 'raer', which is no class; there are most, rare"
    )
    assert "scope.metric is 'accuracy'" in second


def test_five_rows_prove_one_half_if_all_are_found():
    assert rows_needed(0.5, 1.0) == 5  # 0.05 ** (1 / 5) is 0.549, 0.05 ** (1 / 4) is 0.473


def test_rows_needed_are_enough():
    n = rows_needed(0.5, 0.7)
    assert clopper_pearson(int(0.7 * n), n)[0] >= 0.5
    assert 20 < n < 60


@pytest.mark.parametrize("recall", [0.5, 0.4, 0.5000001])
def test_no_number_of_rows_proves_a_floor_that_is_not_beaten(recall):
    assert rows_needed(0.5, recall) is None


def test_twenty_rows_prove_at_best_what_all_of_them_found_prove():
    assert prove("rare", 80, 20, 0.5, None, LIMITS).best_low == pytest.approx(0.05 ** (1 / 20))


@pytest.mark.parametrize(
    ("train", "test", "recall", "verdict"),
    [
        (80, 19, 0.9, "not judged"),
        (29, 40, 0.9, "not judged"),
        (80, 0, None, "not judged"),
        (80, 20, 0.9, "expected"),
        (80, 20, 0.6, "unproven"),
        (80, 20, 0.5, "below"),
        (8000, 2000, None, "not known"),
    ],
)
def test_a_class_gets_its_verdict(train, test, recall, verdict):
    assert prove("rare", train, test, 0.5, recall, LIMITS).verdict == verdict


def test_a_recall_that_nobody_measured_is_not_known():
    proof = prove("rare", 800, 200, 0.5, None, LIMITS)
    assert (proof.expected, proof.expected_low) == (None, None)
    assert proof.needed == rows_needed(0.5, 0.6)  # for a model a little above the floor
    [found] = class_findings([proof], "balanced_accuracy", LIMITS)
    assert (
        found.what
        == "its recall is not known yet: fewer than 20 of the rows held back have this class"
    )
    assert "from a recall of 0.60 on, and there are about 200" in found.do


def test_a_floor_that_even_a_perfect_model_could_not_prove_is_a_matter_of_rows():
    proof = prove("rare", 80, 20, 0.9, None, LIMITS)
    [found] = class_findings([proof], "balanced_accuracy", LIMITS)
    assert (
        found.what
        == "too few rows: even if a model found all 20 test rows, that would prove 0.86 at most"
    )


def test_a_class_that_cannot_be_judged_needs_rows_on_both_sides():
    proof = prove("rare", 40, 10, 0.5, 1.0, LIMITS)
    assert proof.more == 50  # 100 rows have 20 test rows
    assert prove("rare", 10, 40, 0.5, 1.0, LIMITS).more == 100  # 150 rows have 30 training rows


def test_a_class_that_is_unproven_needs_the_rows_that_prove_it():
    proof = prove("rare", 80, 20, 0.5, 0.7, LIMITS)
    assert proof.needed == rows_needed(0.5, 0.7)
    assert proof.more == proof.needed * 5 - 100


def test_class_findings_say_what_is_too_few_or_too_low():
    proofs = [
        prove("few", 40, 10, 0.5, 1.0, LIMITS),
        prove("low", 80, 20, 0.5, 0.4, LIMITS),
        prove("unsure", 80, 20, 0.5, 0.7, LIMITS),
        prove("good", 80, 20, 0.5, 1.0, LIMITS),
    ]
    few, low, unsure = class_findings(proofs, "balanced_accuracy", LIMITS)
    assert (few.weight, few.about) == ("stop", "class few")
    assert few.what == "cannot be judged: 40 training rows (needs 30) and 10 test rows (needs 20)"
    other = (
        "let about 40% of its rows test (test_size or test_from under prepare.split in params.yaml;"
        " it has 50)"
    )
    assert few.do.startswith(
        f"{other}, or collect about 50 more rows of it, join it with another class, or accept it: "
    )
    assert few.do.endswith(
        'meta of expectations/by_class.json, with your reason: [{"where": {"class": "few"},'
        ' "reason": ""}]'
    )
    assert (
        low.what
        == "a model reaches recall 0.40 on rows held back, its floor is 0.50: the model is too weak"
    )
    assert (
        low.do == "better features or another model first; else a lower floor that its use can bear"
    )
    assert unsure.what.startswith(
        "too few rows: 20 test rows do not prove its floor 0.50 from a recall like that of the"
        " model tried, 0.70"
    )


def test_decision_weights_are_advised_where_none_are_set():
    [found] = class_findings([prove("low", 800, 200, 0.5, 0.3, LIMITS)], "none", LIMITS)
    assert (
        found.do
        == "set train.decision_weights in params.yaml: decisions do not weigh rare classes yet"
    )


def test_a_class_that_is_waived_has_nothing_left_to_do():
    [found] = class_findings(
        [replace(prove("few", 40, 10, 0.5, None, LIMITS), verdict="waived")], "none", LIMITS
    )
    assert (found.weight, found.do) == (
        "note",
        "nothing to do: the suites waive it, with a reason. Nothing is known of its recall",
    )


def rows(n_red: int, n_blue: int) -> pd.DataFrame:
    table = pd.DataFrame({"colour": ["red"] * n_red + ["blue"] * n_blue, "label": "b"})
    table.loc[::2, "label"] = "a"
    return table


def test_a_group_of_few_test_rows_is_not_judged():
    blue, red = group_proofs(rows(400, 4000), DATA, 0.5, LIMITS)
    assert (blue.group, blue.test, blue.support, blue.verdict) == ("blue", 2000, 1000, "judged")
    assert (red.group, red.test, red.support, red.verdict) == ("red", 200, 100, "judged")
    assert group_proofs(rows(398, 4000), DATA, 0.5, LIMITS)[1].verdict == "not judged"


def test_a_group_that_has_no_row_since_the_split_in_time_is_not_judged():
    table = rows(1000, 4000)
    blue, red = group_proofs(table, DATA, (table["colour"] == "blue") * 0.5, LIMITS)
    assert (blue.group, blue.test, blue.verdict) == ("blue", 2000, "judged")
    assert (red.group, red.test, red.support, red.verdict) == ("red", 0, 0, "not judged")


def test_a_group_that_lacks_a_class_is_not_judged():
    table = pd.DataFrame(
        {"colour": ["red"] * 1000 + ["blue"] * 1000, "label": ["a"] * 1500 + ["b"] * 500}
    )
    assert [(proof.support, proof.verdict) for proof in group_proofs(table, DATA, 0.5, LIMITS)] == [
        (250, "judged"),
        (0, "not judged"),
    ]


def test_more_rows_tell_a_smaller_gap():
    few, many = (
        group_proofs(rows(400, 4000), DATA, 0.5, LIMITS)[1],
        group_proofs(rows(4000, 4000), DATA, 0.5, LIMITS)[1],
    )
    assert 0.01 < many.provable < few.provable < 0.2


def test_group_findings_say_which_cannot_be_audited():
    [few] = group_findings(
        group_proofs(rows(100, 4000), DATA, 0.5, LIMITS), criteria(largest_gap=0.5), LIMITS
    )
    assert (
        few.what
        == "cannot be audited: about 50 test rows (needs 200), 25 of its rarest class (needs 30):"
        " the gate by_group will stop the run"
    )
    assert few.weight == "stop"
    found = group_findings(
        group_proofs(rows(400, 4000), DATA, 0.5, LIMITS), criteria(largest_gap=0.05), LIMITS
    )
    assert "your limit is 0.05" in found[-1].what


def test_a_group_that_the_suite_lets_pass_has_nothing_left_to_do():
    waived = [
        replace(proof, verdict="waived")
        for proof in group_proofs(rows(100, 4000), DATA, 0.5, LIMITS)[1:]
    ]
    [found] = group_findings(waived, criteria(), LIMITS)
    assert (found.weight, "nothing to do" in found.do) == ("note", True)


def test_the_groups_of_a_number_begin_at_its_cut_points():
    table = rows(400, 400).assign(years=range(800))
    data = DATA.model_copy(update={"sensitive": ["years"], "cut_points": {"years": [300]}})
    assert [(proof.group, proof.test) for proof in group_proofs(table, data, 0.5, LIMITS)] == [
        ("300 or more", 250),
        ("below 300", 150),
    ]


@pytest.mark.parametrize(
    ("train", "test", "recall"),
    [
        (40, 10, 1.0),
        (10, 60, 1.0),
        (399, 100, 0.58),
        (480, 20, 0.65),
        (60, 15, None),
        (460, 39, 0.6),
    ],
)
def test_a_share_that_is_advised_takes_the_complaint_away(train, test, recall):
    proof = prove("rare", train, test, 0.5, recall, LIMITS)
    [found] = class_findings([proof], "balanced_accuracy", LIMITS)
    share = int(re.match(r"(?:.*: )?let about (\d+)% of its rows test", found.do)[1]) / 100
    n = round((train + test) * share)
    left = class_findings(
        [prove("rare", train + test - n, n, 0.5, recall, LIMITS)], "balanced_accuracy", LIMITS
    )
    assert [
        one.what for one in left if "cannot be judged" in one.what or "too few" in one.what
    ] == []


@pytest.mark.parametrize(("train", "test", "recall"), [(40, 9, 1.0), (80, 20, 0.55), (16, 4, 1.0)])
def test_rows_that_are_advised_take_the_complaint_away(train, test, recall):
    proof = prove("rare", train, test, 0.5, recall, LIMITS)
    [found] = class_findings([proof], "balanced_accuracy", LIMITS)
    n = (
        train
        + test
        + int(re.search(r"collect about ([\d,]+) more rows", found.do)[1].replace(",", ""))
    )
    n_test = round(n * test / (train + test))
    assert (
        class_findings(
            [prove("rare", n - n_test, n_test, 0.5, recall, LIMITS)], "balanced_accuracy", LIMITS
        )
        == []
    )
