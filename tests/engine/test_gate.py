import gc
import json
import re
import weakref
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.core.private import without_values
from sluice.core.tables import LazyParquet
from sluice.gates.gate import Verdict, gate, stop
from sluice.gates.judging import validated
from sluice.gates.suite import expected

TOYS = pd.DataFrame({"colour": ["red", "blue", "green"], "size": [1.0, 2.0, 9.0]})

VALIDATE = "great_expectations.validator.validator.Validator.graph_validate"


def expect(kind, severity="critical", meta=None, **kwargs):
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": severity,
        "meta": {"notes": "Toys are small.", "bound": "confirmed"} | (meta or {}),
    }


def sizes(severity="critical", meta=None, **kwargs):
    """Expect sizes from 0 to 5: the green toy of TOYS is too large."""
    return expect(
        "expect_column_values_to_be_between",
        severity,
        meta,
        **{"column": "size", "min_value": 0, "max_value": 5} | kwargs,
    )


EXISTS = expect("expect_column_to_exist", column="size")
INSUFFICIENT = {"verdict": "insufficient"}


def waived(**reasons):
    """Return waivers of toys, by colour."""
    return {
        "waived": [
            {"where": {"colour": colour}, "reason": reason} for colour, reason in reasons.items()
        ]
    }


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Write a suite of `expectations` and judge a table by it."""
    monkeypatch.chdir(tmp_path)

    def judge(table, *expectations, **meta):
        Path("toys.json").write_text(
            json.dumps({"name": "toys", "meta": meta, "expectations": expectations})
        )
        return gate(table, "toys.json", "gates/shelf.json")

    return judge


def test_a_table_that_meets_its_suite_passes(judge):
    verdict = judge(TOYS.head(2), sizes())
    assert verdict == Verdict("shelf", "pass", False, "gates/shelf.json", [])


def test_a_critical_failure_blocks(judge):
    verdict = judge(TOYS, sizes())
    assert (verdict.verdict, verdict.blocks) == ("fail", True)


def test_a_failure_says_what_stood_there_what_is_allowed_why_and_where(judge):
    [sentence] = judge(TOYS, sizes()).sentences
    assert sentence.startswith("FAIL: size: 1 of 3 rows fail. Required: 0 to 5. ")
    assert sentence.endswith("0 to 5. Toys are small. (toys.json:1)")


def test_a_warning_does_not_block(judge):
    verdict = judge(TOYS, EXISTS, sizes("warning"))
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    assert verdict.sentences[0].startswith("WARN: size: 1 of 3 rows fail")


def test_an_info_is_told_and_the_gate_passes(judge):
    verdict = judge(TOYS, EXISTS, sizes("info"))
    assert (verdict.verdict, verdict.blocks) == ("pass", False)
    assert verdict.sentences[0].startswith("INFO: size: 1 of 3 rows fail")


def test_a_report_counts_the_bounds_that_a_person_confirmed(judge):
    verdict = judge(TOYS.head(2), sizes(meta={"bound": "inferred"}), EXISTS)
    assert (verdict.verdict, verdict.findings) == ("pass", [])
    report = json.loads(Path("gates/shelf.json").read_text())
    assert (report["confirmed"], report["bounds"]) == (1, 2)


def test_a_copy_is_no_suite_to_confirm(tmp_path):
    content = {
        "name": "suite",
        "meta": {"copy_of": "expectations/prepared.json"},
        "expectations": [sizes(meta={"bound": "inferred"})],
    }
    (tmp_path / "suite.json").write_text(json.dumps(content), encoding="utf-8")
    gate(TOYS.head(2), tmp_path / "suite.json", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["bounds"] == 0


def test_every_failure_is_told_at_once(judge):
    colours = expect("expect_column_values_to_be_in_set", column="colour", value_set=["red"])
    sentences = judge(
        TOYS, sizes("warning"), colours, expect("expect_table_row_count_to_be_between", min_value=4)
    ).sentences
    assert [sentence.split(". ")[0] for sentence in sentences] == [
        "WARN: size: 1 of 3 rows fail",
        "FAIL: colour: 2 of 3 rows fail",
        "FAIL: the table: 3",
    ]


def test_the_same_expectation_at_two_severities_is_judged_twice(judge):
    assert [
        sentence.split(":")[0] for sentence in judge(TOYS, sizes("warning"), sizes()).sentences
    ] == ["WARN", "FAIL"]


@pytest.mark.parametrize(
    "expectations, verdict",
    [
        ([EXISTS, sizes("warning")], "warn"),
        ([sizes(meta=INSUFFICIENT), sizes("warning")], "insufficient"),
        ([sizes("warning"), sizes(), sizes(meta=INSUFFICIENT)], "fail"),
    ],
)
def test_the_worst_finding_is_the_verdict(judge, expectations, verdict):
    assert judge(TOYS, *expectations).verdict == verdict


def test_unexpected_columns_are_named(judge):
    [sentence] = judge(
        TOYS, expect("expect_table_columns_to_match_set", column_set=["price", "shape"])
    ).sentences
    assert sentence.startswith(
        "FAIL: the table: unexpected colour, size; missing price, shape. Required: "
    )


def test_columns_in_another_order_are_named(judge):
    [sentence] = judge(
        TOYS, expect("expect_table_columns_to_match_ordered_list", column_list=["size", "colour"])
    ).sentences
    assert sentence.startswith("FAIL: size and colour: misplaced colour, size. Required: ")


def test_an_error_of_any_kind_closes_the_gate(judge):
    ranges = {"quantiles": [0.5], "value_ranges": [["a", 1]]}
    odd = expect(
        "expect_column_quantile_values_to_be_between",
        "warning",
        column="size",
        quantile_ranges=ranges,
    )
    assert "could not be judged: " in closed(judge(TOYS, odd, EXISTS))


def test_lost_members_of_a_set_are_named(judge):
    [sentence] = judge(
        TOYS,
        expect(
            "expect_column_distinct_values_to_equal_set", column="colour", value_set=["red", "pink"]
        ),
    ).sentences
    assert sentence.startswith("FAIL: colour: 2 unexpected values; missing pink. Required: ")


def test_at_most_five_members_of_a_set_are_named(judge):
    lost = expect(
        "expect_column_distinct_values_to_contain_set", column="colour", value_set=list("abcdefg")
    )
    assert (
        judge(TOYS, lost)
        .sentences[0]
        .startswith("FAIL: colour: missing a, b, c, d, e and 2 more. Required: ")
    )


def test_a_pair_of_columns_is_told_with_both_names(judge):
    pair = expect(
        "expect_column_pair_values_a_to_be_greater_than_b", column_A="size", column_B="weight"
    )
    [sentence] = judge(TOYS.assign(weight=[0.5, 1.0, 10.0]), pair).sentences
    assert sentence.startswith("FAIL: size and weight: 1 of 3 rows fail. Required: ")


def test_missing_values_are_counted_without_an_example(judge):
    [sentence] = judge(
        TOYS.assign(size=[1.0, None, None]),
        expect("expect_column_values_to_not_be_null", column="size"),
    ).sentences
    assert sentence.startswith("FAIL: size: 2 of 3 rows fail. Required: ")


def test_an_aggregate_tells_its_value(judge):
    [sentence] = judge(
        TOYS, expect("expect_column_mean_to_be_between", column="size", max_value=3)
    ).sentences
    assert sentence.startswith("FAIL: size: 4. Required: ")  # (1 + 2 + 9) / 3


def test_a_type_without_words_of_its_own_tells_its_bounds(judge):
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
    [sentence] = judge(
        TOYS,
        expect(
            "expect_column_quantile_values_to_be_between", column="size", quantile_ranges=ranges
        ),
    ).sentences
    assert (
        "Required: column size, quantile_ranges {'quantiles': [0.5], 'value_ranges': [[0, 1]]}."
        in sentence
    )


def test_values_are_counted_without_an_example(judge):
    [sentence] = judge(
        pd.DataFrame({"size": [11.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]}), sizes()
    ).sentences
    assert "size: 7 of 7 rows fail. Required" in sentence


def test_at_most_five_judged_rows_are_given_as_examples(judge):
    table = pd.DataFrame(
        {"colour": list("abcdefg"), "size": [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]}
    )
    [sentence] = judge(table, sizes(), row=["colour"]).sentences
    assert (
        "colour g: size 16; colour f: size 15; colour e: size 14; colour d: size 13; colour c: size"
        " 12; and 2 more. Required" in sentence
    )


def test_five_judged_rows_are_all_that_there_are(judge):
    [sentence] = judge(
        pd.DataFrame({"colour": list("abcde"), "size": [9.0] * 5}), sizes(), row=["colour"]
    ).sentences
    assert sentence.startswith(
        "FAIL: size: colour a: size 9; colour b: size 9; colour c: size 9; colour d: size 9; colour"
        " e: size 9. Required: "
    )


def test_a_judged_row_is_told_with_what_stands_beside_it(judge):
    table = TOYS.assign(shape="cube", price=[1, 2, 3], weight=0.5)
    [sentence] = judge(
        table, sizes(), row=["colour", "shape"], show=["price", "size", "weight"]
    ).sentences
    assert sentence.startswith(
        "FAIL: size: colour green, shape cube: size 9 (price 3, weight 0.5). Required: "
    )


def test_a_row_name_that_stands_twice_is_told(judge):
    [sentence] = judge(
        TOYS.assign(colour="red"),
        expect("expect_column_values_to_be_unique", column="colour"),
        row=["colour"],
    ).sentences
    assert sentence.startswith("FAIL: colour: colour red; colour red; colour red. Required: ")


def test_insufficient_blocks(judge):
    verdict = judge(TOYS, sizes(meta=INSUFFICIENT), row=["colour"])
    assert (verdict.verdict, verdict.blocks) == ("insufficient", True)
    assert verdict.sentences[0].startswith("INSUFFICIENT: size: colour green: size 9. Required: ")


def test_a_warning_that_is_insufficient_does_not_block(judge):
    verdict = judge(TOYS, EXISTS, sizes("warning", meta=INSUFFICIENT), row=["colour"])
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)


def test_a_waiver_opens_the_gate_but_is_told(judge):
    verdict = judge(TOYS, sizes(meta=INSUFFICIENT | waived(green="few are made")), row=["colour"])
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)
    assert "colour green is waived: few are made (toys.json:1)" in verdict.sentences[0]


def test_each_waiver_is_told_with_its_reason(judge):
    table = TOYS.assign(size=[1.0, 8.0, 9.0])
    verdict = judge(
        table, sizes(meta=INSUFFICIENT | waived(blue="few are made", green="fewer")), row=["colour"]
    )
    assert not verdict.blocks
    assert verdict.sentences[0].endswith(
        "0 to 5. colour blue is waived: few are made; colour green is waived: fewer (toys.json:1)"
    )


def test_a_waiver_of_one_of_two_rows_leaves_the_gate_closed(judge):
    table = TOYS.assign(size=[1.0, 8.0, 9.0])
    verdict = judge(table, sizes(meta=INSUFFICIENT | waived(green="few are made")), row=["colour"])
    assert (verdict.verdict, verdict.blocks) == ("insufficient", True)
    assert verdict.sentences[0].startswith("INSUFFICIENT: size: colour blue: size 8. Required: ")


def test_a_waiver_hides_no_row_behind_many_waived_ones(judge):
    table = pd.DataFrame(
        {"colour": [*"abcdefghijklmnopqrstuvwxy", "red"], "size": [9.0] * 26}
    )  # 25, more than GX names unasked
    every = dict.fromkeys("abcdefghijklmnopqrstuvwxy", "few are made")
    verdict = judge(table, sizes(meta=INSUFFICIENT | waived(**every)), row=["colour"])
    assert verdict.blocks
    assert verdict.sentences[0].startswith("INSUFFICIENT: size: colour red: size 9. Required: ")


def test_a_waiver_does_not_cover_a_verdict_on_the_whole_table(judge):
    aggregate = expect(
        "expect_column_max_to_be_between",
        meta=INSUFFICIENT | waived(green="few are made"),
        column="size",
        max_value=5,
    )
    assert judge(TOYS, aggregate, row=["colour"]).blocks


def test_a_waiver_of_the_suite_holds_for_each_of_its_expectations(judge):
    table = TOYS.assign(weight=[1.0, 1.0, 9.0])
    heavy = expect(
        "expect_column_values_to_be_between", meta=INSUFFICIENT, column="weight", max_value=5
    )
    verdict = judge(
        table, sizes(meta=INSUFFICIENT), heavy, row=["colour"], **waived(green="few are made")
    )
    assert (verdict.verdict, verdict.blocks) == ("insufficient", False)
    assert [
        sentence.count("colour green is waived: few are made") for sentence in verdict.sentences
    ] == [1, 1]


def test_a_waiver_of_the_suite_does_not_open_what_failed(judge):
    assert judge(TOYS, sizes(), row=["colour"], **waived(green="few are made")).verdict == "fail"
    assert judge(TOYS, sizes(), row=["colour"], **waived(green="few are made")).blocks


def test_a_waiver_opens_no_row_of_another_column(judge):
    table = pd.DataFrame(
        {"column": ["sex", "race"], "group": ["f", "f"], "size": [9.0, 9.0]}
    )  # f is female, or Filipino
    of_sex = {"waived": [{"where": {"column": "sex", "group": "f"}, "reason": "few"}]}
    verdict = judge(table, sizes(meta=INSUFFICIENT), row=["column", "group"], **of_sex)
    assert verdict.blocks
    assert verdict.sentences[0].startswith(
        "INSUFFICIENT: size: column race, group f: size 9. Required: "
    )


def test_a_gate_says_what_waives_the_rows_and_that_opens_it(judge):
    table = pd.DataFrame(
        {
            "column": "sex",
            "group": ["f", "f", "m"],
            "class": ["a", "b", "a"],
            "size": [9.0, 9.0, 1.0],
        }
    )
    row, by = ["column", "group", "class"], ["column", "group"]
    [sentence] = judge(table, sizes(meta=INSUFFICIENT), row=row, waived_by=by).sentences
    said = 'To accept it, add to "waived" in the meta of toys.json, with your reason: '
    waiver = sentence.split(said)[1].removesuffix(" (toys.json:1)")
    assert waiver == '[{"where": {"column": "sex", "group": "f"}, "reason": ""}]'
    assert judge(
        table, sizes(meta=INSUFFICIENT), row=row, waived=json.loads(waiver)
    ).blocks  # a reason is missing
    assert not judge(
        table, sizes(meta=INSUFFICIENT), row=row, waived=json.loads(waiver.replace('""', '"few"'))
    ).blocks


def test_a_class_is_waived_in_one_place_for_two_suites(judge):
    other = {
        "name": "kinds",
        "meta": {"row": ["colour"], **waived(green="few are made")},
        "expectations": [EXISTS],
    }
    Path("kinds.json").write_text(json.dumps(other))
    assert not judge(TOYS, sizes(meta=INSUFFICIENT), row=["colour"], waived_in="kinds.json").blocks
    Path("kinds.json").write_text(json.dumps(other | {"meta": {"row": ["colour"]}}))
    [sentence] = judge(
        TOYS, sizes(meta=INSUFFICIENT), row=["colour"], waived_in="kinds.json"
    ).sentences
    assert (
        'add to "waived" in the meta of kinds.json, with your reason: [{"where": {"colour":'
        ' "green"}, "reason": ""}]' in sentence
    )


def closed(verdict):
    """Return the only sentence of a gate that is closed because something could not be judged."""
    assert (verdict.verdict, verdict.blocks) == ("fail", True)
    [sentence] = verdict.sentences
    return sentence


def test_an_empty_table_closes_the_gate(judge):
    sentence = closed(judge(TOYS.head(0), sizes()))
    assert (
        sentence
        == "FAIL: the table for toys.json: it has no row, so nothing was judged. Look at the step"
        " that writes it."
    )


def test_a_missing_column_closes_the_gate(judge):
    assert (
        closed(judge(TOYS, sizes(column="sise")))
        == "FAIL: sise: the table has no column 'sise', it has colour, size. Correct it there."
        " (toys.json:1)"
    )


def test_a_column_without_values_closes_the_gate(judge):
    assert (
        closed(judge(TOYS.assign(size=float("nan")), sizes()))
        == "FAIL: size: the column 'size' holds no value, so nothing was judged. "
        "Look at the step that writes it. (toys.json:1)"
    )


def test_a_column_without_values_can_be_what_is_expected(judge):
    table = TOYS.assign(size=float("nan"))
    assert (
        judge(table, EXISTS, expect("expect_column_values_to_be_null", column="size")).verdict
        == "pass"
    )


def test_missing_values_are_no_failure_in_a_table_of_data(judge):
    assert judge(TOYS.assign(size=[1.0, 2.0, None]), sizes()).verdict == "pass"


def test_a_missing_bound_in_a_judged_table_closes_the_gate(judge):
    assert (
        closed(judge(TOYS.assign(size=[1.0, 2.0, None]), sizes(), row=["colour"]))
        == "FAIL: size: size is missing for colour green; a bound that is missing holds nothing. "
        "Look at the step that writes it. (toys.json:1)"
    )


def test_at_most_five_missing_bounds_are_named(judge):
    sentence = closed(
        judge(
            pd.DataFrame({"colour": list("abcdefg"), "size": [1.0, *[None] * 6]}),
            sizes(),
            row=["colour"],
        )
    )
    assert (
        "size is missing for colour b; colour c; colour d; colour e; colour f; and 1 more"
        in sentence
    )


def test_two_columns_of_one_name_close_the_gate(judge):
    sentence = closed(judge(TOYS.set_axis(["size", "size"], axis=1), sizes()))
    assert (
        sentence
        == "FAIL: the table for toys.json: it has two columns named 'size'. Give each a name of its"
        " own."
    )


def test_two_columns_of_one_name_close_the_gate_on_a_judged_table(judge):
    table = pd.DataFrame([["red", 1.0, None]], columns=["colour", "size", "size"])
    assert "two columns named 'size'" in judge(table, sizes(), row=["colour"]).sentences[0]


@pytest.mark.parametrize("size", [1.0, None])
def test_a_missing_column_of_meta_closes_the_gate(judge, size):
    verdict = judge(TOYS.assign(size=[1.0, 2.0, size]), sizes(), row=["shape"])
    assert (verdict.verdict, verdict.blocks) == ("fail", True)
    assert (
        "FAIL: the table for toys.json: it has no column 'shape', which meta names; it has colour, "
        "size. Correct it there. (toys.json)" in verdict.sentences
    )


@pytest.mark.parametrize(
    "expectation",
    [
        sizes(),
        expect("expect_column_sum_to_be_between", column="size", max_value=5),
        expect("expect_column_unique_value_count_to_be_between", column="size", max_value=5),
        expect("expect_column_distinct_values_to_be_in_set", column="size", value_set=[1, 2]),
    ],
    ids=lambda expectation: expectation["type"],
)
def test_a_condition_that_meets_no_row_closes_the_gate(judge, expectation):
    expectation["kwargs"] |= conditioned(parameter="pink")
    assert "judged no row: its row_condition meets none. Correct it there." in closed(
        judge(TOYS, expectation)
    )


def test_a_condition_that_meets_only_missing_values_closes_the_gate(judge):
    verdict = judge(TOYS.assign(size=[1.0, 2.0, None]), sizes(**conditioned(parameter="green")))
    assert "judged no value: all that its row_condition meets are missing" in closed(verdict)


def test_a_condition_that_meets_rows_is_judged_on_them(judge):
    assert (
        judge(TOYS, sizes(**conditioned("!=", "blue")))
        .sentences[0]
        .startswith("FAIL: size where colour != blue: 1 of 2 rows fail. Required: ")
    )


def test_a_date_bound_on_a_column_of_numbers_closes_the_gate(judge):
    sentence = closed(
        judge(TOYS, sizes(min_value="2001-01-01T00:00:00", max_value="2002-01-01T00:00:00"))
    )
    assert (
        sentence
        == "FAIL: size: expect_column_values_to_be_between could not be judged: '>=' not supported"
        " between instances of 'float' and 'datetime.datetime'; its bound may not be of the"
        " column's type. Correct it there. (toys.json:1)"
    )


def test_every_error_that_great_expectations_swallows_is_told_once(judge, monkeypatch):
    config = SimpleNamespace(meta={"nth": 1})
    lost, odd = (
        {"raised_exception": True, "exception_message": text}
        for text in ("lost\n  it", "an odd one")
    )
    info = {
        "size.max": odd,
        "size.min": lost,
        "size": odd,
        "fine": {"raised_exception": False, "exception_message": None},
        "raised": True,
    }
    monkeypatch.setattr(
        VALIDATE, lambda *_, **__: [SimpleNamespace(expectation_config=config, exception_info=info)]
    )
    assert "could not be judged: an odd one; lost it; its bound may not be" in closed(
        judge(TOYS, sizes())
    )


def conditioned(operator="==", parameter="green", column="colour"):
    return {
        "row_condition": {
            "type": "comparison",
            "column": {"name": column},
            "operator": operator,
            "parameter": parameter,
        }
    }


@pytest.fixture
def stored(tmp_path):
    """TOYS in two Parquet files, with a column more that no expectation names."""
    for name, rows in {"a": TOYS.head(1), "b": TOYS.tail(2)}.items():
        rows.assign(weight=1.0).to_parquet(tmp_path / f"{name}.parquet")
    return LazyParquet(tmp_path / "a.parquet", tmp_path / "b.parquet")


def test_a_stored_table_is_judged_like_one_in_memory(judge, stored):
    red = expect("expect_column_values_to_be_in_set", column="colour", value_set=["red"])
    pair = expect(
        "expect_column_pair_values_a_to_be_greater_than_b", column_A="size", column_B="weight"
    )
    columns = expect("expect_table_columns_to_match_set", column_set=["colour", "size"])
    suite = [
        columns,
        sizes(**conditioned()),
        red,
        expect("expect_table_row_count_to_be_between", min_value=4),
        pair,
        sizes(),
    ]
    in_memory = judge(TOYS.assign(weight=1.0), *suite)
    assert len(in_memory.sentences) == 6
    assert judge(stored, *suite) == in_memory


@pytest.fixture
def no_search_for_cycles():
    """Python frees only what nothing refers to any more."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_search_for_cycles")
