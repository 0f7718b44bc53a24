import json
import re

import pytest

from sluice.gates.probe import _plainly_bites, _probed, examples, toothless
from sluice.gates.suite import expected, read_suite

META = {"notes": "Toys are small.", "bound": "confirmed"}
PARTITION = {"values": ["x", "y"], "weights": [0.5, 0.5]}


def raw(kind, **kwargs):
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": "critical", "meta": META}


def of(kind, **kwargs):
    """Return a name for a test and an expectation of the column a."""
    return pytest.param(
        raw(kind, **{"column": "a"} | kwargs), id=f"{kind} {json.dumps(kwargs)}"[:90]
    )


def whole(kind, **kwargs):
    """Return a name for a test and an expectation that names no single column."""
    return pytest.param(raw(kind, **kwargs), id=f"{kind} {json.dumps(kwargs)}"[:90])


def where(operator, parameter, column="a"):
    return {
        "type": "comparison",
        "column": {"name": column},
        "operator": operator,
        "parameter": parameter,
    }


def why(expectation, is_judged=False):
    return toothless(expectation, expected(1, expectation).columns, is_judged=is_judged)


BETWEEN = (
    "mean",
    "max",
    "min",
    "median",
    "sum",
    "stdev",
    "unique_value_count",
    "proportion_of_unique_values",
)


@pytest.mark.parametrize(
    "vacuous",
    [
        *(
            of("column_values_to_be_between", min_value=0, mostly=mostly)
            for mostly in (0, False, "0", 0.0, 1e-10, 1e-9, 0.009)
        ),
        of("column_values_to_not_be_null", mostly=0),
        *(of(f"column_{figure}_to_be_between") for figure in BETWEEN),
        of("column_proportion_of_non_null_values_to_be_between", min_value=None, max_value=None),
        of("column_proportion_of_non_null_values_to_be_between", max_value=1),
        of("column_proportion_of_unique_values_to_be_between", min_value=0, max_value=1.0),
        of("column_unique_value_count_to_be_between", min_value=1, max_value=1e9),
        of("column_stdev_to_be_between", min_value=0),
        of("column_value_lengths_to_be_between", min_value=0),
        whole("table_row_count_to_be_between", min_value=0),
        whole("table_row_count_to_be_between", max_value=10**12),
        whole("table_column_count_to_be_between"),
        whole("table_columns_to_match_set", column_set=[], exact_match=False),
        whole("table_columns_to_match_ordered_list", column_list=None),
        of("column_kl_divergence_to_be_less_than", partition_object=PARTITION),
        of("column_kl_divergence_to_be_less_than", partition_object=None, threshold=0.1),
        of(
            "column_kl_divergence_to_be_less_than",
            partition_object=PARTITION,
            threshold=1e9,
            tail_weight_holdout=0.001,
        ),
        of("column_value_z_scores_to_be_less_than", threshold=1e9, double_sided=True),
        *(
            of("column_value_z_scores_to_be_less_than", threshold=3, double_sided=both, mostly=0.5)
            for both in (True, False)
        ),
        *(
            of(
                "column_quantile_values_to_be_between",
                quantile_ranges={"quantiles": [0.1, 0.5][-len(ends) :], "value_ranges": ends},
            )
            for ends in (
                [[None, None]],
                [[-1e9, 1e9]],
                [[None, 1e12]],
                [[-1e10, None], [None, None]],
            )
        ),
        *(
            of(f"column_{figure}_to_be_between", min_value=-1e9, max_value=1e9)
            for figure in ("mean", "median")
        ),
        *(
            of(f"column_{figure}_to_be_between", min_value=-1e15, max_value=1e15)
            for figure in ("values", "max", "min", "sum")
        ),
        of("column_stdev_to_be_between", max_value=1e9),
        of("column_values_to_not_be_in_set", value_set=[]),
        of("column_distinct_values_to_contain_set", value_set=[]),
        *(
            of("column_values_to_match_regex", regex=regex)
            for regex in ("", ".*", "^.*$", ".", "a*")
        ),
        of("column_values_to_match_regex_list", regex_list=["^a$", ".*"]),
        of("column_values_to_not_match_regex", regex="(?!)"),
        of("column_values_to_match_like_pattern", like_pattern="%"),
        of("column_values_to_be_in_type_list", type_list=None),
        of("column_values_to_match_json_schema", json_schema={}),
        whole(
            "column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="a", or_equal=True
        ),
        of("column_values_to_be_between", min_value=1, row_condition=where(">", 5)),
        of("column_values_to_be_in_set", value_set=["x"], row_condition=where("==", "x")),
    ],
)
def test_what_no_table_can_fail_is_told(vacuous):
    assert why(vacuous)


