import json
import re

import pytest
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

from sluice.gates.names import GATES
from sluice.gates.suite import JUDGED_SUITES, bounds, read_suite

SMALL = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "size", "min_value": 0, "max_value": 5},
    "severity": "critical",
    "meta": {"notes": "Toys are small.", "bound": "confirmed"},
}


def suite(tmp_path, *expectations, **top):
    path = tmp_path / "toys.json"
    path.write_text(json.dumps({"name": "toys", "expectations": expectations} | top))
    return read_suite(path)


def problems(tmp_path, *expectations, **top):
    """Return what is wrong with a suite, without where."""
    place = re.escape(str(tmp_path / "toys.json")) + r"(:1 \([\w ]+\))?[:, ]*"
    found = suite(tmp_path, *expectations, **top).problems
    return [re.sub(f"^{place}", "", problem) for problem in found]


def about(problem):
    """Return the sentence about an expectation that tells of `problem`."""
    return f"{problem}; mend it there"


def meta(**changes):
    return SMALL | {
        "meta": {
            key: value for key, value in (SMALL["meta"] | changes).items() if value is not None
        }
    }


def kwargs(**changes):
    return SMALL | {
        "kwargs": {
            key: value for key, value in (SMALL["kwargs"] | changes).items() if value is not None
        }
    }


def test_a_sound_suite_has_no_problems(tmp_path):
    read = suite(
        tmp_path,
        SMALL,
        SMALL | {"severity": "info"},
        meta={"row": ["colour"], "show": ["price"], "notes": "One row is a toy."},
    )
    assert read.problems == []
    assert [(expected.nth, expected.columns) for expected in read.expected] == [
        (1, ["size"]),
        (2, ["size"]),
    ]
    assert (read.row, read.shown) == (["colour"], ["colour", "price"])


def test_a_proposal_may_carry_its_fingerprint(tmp_path):
    assert problems(tmp_path, meta(bound="inferred", proposed="0123456789ab")) == []


def test_a_suite_without_meta_names_no_row(tmp_path):
    read = suite(tmp_path, SMALL)
    assert (read.problems, read.row, read.shown) == ([], [], [])


def test_an_expectation_carries_its_place_in_the_file(tmp_path):
    assert [
        expected.expectation.meta["nth"] for expected in suite(tmp_path, SMALL, SMALL).expected
    ] == [1, 2]


@pytest.mark.parametrize(
    "sound",
    [
        kwargs(min_value=5),
        meta(bound="inferred"),
        meta(verdict="insufficient", waived=[{"where": {"colour": "red"}, "reason": "few"}]),
    ],
    ids=["equal bounds", "an inferred bound", "a waiver"],
)
def test_a_sound_expectation_has_no_problems(tmp_path, sound):
    assert problems(tmp_path, sound, meta={"row": ["colour"]}) == []


@pytest.mark.parametrize(
    "kind, kwargs, columns",
    [
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "high", "column_B": "low"},
            ["high", "low"],
        ),
        (
            "expect_compound_columns_to_be_unique",
            {"column_list": ["colour", "size"]},
            ["colour", "size"],
        ),
        ("expect_table_row_count_to_be_between", {"min_value": 1}, []),
    ],
)
def test_the_columns_of_an_expectation_are_known(tmp_path, kind, kwargs, columns):
    [expected] = suite(tmp_path, SMALL | {"type": kind, "kwargs": kwargs}).expected
    assert expected.columns == columns


def where(column):
    return {
        "type": "comparison",
        "column": {"name": column},
        "operator": "<",
        "parameter": {"bound": [9]},
    }


@pytest.mark.parametrize(
    "kind, kwargs, needs",
    [
        ("expect_column_values_to_not_be_null", {"column": "size"}, {"size"}),
        (
            "expect_column_values_to_not_be_null",
            {"column": "size", "row_condition": where("colour")},
            {"size", "colour"},
        ),
        (
            "expect_column_values_to_not_be_null",
            {
                "column": "size",
                "row_condition": {"type": "and", "conditions": [where("colour"), where("shape")]},
            },
            {"size", "colour", "shape"},
        ),
        ("expect_table_row_count_to_be_between", {"min_value": 1}, set()),
        (
            "expect_table_row_count_to_be_between",
            {"min_value": 1, "row_condition": where("colour")},
            None,
        ),
    ],
)
def test_the_columns_that_an_expectation_needs_are_known(tmp_path, kind, kwargs, needs):
    [expected] = suite(tmp_path, SMALL | {"type": kind, "kwargs": kwargs}).expected
    assert expected.needs == needs