def test_rows_that_were_judged_are_freed_at_once():
    rows = TOYS.copy()
    results, freed = (
        validated(rows, [expected(1, sizes()).expectation], {"result_format": "SUMMARY"}),
        weakref.ref(rows),
    )
    del rows
    assert [result.success for result in results] == [False]
    assert freed() is None


def test_only_the_columns_that_a_suite_names_are_read(judge, stored, monkeypatch):
    read = []
    monkeypatch.setattr(
        "sluice.core.tables.pd.read_parquet",
        lambda path, columns, **more: read.append(columns) or TOYS[columns],
    )
    judge(
        stored,
        sizes(),
        expect("expect_table_columns_to_match_set", column_set=["colour", "size", "weight"]),
    )
    assert read == [["size"], ["size"]]
    read.clear()
    judge(stored, sizes(**conditioned()))
    assert read == [["colour", "size"], ["colour", "size"]]


@pytest.mark.parametrize(
    "cells, batches",
    [(100, [["colour", "size", "weight"]]), (1, [["colour"], ["size"], ["weight"]])],
)
def test_a_large_table_is_judged_a_few_columns_at_a_time(
    judge, stored, monkeypatch, cells, batches
):
    monkeypatch.setattr("sluice.gates.gate.GATE_CELLS", cells)
    asked = []
    real = LazyParquet.__getitem__
    monkeypatch.setattr(
        LazyParquet,
        "__getitem__",
        lambda table, columns: asked.append(columns) or real(table, columns),
    )
    light = expect("expect_column_values_to_be_between", column="weight", max_value=0)
    red = expect("expect_column_values_to_be_in_set", column="colour", value_set=["red"])
    sentences = judge(
        stored, light, sizes(), red, expect("expect_column_values_to_not_be_null", column="size")
    ).sentences
    assert [sentence.split(" ")[1] for sentence in sentences] == ["weight:", "size:", "colour:"]
    assert asked == batches


