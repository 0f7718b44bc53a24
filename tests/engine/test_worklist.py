"""Work list: every phase has its questions, decided by params.yaml or open, with what the
numbers say.
"""

import numpy as np
import pandas as pd
import pytest

from sluice.scoping.effort import Curve, Gain
from sluice.scoping.finding import Finding
from sluice.scoping.power import GroupProof, prove
from sluice.scoping.suspicious import date_findings, giveaways
from sluice.scoping.worklist import TASK_PHASES, work_list
from tests.engine.settings import roles, settings
from tests.engine.test_effort import params
from tests.engine.test_power import LIMITS

PROOFS = [prove("most", 800, 200, 0.5, 0.9, LIMITS), prove("rare", 80, 20, 0.5, 0.9, LIMITS)]
CURVE = Curve(
    "any", ["most", "rare"], [100, 200], np.zeros((2, 3, 2, 2), dtype=int), [], [1.0, 1.0]
)
GAIN = {"balanced_accuracy": Gain(0.8, 0.8, 0.03, 0.01, 0.05)}


def tasks(findings=(), proofs=PROOFS, groups=(), curve=CURVE, gained=GAIN, **settings):
    """Return the tasks by their question."""
    return {
        task.question: task
        for task in work_list(
            params(**settings), proofs, list(groups), (curve, gained), list(findings)
        )
    }


def test_the_list_has_every_phase_in_order():
    phases = [task.phase for task in tasks().values()]
    assert phases == sorted(phases, key=TASK_PHASES.index)
    assert set(phases) == set(TASK_PHASES)


def test_the_target_is_said_with_its_largest_and_rarest_class():
    assert (
        tasks()["What is predicted?"].says
        == "label: 2 classes, from most (1,000 rows) to rare (100)"
    )


def test_classes_that_cannot_be_judged_leave_a_question_open():
    assert tasks()["Are there rows enough of each class?"].state == "decided"
    task = tasks(proofs=[*PROOFS, prove("few", 8, 2, 0.5, None, LIMITS)])[
        "Are there rows enough of each class?"
    ]
    assert (task.state, task.says) == ("open", "too few of few")


def test_suspected_columns_leave_a_question_open():
    suspected = Finding("stop", "data", "copy", "it ranks well", "forbid it", ("late",))
    task = tasks([suspected])["What is known only after the target?"]
    assert (task.state, task.says) == ("open", "nothing forbidden; suspected: copy")
    assert tasks()["What is known only after the target?"].state == "decided"


def test_a_decision_that_aims_at_something_else_than_the_criterion_is_open():
    assert tasks()["What is success?"].state == "decided"
    task = tasks(decision_weights="macro_f1")["What is success?"]
    assert (task.state, task.says) == (
        "open",
        "balanced_accuracy, but train.decision_weights is macro_f1",
    )


def test_floors_that_are_missed_or_unproven_are_named():
    proofs = [
        prove("low", 80, 20, 0.5, 0.4, LIMITS),
        prove("unsure", 80, 20, 0.5, 0.6, LIMITS),
        prove("new", 80, 20, 0.5, None, LIMITS),
    ]
    task = tasks(proofs=proofs)["Which recall must each class reach?"]
    assert (
        task.says
        == "floor 0.5; below it on rows held back: low; too few test rows to prove it: unsure; not"
        " known yet: new"
    )


def test_a_model_at_chance_leaves_open_whether_there_is_anything_to_learn():
    assert tasks()["Is there anything to learn?"].state == "decided"
    task = tasks(gained={"balanced_accuracy": Gain(0.52, 0.52, 0.0, -0.01, 0.01)})[
        "Is there anything to learn?"
    ]
    assert (task.state, task.says) == (
        "open",
        "logistic_regression reaches balanced_accuracy 0.52 (chance 0.50) from 200 rows",
    )


def test_without_a_curve_it_is_open_whether_there_is_anything_to_learn():
    assert tasks(curve=None, gained={})["Is there anything to learn?"].state == "open"


def test_personal_data_leave_open_whose_they_are():
    personal = Finding(
        "stop",
        "data",
        "mail",
        "it seems to hold an e-mail address",
        "forbid it",
        ("personal",),
    )
    assert tasks([personal])["Whose data are these?"].says == "personal: mail"
    assert tasks()["Whose data are these?"].state == "decided"


def test_groups_that_cannot_be_audited_are_named():
    group = GroupProof("sex", "f", 10, 2, 1.0, "not judged")
    assert (
        tasks(groups=[group])["Who is treated otherwise?"].says
        == "largest gap 0.1; too few rows to audit sex f"
    )
    task = tasks()["Who is treated otherwise?"]
    assert (task.state, task.says) == ("open", "no sensitive column is named: not audited")


def test_that_no_column_is_sensitive_is_decided_where_it_is_said_why():
    params = settings(data={"no_sensitive": "only readings of machines"})
    found = {task.question: task for task in work_list(params, PROOFS, [], (None, {}), [])}[
        "Who is treated otherwise?"
    ]
    assert (found.state, found.says) == (
        "decided",
        "no sensitive column is named: only readings of machines",
    )


def test_groups_that_are_waived_leave_no_question_open():
    group = GroupProof("sex", "f", 10, 2, 1.0, "waived")
    task = tasks(groups=[group])["Who is treated otherwise?"]
    assert (task.state, task.says) == (
        "decided",
        "largest gap 0.1; too few rows of sex f, which the suite lets pass",
    )


def test_a_field_that_holds_one_class_alone_leaves_a_question_open():
    granted = pd.DataFrame(
        {"label": ["yes"] * 800 + ["no"] * 200, "buyer": ["bank"] * 400 + [None] * 600}
    )
    task = tasks(giveaways(granted, roles(), LIMITS, 0)[1])["What is known only after the target?"]
    assert (task.state, task.says) == ("open", "nothing forbidden; suspected: buyer")


@pytest.mark.parametrize(
    ("question", "decided"),
    [
        ("What does an error cost?", {"evaluate": {"costs": {"rare": {"most": 5.0}}}}),
        ("Who decides, and may they overrule the model?", {"evaluate": {"refer_below": 0.7}}),
        ("When does the truth arrive?", {"monitor": {"label_delay": 30.0}}),
    ],
)
def test_what_the_parameters_answer_is_not_asked_again(question, decided):
    given = settings(train={"decision_weights": "balanced_accuracy"}, **decided)
    states = [
        {task.question: task.state for task in work_list(one, PROOFS, [], (CURVE, GAIN), [])}[
            question
        ]
        for one in (params(), given)
    ]
    assert states == ["open", "decided"]


def test_the_cases_that_it_takes_to_see_a_worse_recall_follow_from_the_rarest_class():
    says = tasks()["After how many cases is a worse recall seen?"].says
    assert (
        says
        == "the rarest class comes 90.9 times in 1,000 cases: 20 of it, the fewest to judge by,"
        " take about 220 cases"
    )


def test_a_date_that_nobody_named_leaves_the_order_in_time_open():
    assert tasks()["Do rows have an order in time?"].state == "decided"
    asked = date_findings(
        {"day": pd.Series(pd.to_datetime(["2001-02-03"]))}, pd.Series(["a"]), params().data, []
    )
    task = tasks(asked)["Do rows have an order in time?"]
    assert (task.state, task.says) == ("open", "split by random, time not named; look at day")