@pytest.mark.parametrize(
    "expectation, problem",
    [
        (
            SMALL | {"severty": "info"},
            (
                "the key 'severty' is unknown, allowed: description, id, kwargs, meta, notes,"
                " rendered_content, severity, type"
            ),
        ),
        (
            SMALL | {"severity": "fatal"},
            "severity is 'fatal', must be one of critical, warning, info",
        ),
        (
            {key: SMALL[key] for key in SMALL if key != "severity"},
            "severity is None, must be one of critical, warning, info",
        ),
        (
            {key: SMALL[key] for key in SMALL if key != "meta"},
            "meta is missing; its notes say why the expectation is there",
        ),
        (
            {key: SMALL[key] for key in SMALL if key != "kwargs"},
            "kwargs is missing; it names the column and the bounds",
        ),
        (meta(notes=None), "meta.notes is missing; it says why the expectation is there"),
        (meta(notes=" "), "meta.notes is missing; it says why the expectation is there"),
        (
            meta(bound=None),
            "meta.bound is None, must be 'inferred' (by a program) or 'confirmed' (by a person)",
        ),
        (
            meta(bound="guessed"),
            (
                "meta.bound is 'guessed', must be 'inferred' (by a program) or 'confirmed' (by a"
                " person)"
            ),
        ),
        (meta(verdict="warn"), "meta.verdict is 'warn', must be 'insufficient' or absent"),
        (meta(notes="\u200b"), "meta.notes is missing; it says why the expectation is there"),
        (
            meta(waived=[{"where": {"colour": "red"}, "reason": "few"}]),
            "meta.waived goes only with meta.verdict 'insufficient': what failed cannot be waived",
        ),
        (kwargs(min_value=6), "min_value 6 is above max_value 5"),
        (
            kwargs(min_value="2001-02-03", max_value="2001-01-01"),
            "min_value '2001-02-03' is above max_value '2001-01-01'",
        ),
        (
            kwargs(column_list=["size", None]),
            "column_list is ['size', None], must be a list of column names",
        ),
        (
            kwargs(min_value={"$PARAMETER": "floor"}),
            "$PARAMETER is not filled in by anything; write the bound itself",
        ),
        (kwargs(colum="size"), "colum: extra fields not permitted"),
        (kwargs(column=None), "column: field required"),
        (kwargs(column=5), "column: str type expected"),
        (
            kwargs(row_condition={"type": "nullity", "column": {"name": "size"}}),
            "row_condition.is_null: field required",
        ),
        (kwargs(min_value=None, max_value=None), "min_value and max_value cannot both be None"),
    ],
)
def test_a_wrong_expectation_is_a_problem(tmp_path, expectation, problem):
    assert about(problem) in problems(tmp_path, expectation, SMALL)


LISTED = "meta.waived must be a list of objects with the keys where and reason, such as "
WAIVER = {"where": {"colour": "red"}, "reason": "few are made"}


@pytest.mark.parametrize(
    "waived, problem",
    [
        (
            {"red": "few"},
            LISTED
            + '[{"where": {"column": "...", "group": "...", "colour": "..."}, "reason": ""}]',
        ),
        (
            ["red"],
            LISTED
            + '[{"where": {"column": "...", "group": "...", "colour": "..."}, "reason": ""}]',
        ),
        (
            [WAIVER | {"until": 2030}],
            LISTED
            + '[{"where": {"column": "...", "group": "...", "colour": "..."}, "reason": ""}]',
        ),
        (
            [WAIVER | {"reason": " "}],
            "meta.waived, entry 1: reason is ' ', must say in words why these rows are accepted",
        ),
        (
            [WAIVER, WAIVER | {"reason": None}],
            "meta.waived, entry 2: reason is None, must say in words why these rows are accepted",
        ),
        (
            [WAIVER | {"reason": "\u200b\u3164"}],
            (
                r"meta.waived, entry 1: reason is '\u200b\u3164', must say in words why these rows"
                r" are accepted"
            ),
        ),
        (
            [WAIVER | {"where": {}}],
            (
                "meta.waived, entry 1: where is {}, must give one or more columns, each with its"
                " value as text"
            ),
        ),
        (
            [WAIVER | {"where": {"colour": 1}}],
            (
                "meta.waived, entry 1: where is {'colour': 1}, must give one or more columns, each"
                " with its value as text"
            ),
        ),
        (
            [WAIVER | {"where": {"shape": "cube"}}],
            (
                "meta.waived, entry 1: where names the column 'shape', which names no row here;"
                " meta.row has column, group, colour"
            ),
        ),
        (
            [WAIVER | {"where": {"group": "f"}}],
            (
                "meta.waived, entry 1: where has the group 'f' without its column, so that it would"
                " open more than is meant; add 'column'"
            ),
        ),
    ],
)
def test_a_wrong_waiver_is_a_problem(tmp_path, waived, problem):
    row = {"row": ["column", "group", "colour"]}
    assert problems(tmp_path, SMALL, meta=row | {"waived": waived}) == [
        f"its {problem}; mend it there"
    ]
    assert problems(tmp_path, meta(verdict="insufficient", waived=waived), meta=row) == [
        about(problem)
    ]