def test_an_expectation_of_unknown_columns_sees_all_of_them(judge, stored, monkeypatch):
    monkeypatch.setattr("sluice.gates.gate.GATE_CELLS", 1)
    count = expect(
        "expect_table_row_count_to_be_between", min_value=2, **conditioned()
    )  # Great Expectations names no column of it
    assert (
        judge(stored, count)
        .sentences[0]
        .startswith("FAIL: the table where colour is green: 1. Required: ")
    )


def test_a_condition_on_a_column_that_is_not_there_closes_the_gate(judge):
    assert "could not be judged" in closed(judge(TOYS, sizes(**conditioned(column="color"))))


def test_a_warning_that_cannot_be_judged_closes_the_gate(judge):
    assert "the table has no column 'sise'" in closed(
        judge(TOYS, EXISTS, sizes("warning", column="sise"))
    )


def test_a_suite_that_is_wrong_closes_the_gate(judge):
    assert "did you mean expect_column_to_exist?" in closed(
        judge(TOYS, EXISTS, expect("expect_column_to_exists", column="size"))
    )


def test_what_is_right_in_a_wrong_suite_is_judged_as_well(judge):
    sentences = judge(TOYS, sizes(), expect("expect_column_to_exists", column="size")).sentences
    assert [sentence.split(" (")[0][:25] for sentence in sentences] == [
        "FAIL: the suite toys.json",
        "FAIL: size: 1 of 3 rows f",
    ]


