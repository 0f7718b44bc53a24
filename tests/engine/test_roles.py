"""Roles of columns that were never tested together, and roles that change without a run: a
verdict or a sentence, never a traceback.
"""

import contextlib
import importlib
import itertools
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sluice.core.command import UserError
from sluice.core.params import load_params
from sluice.data.sources import load_sources
from sluice.gates.gate import not_judged
from sluice.gates.messages import sentences
from sluice.monitoring import monitor
from sluice.monitoring import score as scoring
from sluice.registry.champion import as_trained, load_champion
from sluice.registry.promotion_evidence import EVALUATED
from sluice.retraining import retrain
from stages import augment, evaluate, prepare, train
from tests.drills import ALWAYS
from tests.engine.settings import ROWS, SUITES, settings

KINDS = {
    "id": "text",
    "num": "integer",
    "when": "date",
    "year": "integer",
    "who": "text",
    "a": "number",
    "sex": "text",
    "age": "integer",
    "late": "text",
    "y": "integer",
    "word": "text",
    "yes": "boolean",
}
JUDGING = ("drift", "performance", "windows", "challenger", "challengers")


def drawn(seed: int, n: int, year: int) -> pd.DataFrame:
    """Rows of two classes, called three ways, that `a` tells; `id` and `num` name a row, `who` a
    customer of three rows.
    """
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    is_one = rng.random(n) < 1 / (1 + np.exp(-3 * a))
    nth = seed * 10_000 + np.arange(n)
    return pd.DataFrame(
        {
            "id": [f"{one:06}" for one in nth],
            "num": nth,
            "when": pd.Timestamp(year, 1, 1) + pd.to_timedelta(np.arange(n) % 300, unit="D"),
            "year": year,
            "who": [f"c{one // 3}" for one in nth],
            "a": a.round(4),
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(20, 60, n),
            "late": rng.choice(["p", "q"], n),
            "y": is_one.astype(int),
            "word": np.where(is_one, "one", "none"),
            "yes": np.where(is_one, "true", "false"),
        }
    )


def project(folder: Path, key: list[str], **data: object) -> None:
    """Run what makes a model of `drawn` rows in `folder`, with the declared `key` and the roles
    `data`; the gates before say pass.
    """
    for name in ("data/raw", "data/live", "expectations", "reports/gates"):
        (folder / name).mkdir(parents=True)
    pd.concat([drawn(1, 300, 2001), drawn(2, 200, 2002)]).to_csv(
        folder / "data/raw/rows.csv", index=False
    )
    for nth, year in ((3, 2003), (4, 2004)):
        drawn(nth, 300, year).to_csv(folder / f"data/live/{year}.csv", index=False)
    targets = {name: "says the same" for name in ("y", "word", "yes") if name != data["target"]}
    used = [data["time"], *data["cluster"]]
    free = dict.fromkeys(
        [name for name in ("id", "num", *key) if name not in used], "names the row"
    )
    forbidden = {**targets, **free, **data.pop("forbidden")}
    write_source(folder, key)
    params = settings(
        data={**data, "forbidden": forbidden},
        train={"model": "logistic_regression"},
        retrain={"candidates": ["all"]},
    )
    write_params(folder, params.model_dump())
    for name in EVALUATED:
        named = {"row": ROWS[name]} if name in ROWS else {}
        (folder / f"expectations/{name}.json").write_text(
            json.dumps({"name": name, "meta": named, "expectations": [ALWAYS]})
        )
        not_judged(
            f"expectations/{name}.json",
            f"reports/gates/{name}.json",
            "a test of what comes after",
            applies=False,
        )
    for name in JUDGING:
        shutil.copy(SUITES / f"{name}.json", folder / "expectations")
    for stage in (prepare, augment, train, evaluate):
        stage.main()
    subprocess.run(["git", "init", "--quiet"], check=True)


def write_source(folder: Path, key: list[str]) -> None:
    source = {
        "path": "data/raw/rows.csv",
        "format": "csv",
        "missing": [""],
        "key": key,
        "columns": KINDS,
    }
    (folder / "data/sources.yaml").write_text(
        yaml.safe_dump({"sources": {"rows": source}}, sort_keys=False)
    )