SOUND = [
    of("column_values_to_be_between", min_value=0, mostly=0.9),
    of("column_values_to_be_between", max_value="2001-01-01T00:00:00"),
    of("column_values_to_be_between", min_value=1, row_condition=where(">", 0)),
    of("column_values_to_be_in_set", value_set=["x"], row_condition=where("==", "y", column="b")),
    of(
        "column_values_to_be_in_set",
        value_set=[1],
        row_condition={"type": "and", "conditions": [where(">", 0), where("IN", ["u"], "b")]},
    ),
    *(
        of(f"column_{figure}_to_be_between", min_value=0.5)
        for figure in BETWEEN
        if figure != "unique_value_count"
    ),
    of("column_unique_value_count_to_be_between", max_value=7),
    of("column_stdev_to_be_between", min_value=0, strict_min=True),
    whole("table_row_count_to_be_between", min_value=1),
    whole("table_columns_to_match_set", column_set=["a"], exact_match=False),
    whole("table_columns_to_match_ordered_list", column_list=["a", "b"]),
    of("column_to_exist"),
    of(
        "column_kl_divergence_to_be_less_than",
        partition_object=PARTITION,
        threshold=0.1,
        tail_weight_holdout=0.001,
    ),
    *(
        of("column_value_z_scores_to_be_less_than", threshold=3, double_sided=True, mostly=mostly)
        for mostly in (0.9, 1)
    ),
    of("column_value_z_scores_to_be_less_than", threshold=3, double_sided=False, mostly=0.95),
    of("column_value_z_scores_to_be_less_than", threshold=100, double_sided=True),
    of(
        "column_quantile_values_to_be_between",
        quantile_ranges={"quantiles": [0.5], "value_ranges": [[None, 7]]},
    ),
    of(
        "column_quantile_values_to_be_between",
        quantile_ranges={"quantiles": [0.1, 0.5], "value_ranges": [[None, None], [0, 1e12]]},
    ),
    of("column_values_to_be_between", min_value=-1e9, max_value=1e9),  # one wild cell breaks it
    of("column_mean_to_be_between", min_value=0, max_value=1e12),
    of("column_sum_to_be_between", max_value=1e12),
    of("column_most_common_value_to_be_in_set", value_set=["x"], ties_okay=True),
    *(
        of("column_values_to_match_regex", regex=regex)
        for regex in ("^(?:A|B)$", "^[A-Z]+$", "^(?!banned)", "^.{1,80}$", "^[^<>]*$", r"^\S")
    ),
    *(
        of("column_values_to_not_match_regex", regex=regex)
        for regex in (r"\d{3}-\d{2}-\d{4}", "banned", "[^a-z]{3}x", "\n")
    ),
    of("column_values_to_match_strftime_format", strftime_format="%Y-%m-%d"),
    of("column_values_to_match_json_schema", json_schema={"type": "object"}),
    of("column_values_to_be_in_type_list", type_list=["int64", "float64"]),
    of("column_values_to_be_increasing"),
    whole(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="a",
        column_B="b",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    ),
    whole(
        "column_pair_values_to_be_in_set",
        column_A="a",
        column_B="b",
        value_pairs_set=[["x", 1], [None, 2]],
        ignore_row_if="neither",
    ),
    whole("last_column_to_equal_sum", column_list=["a", "b", "c"]),
    whole("compound_columns_to_be_unique", column_list=["a", "b"]),
]


@pytest.mark.parametrize("sound", SOUND)
def test_what_a_table_can_fail_is_taken(sound):
    assert why(sound) is None


@pytest.mark.parametrize(
    "plain",
    [
        of("column_values_to_be_between", min_value=0),
        of("column_values_to_be_between", max_value=1e9),
        of("column_values_to_be_in_set", value_set=["x", 1]),
        of("column_values_to_not_be_in_set", value_set=[0]),
        of("column_distinct_values_to_equal_set", value_set=["x"]),
        of("column_distinct_values_to_contain_set", value_set=["x"]),
        of("column_distinct_values_to_be_in_set", value_set=["x"]),
        whole("table_columns_to_match_set", column_set=["a"]),
        of("column_values_to_be_in_type_list", type_list=["int64", "float64", "LongType"]),
        of("column_values_to_be_unique"),
        whole("compound_columns_to_be_unique", column_list=["a", "b"]),
    ],
)
def test_what_is_taken_without_a_probe_fails_one(plain):
    columns = expected(1, plain).columns
    assert _plainly_bites(plain, columns)
    assert _probed(json.dumps(plain), tuple(columns)) is None