def test_a_missing_suite_closes_the_gate(tmp_path):
    assert "does not exist; restore it from git" in closed(
        gate(TOYS, tmp_path / "toys.json", tmp_path / "report.json")
    )


def test_two_expectations_of_one_id_close_the_gate(judge):
    verdict = judge(
        TOYS, sizes() | {"id": "a"}, EXISTS | {"id": "a"}
    )  # somebody copied an expectation
    assert (verdict.verdict, verdict.blocks) == ("fail", True)


def test_an_expectation_without_a_result_closes_the_gate(judge, monkeypatch):
    monkeypatch.setattr(VALIDATE, lambda *_, **__: [])
    assert (
        closed(judge(TOYS, sizes()))
        == "FAIL: size: expect_column_values_to_be_between was not judged. "
        "Correct it there. (toys.json:1)"
    )


def test_an_error_of_great_expectations_closes_the_gate(judge, monkeypatch):
    def fall(*_, **__):
        raise ValueError("no\n  idea")

    monkeypatch.setattr(VALIDATE, fall)
    assert (
        closed(judge(TOYS, sizes(), EXISTS))
        == "FAIL: the suite toys.json: it could not be judged: no idea. Correct it there."
    )


def test_the_report_holds_the_parts_of_each_message_as_fields(judge):
    judge(TOYS.assign(size=[1, 2, 5.0449]), sizes(), row=["colour"])
    assert json.loads(Path("gates/shelf.json").read_text()) == {
        "gate": "shelf",
        "verdict": "fail",
        "blocks": True,
        "suite": "toys.json",
        "rows": 3,
        "expectations": 1,
        "confirmed": 1,
        "bounds": 1,
        "findings": [
            {
                "code": "column_values_to_be_between",
                "verdict": "fail",
                "blocks": True,
                "checked": "size",
                "found": ["colour green: size 5.04"],
                "required": "0 to 5",
                "fix": "Toys are small.",
                "where": "toys.json:1",
                "more": 0,
                "columns": ["size"],
                "evidence": [{"colour": "green", "size": 5.0449}],
            }
        ],
    }