def test_a_waiver_needs_rows_that_have_a_name(tmp_path):
    assert problems(tmp_path, SMALL, meta={"waived": [WAIVER]}) == [
        "its meta.waived, entry 1: where names the column 'colour', which names no row here;"
        " meta.row has none; mend it there"
    ]


def test_a_wrong_waiver_opens_nothing(tmp_path):
    read = suite(
        tmp_path, SMALL, meta={"row": ["colour"], "waived": [WAIVER, WAIVER | {"reason": ""}]}
    )
    assert read.waived == []


def test_waivers_that_stand_in_another_suite_are_read_there(tmp_path):
    (tmp_path / "games.json").write_text(
        json.dumps({"meta": {"row": ["colour", "shape"], "waived": [WAIVER]}})
    )
    read = suite(tmp_path, SMALL, meta={"row": ["colour"], "waived_in": "games.json"})
    assert (read.problems, [waiver.where for waiver in read.waived]) == ([], [{"colour": "red"}])


def test_without_the_suite_that_holds_the_waivers_nothing_is_waived(tmp_path):
    read = suite(tmp_path, SMALL, meta={"row": ["colour"], "waived_in": "games.json"})
    assert (read.problems, read.waived) == ([], [])


@pytest.mark.parametrize(
    "other, problem",
    [
        ("[]", "games.json has no meta; the waivers of "),
        ('{"meta": {"row": ["colour"], "waived": ["red"]}}', "games.json: its " + LISTED),
    ],
)
def test_waivers_that_cannot_be_read_in_another_suite_are_a_problem(tmp_path, other, problem):
    (tmp_path / "games.json").write_text(other)
    [sentence] = suite(
        tmp_path, SMALL, meta={"row": ["colour"], "waived_in": "games.json"}
    ).problems
    assert problem in sentence


def test_a_wrong_expectation_is_not_judged(tmp_path):
    assert [expected.nth for expected in suite(tmp_path, kwargs(colum="size"), SMALL).expected] == [
        2
    ]


def test_a_problem_names_the_file_the_line_the_check_and_the_column(tmp_path):
    path, wrong = tmp_path / "toys.json", [SMALL, SMALL | {"severity": "fatal"}, {"kwargs": {}}]
    content = {"meta": {"notes": ': "expectations": ['}, "expectations": wrong, "name": "toys"}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    said = [problem.split(": ")[0] for problem in read_suite(path).problems]
    text = path.read_text(encoding="utf-8").splitlines()
    second, third = (text.index('      "severity": "fatal",') - 6, text.index('      "kwargs": {}'))
    kind = "expect_column_values_to_be_between of size"
    assert said[0] == f"{path}:{second} ({kind})"
    assert set(said[1:]) == {f"{path}:{third} (no type)"}


def test_a_misspelt_type_is_a_problem(tmp_path):
    assert problems(tmp_path, SMALL | {"type": "expect_column_values_to_be_betwen"}) == [
        "Great Expectations has no such type; "
        "did you mean expect_column_values_to_be_between?; mend it there"
    ]


def test_a_missing_type_is_a_problem(tmp_path):
    untyped = {key: SMALL[key] for key in SMALL if key != "type"}
    assert problems(tmp_path, untyped) == ["Great Expectations has no such type; mend it there"]


