"""Whatever columns, classes and clusters are called, the whole path takes them, under DVC and by
itself, and any split by time runs.
"""

import contextlib
import csv
import io
import json
import random
import shutil
import subprocess
import tempfile
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

import ibis
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sluice.core.command import UserError
from sluice.core.formats import wrong_names
from sluice.core.params import Params
from sluice.core.schema import check, load
from sluice.core.tables import read_csv
from sluice.data.cells import conform
from sluice.data.sources import Sources, read
from sluice.gates.names import GATES
from sluice.monitoring import monitor, score
from sluice.scoping import scope
from sluice.scoping.detect import problems, sources_yaml
from sluice.scoping.sample import look
from tests.engine.settings import SETTINGS, copy_suites, write_neutral_features
from tests.engine.toys import OTHER
from tests.pipeline_run import Run, copy_project

TARGET = 'y "class" {{x}}'
LABELS = ["it's {\x7b 1 }}, 100 %", 'a "b" <c>\\']
TIME, PERIOD = "the day; of %s", "period"
NAMES = [
    *[
        "self",
        "index",
        "class",
        "None",
        "row_id",
        "origin",
        "line",
        "n",
        "test",
        "value",
        "label",
        "y_pred",
        "p_a",
        "name",
        "a__",
        "a",
    ],
    *[
        "$price",
        "@x",
        "it's",
        '"quoted"',
        "{{x}}",
        "\x7b% raw %}",
        "${x}",
        "100 %",
        "a.b",
        "a,b",
        "a;b\\n",
        "../up",
        "[0-9]+(",
    ],
    *["-- drop table raw", "=1+1", "größe", "גיל", "👩‍🔬", "long " * 59 + "name"],
]
OF_ANY_DATA = (
    "challenger",
    "challengers",
    "compared",
    "drift",
    "model_age",
    "performance",
    "windows",
)