@pytest.mark.parametrize(
    "vacuous, known",
    [
        (
            of("column_values_to_be_between", column="recall_high", min_value=0),
            "never below 0 or above 1",
        ),
        (
            of("column_values_to_be_between", column="proven_gap", max_value=1),
            "never below 0 or above 1",
        ),
        (
            of("column_values_to_be_between", column="support", min_value=0),
            "never below 0 or above 1e+09",
        ),
        (
            of(
                "column_values_to_be_between",
                column="value",
                max_value=1,
                row_condition=where("==", "gives_away", "check"),
            ),
            "never below 0 or above 1",
        ),
    ],
)
def test_a_bound_that_no_figure_of_a_stage_can_pass_is_told(vacuous, known):
    [expectation] = vacuous.values
    assert why(expectation, is_judged=True).endswith(f"exclude nothing; the figure is {known}")
    assert why(expectation) is None  # of a user's own table nothing is known


def test_a_bound_that_a_figure_of_a_stage_can_pass_is_taken():
    assert (
        why(raw("column_values_to_be_between", column="recall_high", min_value=0.5), is_judged=True)
        is None
    )
    assert (
        why(raw("column_values_to_be_between", column="value", max_value=1), is_judged=True) is None
    )  # a count


def read(tmp_path, *expectations):
    (tmp_path / "toys.json").write_text(json.dumps({"name": "toys", "expectations": expectations}))
    return read_suite(tmp_path / "toys.json")


def test_a_suite_whose_critical_expectation_cannot_fail_is_refused(tmp_path):
    vacuous = raw("column_mean_to_be_between", column="size")
    suite = read(tmp_path, vacuous, raw("column_values_to_be_unique", column="size"))
    assert suite.problems == [
        f"{tmp_path / 'toys.json'}:1 (expect_column_mean_to_be_between of size): it is critical,"
        " but nothing can fail it: min_value None and max_value None exclude nothing; the figure"
        " is never by any likelihood below -1e+09 or above 1e+09; give it a bound that a bad table"
        " breaks, or delete it; mend it there"
    ]
    assert [one.nth for one in suite.expected] == [2]


@pytest.mark.parametrize(
    "malformed, said",
    [
        (
            of("column_values_to_be_between", min_value=0, mostly=1e9),
            "mostly is 1000000000.0, must be a share of the rows, above 0",
        ),
        (
            of("column_values_to_be_between", min_value=0, mostly=[1]),
            "mostly is [1], must be a share",
        ),
        (
            of("column_values_to_be_between", min_value=[0]),
            "min_value is [0], must be a number, or a date as text",
        ),
        *(
            (
                of("column_quantile_values_to_be_between", quantile_ranges=ranges),
                "for each a pair [low, high], such as",
            )
            for ranges in (
                {},
                None,
                {"quantiles": [0.5], "value_ranges": [[1]]},
                {"quantiles": [], "value_ranges": []},
            )
        ),
        *(
            (
                whole(
                    "column_pair_values_to_be_in_set",
                    column_A="a",
                    column_B="b",
                    value_pairs_set=pairs,
                ),
                "must be a list of pairs of values",
            )
            for pairs in ([], [1], None)
        ),
        (
            of("column_values_to_match_regex", regex="("),
            "'(' is no regular expression: missing ), unterminated",
        ),
    ],
)
def test_what_is_malformed_is_told_in_our_words_alone(malformed, said, tmp_path):
    [problem] = read(
        tmp_path, *malformed.values, raw("column_values_to_be_unique", column="size")
    ).problems
    assert said in problem
    assert not re.search("value is not|ensure this|unpack|kernel|could not be judged", problem)


def test_a_warning_that_cannot_fail_is_taken(tmp_path):
    vacuous = raw("column_mean_to_be_between", column="size") | {"severity": "warning"}
    assert read(tmp_path, vacuous, raw("column_values_to_be_unique", column="size")).problems == []


@pytest.mark.parametrize(
    "regex",
    [r"^\d{3}-\w+$", "(?:ab|c){2}z", "[^a-z]x?", r"[\s_]{2,}q", "a.c", r"(?i)[A-C]+\b", r"[^\d]"],
)
def test_a_text_that_a_regular_expression_meets_is_found(regex):
    [text] = examples(regex)
    assert re.search(regex, text)


@pytest.mark.parametrize("regex", ["(?!)", "$a", "(", "[z-a]"])
def test_no_text_is_found_that_a_regular_expression_cannot_meet(regex):
    assert examples(regex) == []