def test_an_expectation_that_is_no_object_is_a_problem(tmp_path):
    assert problems(tmp_path, "size", SMALL) == ["it is str, must be an object; mend it there"]


def test_an_id_that_stands_twice_is_a_problem(tmp_path):
    assert problems(tmp_path, SMALL | {"id": "a"}, SMALL | {"id": "b"}, SMALL | {"id": "a"}) == [
        "its id 'a' is that of another expectation; mend it there"
    ]


def test_two_problems_give_two_sentences(tmp_path):
    assert problems(tmp_path, SMALL, meta(notes=None, bound="guessed")) == [
        "meta.notes is missing; it says why the expectation is there; mend it there",
        (
            "meta.bound is 'guessed', "
            "must be 'inferred' (by a program) or 'confirmed' (by a person); mend it there"
        ),
    ]


def test_an_empty_suite_is_a_problem(tmp_path):
    assert problems(tmp_path) == [
        "is empty: no expectation, no gate; write at least a critical one"
    ]


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_a_suite_without_a_critical_expectation_is_a_problem(tmp_path, severity):
    assert problems(tmp_path, SMALL | {"severity": severity}) == [
        "has no expectation of severity critical, so that it would stop nothing; make one critical"
    ]


@pytest.mark.parametrize("name", ["games", None])
def test_a_suite_under_another_name_is_a_problem(tmp_path, name):
    assert problems(tmp_path, SMALL, name=name) == [f"its name is {name!r}, must be 'toys'"]


def test_what_great_expectations_refuses_is_a_problem(tmp_path, monkeypatch):
    def fall(_):
        raise ValueError("no\n  idea")

    monkeypatch.setattr("sluice.gates.suite.ExpectationConfiguration.to_domain_obj", fall)
    assert problems(tmp_path, SMALL) == [about("no idea")]


def test_an_id_that_stands_twice_hides_no_other_problem(tmp_path):
    found = problems(tmp_path, SMALL | {"id": "a"}, meta(notes=None) | {"id": "a"})
    assert found == [
        "meta.notes is missing; it says why the expectation is there; mend it there",
        "its id 'a' is that of another expectation; mend it there",
    ]


def test_an_unknown_key_of_the_suite_is_a_problem(tmp_path):
    assert problems(tmp_path, SMALL, expectation=[]) == [
        "the key 'expectation' is unknown, allowed: expectations, id, meta, name, notes"
    ]


def test_an_unknown_key_in_the_meta_of_the_suite_is_a_problem(tmp_path):
    assert problems(
        tmp_path, SMALL, meta={"rows": ["colour"]}
    ) == [  # no row: a missing bound would pass
        "its meta has the key 'rows', allowed: copy_of, great_expectations_version, notes, row,"
        " show, waived, waived_by, waived_in; mend it there"
    ]


def test_an_unknown_key_in_the_meta_of_an_expectation_is_a_problem(tmp_path):
    assert problems(tmp_path, meta(verdit="insufficient")) == [
        about("meta has the key 'verdit', allowed: bound, notes, proposed, verdict, waived")
    ]


@pytest.mark.parametrize(
    "wrong, problem",
    [
        ("colour", "its meta is str, must be an object"),
        ({"row": "colour"}, "its meta.row is 'colour', must be a list of column names"),
        (
            {"row": ["colour"], "show": "size"},
            "its meta.show is 'size', must be a list of column names",
        ),
        (
            {"row": ["colour"], "waived_by": ["size"]},
            "its meta.waived_by names size, which meta.row does not; name the columns of meta.row",
        ),
        (
            {"waived_in": "../games.json"},
            (
                "its meta.waived_in is '../games.json', must be the name of a suite's file beside"
                " it, such as by_class.json"
            ),
        ),
        ({"row": [["colour"]]}, "its meta.row is [['colour']], must be a list of column names"),
    ],
)
def test_a_meta_that_names_no_list_of_columns_is_a_problem(tmp_path, wrong, problem):
    read = suite(tmp_path, SMALL, meta=wrong)
    assert read.problems == [f"{tmp_path / 'toys.json'}: {problem}; mend it there"]
    assert read.meta == {}