def test_values_of_rows_are_in_no_report(judge):
    judge(TOYS.assign(size=[1, 2, 91.17]), sizes())
    report = Path("gates/shelf.json").read_text()
    assert "1 of 3 rows fail" in report
    assert "91.17" not in report


def test_a_second_run_writes_the_same_report(judge):
    reports = []
    for _ in range(2):
        judge(TOYS, sizes(), sizes("warning"), row=["colour"])
        reports.append(Path("gates/shelf.json").read_bytes())
    assert reports[0] == reports[1]


def test_a_gate_leaves_the_table_as_it_was(judge):
    table = TOYS.copy()
    judge(table, sizes(), row=["colour"])
    pd.testing.assert_frame_equal(table, TOYS)


def test_a_gate_prints_its_verdict_with_a_line_for_each_part(judge, capsys):
    judge(TOYS, sizes())
    assert capsys.readouterr() == (
        (
            "gate shelf: fail (3 rows, 1 expectation)\n"
            "  FAIL  size\n"
            "    found     1 of 3 rows fail\n"
            "    required  0 to 5\n"
            "    fix       Toys are small.\n"
            "    where     toys.json:1\n"
            f"  {HINT}\n"
        ),
        "",
    )


HINT = (
    "values are not shown, they may tell of people; run it again with SHOW_VALUES=1, which writes"
    " them to private/shelf.txt"
)


