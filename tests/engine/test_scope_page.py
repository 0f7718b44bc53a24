"""The page of scope begins with one sentence."""

from types import SimpleNamespace

from sluice.scoping.scope_page import headline
from sluice.scoping.worklist import LATE, LEARNABLE, Task
from tests.engine.settings import settings


def scoping(weights: list[str], verdicts: dict[str, str], groups=(), tasks=()) -> SimpleNamespace:
    proofs = [SimpleNamespace(label=label, verdict=verdict) for label, verdict in verdicts.items()]
    found = [SimpleNamespace(weight=weight) for weight in weights]
    return SimpleNamespace(
        findings=found, classes=proofs, groups=list(groups), tasks=list(tasks), params=settings()
    )


def test_what_has_to_be_mended_comes_first():
    assert headline(scoping(["stop", "look", "stop"], {"a": "unproven"})) == (
        "fail",
        "Not yet: 2 things to mend before a model is trained.",
    )


def test_too_few_rows_are_told_from_too_weak_a_model():
    verdicts = {"a": "expected", "hernia": "unproven", "atelectasis": "below", "mass": "not known"}
    assert headline(scoping(["look"], verdicts)) == (
        "warn",
        (
            "Not for every class. Too few test rows to prove the floor of: hernia. The model tried"
            " is too weak for: atelectasis. The recall is not known yet of: mass."
        ),
    )


def test_data_that_can_carry_the_goal_are_said_to():
    sentence = (
        "Yes, as far as data can tell before training: every class is expected to reach its floor. "
    )
    sentence += "What the gates candidates, features will say, only training can tell."
    assert headline(scoping([], {"a": "expected"})) == ("pass", sentence)


def test_what_the_suites_let_pass_is_said():
    group = SimpleNamespace(column="sex", group="f", verdict="waived")
    verdict, sentence = headline(scoping([], {"a": "expected", "b": "waived"}, [group]))
    assert (verdict, " Too few rows, which the suites let pass: b, sex f." in sentence) == (
        "pass",
        True,
    )


def test_a_model_at_chance_is_no_yes():
    task = Task(
        "training",
        LEARNABLE,
        "open",
        "vote reaches balanced_accuracy 0.50 (chance 0.50) from 900 rows",
    )
    verdict, sentence = headline(scoping([], {"a": "expected"}, tasks=[task]))
    assert verdict == "warn"
    assert sentence.endswith("(vote reaches balanced_accuracy 0.50 (chance 0.50) from 900 rows).")


def test_a_column_that_may_be_known_too_late_is_no_yes():
    tasks = [Task("data", LATE, "open", "nothing forbidden; suspected: buyer")]
    verdict, sentence = headline(scoping([], {"a": "expected"}, tasks=tasks))
    assert (verdict, "(nothing forbidden; suspected: buyer)" in sentence) == ("warn", True)
