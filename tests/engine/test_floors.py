"""Floors: proposed between guessing and what a model reached, kept in by_class.json."""

import json

import pytest

from sluice.core.command import UserError
from sluice.core.params import Scope
from sluice.gates.thresholds import picked
from sluice.scoping.floors import proposed, standing
from sluice.scoping.propose import sealed, write
from sluice.scoping.propose_judged import by_class_suite, slices_suite

FIVE = list("abcde")


def criteria(floor=None, **floors):
    return Scope(
        metric="balanced_accuracy", recall_floor=floor, recall_floors=floors, largest_gap=0.1
    )


def floors(found, classes=FIVE, given=None):
    return {label: proposed(given or criteria(), classes, found).floor(label) for label in classes}


def test_of_two_classes_a_floor_is_that_of_tossing_a_coin():
    assert floors({"a": (99, 100), "b": (1, 100)}, ["a", "b"]) == {"a": 0.5, "b": 0.5}


def test_of_five_classes_none_need_be_found_more_often_than_by_guessing():
    assert floors({}) == dict.fromkeys(FIVE, 0.2)


def test_a_floor_lies_half_way_to_what_a_model_reached():
    # one-sided 95 % lower bounds: 60 of 100 prove .51, so (0.2 + 0.51) / 2 is .357; 99 prove .95,
    # and .5 is the most; 10 prove .06
    assert floors({"a": (60, 100), "b": (99, 100), "c": (10, 100)}) == {
        "a": 0.35,
        "b": 0.5,
        "c": 0.2,
        "d": 0.2,
        "e": 0.2,
    }


def test_what_params_say_is_proposed():
    assert floors({}, given=criteria(0.8, b=0.3)) == {
        "a": 0.8,
        "b": 0.3,
        "c": 0.8,
        "d": 0.8,
        "e": 0.8,
    }


def test_a_floor_that_is_still_to_be_proposed_is_none():
    with pytest.raises(ValueError, match="no floor of class 'a' was proposed yet"):
        criteria().floor("a")


def suite(given):
    return sealed(by_class_suite(FIVE, proposed(given, FIVE, {"a": (60, 100)})))


def test_the_notes_say_what_guessing_is():
    notes = {one["meta"]["notes"].partition(". ")[0] for one in suite(criteria())["expectations"]}
    assert any(
        "below its floor: a class found less often than by guessing one of 5 classes is overlooked"
        in note
        for note in notes
    )
    assert not any("coin" in note for note in notes)


def test_what_a_person_wrote_in_by_class_stands(tmp_path):
    write({"by_class": suite(criteria())}, tmp_path)
    path = tmp_path / "by_class.json"
    path.write_text(path.read_text().replace('"min_value": 0.35', '"min_value": 0.6'))
    assert [
        standing(proposed(criteria(), FIVE, {}), FIVE, tmp_path).floor(label) for label in FIVE
    ] == [0.6, 0.2, 0.2, 0.2, 0.2]
    assert [
        standing(proposed(criteria(0.9), FIVE, {}), FIVE, tmp_path).floor(label) for label in FIVE
    ] == [0.6, 0.9, 0.9, 0.9, 0.9]


def test_a_class_whose_floor_a_person_took_out_has_none(tmp_path):
    given = suite(criteria())
    of_b = [
        one
        for one in given["expectations"]
        if picked(one["kwargs"].get("row_condition")) != {"class": "b"}
    ]
    write({"by_class": given | {"expectations": of_b}}, tmp_path)
    assert standing(proposed(criteria(), FIVE, {}), FIVE, tmp_path).floor("b") == 0


def test_nothing_is_proposed_for_a_class_without_a_floor():
    none = criteria(0.5).model_copy(update={"recall_floors": {"b": 0}})
    for one in (by_class_suite(FIVE, none), slices_suite(FIVE, {"a": 0.5, "b": 0}, ["size"])):
        bounds = [
            kwargs["min_value"]
            for kwargs in (e["kwargs"] for e in one["expectations"])
            if kwargs.get("column") == "recall_high"
        ]
        assert bounds
        assert 0 not in bounds


def test_without_a_suite_the_proposed_floors_stand(tmp_path):
    given = proposed(criteria(), FIVE, {})
    assert standing(given, FIVE, tmp_path) == given


def test_a_suite_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "by_class.json").write_text("[]")
    with pytest.raises(
        UserError, match=r"by_class\.json is no suite; mend it there, or delete the file"
    ):
        standing(proposed(criteria(), FIVE, {}), FIVE, tmp_path)


def test_floors_of_each_class_take_the_place_of_one_for_all(tmp_path):
    write({"by_class": suite(criteria(0.5))}, tmp_path)
    write({"by_class": suite(criteria(0.5, a=0.3))}, tmp_path)
    written = json.loads((tmp_path / "by_class.json").read_text())["expectations"]
    bounds = [
        one["kwargs"]["min_value"] for one in written if one["kwargs"]["column"] == "recall_high"
    ]
    assert bounds == [0.3, 0.5, 0.5, 0.5, 0.5]