@pytest.mark.parametrize("content", ["[]", "{}", '{"expectations": {}}'])
def test_a_suite_without_a_list_of_expectations_is_a_problem(tmp_path, content):
    (tmp_path / "toys.json").write_text(content)
    assert read_suite(tmp_path / "toys.json").problems == [
        f"{tmp_path / 'toys.json'} holds no list named 'expectations'; write one"
    ]


def test_a_missing_suite_is_a_problem(tmp_path):
    path = tmp_path / "toys.json"
    assert read_suite(path).problems == [
        f"{path} does not exist; restore it from git: a table without a suite passes nothing"
    ]


def test_a_suite_that_is_not_utf_8_is_a_problem(tmp_path):
    (tmp_path / "toys.json").write_bytes(b'{"name": "gr\xfcn"}')
    assert read_suite(tmp_path / "toys.json").problems == [
        f"{tmp_path / 'toys.json'} is not UTF-8 (byte 12); save it as UTF-8"
    ]


@pytest.mark.parametrize("content", ["", "{", "name: toys", '{"name": "toys",}'])
def test_a_suite_that_is_not_json_is_a_problem(tmp_path, content):
    (tmp_path / "toys.json").write_text(content)
    [problem] = read_suite(tmp_path / "toys.json").problems
    assert problem.startswith(f"{tmp_path / 'toys.json'} is not JSON: ")


@pytest.mark.parametrize("bound", ["NaN", "Infinity", "-Infinity"])
def test_a_bound_that_is_no_number_of_json_is_a_problem(tmp_path, bound):
    (tmp_path / "toys.json").write_text(
        json.dumps({"name": "toys", "expectations": [kwargs(max_value=5.0)]}).replace("5.0", bound)
    )
    read = read_suite(tmp_path / "toys.json")
    assert read.problems == [
        f"{tmp_path / 'toys.json'} is not JSON: {bound} is not a number that JSON knows; mend it"
        " there"
    ]


def test_a_bound_too_large_for_a_number_is_a_problem(tmp_path):
    path = tmp_path / "toys.json"
    path.write_text(
        json.dumps({"name": "toys", "expectations": [kwargs(max_value=5.0)]}).replace(
            "5.0", "1e999"
        )
    )
    sentence = (  # Python reads infinity, which holds nothing
        f"{path} is not JSON: 1e999 is not a number that JSON knows; mend it there"
    )
    assert read_suite(path).problems == [sentence]


def test_a_fraction_in_a_suite_is_read_as_it_is(tmp_path):
    [expected] = suite(tmp_path, kwargs(min_value=0.25)).expected
    assert expected.raw["kwargs"]["min_value"] == 0.25


@pytest.mark.parametrize(
    "key, content",
    [
        (
            "expectations",
            (
                f'{{"name": "toys", "expectations": [{json.dumps(SMALL)}], "expectations":'
                f" [{json.dumps(meta(bound='inferred'))}]}}"
            ),
        ),
        (
            "max_value",
            json.dumps({"name": "toys", "expectations": [SMALL]}).replace(
                '"max_value": 5', '"max_value": 5, "max_value": 50'
            ),
        ),
    ],
)
def test_a_key_that_stands_twice_is_a_problem(tmp_path, key, content):
    path = tmp_path / "toys.json"
    path.write_text(content)  # JSON alone would keep the last, and drop an expectation or a bound
    assert read_suite(path).problems == [
        f"{path} is not JSON: the key {key!r} stands twice in one object; mend it there"
    ]


@pytest.mark.parametrize("bound", ["1" + "0" * 400, "-1" + "0" * 5_000, str(2**64)])
def test_a_whole_number_that_no_table_holds_is_a_problem(tmp_path, bound):
    path = tmp_path / "toys.json"
    path.write_text(
        json.dumps({"name": "toys", "expectations": [kwargs(max_value="BOUND")]}).replace(
            '"BOUND"', bound
        )
    )
    sentence = (
        f"{path} is not JSON: {bound[:20]}... is larger than any whole number in a table (2 to the"
        " power of 64); mend it there"
    )
    assert read_suite(path).problems == [sentence]


@pytest.mark.parametrize("levels", [30, 100_000])
def test_a_suite_that_is_nested_too_deep_is_a_problem(tmp_path, levels):
    path = tmp_path / "toys.json"
    path.write_text('{"name": "toys", "expectations": ' + "[" * levels + "]" * levels + "}")
    [problem] = read_suite(path).problems
    assert problem.startswith(f"{path} is nested deeper than any expectation is")