def test_values_of_rows_are_shown_and_kept_in_private_where_somebody_asks(
    judge, capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv("SHOW_VALUES", "1")
    monkeypatch.chdir(tmp_path)
    numbers = pd.DataFrame({"size": [11.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]})
    pair = expect(
        "expect_column_pair_values_a_to_be_greater_than_b", column_A="size", column_B="weight"
    )
    verdicts = [judge(numbers, sizes()), judge(TOYS.assign(weight=[0.5, 1.0, 10.0]), pair)]
    assert not any("11" in sentence for verdict in verdicts for sentence in verdict.sentences)
    out = capsys.readouterr().out
    assert "    size: 11\n    size: 12\n    size: 13\n    size: 14\n    size: 15\n" in out
    assert "size: 16" not in out
    assert (tmp_path / "private/shelf.txt").read_text(
        encoding="utf-8"
    ) == "size and weight: 9 with 10\n"


SECRET = pd.DataFrame({"colour": ["red", "red", "Ada Lovelace"], "size": [1.0, 2.0, 98765.0]})


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("values_to_be_in_set", {"column": "colour", "value_set": ["red"]}),
        ("distinct_values_to_be_in_set", {"column": "colour", "value_set": ["red"]}),
        ("distinct_values_to_equal_set", {"column": "colour", "value_set": ["red", "pink"]}),
        ("most_common_value_to_be_in_set", {"column": "size", "value_set": [0.0]}),
        ("max_to_be_between", {"column": "size", "max_value": 5}),
        ("mean_to_be_between", {"column": "colour", "max_value": 5}),
        ("values_to_be_between", {"column": "colour", "max_value": 5}),
        (
            "value_z_scores_to_be_less_than",
            {"column": "colour", "threshold": 1, "double_sided": True},
        ),
        (
            "pair_values_to_be_in_set",
            {
                "column_A": "colour",
                "column_B": "size",
                "value_pairs_set": [["red", 1.0], ["red", 2.0]],
            },
        ),
        ("values_to_be_unique", {"column": "colour"}),
        ("values_to_match_regex", {"column": "colour", "regex": "^red$"}),
        ("value_lengths_to_be_between", {"column": "colour", "max_value": 3}),
    ],
)
def test_no_value_of_a_row_stands_in_a_report_or_on_the_screen(
    judge, capsys, tmp_path, monkeypatch, kind, kwargs
):
    monkeypatch.chdir(tmp_path)
    verdict = judge(SECRET, expect(f"expect_column_{kind}", **kwargs))
    assert verdict.verdict == "fail"
    said = "".join(verdict.sentences) + capsys.readouterr().out
    assert not [value for value in ("Ada", "Lovelace", "98765", "9.876e") if value in said]
    assert not (tmp_path / "private").exists()