def write_params(folder: Path, params: dict) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def in_process(folder: Path, name: str, names: tuple[str, ...]) -> str:
    """Run stages as `retrain.staged` does, in this process and without validate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in names:
            if stage != "validate":
                importlib.import_module(f"stages.{stage}").main()
    return ""


def served(name: str = "2003") -> tuple[str, pd.DataFrame]:
    """Monitor and score a live file; return the verdict and what was decided."""
    [source] = load_sources().sources.values()
    path = Path(f"data/live/{name}.csv")
    verdict = monitor.monitor(path, None, None, 0, load_params(), source)
    scoring.score(path, Path("out.parquet"), load_params(), source)
    return verdict, pd.read_parquet("out.parquet")


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(retrain, "staged", in_process)
    monkeypatch.setattr(evaluate, "write", lambda *_: None)  # the page, which takes time
    return tmp_path


COLUMNS = ("target", "time", "cluster", "key", "sensitive", "allowed", "forbidden")
MATRIX = [
    ("y", "when", "", "", "age", "", ""),
    ("yes", None, "who", "id", "age", "age", "late"),
    ("word", "year", "id", "who when", "sex", "", "late"),
    ("word", "when", "who", "", "sex", "sex", ""),
    ("yes", "year", "id", "id", "", "", ""),
    ("y", None, "who", "who when", "", "", ""),
    ("y", "year", "", "id", "sex", "sex", "late"),
    ("yes", "when", "", "", "", "", "late"),
    ("word", None, "id", "", "age", "age", ""),
    ("yes", None, "", "who when", "sex", "sex", "late"),
    ("word", "when", "", "id", "", "", "late"),
    ("y", "when", "id", "who when", "age", "age", "late"),
    ("y", "year", "who", "", "age", "age", "late"),
]
POSSIBLE = [
    {"y", "word", "yes"},
    {"when", "year", None},
    {"", "who", "id"},
    {"", "id", "who when"},
    {"", "sex", "age"},
    {"", "x"},
    {"", "late"},
]


def test_every_two_settings_stand_together_in_a_row():
    rows = [
        tuple("x" if nth == 5 and value else value for nth, value in enumerate(row))
        for row in MATRIX
    ]
    for one, other in itertools.combinations(range(len(COLUMNS)), 2):
        wanted = set(itertools.product(POSSIBLE[one], POSSIBLE[other])) - (
            {("", "x")} if (one, other) == (4, 5) else set()
        )
        assert {(row[one], row[other]) for row in rows} == wanted


@pytest.mark.slow
@pytest.mark.parametrize("row", MATRIX, ids=lambda row: "-".join(map(str, row)))
def test_roles_go_together_through_the_whole_life_of_a_model(here, row):
    given = dict(zip(COLUMNS, row, strict=True))
    key = given["key"].split()
    roles = {"target": given["target"], "time": given["time"]} | {
        name: given[name].split() for name in ("cluster", "sensitive")
    }
    roles["allowed"] = dict.fromkeys(given["allowed"].split(), "a reason")
    roles["cut_points"] = {"age": [40]} if given["sensitive"] == "age" else {}
    project(here, key, **roles, forbidden=dict.fromkeys(given["forbidden"].split(), "known later"))
    verdict, decided = served()
    assert verdict in monitor.CODES
    named = key or ["line"]
    assert list(decided.columns[: len(named)]) == named
    assert len(decided) == len(drawn(3, 300, 2003))
    [source] = load_sources().sources.values()
    files = [Path(f"data/live/{year}.csv") for year in (2003, 2004)]
    with contextlib.suppress(UserError):  # by a gate on the challenger, when all was measured
        assert retrain.retrain(files, [None, None], load_params(), source) == "all"
    challengers = pd.read_csv("reports/retraining/challengers.csv").set_index("candidate")
    assert challengers.loc["all", "why"] == "the best score"
    assert len(pd.read_csv("reports/retraining/challenger.csv"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A project whose model was trained with these roles, and the key id."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(evaluate, "write", lambda *_: None)
        roles = {
            "cluster": ["who"],
            "sensitive": ["sex"],
            "allowed": {"sex": "a reason"},
            "forbidden": {"age": "not asked"},
        }
        project(folder, ["id"], target="y", time="when", **roles)
    return folder


CHANGES = {
    "forbidden": {"a": "known later"},
    "time": "year",
    "cluster": ["late"],
    "sensitive": ["sex", "late"],
    "allowed": {},
    "target": "word",
}


def change(role: str) -> None:
    """Write params.yaml, or data/sources.yaml, with another role of a column than the model was
    trained with.
    """
    params = load_params().model_dump()
    if role == "key":
        write_source(Path(), ["num"])
    elif role == "forbidden":
        params["data"]["forbidden"] |= CHANGES[role]
    else:
        params["data"][role] = CHANGES[role]
        params["data"]["forbidden"].pop(str(CHANGES[role]), None)
    write_params(Path(), params)


@pytest.fixture
def changed(trained, tmp_path, monkeypatch) -> Path:
    shutil.copytree(trained, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.slow
@pytest.mark.parametrize("role", [*CHANGES, "key"])
def test_model_serves_by_the_roles_that_it_was_trained_with(changed, capsys, role):
    before = served()
    assert "somebody changed" not in capsys.readouterr().out
    wanted = written(changed)
    shutil.rmtree("reports/monitoring")
    change(role)
    after = served()
    said = capsys.readouterr().out
    assert after[0] == before[0]
    pd.testing.assert_frame_equal(after[1], before[1])
    assert written(changed) == wanted
    assert (
        "somebody changed"
        f" {'the key in data/sources.yaml' if role == 'key' else f'data.{role} in params.yaml'}"
        in said
    )
    assert said.count("it serves by the roles it was trained with") == 2


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted((folder / "reports/monitoring").rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("role", list(CHANGES))
def test_challengers_are_not_made_of_rows_of_other_roles(changed, role):
    change(role)
    [source] = load_sources().sources.values()
    with pytest.raises(
        UserError,
        match=(
            rf"has changed .*data\.{role}.* since the last run, and challengers are made of its"
            r" rows; run `make repro`"
        ),
    ):
        retrain.retrain([Path("data/live/2003.csv")], [None], load_params(), source)


def test_column_that_is_no_longer_declared_is_named(changed):
    declared = yaml.safe_load(Path("data/sources.yaml").read_text(encoding="utf-8"))
    del declared["sources"]["rows"]["columns"]["a"]
    Path("data/sources.yaml").write_text(
        yaml.safe_dump(declared, sort_keys=False), encoding="utf-8"
    )
    with pytest.raises(
        UserError,
        match=(
            r"data/sources\.yaml does not declare a, which the model in service was trained with;"
            r" declare it again"
        ),
    ):
        served()
    [source] = load_sources().sources.values()
    with pytest.raises(UserError, match="has changed the column a since the last run"):
        retrain.retrain([Path("data/live/2003.csv")], [None], load_params(), source)


def test_model_that_does_not_know_its_roles_does_not_serve(changed):
    model, reference = load_champion()
    [source] = load_sources().sources.values()
    with pytest.raises(
        UserError,
        match=(
            "does not say which roles the columns had when it was trained: an earlier release"
            " made it"
        ),
    ):
        as_trained(replace(model, data=None), reference, load_params(), source)


def test_batch_without_any_time_is_a_window_that_fails(changed):
    rows = pd.read_csv("data/live/2003.csv", dtype={"id": "str"}).assign(when=None)
    rows.to_csv("data/live/2003.csv", index=False)
    assert served()[0] == "fail"
    report = json.loads(
        Path("reports/monitoring/2003/gates/batch.json").read_text(encoding="utf-8")
    )
    assert sentences(report) == [
        "FAIL: the batch: no row of data/live/2003.csv has a when (data.time) up to today, so that"
        " nobody knows when they are from; mend what writes the file."
    ]


def test_rows_without_any_time_make_no_challenger(changed):
    pd.read_csv("data/live/2003.csv", dtype={"id": "str"}).assign(when=None).to_csv(
        "data/live/2003.csv", index=False
    )
    [source] = load_sources().sources.values()
    with pytest.raises(
        UserError,
        match=(
            r"no row of data/live/2003\.csv has a label and a who and a when: wait until labels"
            r" come"
        ),
    ):
        retrain.retrain([Path("data/live/2003.csv")], [None], load_params(), source)


@pytest.mark.parametrize("day", ["3023-09-20", "9999-12-31", "0001-01-01"])
def test_dates_that_nanoseconds_do_not_hold_are_served(changed, day):
    rows = pd.read_csv("data/live/2003.csv", dtype={"id": "str"})
    rows.loc[5, "when"] = day
    rows.to_csv("data/live/2003.csv", index=False)
    _, decided = served()
    assert len(decided) == 300
    record = json.loads(
        next(Path("reports/monitoring").rglob("window.json")).read_text(encoding="utf-8")
    )
    assert record["window"] == f"{'0001-01-01' if day < '1' else '2003-01-01'}_2003-10-27"
    assert record["after_today"] == int(day > "3")
    assert record["age"] < 700
    windows = json.loads(Path("reports/monitoring/windows.json").read_text(encoding="utf-8"))
    assert any(
        "So many rows are dated after today" in sentence for sentence in sentences(windows)
    ) == (day > "3")
