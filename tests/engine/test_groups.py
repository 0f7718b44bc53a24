import json
from pathlib import Path

import ibis
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.data.groups import audited, check_audit, groups, not_audited
from sluice.gates.messages import sentences
from tests.engine.settings import roles, settings


def test_values_are_groups_by_their_names():
    assert groups(pd.Series([1.0, 2.0, None])).tolist() == ["1", "2", "missing"]
    assert groups(pd.Series(["x", None])).tolist() == ["x", "missing"]


def test_a_number_is_cut_where_its_groups_begin():
    ages = pd.Series([24.9, 25, 59, 60, None])
    assert groups(ages, [25, 60]).tolist() == [
        "below 25",
        "25 to below 60",
        "25 to below 60",
        "60 or more",
        "missing",
    ]


def test_ten_codes_are_groups():
    assert groups(pd.Series(range(10))).nunique() == 10


def test_eleven_numbers_are_refused_without_cut_points():
    with pytest.raises(
        UserError,
        match=(
            r"data.sensitive names 'age', a number of 11 different values, over 10; say where its"
            r" groups begin"
        ),
    ):
        groups(pd.Series(range(11), name="age"))


def test_groups_of_rows_in_service_are_those_of_the_audit_also_where_codes_become_many():
    rows = pd.DataFrame(
        {"age": [24.5, 25, None], "code": [1, 2, None], "size": [1, 2, 3]}, index=[5, 6, 7]
    )
    data = settings(data={"sensitive": ["age", "code"], "cut_points": {"age": [25]}}).data
    assert audited(rows, data).to_dict("list") == {
        "age": ["below 25", "25 or more", "missing"],
        "code": ["1", "2", "missing"],
    }
    many = pd.DataFrame({"age": range(20), "code": range(20)})
    assert audited(many, data)["code"].tolist() == [str(code) for code in range(20)]


def test_groups_of_rows_that_nobody_audits_are_none():
    assert audited(pd.DataFrame({"size": [1, 2]}), settings().data).shape == (2, 0)


def audit(rows: dict, **data) -> None:
    check_audit(ibis.memtable({"label": ["a", "b"] * 6} | rows), settings(data=data).data)


def test_all_that_cannot_be_audited_is_told_at_once():
    with pytest.raises(UserError) as refused:
        audit(
            {"age": range(12), "size": [n / 2 for n in range(12)]},
            sensitive=["age", "size"],
            favourable="c",
        )
    age, size, favourable = str(refused.value).splitlines()
    assert age.startswith(
        "params.yaml: data.sensitive names 'age', a number of 12 different values, over 10"
    )
    assert "in data.cut_points, such as age: [25, 60]" in age
    assert "'size'" in size
    assert favourable == "params.yaml: data.favourable is 'c', no class; the classes are a, b"


@pytest.mark.parametrize(
    "data", [{"cut_points": {"age": [6]}}, {"cut_points": {"age": [6]}, "favourable": "a"}]
)
def test_a_number_with_cut_points_is_admitted(data):
    audit({"age": range(12)}, sensitive=["age"], **data)


def test_text_and_codes_need_no_cut_points():
    audit({"origin": [str(n) for n in range(12)], "code": [0, 1] * 6}, sensitive=["origin", "code"])


@pytest.mark.parametrize(
    "why, verdict, sentence",
    [
        ("only readings of machines", "pass", "PASS: not applicable: only readings of machines."),
        (
            None,
            "warn",
            (
                "WARN: nothing: data.sensitive in params.yaml names no column: nobody looked; "
                "name one, or say in data.no_sensitive why none is."
            ),
        ),
    ],
)
def test_a_gate_without_groups_passes_only_where_it_is_said_why(
    tmp_path, monkeypatch, why, verdict, sentence
):
    monkeypatch.chdir(tmp_path)
    not_audited("by_group", roles(no_sensitive=why), "nobody looked")
    report = json.loads(Path("reports/gates/by_group.json").read_text())
    assert (report["verdict"], report["blocks"], sentences(report)) == (
        verdict,
        False,
        [sentence],
    )