def test_message_of_another_program_loses_what_it_quotes():
    said = (
        "could not convert string 'Ada' to float: '<=' not supported between 'str' and 'int' in"
        ' "size"'
    )
    assert without_values(said, ["size"]) == said.replace("Ada", "...")
    assert without_values(
        "Unknown datetime string format, unable to parse: Ada, at position 0", []
    ).endswith("unable to parse ...")


def test_stop_names_each_report_that_blocks():
    verdicts = [
        Verdict("shelf", "fail", True, "gates/shelf.json", []),
        Verdict("box", "insufficient", True, "gates/box.json", []),
        Verdict("bag", "warn", False, "gates/bag.json", []),
    ]
    with pytest.raises(UserError) as refused:
        stop(verdicts)
    assert (
        str(refused.value)
        == "stopped by the gate shelf (fail), read gates/shelf.json\nstopped by the gate box"
        " (insufficient), read gates/box.json"
    )


def test_stop_lets_warnings_pass():
    stop(
        [
            Verdict("shelf", "warn", False, "gates/shelf.json", []),
            Verdict("box", "insufficient", False, "gates/box.json", []),
        ]
    )


def test_a_suite_follows_the_columns_that_were_forbidden_since(tmp_path):
    columns = expect("expect_table_columns_to_match_set", column_set=["colour", "size", "weight"])
    heavy = expect("expect_column_values_to_be_between", column="weight", max_value=5)
    pair = expect("expect_column_pair_values_to_be_equal", column_A="size", column_B="weight")
    suite, report = tmp_path / "toys.json", tmp_path / "report.json"
    suite.write_text(json.dumps({"name": "toys", "expectations": [columns, heavy, pair, sizes()]}))
    [too_large] = gate(TOYS, suite, report, dropped=["weight"]).sentences
    assert too_large.startswith("FAIL: size: 1 of 3 rows fail") and too_large.endswith(
        "toys.json:1)"
    )
    assert len(gate(TOYS, suite, report).sentences) == 4
    assert (
        gate(TOYS.assign(weight=1.0), suite, report, dropped=["weight"])
        .sentences[0]
        .startswith("FAIL: the table: unexpected weight")
    )


def test_failed_rows_are_told_worst_first_then_rarest_and_counted(tmp_path):
    between = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "recall", "min_value": 0.5},
        "severity": "critical",
    }
    between["meta"] = {"notes": "Found.", "bound": "confirmed"}
    suite = {
        "name": "toys",
        "meta": {"row": ["class"], "show": ["support"]},
        "expectations": [between],
    }
    path = tmp_path / "toys.json"
    path.write_text(json.dumps(suite), encoding="utf-8")
    recalls, support = [0.4, 0.4, 0.1, 0.3, 0.45, 0.2, 0.9], [50, 20, 90, 90, 90, 90, 90]
    table = pd.DataFrame({"class": list("abcdefg"), "recall": recalls, "support": support})
    [sentence] = gate(table, path, tmp_path / "report.json").sentences
    assert re.findall(r"class (\w):", sentence) == ["c", "f", "d", "b", "a"]
    assert "and 1 more" in sentence