def write_rows(path: Path, names: list[str], n: int = 400, target: str = TARGET) -> None:
    """Write `n` rows, two on each day: the first of `names` says something of the label, the
    others are chance.
    """
    chance = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([TIME, PERIOD, *names, target])
        for nth in range(n):
            kind, day = chance.randrange(2), date(2022, 1, 1) + timedelta(days=nth // 2)
            more = [
                chance.choice("pqr") if at % 3 else chance.randrange(30)
                for at, _ in enumerate(names[1:])
            ]
            writer.writerow(
                [day, nth // 50, round(chance.gauss(1.9 * kind, 1), 3), *more, LABELS[kind]]
            )


def describe(folder: Path, names: list[str], target: str = TARGET, **split: object) -> None:
    """Write into `folder` the raw file, what the template makes of it, and a params.yaml; no
    suite of other data stays.
    """
    raw = folder / "data" / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    for suite in (folder / "expectations").glob("*.json"):
        if suite.stem not in OF_ANY_DATA:
            suite.unlink()
    write_rows(raw / "rows.csv", names, target=target)
    found = look(raw / "rows.csv")
    assert problems(found, target, []) == []
    (folder / "data" / "sources.yaml").write_text(
        sources_yaml(found, "data/raw/rows.csv", [target]), encoding="utf-8"
    )
    content = json.loads(json.dumps(SETTINGS))
    content["data"] |= {"target": target, "time": TIME, "forbidden": {PERIOD: "made of the day"}}
    content["prepare"]["split"] |= {"by": "time", "test_from": "2022-05-01"} | split
    content["train"] |= {"model": "logistic_regression", "decision_weights": "balanced_accuracy"}
    (folder / "params.yaml").write_text(
        yaml.safe_dump(content, allow_unicode=True), encoding="utf-8"
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A project with odd names of everything and a split by date, after `make scope` and a run."""
    run = copy_project(tmp_path_factory.mktemp("hostile") / "project", without=OTHER)
    copy_suites(run.folder / "expectations")
    write_neutral_features(run.folder)
    describe(run.folder, NAMES)
    subprocess.run(
        ["git", "init", "--quiet"], cwd=run.folder, check=True
    )  # it says which model is in service: none yet
    for command in (["sluice", "scope"], ["dvc", "repro"]):
        result = run.call(*command)
        assert result.returncode == 0, result.stdout
    return run


def copied(run: Run, folder: Path) -> Run:
    """Return a copy of what `run` left, to change."""
    shutil.copytree(run.folder, folder / "project")
    return Run(folder / "project")


def first_days(run: Run) -> tuple[str, str]:
    """Return the last day of the training rows and the first of the test rows."""
    train, test = (run.table(f"data/prepared/{side}.parquet")[TIME] for side in ("train", "test"))
    return str(train.max()), str(test.min())


def names_in(path: Path, column: str) -> list[str]:
    """Return a column of a CSV file, sorted, as it is written: a feature may be called None."""
    return sorted(read_csv(path, dtype="str", keep_default_na=False)[column])


@pytest.mark.slow
def test_a_run_under_dvc_takes_any_name_and_splits_by_date(hostile):
    assert first_days(hostile) == ("2022-04-30 00:00:00", "2022-05-01 00:00:00")
    assert names_in(hostile.folder / "reports/features.csv", "feature") == sorted(NAMES)
    assert names_in(hostile.folder / "reports/by_class.csv", "class") == sorted(LABELS)
    assert (
        hostile.table("reports/features.csv").set_index("feature")["importance"].idxmax() == "self"
    )


@pytest.mark.slow
def test_live_rows_with_any_name_are_scored_and_monitored(hostile, tmp_path):
    run = copied(hostile, tmp_path)
    write_rows(run.folder / "live.csv", NAMES, n=150)
    result = run.call("sluice", "score", "live.csv")
    assert result.returncode == 0, result.stdout
    scored = run.table("scored/live.csv")
    assert [column for column in scored if column.startswith("p_")] == [
        f"p_{label}" for label in sorted(LABELS)
    ]
    result = run.call("sluice", "monitor", "live.csv", "--window", "first", "--sample", "5")
    assert result.returncode in (0, 1, 3), result.stdout
    assert names_in(run.folder / "reports/monitoring/first/batch.csv", "feature") == sorted(NAMES)


@pytest.mark.parametrize(
    ("time", "test_from", "days"),
    [
        (TIME, "2022-03-01T12:00:00Z", ("2022-03-01 00:00:00", "2022-03-02 00:00:00")),
        (PERIOD, 4, ("2022-04-10 00:00:00", "2022-04-11 00:00:00")),
    ],
)
@pytest.mark.slow
def test_a_split_by_time_stamp_or_integer_runs_under_dvc(hostile, tmp_path, time, test_from, days):
    run = copied(hostile, tmp_path)
    content = yaml.safe_load((run.folder / "params.yaml").read_text(encoding="utf-8"))
    content["prepare"]["split"]["test_from"] = test_from
    content["data"] |= {"time": time, "forbidden": {}}
    (run.folder / "params.yaml").write_text(
        yaml.safe_dump(content, allow_unicode=True), encoding="utf-8"
    )
    result = run.repro("prepare")
    assert result.returncode == 0, result.stdout
    assert first_days(run) == days


@pytest.mark.slow
def test_what_did_not_run_shows_no_verdict_of_an_earlier_run(hostile, tmp_path):
    run = copied(hostile, tmp_path)
    assert "did not run" not in run.call("sluice", "summary").stdout
    run.edit("reports/gates/leakage.json", '"blocks": false', '"blocks": true')
    assert "validate stopped here" in run.call("sluice", "summary").stdout
    run.edit("params.yaml", "random_state: 0", "random_state: 1")
    assert "stopped here" not in run.call("sluice", "summary").stdout
    run.edit("params.yaml", "test_from: '2022-05-01'", "test_from: 2022-05-01")
    refused = run.call("sluice", "repro")
    assert (refused.returncode, "stands there without quotes" in refused.stdout) == (1, True)
    assert run.repro().returncode != 0
    ended = run.call("sluice", "summary")
    assert ended.returncode == 1
    screen = ended.stdout
    assert screen.count("did not run") == sum(len(gates) for gates in GATES.values())
    assert "this model" not in screen
    assert (run.folder / "reports/evaluation.html").read_text(encoding="utf-8").count(
        "did not run"
    ) >= len(GATES)


OTHERWISE = {  # a value of each parameter that is not that of SETTINGS
    "random_state": 2**32 - 1,
    "data": {
        "target": TARGET,
        "time": TIME,
        "cluster": ["a.b"],
        "sensitive": ["n", "class"],
        "allowed": {"n": "the law: asks for it"},
        "cut_points": {"n": [5, 10.5]},
        "favourable": LABELS[0],
        "forbidden": {"${x}": "#1, a 'name'", "None": "{{y}}"},
    },
    "scope": {
        "metric": "macro_f1",
        "recall_floor": 0.4,
        "recall_floors": {"100": 0.6, "yes": 0.5},
        "largest_gap": 0.2,
    },
    "prepare": {"split": {"by": "time", "test_from": "2022-03-01 12:00", "test_size": 0.25}},
    "augment": {"strategy": "smote", "floor_share": 1.0, "k_neighbors": 3, "smote_max_rows": 20},
    "evaluate": {
        "slices": ["class", "$price"],
        "costs": {LABELS[0]: {LABELS[1]: 5.5}},
        "refer_below": 0.6,
    },
    "monitor": {"label_delay": 30.5},
    "retrain": {
        "candidates": ["warm", "all"],
        "recent": 0.3,
        "half_life": 365,
        "warm_iterations": 9,
    },
    "registry": {"signed": True},
    "train": {
        "model": "vote",
        "sample_weight": "balanced",
        "half_life": 400,
        "decision_weights": "balanced_accuracy",
        "calibration": "sigmoid",
        "search": 5,
        "select": True,
        "mitigation": "reweighing",
        "folds": 7,
        "threads": 2,
    },
}


@pytest.mark.slow
def test_dvc_takes_a_value_of_every_parameter(hostile, tmp_path):
    for section, values in SETTINGS.items():
        pairs = (
            {key: (value, OTHERWISE[section][key]) for key, value in values.items()}
            if isinstance(values, dict)
            else {}
        )
        assert not [f"{section}.{key}" for key, (value, other) in pairs.items() if value == other]
    run = copied(hostile, tmp_path)
    (run.folder / "params.yaml").write_text(
        yaml.safe_dump(OTHERWISE, allow_unicode=True), encoding="utf-8"
    )
    assert load(run.folder / "params.yaml", Params).train.folds == 7
    result = run.repro("--dry")
    assert result.returncode == 0, result.stdout
    assert "Running stage 'evaluate'" in result.stdout


NAME = st.text(
    st.sampled_from("aZ_ .,;:'\"`{}[]()%$@#&<>|\\/=+-*?!~^0é\u05d0\u202e\u200d👍"),
    min_size=1,
    max_size=12,
)
SOME = st.lists(NAME | st.sampled_from(NAMES), min_size=4, max_size=8, unique_by=str.lower).map(
    lambda names: [
        name
        for name in names
        if not wrong_names([name]) and name.lower() not in (TIME, PERIOD, TARGET.lower(), "x")
    ]
)


@pytest.mark.slow
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@example(NAMES)
@given(SOME)
def test_each_column_is_read_under_its_own_name(names):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["x", *names], *([str(nth), *names] for nth in range(2))])
        found = look(path)
        [source] = check(
            "sources", Sources, yaml.safe_load(sources_yaml(found, path.as_posix(), []))
        ).sources.values()
        table = conform(read(ibis.duckdb.connect(), "rows", source).table, source).to_pandas()
    assert list(found.columns) == ["x", *names]
    missing = set(found.missing)
    kept = {
        name: values
        for name, values in table[["x", *names]].items()
        if name not in missing and found.columns[name] == "text"
    }
    assert {name: set(values) for name, values in kept.items()} == {name: {name} for name in kept}


@pytest.mark.slow
@settings(max_examples=2, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    [
        "lambda",
        "`x`",
        "%(x)s",
        "\u202egnp",
        "e\u0301",
        "&amp;</td>",
        "x__",
        "Unnamed: 0",
        "level_0",
        "columns",
    ],
    "select",
)
@given(SOME, NAME.filter(lambda name: not wrong_names([name])))
def test_the_whole_path_takes_any_names(names, target):
    names = [name for name in names if name.lower() != target.lower()] + ["one more"]
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        copy_suites("expectations")
        describe(Path(), names, target)
        subprocess.run(["git", "init", "--quiet"], check=True)
        scope.main()
        for stage in GATES:
            import_module(f"stages.{stage}").main()
        assert names_in(Path("reports/features.csv"), "feature") == sorted(names)
        write_rows(Path("live.csv"), names, n=150, target=target)
        score.main(Path("live.csv"), None)
        with pytest.raises(SystemExit) as ended:
            monitor.main("live.csv", None, "first", 0)
        assert ended.value.code in (0, 1, 3)
        assert len(pd.read_csv("scored/live.csv")) > 0


@pytest.mark.parametrize("name", ["a\x0bb", "a\x1b[31m", "__stage_origin", "x" * 501])
def test_a_name_that_cannot_be_is_refused_where_the_file_is_taken_in(tmp_path, name):
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["x", name], ["1", "2"]])
    with pytest.raises(UserError, match="column"):
        look(path)
