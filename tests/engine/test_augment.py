"""Augment: lift rare classes, and tell real rows from repeated and synthetic ones."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal

from sluice.core.command import UserError
from sluice.core.params import Augment
from sluice.modeling.augmenting import augment
from sluice.scoping.suites import suite as proposed_suite
from stages.augment import main
from tests.engine.settings import SETTINGS, roles

COLOURS, CLOTHS = ["red", "blue", "green", "grey"], ["wool", "silk", "linen", "felt"]


def settings(**given) -> Augment:
    return Augment(
        **(
            {"strategy": "smote", "floor_share": 1.0, "k_neighbors": 2, "smote_max_rows": 1000}
            | given
        )
    )


def counts(rows: pd.DataFrame) -> dict[str, int]:
    return rows["label"].value_counts().to_dict()


def numbers() -> pd.DataFrame:
    """Six rows a and three rows b; size is whole, depth is not."""
    return pd.DataFrame(
        {
            "__stage_row_id": [f"r{n}" for n in range(9)],
            "label": list("aaaaaabbb"),
            "size": [1, 2, 3, 4, 5, 6, 20, 30, 45],
            "depth": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7.25, 8.5, 9.75],
        }
    )


def codes() -> pd.DataFrame:
    """Twenty rows a and six rows b, whose colour follows from their cloth."""
    rng = np.random.default_rng(0)
    a = pd.DataFrame(
        {
            "label": "a",
            "colour": rng.choice(COLOURS, 20),
            "cloth": rng.choice(CLOTHS, 20),
            "lined": rng.integers(0, 2, 20),
        }
    )
    b = pd.DataFrame(
        {
            "label": "b",
            "colour": ["red", "blue", "green", "red", "blue", "green"],
            "cloth": ["wool", "silk", "linen", "wool", "silk", "linen"],
            "lined": [1, 0, 0, 1, 1, 1],
        }
    )
    return pd.concat([a, b], ignore_index=True)


def mixed() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return codes().assign(size=rng.integers(0, 50, 26), depth=rng.normal(size=26))


def synthetic(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["__stage_origin"] == "synthetic"]


def test_none_adds_no_row():
    out = augment(numbers(), roles(), settings(strategy="none"), 0)
    assert_frame_equal(out, numbers().assign(__stage_origin="real"))


@pytest.mark.parametrize("strategy", ["oversample", "smote"])
def test_a_table_above_the_floor_gets_no_row(strategy):
    out = augment(numbers(), roles(), settings(strategy=strategy, floor_share=0.5), 0)
    assert_frame_equal(out, numbers().assign(__stage_origin="real"))


def test_oversample_lifts_every_rare_class_to_the_floor():
    rows = pd.DataFrame(
        {"label": ["a"] * 10 + ["b"] * 2 + ["c"] * 1 + ["d"] * 5, "size": range(18)}
    )
    out = augment(rows, roles(), settings(strategy="oversample", floor_share=0.41), 0)
    assert counts(out) == {"a": 10, "b": 5, "c": 5, "d": 5}


def test_oversample_adds_no_more_rows_than_the_floor_asks_for():
    rows = pd.DataFrame({"label": ["a"] * 100 + ["b"] * 5, "size": range(105)})
    assert counts(augment(rows, roles(), settings(strategy="oversample", floor_share=0.55), 0)) == {
        "a": 100,
        "b": 55,
    }


def test_oversample_lifts_two_classes():
    rows = pd.DataFrame({"label": ["a"] * 4 + ["b"], "size": range(5)})
    assert counts(augment(rows, roles(), settings(strategy="oversample"), 0)) == {"a": 4, "b": 4}


def test_repeated_rows_are_copies_of_real_rows_of_their_class():
    rows = numbers().assign(team=["x", None, "y"] * 3)
    out = augment(rows, roles(sensitive=["team"]), settings(strategy="oversample"), 0)
    repeated = out[out["__stage_origin"] == "repeated"].drop(columns="__stage_origin")
    real = rows.set_index("__stage_row_id").loc[repeated["__stage_row_id"]].reset_index()
    assert len(repeated) == 3
    assert_frame_equal(repeated.reset_index(drop=True), real)


@pytest.mark.parametrize("strategy", ["oversample", "smote"])
@pytest.mark.parametrize("rows", [numbers(), codes(), mixed()], ids=["numbers", "codes", "mixed"])
def test_real_rows_come_first_as_they_were(rows, strategy):
    out = augment(rows, roles(), settings(strategy=strategy), 0)
    assert_frame_equal(out.head(len(rows)).drop(columns="__stage_origin"), rows)
    assert out["__stage_origin"].tolist()[: len(rows)] == ["real"] * len(rows)
    assert "real" not in out["__stage_origin"].tolist()[len(rows) :]


@pytest.mark.parametrize("strategy", ["none", "oversample", "smote"])
def test_augment_leaves_its_rows_unchanged(strategy):
    rows = mixed()
    augment(rows, roles(), settings(strategy=strategy), 0)
    assert_frame_equal(rows, mixed())


@pytest.mark.parametrize("strategy", ["oversample", "smote"])
@pytest.mark.parametrize("rows", [numbers(), codes(), mixed()], ids=["numbers", "codes", "mixed"])
def test_the_same_seed_makes_the_same_rows(rows, strategy):
    assert_frame_equal(
        augment(rows, roles(), settings(strategy=strategy), 7),
        augment(rows, roles(), settings(strategy=strategy), 7),
    )


@pytest.mark.parametrize("strategy", ["oversample", "smote"])
def test_another_seed_makes_other_rows(strategy):
    one, other = (augment(mixed(), roles(), settings(strategy=strategy), seed) for seed in (7, 9))
    assert not one.equals(other)


@pytest.mark.parametrize("rows", [numbers(), codes(), mixed()], ids=["numbers", "codes", "mixed"])
@pytest.mark.parametrize("seed", range(5))
def test_smote_lifts_the_rare_class_to_the_floor(rows, seed):
    most = counts(rows)["a"]
    out = augment(rows, roles(), settings(), seed)
    assert counts(out) == {"a": most, "b": most}
    assert set(synthetic(out)["label"]) == {"b"}


def test_smote_lifts_each_of_two_rare_classes():
    rows = pd.DataFrame(
        {"label": ["a"] * 10 + ["b"] * 4 + ["c"] * 3, "size": [float(n * n) for n in range(17)]}
    )
    assert counts(augment(rows, roles(), settings(floor_share=0.8), 0)) == {"a": 10, "b": 8, "c": 8}


def test_smote_takes_the_greatest_seed():
    assert counts(augment(mixed(), roles(), settings(), 2**32 - 1)) == {"a": 20, "b": 20}


def test_smote_keeps_numbers_between_the_real_ones_of_the_class():
    made = synthetic(augment(numbers(), roles(), settings(), 0))
    assert made["depth"].between(7.25, 9.75).all()
    assert made["size"].between(20, 45).all()


@pytest.mark.parametrize(
    "rows", [numbers(), numbers()[::-1]], ids=["common class first", "rare class first"]
)
def test_smote_makes_rows_that_no_real_row_equals(rows):
    made = synthetic(augment(rows, roles(), settings(), 0))
    assert not set(made["depth"]) & set(numbers()["depth"])


def test_smote_goes_between_three_values():
    rows = numbers().assign(depth=[0.5, 1.5, 2.25] * 3)  # two values would be a code
    assert not set(synthetic(augment(rows, roles(), settings(), 0))["depth"]) <= {0.5, 1.5, 2.25}


def test_smote_draws_once_where_every_row_will_do(monkeypatch):
    monkeypatch.setattr("sluice.modeling.augmenting.SMOTE_ATTEMPTS", 1)
    assert counts(augment(numbers(), roles(), settings(), 0)) == {"a": 6, "b": 6}


def test_what_smote_draws_anew_is_what_the_next_seed_draws():
    anew, following = (
        synthetic(augment(mixed(), roles(), settings(), seed))["depth"].tolist() for seed in (0, 1)
    )
    assert following[0] in anew


@pytest.mark.parametrize("rows", [numbers(), mixed()], ids=["numbers", "mixed"])
def test_smote_puts_no_fraction_into_integers(rows):
    out = augment(rows, roles(), settings(), 0)
    assert out["size"].dtype == "int64"
    assert (synthetic(out)["depth"] % 1 != 0).any()


def test_smote_puts_no_fraction_into_integers_of_which_some_are_missing():
    rows = numbers().assign(size=[np.nan, 2, 3, 4, 5, 6, 20, 30, 45])
    made = synthetic(augment(rows, roles(), settings(), 0))["size"]
    assert (made % 1 == 0).all()


@pytest.mark.parametrize("rows", [codes(), mixed()], ids=["codes", "mixed"])
@pytest.mark.parametrize("seed", range(5))
def test_smote_keeps_to_combinations_of_codes_that_the_class_has(rows, seed):
    made = synthetic(augment(rows, roles(), settings(), seed))
    columns = ["colour", "cloth", "lined"]
    assert set(made[columns].itertuples(index=False, name=None)) <= {
        ("red", "wool", 1), ("blue", "silk", 0), ("blue", "silk", 1), ("green", "linen", 0), ("green", "linen", 1),
    }  # fmt: skip


def test_smote_keeps_booleans_boolean():
    rows = mixed().assign(lined=lambda rows: rows["lined"] == 1)
    assert augment(rows, roles(), settings(), 0)["lined"].dtype == "bool"


def test_smote_takes_dates():
    rows = numbers().assign(made=pd.to_datetime(["2020-01-01", "2020-01-05", "2020-01-09"] * 3))
    out = augment(rows, roles(), settings(), 0)
    assert out["made"].dtype == rows["made"].dtype
    assert synthetic(out)["made"].between("2020-01-01", "2020-01-09").all()


def test_smote_takes_two_dates_as_codes():
    rows = numbers().assign(made=pd.to_datetime(["2020-01-01", "2020-01-05", "2020-01-05"] * 3))
    out = augment(rows, roles(), settings(), 0)
    assert out["made"].dtype == rows["made"].dtype
    assert set(synthetic(out)["made"]) <= set(rows["made"])


def test_synthetic_rows_are_nobody():
    rows = numbers().assign(
        day=range(9), batch=[f"b{n}" for n in range(9)], team=["x", "y", "z"] * 3
    )
    made = synthetic(
        augment(rows, roles(time="day", cluster=["batch"], sensitive=["team"]), settings(), 0)
    )
    assert len(made) == 3
    assert made[["__stage_row_id", "day", "batch", "team"]].isna().all(axis=None)
    assert made[["label", "size", "depth"]].notna().all(axis=None)


def test_smote_does_not_look_at_columns_that_are_no_features():
    rows = numbers().assign(team=["x", "y", "z"] * 3)
    other = rows.assign(team=["z", "z", "x"] * 3)
    data = roles(sensitive=["team"])
    assert_frame_equal(
        synthetic(augment(rows, data, settings(), 0)),
        synthetic(augment(other, data, settings(), 0)),
    )


def test_smote_takes_no_row_with_a_missing_feature_as_parent():
    rows = pd.concat(
        [
            numbers(),
            pd.DataFrame(
                {
                    "__stage_row_id": ["r9", "r10"],
                    "label": ["b", "b"],
                    "size": [900, 900],
                    "depth": [np.nan, np.nan],
                }
            ),
        ]
    )
    out = augment(rows.reset_index(drop=True), roles(), settings(), 0)
    assert out["depth"].isna().sum() == 2
    assert synthetic(out)["size"].max() <= 45
    assert counts(out) == {"a": 6, "b": 6}


def test_smote_takes_rows_as_parents_of_which_only_what_is_no_feature_is_missing():
    rows = numbers().assign(team=[None, "x", None] * 3)
    assert counts(augment(rows, roles(sensitive=["team"]), settings(), 0)) == {"a": 6, "b": 6}


def test_smote_refuses_a_class_without_enough_rows():
    sentence = (
        r"class 'b' has 3 training rows without missing features, smote needs augment.k_neighbors"
        r" \+ 1 = 4; lower k_neighbors"
    )
    with pytest.raises(UserError, match=sentence):
        augment(numbers(), roles(), settings(k_neighbors=3), 0)


@pytest.mark.parametrize(("limit", "n"), [(9, 2), (7, 0)])
def test_smote_counts_only_complete_rows_of_a_class(limit, n):
    rows = numbers().assign(depth=lambda rows: rows["depth"].where(rows["depth"] < limit))
    sentence = (
        rf"class 'b' has {n} training rows without missing features, smote needs"
        r" augment.k_neighbors \+ 1 = 3"
    )
    with pytest.raises(UserError, match=sentence):
        augment(rows, roles(), settings(), 0)


@pytest.mark.parametrize("empty", [np.nan, None, pd.NaT])
def test_smote_passes_over_a_feature_that_is_empty_in_all_rows(empty):
    rows = numbers().assign(
        nothing=pd.Series([empty] * 9, dtype="datetime64[us]" if empty is pd.NaT else None)
    )
    out = augment(rows, roles(), settings(), 0)
    assert counts(out) == {"a": 6, "b": 6}
    assert out["nothing"].isna().all()
    assert out["nothing"].dtype == rows["nothing"].dtype
    assert_frame_equal(out.drop(columns="nothing"), augment(numbers(), roles(), settings(), 0))


def test_smote_names_the_features_that_leave_too_few_rows():
    rows = numbers().assign(
        late=[1.0] * 6 + [np.nan, np.nan, 1.0],
        depth=lambda rows: rows["depth"].where(rows["depth"] < 9),
    )
    sentence = (
        r"most is missing in late \(2 of 3\), depth \(1 of 3\): name what is hardly filled in"
        r" data.forbidden of params.yaml, lower"
    )
    with pytest.raises(UserError, match=sentence):
        augment(rows, roles(), settings(), 0)


def test_smote_refuses_a_table_without_any_feature_that_is_filled():
    with pytest.raises(
        UserError,
        match=(
            r"all features are empty in the training rows; set augment\.strategy: none in"
            r" params\.yaml"
        ),
    ):
        augment(numbers().assign(size=np.nan, depth=np.nan), roles(), settings(), 0)


def test_smote_takes_a_class_with_just_enough_rows():
    assert counts(augment(numbers(), roles(), settings(k_neighbors=2), 0)) == {"a": 6, "b": 6}


def test_smote_refuses_a_table_of_which_one_class_alone_has_complete_rows():
    rows = numbers().assign(depth=[np.nan] * 6 + [1.0, 2.0, 3.0])
    with pytest.raises(
        UserError,
        match=(
            "smote needs rows without missing features of two classes, only 'b' has some; take"
            " 'oversample'"
        ),
    ):
        augment(rows, roles(), settings(), 0)


def test_smote_refuses_more_rows_than_allowed():
    sentence = (
        "augment.strategy is 'smote' for 9 rows, params.yaml: augment.smote_max_rows allows 8; take"
        " 'oversample', or raise"
    )
    with pytest.raises(UserError, match=sentence):
        augment(numbers(), roles(), settings(smote_max_rows=8), 0)


def test_smote_takes_as_many_rows_as_allowed():
    assert len(augment(numbers(), roles(), settings(smote_max_rows=9), 0)) == 12


def test_smote_refuses_codes_that_it_cannot_combine_as_real_rows_do():
    flags = pd.DataFrame(np.eye(5, dtype=int), columns=["red", "blue", "green", "grey", "pink"])
    rows = pd.concat(
        [
            pd.DataFrame(1, index=range(10), columns=flags.columns).assign(label="a"),
            flags.assign(label="b"),
        ],
        ignore_index=True,
    )
    sentence = (
        "smote made too few rows with a combination of red, blue, green, grey, pink that some real"
        " row of the class has; take 'oversample' for augment.strategy in params.yaml"
    )
    with pytest.raises(UserError, match=f"^{sentence}$"):
        augment(rows, roles(), settings(k_neighbors=4), 0)


def identified() -> pd.DataFrame:
    """Return numbers() with the id that prepare gives each row."""
    return numbers().assign(__stage_row_id=[f"r{nth}" for nth in range(len(numbers()))])


def stage(most, strategy="oversample"):
    """Run the stage in the working folder on numbers(); its gate allows `most` rows."""
    for folder in ("data/prepared", "expectations"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    identified().to_parquet("data/prepared/train.parquet")
    identified().assign(__stage_row_id=lambda rows: "t" + rows["__stage_row_id"]).to_parquet(
        "data/prepared/test.parquet"
    )
    sections = {"data": roles().model_dump(), "augment": settings(strategy=strategy).model_dump()}
    Path("params.yaml").write_text(yaml.safe_dump(SETTINGS | {"random_state": 7} | sections))
    few = {
        "type": "expect_table_row_count_to_be_between",
        "kwargs": {"max_value": most},
        "severity": "critical",
        "meta": {"notes": "A limit.", "bound": "confirmed"},
    }
    Path("expectations/augmented.json").write_text(
        json.dumps({"name": "augmented", "expectations": [few]})
    )
    Path("expectations/synthetic.json").write_text(json.dumps(proposed_suite("synthetic")))
    main()


def test_the_stage_augments_the_training_rows_as_params_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stage(most=12)
    expected = augment(identified(), roles(), settings(strategy="oversample"), 7)
    assert_frame_equal(pd.read_parquet("data/augmented/train.parquet"), expected)
    assert json.loads(Path("reports/gates/augmented.json").read_text())["rows"] == 12


def test_a_table_that_the_gate_stops_gets_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError,
        match=r"stopped by the gate augmented \(fail\), read reports/gates/augmented\.json",
    ):
        stage(most=11)
    assert not Path("data/augmented").exists()
