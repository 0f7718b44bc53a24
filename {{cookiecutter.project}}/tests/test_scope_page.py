"""The page of scope begins with one sentence."""

from types import SimpleNamespace

from stages.before.scope_page import headline


def scoping(weights: list[str], verdicts: dict[str, str]) -> SimpleNamespace:
    proofs = [SimpleNamespace(label=label, verdict=verdict) for label, verdict in verdicts.items()]
    return SimpleNamespace(findings=[SimpleNamespace(weight=weight) for weight in weights], classes=proofs)


def test_what_has_to_be_mended_comes_first():
    assert headline(scoping(["stop", "look", "stop"], {"a": "unproven"})) == (
        "fail",
        "Not yet: 2 things to mend before a model is trained.",
    )


def test_a_class_whose_recall_cannot_be_proven_is_named():
    sentence = "Not for every class: whether the recall of b reaches its floor cannot be proven with these test rows."
    assert headline(scoping(["look"], {"a": "proven", "b": "not judged"})) == ("warn", sentence)


def test_data_that_can_carry_the_goal_are_said_to():
    assert headline(scoping([], {"a": "proven"}))[0] == "pass"