def test_half_of_a_character_is_a_problem(tmp_path):
    path = tmp_path / "toys.json"
    path.write_text(json.dumps({"name": "toys", "expectations": [kwargs(column="size\ud800")]}))
    assert read_suite(path).problems == [
        rf"{path} holds half of a character (a lone surrogate such as \ud800), which no table can"
        r" hold; mend it there"
    ]


def test_a_folder_is_no_suite(tmp_path):
    (tmp_path / "toys.json").mkdir()
    path = tmp_path / "toys.json"
    assert read_suite(path).problems == [
        f"{path} cannot be read (Is a directory); it must be a file: restore it from git"
    ]


@pytest.mark.parametrize("value", [None, [], [None], {}, {"a": [None]}, "", 2**63, True], ids=repr)
def test_odd_values_end_in_sentences(tmp_path, value):
    for kind in list_registered_expectation_implementations():
        odd_values_end_in_sentences(tmp_path, kind, value)


def odd_values_end_in_sentences(tmp_path, kind, value):
    names = get_expectation_impl(kind).__fields__.keys() - {
        "id",
        "meta",
        "notes",
        "result_format",
        "description",
        "rendered_content",
        "severity",
    }
    odd = dict.fromkeys(
        names
        - {
            "column",
            "catch_exceptions",
            "batch_id",
            "windows",
            "row_condition",
            "condition_parser",
        },
        value,
    )
    found = suite(
        tmp_path,
        {
            "type": kind,
            "kwargs": odd | {"column": value},
            "severity": "critical",
            "meta": SMALL["meta"],
        },
        SMALL,
    )
    assert [expected.nth for expected in found.expected][-1] == 2
    assert len(found.expected) == 2 or found.problems


CODE = "@pd.io.common.os.system('true')"


@pytest.mark.parametrize(
    "condition, problem",
    [
        (
            CODE,
            "row_condition is text, which would be run as code; write it as an object, such as ",
        ),
        ('col("colour") == "red"', "row_condition is text"),
        ({"type": "pass_through", "pass_through_filter": CODE}, "row_condition is text"),
        (
            {
                "type": "and",
                "conditions": [
                    where("colour"),
                    {"type": "pass_through", "pass_through_filter": CODE},
                ],
            },
            "row_condition is text",
        ),
        ({"type": "or", "conditions": [where("colour"), CODE]}, "row_condition is text"),
        (
            where(f"size` == {CODE} or `size"),
            "and what follows a backtick would be run as code; rename the column",
        ),
    ],
)
def test_a_condition_that_pandas_would_run_as_code_is_a_problem(tmp_path, condition, problem):
    found = suite(tmp_path, kwargs(row_condition=condition, condition_parser="pandas"), SMALL)
    assert any(problem in sentence for sentence in found.problems)
    assert [expected.nth for expected in found.expected] == [2]


def test_a_suite_of_a_judged_table_has_to_name_its_rows(tmp_path):
    path = tmp_path / "by_class.json"
    path.write_text(
        json.dumps({"name": "by_class", "meta": {"notes": "x", "row": []}, "expectations": [SMALL]})
    )
    sentence = (
        f"{path}: its meta.row is missing, so that a missing figure would pass; name the columns"
        " that tell rows apart"
    )
    assert read_suite(path).problems == [sentence]


def test_every_gate_of_a_judged_table_has_to_name_its_rows():
    assert {name for names in GATES.values() for name in names} - {
        "prepared",
        "augmented",
    } <= JUDGED_SUITES


def test_bounds_are_those_of_the_column_and_of_the_rows_asked_for(tmp_path):
    red = {"type": "comparison", "column": {"name": "colour"}, "operator": "==", "parameter": "red"}
    suite(
        tmp_path,
        SMALL,
        kwargs(column="price"),
        kwargs(max_value=3, min_value=None, row_condition=red),
    )
    path = tmp_path / "toys.json"
    assert (bounds(path, "size", "max_value"), bounds(path, "size", "max_value", "red")) == (
        [5],
        [3],
    )
    assert (bounds(path, "size", "min_value", "red"), bounds(path, "weight", "max_value")) == (
        [],
        [],
    )
    assert bounds(tmp_path / "none.json", "size", "max_value") == []
