"""Changes: what was lost, replaced or turned round since the suites were proposed stops the run;
what only goes on does not.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice.audits.changes import changes, of_other_rows, profile, read_profile
from sluice.core.command import UserError
from sluice.core.params import ROW_ID
from sluice.gates.gate import gate
from tests.engine.settings import SUITES, roles

TODAY = pd.Timestamp("2024-01-01")
DATA = roles(time="day", sensitive=["sex"])
SUITE = SUITES / "changes.json"


def draw(seed: int, n: int = 2000, days: int = 1000) -> pd.DataFrame:
    """Return rows of two classes, which `warmth` tells well, over so many days from 2020 on."""
    rng = np.random.default_rng(seed)
    is_ill = rng.random(n) < 0.2
    day = pd.Timestamp("2020-01-01").as_unit("us") + pd.to_timedelta(
        np.sort(rng.integers(0, days, n)), unit="D"
    )
    return pd.DataFrame(
        {
            "label": pd.Series(np.where(is_ill, "ill", "well"), dtype="str"),
            "day": day,
            "warmth": 36.5 + 1.5 * is_ill + rng.normal(scale=0.8, size=n),
            "visits": rng.poisson(3, n).astype("float64"),
            "seen": (day - pd.Timestamp("2020-01-01").as_unit("us")).days.astype("float64"),
            "place": pd.Series(rng.choice(["north", "south", "west"], n), dtype="str"),
            "sex": pd.Series(rng.choice(["f", "m"], n, p=[0.3, 0.7]), dtype="str"),
            ROW_ID: pd.Series([f"{seed} {nth}" for nth in rng.permutation(n)], dtype="str"),
        }
    )


THEN = draw(0)
KNOWN = json.loads(json.dumps(profile(THEN, DATA, TODAY, 0)))


def judge(rows: pd.DataFrame, tmp_path: Path, known: dict | None = KNOWN):
    return gate(changes(rows, DATA, known, TODAY, 0), SUITE, tmp_path / "changes.json")


def turned_round(rows: pd.DataFrame) -> pd.DataFrame:
    turned = rows["label"].map({"ill": "well", "well": "ill"})
    return rows.assign(label=rows["label"].mask(rows["sex"] == "f", turned))


def without_late_ill(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["day"] < "2022-01-01") | (rows["label"] == "well")]


DEFECTS = {
    "cut off in the middle": (lambda rows: rows.head(1500), ("check rows", "check latest")),
    "an old copy": (lambda rows: rows[rows["day"] < "2022-09-01"], ("check latest",)),
    "a month is missing": (
        lambda rows: rows[rows["day"].dt.strftime("%Y-%m") != "2021-05"],
        ("check period, column day 2021-05",),
    ),
    "a join that multiplied rows": (
        lambda rows: pd.concat([rows, rows[rows["place"] == "north"]], ignore_index=True),
        ("check multiplied, column day", "check repeated"),
    ),
    "a day after today": (
        lambda rows: rows.assign(
            day=rows["day"].mask(rows.index == 1999, pd.Timestamp("2024-01-02"))
        ),
        ("check future",),
    ),
    "a group is gone": (
        lambda rows: pd.concat([rows[rows["sex"] == "m"]] * 2),
        ("check group_gone, column sex f",),
    ),
    "labels have not come": (without_late_ill, ("check not_seen_since, column ill",)),
    "a new missing code": (
        lambda rows: rows.assign(visits=rows["visits"].mask(rows.index % 10 == 0, 999)),
        ("column visits 999.0",),
    ),
    "Fahrenheit": (
        lambda rows: rows.assign(warmth=rows["warmth"] * 1.8 + 32),
        ("check distribution, column warmth",),
    ),
    "text for numbers": (
        lambda rows: rows.assign(visits=rows["visits"].astype("str")),
        ("check distribution, column visits",),
    ),
    "a sensor that hangs": (
        lambda rows: rows.assign(
            warmth=rows["warmth"].mask(rows["day"].between("2021-03-01", "2021-05-31"), 36.6)
        ),
        ("check stretch, column warmth",),
    ),
    "labels turned round in a group": (turned_round, ("check flipped, column sex f",)),
    "labels of other rows": (
        lambda rows: rows.assign(label=rows["label"].sample(frac=1, random_state=1).array),
        ("check auc_lost",),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_defect_stops_the_run_and_is_named(tmp_path, name):
    defect, said = DEFECTS[name]
    found = judge(defect(THEN), tmp_path)
    assert found.blocks
    failed = " ".join(sentence for sentence in found.sentences if sentence.startswith("FAIL"))
    for part in said:
        assert part in failed


def test_rows_as_they_were_pass(tmp_path):
    assert judge(THEN, tmp_path).verdict == "pass"


@pytest.mark.parametrize("seed", range(1, 6))
def test_rows_that_are_added_as_before_pass(tmp_path, seed):
    later = draw(seed, 300, 150)
    later = later.assign(day=later["day"] + pd.Timedelta(days=1000), seen=later["seen"] + 1000)
    grown = judge(pd.concat([THEN, later], ignore_index=True), tmp_path)
    assert grown.verdict == "pass", "a column that grows with time is no defect"


@pytest.mark.parametrize("seed", range(1, 6))
def test_other_rows_of_the_same_kind_pass(tmp_path, seed):
    assert judge(draw(seed), tmp_path, of_other_rows(KNOWN)).verdict == "pass"


@pytest.mark.slow
def test_a_value_that_most_rows_have_is_no_stretch(tmp_path):
    rare = THEN["visits"].where(THEN.index % 20 == 0, 0.0) * np.arange(2000)
    rows = THEN.assign(spent=rare.mask(THEN.index < 200, 0.0))
    assert judge(rows, tmp_path, profile(rows, DATA, TODAY, 0)).verdict == "pass"


@pytest.mark.slow
def test_a_feature_that_is_forbidden_since_is_no_lost_rank(tmp_path):
    assert judge(THEN.drop(columns="warmth"), tmp_path).verdict == "pass"


def test_a_class_that_stayed_away_as_long_before_is_no_finding():
    rows = THEN[
        (THEN["label"] == "well")
        | (THEN["day"] < "2020-09-01")
        | THEN["day"].between("2021-06-01", "2022-03-01")
    ]
    table = changes(rows, DATA, None, TODAY, 0).set_index(["check", "column"])
    assert table.loc[("not_seen_since", "ill"), "value"] == 1


@pytest.mark.slow
def test_a_day_after_today_that_was_there_when_scope_ran_stops_all_the_same(tmp_path):
    typo = THEN.assign(born=pd.Timestamp("1990-01-01").as_unit("us"))
    for column in ("day", "born"):
        rows = typo.assign(
            **{
                column: (
                    typo[column].mask(typo.index == 1999, pd.Timestamp("3023-09-20").as_unit("us"))
                )
            }
        )
        found = judge(rows, tmp_path, profile(rows, DATA, TODAY, 0))
        assert any(
            sentence.startswith("FAIL: ") and f"check future, column {column}" in sentence
            for sentence in found.sentences
        )


def test_dates_that_lay_ahead_before_may_do_so_again(tmp_path):
    ahead = THEN.assign(until=pd.Timestamp("2030-01-01").as_unit("us"))
    known = profile(ahead, DATA, TODAY, 0)
    assert judge(ahead, tmp_path, known).verdict == "pass"


def test_without_a_profile_the_gate_is_closed(tmp_path):
    found = judge(THEN, tmp_path, None)
    assert found.blocks
    assert "run `make scope`, which writes it" in found.sentences[0]


def test_fewer_and_older_rows_are_no_finding_where_the_profile_is_of_other_rows(tmp_path):
    assert judge(THEN.head(1500), tmp_path, of_other_rows(KNOWN)).verdict == "pass"


def test_profile_names_no_value_of_few_rows():
    rows = THEN.assign(
        place=THEN["place"].mask(THEN.index < 4, "alone"), sex=THEN["sex"].mask(THEN.index < 4, "x")
    )
    assert "alone" not in json.dumps(profile(rows, DATA, TODAY, 0))
    assert set(profile(rows, DATA, TODAY, 0)["groups"]["sex"]) == {"f", "m"}


def test_broken_profile_is_refused(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text('{"rows": 1}', encoding="utf-8")
    with pytest.raises(
        UserError,
        match="is not what `make scope` writes; restore it from git, or run `make scope` again",
    ):
        read_profile(path)
