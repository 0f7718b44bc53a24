"""Retrain: a challenger that is as good in every class passes, one that is not is refused, and
nothing is left half done.
"""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from sluice.core.command import FAILED, UserError
from sluice.core.params import ROW_ID, load_params
from sluice.core.tables import TEST, TRAIN, read_table
from sluice.data.dataset import Dataset
from sluice.data.sources import Source, load_sources
from sluice.gates.gate import gate
from sluice.gates.names import GATES
from sluice.metrics.intervals import newcombe_paired
from sluice.modeling.fitting import (
    CandidateSpec,
    age_weights,
    fit_candidate,
    from_params,
    out_of_fold,
    weights_of,
)
from sluice.modeling.model import Model, load_model, save_model, sha256
from sluice.modeling.models import build_model
from sluice.modeling.warm_start import check_same, continued
from sluice.registry.promotion_evidence import VERSION_PARTS
from sluice.registry.registry import events, verified
from sluice.retraining import retrain
from sluice.retraining.challenger import (
    CHAMPION,
    Candidate,
    accept,
    challengers,
    check_classes,
    exchanged,
    non_inferiority,
)
from sluice.retraining.pool import gather, matured, part, recent, span
from stages import augment, evaluate, prepare, train, validate
from tests.drills import ALWAYS
from tests.engine.settings import ROWS, SUITES, WHO, copy_stages, roles, settings
from tests.pipeline_run import PROJECT

JUDGING = {name: SUITES / f"{name}.json" for name in ("challenger", "challengers")}
ROLES = {
    "target": "label",
    "time": "year",
    "sensitive": ["sex"],
    "forbidden": {"late": "known later"},
}
DECLARED = {
    "year": "integer",
    "a": "number",
    "b": "number",
    "text": "text",
    "sex": "text",
    "late": "number",
    "label": "text",
}


def drawn(seed: int, n: int, years: range, turn: float = 0.1) -> pd.DataFrame:
    """Rows of two classes, a third of them rare, whose border turns by `turn` radians a year."""
    rng = np.random.default_rng(seed)
    year, a, b = rng.choice(years, n), rng.normal(size=n), rng.normal(size=n)
    angle = turn * (year - 2000)
    odds = 4 * (a * np.cos(angle) + b * np.sin(angle) - 0.6)
    label = np.where(rng.random(n) < 1 / (1 + np.exp(-odds)), "rare", "common")
    rows = {
        "year": year,
        "a": a.round(6),
        "b": b.round(6),
        "text": rng.choice(["p", "q"], n),
        "sex": rng.choice(["f", "m"], n),
    }
    return pd.DataFrame(rows | {"late": rng.normal(size=n).round(3), "label": label})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A project of its own with a champion, fitted on 2000 to 2002, and live files of 2004 and
    2005.
    """
    folder = tmp_path_factory.mktemp("retrain") / "project"
    for name in ("data/raw", "data/live", "expectations"):
        (folder / name).mkdir(parents=True)
    drawn(0, 2000, range(2000, 2004)).to_csv(folder / "data/raw/rows.csv", index=False)
    drawn(1, 3000, range(2004, 2005)).to_csv(folder / "data/live/2004.csv", index=False)
    drawn(2, 1500, range(2005, 2006)).to_csv(folder / "data/live/2005.csv", index=False)
    source = {
        "path": "data/raw/rows.csv",
        "format": "csv",
        "missing": [""],
        "key": [],
        "columns": DECLARED,
    }
    (folder / "data/sources.yaml").write_text(
        yaml.safe_dump({"sources": {"rows": source}}, sort_keys=False)
    )
    params = settings(
        data=ROLES,
        prepare={"split": {"by": "time", "test_from": 2003, "test_size": 0.5}},
        train={"model": "logistic_regression"},
        retrain={"candidates": ["all"]},
    )
    (folder / "params.yaml").write_text(yaml.safe_dump(params.model_dump(), sort_keys=False))
    for name in [name for names in GATES.values() for name in names]:
        named = {"row": ROWS[name]} if name in ROWS else {}
        (folder / f"expectations/{name}.json").write_text(
            json.dumps({"name": name, "meta": named, "expectations": [ALWAYS]})
        )
    latest = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "year", "max_value": 2003},
        "severity": "critical",
    }
    latest["meta"] = {"notes": "The years of the raw file.", "bound": "confirmed"}
    (folder / "expectations/prepared.json").write_text(
        json.dumps({"name": "prepared", "expectations": [ALWAYS, latest]})
    )
    for suite in JUDGING.values():
        shutil.copy(suite, folder / "expectations")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (prepare, validate, augment, train, evaluate):
            stage.main()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    copy_stages(folder)
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch) -> Path:
    """A copy of the project as the working folder."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command in `folder`, with the code of this project."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    call = [sys.executable, "-m", "sluice", "retrain", *arguments]
    return subprocess.run(
        call,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


@pytest.mark.slow
def test_a_challenger_of_newer_rows_passes_all_gates_and_is_registered(project, monkeypatch):
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    (project / ".dvc").mkdir()
    (project / ".dvc/config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    (project / ".gitignore").write_text("/registry/v*/\n/models/\n", encoding="utf-8")
    for git in (["add", "--all"], ["commit", "--quiet", "--message", "run"]):
        subprocess.run(["git", *git], check=True)
    ended = command(project)
    assert ended.returncode == 0, ended.stdout
    assert (
        "retrain: v1.0.0 (all) passed all gates; `uv run sluice promote v1.0.0 --why ...` puts"
        " it into service" in ended.stdout
    )
    assert [(event.version, event.stage) for event in events()] == [
        ("v1.0.0", None),
        ("v1.0.0", "challenger"),
    ]
    assert verified("v1.0.0", events(), False)["verdicts"]["challenger"]["verdict"] == "pass"
    assert (
        "expectations/prepared.json ends year at 2003; time goes on, here to 2005" in ended.stdout
    )
    assert {path.name for path in (project / "models/challenger").iterdir()} == {
        *VERSION_PARTS,
        "gates",
    }
    model = load_model("models/challenger/model.skops")
    reference = json.loads(Path("models/challenger/reference.json").read_text())
    assert reference["rows"] == {"train": 5000, "test": 1500}
    assert reference["candidate"] == "all"
    assert list(reference["fitted_on"]) == ["data/live/2004.csv"]
    assert (
        reference["model_sha256"]
        == json.loads(Path("models/challenger/model.json").read_text())["model_sha256"]
    )
    assert model.classes == ["common", "rare"]
    assert reference["card_sha256"] == sha256("models/challenger/model.json")
    assert reference["gates"]["by_class"] == sha256("models/challenger/gates/by_class.json")
    gates = {path.stem for path in Path("reports/retraining/gates").iterdir()}
    assert gates == {name for names in GATES.values() for name in names} | {
        "challenger",
        "challengers",
    }
    found = pd.read_csv("reports/retraining/challengers.csv").set_index("candidate")
    assert found.loc["all", "lead_low"] > 0
    assert (
        len(Path("data/judged.csv").read_text().splitlines()) == 3
    )  # a header, the champion on 2003, the challenger on 2005


# what the stages make, without their processes


def test_a_stage_that_fails_by_itself_is_no_reason_against_its_candidate(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made/private").mkdir(parents=True)
    (tmp_path / "made/private/failed-train.txt").write_text("Traceback", encoding="utf-8")
    failed = subprocess.CompletedProcess(
        [], FAILED, "", "train: the program failed (KeyError in train.py, line 9)"
    )
    monkeypatch.setattr(retrain, "run_stage", lambda *_: failed)
    with pytest.raises(RuntimeError, match="the stage train failed for the candidate all"):
        retrain.staged(tmp_path / "made", "all", ("train",))
    assert "train: the program failed (KeyError in train.py, line 9)" in capsys.readouterr().out
    assert (tmp_path / "private/failed-train.txt").read_text(encoding="utf-8") == "Traceback"


@pytest.mark.slow
def test_labels_of_one_class_flipped_are_refused_by_class(project, monkeypatch, capsys):
    monkeypatch.setattr(retrain, "staged", in_process)
    flip("data/live/2004.csv")
    (project / "models/challenger").mkdir()  # of an earlier retraining
    with pytest.raises(UserError) as refused:
        retrain.retrain(*asked())
    said = capsys.readouterr().out
    assert "column sex, group f, class rare: proven_fall" in said  # the worst first
    assert "Look at the labels of the newest rows; keep the champion." in said
    assert (
        "stopped by the gate challenger (fail), read reports/retraining/gates/challenger.json"
        in str(refused.value)
    )
    assert "the challenger (all) is refused: the model in service stays" in str(refused.value)
    assert not Path("models/challenger").exists()
    fallen = pd.read_csv("reports/retraining/challenger.csv").query("proven_fall > 0")
    assert set(fallen["class"]) == {"rare"}
    assert set(fallen["group"]) == {"all", "f", "m"}


@pytest.fixture(scope="module")
def run_once(made, tmp_path_factory) -> Path:
    """Folders that the stages left of a retraining with all candidates, by candidate and stage;
    fast to come back to.
    """
    kept = tmp_path_factory.mktemp("kept")
    shutil.copytree(made, kept / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(kept / "project")
        patch.setattr(retrain, "staged", in_process)
        retrain.retrain(*asked(candidates=["all", "recent", "weighted", "warm"]))
    return kept / "project"


def in_process(folder: Path, name: str, names: tuple[str, ...]) -> str:
    """Run stages as `staged` does, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in names:
            try:
                importlib.import_module(f"stages.{stage}").main()
            except UserError as refused:
                return f"{stage}: {refused}"
    return ""


def asked(
    files: tuple[str, ...] = ("2004", "2005"),
    labels: list | None = None,
    data: dict | None = None,
    **changed: object,
) -> tuple:
    """Return the arguments of retrain() in a project like `made`, with what is changed in the
    section retrain.
    """
    params = load_params()
    params = params.model_copy(update={"retrain": params.retrain.model_copy(update=changed)})
    if data is not None:
        params = params.model_copy(update={"data": params.data.model_copy(update=data)})
    paths = [Path(f"data/live/{name}.csv") for name in files]
    [source] = load_sources().sources.values()
    return paths, labels or [None] * len(paths), params, source


@pytest.mark.slow
def test_labels_of_one_class_flipped_are_refused_by_their_probabilities_where_decisions_are_weighed(
    project, monkeypatch, capsys
):
    monkeypatch.setattr(retrain, "staged", in_process)
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(
        params.replace("decision_weights: none", "decision_weights: balanced_accuracy")
    )
    train.main()
    evaluate.main()
    flip("data/live/2004.csv")
    with pytest.raises(UserError, match=r"stopped by the gate challengers \(fail\)"):
        retrain.retrain(*asked())
    assert (
        "labels that were flipped look like this where decisions are weighed"
        in capsys.readouterr().out
    )
    assert not Path("models/challenger").exists()


def flip(path: str) -> None:
    rows = pd.read_csv(path)
    rows.assign(label=rows["label"].replace({"rare": "common"})).to_csv(path, index=False)


@pytest.mark.slow
def test_every_candidate_is_compared_with_the_champion_on_the_newest_rows(run_once):
    table = pd.read_csv(run_once / "reports/retraining/challengers.csv").set_index("candidate")
    assert list(table.index) == [CHAMPION, "all", "recent", "warm", "weighted"]
    assert (
        table.loc["all", "fitted_on"]
        == table.loc["weighted", "fitted_on"]
        == table.loc["warm", "fitted_on"]
        == 5000
    )
    assert table.loc["recent", "fitted_on"] == 3000  # those of 2004 are more than half
    assert table["chosen"].value_counts().to_dict() == {"no": 4, "yes": 1}
    assert table["score"].idxmax() == table.index[table["chosen"] == "yes"][0]
    assert table.loc["weighted", "score"] != table.loc["all", "score"]
    assert (
        len((run_once / "data/judged.csv").read_text().splitlines()) == 6
    )  # each candidate was a look at the rows of 2005


def test_candidates_that_need_a_time_are_not_tried_without_one(project, monkeypatch):
    monkeypatch.setattr(retrain, "staged", lambda *given: pytest.fail("nothing to run"))
    _, _, params, _ = asked(data={"time": None})
    for name in ("recent", "weighted"):
        one = retrain.make_candidate(
            name, project / "scratch", SimpleNamespace(train=pd.DataFrame()), params, None
        )
        assert one.model is None
        assert (
            one.why
            == "not tried: data.time in params.yaml is null, so that no row is newer than another"
        )


def test_candidates_that_need_a_time_are_not_tried_where_all_rows_are_of_one(project):
    pool = SimpleNamespace(train=pd.DataFrame({"year": [2000, 2000]}))
    one = retrain.make_candidate("recent", project / "scratch", pool, asked()[2], None)
    assert one.why == "not tried: all rows are of the same year"


@pytest.mark.slow
def test_a_gate_that_stops_the_stages_of_every_candidate_refuses_with_its_reason(
    project, monkeypatch
):
    monkeypatch.setattr(retrain, "staged", in_process)
    suite = json.loads(Path("expectations/classes.json").read_text())
    wrong = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "train", "min_value": 10**6},
        "severity": "critical",
    }
    suite["expectations"].append(wrong | {"meta": {"notes": "Too few.", "bound": "confirmed"}})
    Path("expectations/classes.json").write_text(json.dumps(suite))
    with pytest.raises(
        UserError, match=r"no challenger: all: validate: stopped by the gate classes \(fail\)"
    ):
        retrain.retrain(*asked())
    assert json.loads(Path("reports/retraining/gates/classes.json").read_text())["blocks"]
    assert not Path("models/challenger").exists()


def test_a_warm_start_says_of_which_model_and_of_how_much(run_once):
    """A card that named the parameters of today would name a model that was never fitted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run_once)
        patch.setattr(retrain, "staged", in_process)
        shutil.copytree("data/prepared", "scratch/data/prepared")
        in_process_all(Path("scratch"))
        retrain.warm(Path("scratch"), asked()[2], load_model("models/model.skops"))
        cards = [
            json.loads(Path(folder, "models/model.json").read_text()) for folder in (".", "scratch")
        ]
    assert cards[1]["warm_start_of"] == cards[0]["model_sha256"] != cards[1]["model_sha256"]
    assert (cards[1]["model"], cards[1]["warm_iterations"]) == ("logistic_regression", 50)


def in_process_all(folder: Path) -> None:
    """Run augment and train in `folder`, on the tables there."""
    for name in ("expectations", "params.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (
            shutil.copytree(name, folder / name)
            if Path(name).is_dir()
            else shutil.copy(name, folder / name)
        )
    assert in_process(folder, "all", ("augment", "train")) == ""


@pytest.mark.slow
def test_too_few_rows_to_judge_by_are_insufficient_and_block(project, monkeypatch):
    monkeypatch.setattr(retrain, "staged", in_process)
    drawn(2, 80, range(2005, 2006)).to_csv("data/live/2005.csv", index=False)
    with pytest.raises(UserError, match=r"stopped by the gate challenger \(insufficient\)"):
        retrain.retrain(*asked())
    assert not Path("models/challenger").exists()


def test_a_file_that_the_champion_was_fitted_on_does_not_judge(project):
    reference = json.loads(Path("models/reference.json").read_text())
    Path("models/reference.json").write_text(
        json.dumps(reference | {"fitted_on": {"x.csv": sha256("data/live/2005.csv")}})
    )
    with pytest.raises(
        UserError,
        match=r"the model in service was fitted on data/live/2005\.csv, .*name a newer file",
    ):
        retrain.retrain(*asked())


def test_two_files_with_one_table_of_labels_are_refused(project):
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("")
    with pytest.raises(
        UserError,
        match="--labels is given 1 times for 2 files: once for each, - where the rows carry theirs",
    ):
        retrain.main(["a.csv", "b.csv"], ["l.csv"])


def test_no_live_file_is_refused(project):
    shutil.rmtree("data/live")
    with pytest.raises(
        UserError,
        match=r"data/live/ has no file; name files of live rows: `uv run sluice retrain FILE`",
    ):
        retrain.main([], [])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_killed_retrain_leaves_a_whole_challenger_or_none(run_once, tmp_path, monkeypatch):
    shutil.copytree(run_once, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    stored = tmp_path / "stored"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # what killed ones leave

    def remembered(folder: Path, name: str, names: tuple[str, ...]) -> str:
        """Do as the stages did the first time."""
        kept = stored / f"{name}-{names[-1]}" if names else None
        if kept and not kept.exists():
            in_process(folder, name, names)
            shutil.copytree(folder, kept)
        elif kept:
            shutil.copytree(kept, folder, dirs_exist_ok=True)
        return ""

    monkeypatch.setattr(retrain, "staged", remembered)
    retrain.retrain(*asked(candidates=["all"]))
    whole = contents("models/challenger")
    steps = count_steps(lambda: retrain.retrain(*asked(candidates=["all"])))
    assert contents("models/challenger") == whole
    shutil.copytree(".", tmp_path / "finished")
    found = []
    for nth in np.linspace(0, steps - 1, 10).astype(int):
        shutil.rmtree("models")
        shutil.rmtree("reports")
        shutil.copytree(tmp_path / "finished", ".", dirs_exist_ok=True)
        if not (child := os.fork()):
            kill_at(int(nth))
            retrain.retrain(*asked(candidates=["all"]))
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        found.append(Path("models/challenger").exists())
        if found[-1]:
            assert contents("models/challenger") == whole
        for path in Path("reports/retraining").rglob("*.json"):
            json.loads(path.read_text())
    assert not all(found)
    retrain.retrain(*asked(candidates=["all"]))
    assert contents("models/challenger") == whole
    assert not list(Path("models").glob(".*"))


def contents(folder: str) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


STEPS = [(Path, "replace"), (Path, "rename"), (Path, "mkdir"), (shutil, "copy"), (shutil, "rmtree")]


def count_steps(call) -> int:
    """Return how many steps that change files `call` takes."""
    done = []
    with pytest.MonkeyPatch.context() as patch:
        for where, name in STEPS:
            patch.setattr(where, name, counted(getattr(where, name), done, None))
        call()
    return len(done)


def kill_at(nth: int) -> None:
    """Have this process killed before the nth step that changes files."""
    done = []
    for where, name in STEPS:
        setattr(where, name, counted(getattr(where, name), done, nth))


def counted(step, done: list, last: int | None):
    def one(*given, **named):
        if len(done) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(step)
        return step(*given, **named)

    return one


# pool and cohort


def test_a_raw_file_read_as_a_live_one_has_the_ids_that_prepare_gave(project):
    _, _, params, source = asked()
    rows, _ = matured(Path(source.path), None, params, source)
    prepared = pd.concat([read_table(TRAIN), read_table(TEST)])
    assert sorted(rows[ROW_ID]) == sorted(prepared[ROW_ID])


def gathered(*files: str, labels: list | None = None):
    paths, labels, params, source = asked(files, labels)
    return gather(paths, labels, pd.concat([read_table(TRAIN), read_table(TEST)]), params, source)


def test_the_newest_file_is_the_cohort_in_whatever_order_it_is_named(project):
    for files in (("2004", "2005"), ("2005", "2004")):
        pool = gathered(*files)
        assert pool.cohort == Path("data/live/2005.csv")
        assert pool.fitted_on == [Path("data/live/2004.csv")]
        assert set(pool.test["year"]) == {2005}
        assert set(pool.train["year"]) == {2000, 2001, 2002, 2003, 2004}


def test_rows_without_a_label_are_left_out_and_counted(project):
    rows = pd.read_csv("data/live/2005.csv").assign(
        label=lambda rows: rows["label"].where(rows.index >= 100)
    )
    rows.to_csv("data/live/2005.csv", index=False)
    pool = gathered("2005")
    assert pool.went["unlabelled"] == 100
    assert len(pool.test) == 1400
    [row] = retrain.sources(pool).to_dict("records")
    assert (row["records"], row["train"], row["test"], row["unaccounted"]) == (3500, 2000, 1400, 0)


def test_labels_come_from_a_file_of_their_own(project):
    rows = pd.read_csv("data/live/2005.csv")
    rows.drop(columns=["label", "late"]).to_csv("data/live/2005.csv", index=False)
    rows[["label"]].assign(line=range(2, 1502)).to_csv("labels.csv", index=False)
    pool = gathered("2004", "2005", labels=[None, Path("labels.csv")])
    assert pool.test["label"].tolist() == rows["label"].tolist()


def test_files_without_labels_are_refused(project):
    pd.read_csv("data/live/2005.csv").drop(columns="label").to_csv(
        "data/live/2005.csv", index=False
    )
    with pytest.raises(
        UserError,
        match=(
            r"no row of data/live/2005\.csv has a label and a year: wait until labels come, or give"
            r" --labels"
        ),
    ):
        gathered("2005")


def test_rows_that_were_seen_before_do_not_judge(project):
    old, new = pd.read_csv("data/raw/rows.csv"), pd.read_csv("data/live/2005.csv")
    pd.concat([old, new]).to_csv("data/live/2005.csv", index=False)  # an export of all there is
    pool = gathered("2005")
    assert (len(pool.train), len(pool.test), pool.went["duplicate"]) == (2000, 1500, 2000)
    old.to_csv("data/live/2005.csv", index=False)
    with pytest.raises(
        UserError, match="each labelled row of it is in the pool as well, so that none can judge"
    ):
        gathered("2005")


COLUMNS = [ROW_ID, "year", "house", "label"]
POOL = [
    ("a", 1, "x", "p"),
    ("b", 1, "x", "p"),
    ("b", 1, "x", "p"),
    ("c", 1, "y", "p"),
    ("d", 1, "z", "q"),
]
COHORT = [("e", 3, "y", "p"), ("e", 3, "y", "p"), ("f", 4, "w", "q"), ("d", 1, "z", "q")]


def parted(split=None, equal_rows="together", key=(), **data):
    """Return the row_ids of pool and cohort, and how many rows were left out, by kind."""
    params = settings(
        data=data,
        prepare={"split": {"by": "random", "test_from": None, "test_size": 0.2} | (split or {})},
    )
    columns = {"year": "integer", "house": "text", "label": "text"}
    source = Source(
        path="x.csv",
        format="csv",
        missing=[],
        key=list(key),
        columns=columns,
        equal_rows=equal_rows,
    )
    frames = (pd.DataFrame(rows, columns=COLUMNS) for rows in (POOL, COHORT))
    pool, cohort, left_out = part([next(frames)], next(frames), params, source)
    return (
        pool[ROW_ID].tolist(),
        cohort[ROW_ID].tolist(),
        {kind: len(rows) for kind, rows in left_out.items()},
    )


def test_a_row_of_a_time_that_the_pool_has_does_not_judge():
    assert parted(time="year") == (
        ["a", "b", "b", "c", "d"],
        ["e", "e", "f"],
        {"duplicate": 1, "before_cutoff": 0},
    )


def test_rows_that_a_key_calls_one_thing_stand_once():
    found = parted(key=["house"], forbidden={"house": "a name"})
    assert found == (["a", "b", "c", "d"], ["e", "f"], {"duplicate": 3, "before_cutoff": 0})
    assert parted(equal_rows="drop") == found


def test_equal_rows_without_time_or_key_are_cases_that_stay_on_the_side_of_the_cohort():
    assert parted() == (
        ["a", "b", "b", "c"],
        ["e", "e", "f", "d"],
        {"duplicate": 0, "before_cutoff": 1},
    )


def test_equal_rows_that_are_different_cases_stay_on_both_sides():
    pool, cohort, left_out = parted(equal_rows="separate")
    assert (len(pool), len(cohort), left_out) == (5, 4, {"duplicate": 0, "before_cutoff": 0})
    assert not set(pool) & set(cohort)


def test_rows_of_clusters_of_the_cohort_leave_the_pool():
    assert parted(time="year", cluster=["house"]) == (
        ["a", "b", "b", "d"],
        ["e", "e", "f"],
        {"duplicate": 1, "before_cutoff": 1},
    )


def test_rows_of_clusters_that_the_split_cuts_stay_in_the_pool():
    split = {"by": "time", "test_from": 3, "keep_clusters_whole": False}
    found = parted(split, time="year", cluster=["house"])
    assert found == (
        ["a", "b", "b", "c", "d"],
        ["e", "e", "f"],
        {"duplicate": 1, "before_cutoff": 0},
    )


def test_the_newest_share_keeps_rows_of_one_time_together():
    rows = pd.DataFrame({"year": [1, 2, 2, 2, 3, 4]})
    assert recent(rows, "year", 0.5)["year"].tolist() == [2, 2, 2, 3, 4]
    assert recent(rows, "year", 0.2)["year"].tolist() == [3, 4]
    assert span(rows, "year") == 3.0


def test_classes_that_cannot_be_judged_are_refused_all_at_once():
    with pytest.raises(UserError) as refused:
        check_classes(pd.Series(["a", "d"]), pd.Series(["a", "b"]), ["a", "b", "c"])
    assert "no row of the newest cohort is 'b'" in str(refused.value)
    assert "no row of the newest cohort is 'c'" in str(refused.value)
    assert "the newest cohort has labels that no row to fit on has (labels: 1, rows: 1)" in str(
        refused.value
    )
    assert "'d'" not in str(refused.value), (
        "what no model knows may be anything, names of people too"
    )


@pytest.mark.parametrize(
    ("bound", "latest", "wanted"),
    [
        (2003, 2005, 2005),
        (2006, 2005, 2006),
        ("2003-12-31T00:00:00", pd.Timestamp("2005-02-03"), "2005-02-03T00:00:00"),
    ],
)
def test_only_the_end_of_time_moves_in_the_suite_of_the_rows(tmp_path, bound, latest, wanted):
    def between(column, **kwargs):
        meta = {"notes": "n", "bound": "confirmed"}
        return {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": column} | kwargs,
            "severity": "critical",
            "meta": meta,
        }

    expected = [between("time", min_value=bound, max_value=bound), between("size", max_value=1)]
    (tmp_path / "prepared.json").write_text(
        json.dumps({"name": "prepared", "expectations": expected})
    )
    told = retrain.later(
        tmp_path / "prepared.json", pd.DataFrame({"time": [latest], "size": [9]}), "time"
    )
    after = json.loads((tmp_path / "prepared.json").read_text())["expectations"]
    assert after[0]["kwargs"] == {"column": "time", "min_value": bound, "max_value": wanted}
    assert after[1] == expected[1]
    assert len(told) == (wanted != bound)


# weights by age


def test_a_row_a_half_life_older_weighs_half_as_much():
    weights = age_weights(pd.Series([2000, 2002, 2004]), pd.Series(["a", "a", "b"]), 2.0)
    assert weights.tolist() == pytest.approx([3 / 7, 6 / 7, 12 / 7])
    days = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-31"]))
    assert np.divide(*age_weights(days, pd.Series(["a", "b"]), 30.0)) == pytest.approx(0.5)


def test_a_row_without_a_time_weighs_what_its_class_weighs():
    weights = age_weights(pd.Series([0.0, 2.0, 2.0, None]), pd.Series(["a", "a", "b", "a"]), 2.0)
    assert weights[3] == pytest.approx(weights[:2].mean())


def test_weights_by_age_and_by_class_multiply():
    rows = pd.DataFrame({"year": [0, 2, 2], "label": ["a", "a", "b"]})
    params = settings(data={"time": "year"}, train={"half_life": 2.0})
    by_class = weights_of(rows, settings(), "balanced")
    assert weights_of(rows, settings(), "none") is None
    assert weights_of(rows, params, "balanced") == pytest.approx(
        by_class * weights_of(rows, params, "none")
    )


def test_half_life_without_a_time_is_refused():
    with pytest.raises(
        UserError,
        match=r"train\.half_life is 2, but data\.time is None; name the time column, or set null",
    ):
        settings(train={"half_life": 2.0})


def test_half_life_follows_a_relation_that_turned():
    rows = pd.concat([drawn(0, 600, range(2000, 2001)), drawn(1, 600, range(2020, 2021))]).drop(
        columns="late"
    )
    new = drawn(2, 600, range(2020, 2021))
    right = {}
    for half_life in (None, 1.0):
        params = settings(data=ROLES, train={"half_life": half_life})
        model = fit_candidate(CandidateSpec("logistic_regression"), rows, params)
        right[half_life] = (model.predict_proba(new)[:, 1] > 0.5).astype(int) @ (
            new["label"] == "rare"
        ).to_numpy().astype(int)
    assert right[1.0] > right[None]


def test_half_life_counts_on_folds():
    rows = drawn(0, 600, range(2000, 2010)).drop(columns="late")
    scores = []
    for half_life in (None, 0.5):
        params = settings(
            data=ROLES, train={"model": "logistic_regression", "half_life": half_life}
        )
        scores.append(
            out_of_fold(Dataset.of(rows, params.data), params, {"model": from_params(params)})[0][
                "model"
            ]
        )
    assert not np.allclose(*scores)


# warm start


def first(name: str, rows: pd.DataFrame) -> Model:
    X = features_of(rows)
    with threadpool_limits(1):
        estimator = build_model(name, X, 0).fit(X, rows["label"])
    return Model(
        estimator,
        ["common", "rare"],
        {column: str(dtype) for column, dtype in X.dtypes.items()},
        {},
        {"common": 1.0, "rare": 2.0},
    )


def features_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["a", "b", "text"]].astype({"text": "str"})


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["logistic_regression", "random_forest", "hist_gradient_boosting", "vote"]
)
def test_a_warm_start_learns_of_new_rows_and_leaves_the_old_model_alone(name, tmp_path):
    old, new, unseen = (
        drawn(seed, 1500, range(year, year + 1)) for seed, year in ((0, 2000), (1, 2010), (2, 2010))
    )
    model = first(name, old)
    save_model(model, tmp_path / "model.skops", {})
    model = load_model(tmp_path / "model.skops")  # as the champion comes
    before = model.predict_proba(features_of(unseen))
    with threadpool_limits(1):
        after = continued(model, features_of(new), new["label"], None, 50)
    assert (model.predict_proba(features_of(unseen)) == before).all()
    assert log_loss(unseen["label"], after.predict_proba(features_of(unseen))) < log_loss(
        unseen["label"], before
    )
    assert (after.decision_weights, after.columns) == (model.decision_weights, model.columns)
    save_model(after, tmp_path / "after.skops", {})
    assert (
        load_model(tmp_path / "after.skops").predict_proba(features_of(unseen))
        == after.predict_proba(features_of(unseen))
    ).all()


def test_a_warm_start_boosts_on_from_what_the_old_trees_say():
    old = drawn(0, 1500, range(2000, 2001))
    new = drawn(1, 1500, range(2000, 2001)).assign(a=lambda rows: rows["a"] + 3)
    model = first("hist_gradient_boosting", old)
    boosting = model.estimator[-1]
    seen = []
    raw = type(boosting)._raw_predict

    def spied(self, X, *given, **named):
        answer = raw(self, X, *given, **named)
        seen.append(answer.copy())  # boosting adds to it in place
        return answer

    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(type(boosting), "_raw_predict", spied)
        continued(model, features_of(new), new["label"], None, 1)
    assert np.allclose(
        seen[0], boosting._raw_predict(model.estimator[:-1].transform(features_of(new)))
    )


def test_a_warm_start_that_adds_nothing_is_refused():
    rows = drawn(0, 300, range(2000, 2001))
    for name in ("random_forest", "hist_gradient_boosting"):
        with pytest.raises(UserError, match="0 more iterations would add nothing"):
            continued(first(name, rows), features_of(rows), rows["label"], None, 0)


def test_a_warm_start_that_silently_did_nothing_is_refused(monkeypatch):
    rows = drawn(0, 300, range(2000, 2001))
    for name, what in (("random_forest", "forest"), ("hist_gradient_boosting", "boosting")):
        model = first(name, rows)
        monkeypatch.setattr(type(model.estimator[-1]), "fit", lambda self, *given, **named: self)
        with pytest.raises(
            UserError,
            match=(
                f"the {what} has 100 iterations after a warm start and had 100 before: nothing was"
                " learned"
            ),
        ):
            continued(model, features_of(rows), rows["label"], None, 5)


def test_a_warm_start_with_other_classes_or_columns_is_refused_all_at_once():
    rows = drawn(0, 300, range(2000, 2001))
    model, X = first("logistic_regression", rows), features_of(rows)
    check_same(model, X, rows["label"], selected=False)
    with pytest.raises(UserError) as refused:
        check_same(
            model,
            X.drop(columns="b").assign(text=1.0, more=1.0),
            rows["label"].replace({"rare": "odd"}),
            selected=False,
        )
    for part_of in (
        "the rows have the classes common, odd, the model in service common, rare",
        "the column 'b' was float64, and is no feature now",
        "the column 'text' was str, and is float64 now",
        "more is no column of the model in service",
        "a warm start needs the same classes and columns",
    ):
        assert part_of in str(refused.value)
    check_same(model, X.assign(more=1.0), rows["label"], selected=True)


def test_categories_that_are_gone_are_refused_where_their_numbers_would_change():
    rows = drawn(0, 300, range(2000, 2001))
    few = rows[rows["text"] == "q"]
    with pytest.raises(
        UserError, match="1 categories that the boosting was fitted on are in no row any more"
    ):
        continued(first("hist_gradient_boosting", rows), features_of(few), few["label"], None, 5)


# class by class, and all of them


def cohort_of(n_rare: int, n_common: int = 600) -> pd.DataFrame:
    return pd.DataFrame({"label": ["rare"] * n_rare + ["common"] * n_common})


def found(rows: pd.DataFrame, n_rare: int, n_common: int) -> tuple[list[str], np.ndarray]:
    """Decisions that find the first rows of each class."""
    rank = rows.groupby("label").cumcount().to_numpy()
    hit = rank < np.where(rows["label"] == "rare", n_rare, n_common)
    return ["common", "rare"], np.where(
        hit, rows["label"], np.where(rows["label"] == "rare", "common", "rare")
    )


def held(table: pd.DataFrame, tmp_path: Path):
    return gate(table, JUDGING["challenger"], tmp_path / "challenger.json")


def compared(rows: pd.DataFrame, champion, challenger, **data: object) -> pd.DataFrame:
    return non_inferiority(rows, champion, challenger, rows, roles(**data), 0.95)


def test_a_challenger_as_good_as_the_champion_passes(tmp_path):
    rows = cohort_of(200)
    table = compared(rows, found(rows, 160, 500), found(rows, 162, 502))
    assert held(table, tmp_path).verdict == "pass"
    [row] = table[table["class"] == "rare"].to_dict("records")
    assert (row["champion"], row["challenger"], row["support"]) == (0.8, 0.81, 200)
    assert (row["low"], row["high"]) == pytest.approx(newcombe_paired(160, 2, 0, 38, 0.9))


def test_a_class_that_is_found_less_often_fails_though_the_others_gain(tmp_path):
    rows = cohort_of(200)
    verdict = held(compared(rows, found(rows, 160, 500), found(rows, 120, 600)), tmp_path)
    assert verdict.verdict == "fail"
    assert (
        "column all, group all, class rare: proven_fall 0.2 (support 200, champion 0.8,"
        " challenger 0.6" in verdict.sentences[0]
    )
    assert not any("class common" in sentence for sentence in verdict.sentences)


def test_a_fall_that_a_person_accepts_only_warns(tmp_path):
    rows = cohort_of(200)
    table = compared(rows, found(rows, 160, 500), found(rows, 120, 600))
    assert exchanged(table) == ""
    verdict = held(accept(table, ["rare"]), tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("warn", False)
    assert "class rare: proven_fall 0.2" in verdict.sentences[0]
    assert (
        exchanged(accept(table, ["rare"]))
        == "(accepted: finds rare in 0.600 of its rows instead of 0.800)"
    )


def test_a_fall_of_another_class_than_the_accepted_one_fails(tmp_path):
    rows = cohort_of(200)
    table = compared(rows, found(rows, 160, 500), found(rows, 120, 600))
    assert held(accept(table, ["common"]), tmp_path).verdict == "fail"


def test_not_every_class_can_be_accepted(tmp_path):
    rows = cohort_of(200)
    table = accept(compared(rows, found(rows, 160, 500), found(rows, 120, 400)), ["rare", "common"])
    assert held(table, tmp_path).blocks


def test_a_class_that_does_not_exist_cannot_be_accepted():
    rows = cohort_of(200)
    with pytest.raises(
        UserError, match=r"^--accept names rear, which is no class; there are common, rare$"
    ):
        accept(compared(rows, found(rows, 160, 500), found(rows, 120, 600)), ["rear"])


def test_the_name_of_an_accepted_class_is_no_line_of_its_own():
    table = pd.DataFrame(
        [
            {
                "column": "all",
                "class": "a\nmanifest 0",
                "champion": 0.8,
                "challenger": 0.5,
                "accepted": "yes",
            }
        ]
    )
    assert (
        exchanged(table) == "(accepted: finds a manifest 0 in 0.500 of its rows instead of 0.800)"
    )


def test_a_small_fall_that_many_rows_prove_warns(tmp_path):
    rows = cohort_of(2000, 2000)
    verdict = held(compared(rows, found(rows, 1600, 1600), found(rows, 1560, 1600)), tmp_path)
    assert verdict.verdict == "warn"
    assert "what is gained elsewhere has to be worth it" in verdict.sentences[0]


@pytest.mark.parametrize("n", [0, 20, 40])
def test_few_rows_of_a_class_cannot_show_that_it_is_found_as_often(tmp_path, n):
    rows = cohort_of(n)
    rng = np.random.default_rng(0)
    decided = [np.where(rng.random(len(rows)) < 0.85, rows["label"], "common") for _ in range(2)]
    verdict = held(
        compared(
            rows,
            (["common", "rare"], decided[0]),
            (["common", "rare"], decided[0 if n == 20 else 1]),
        ),
        tmp_path,
    )
    assert verdict.verdict == ("insufficient" if n else "fail")
    assert verdict.blocks
    assert "Wait for more labels of it" in " ".join(verdict.sentences)


def test_a_group_that_loses_what_another_gains_fails(tmp_path):
    rows = pd.concat(
        [cohort_of(200).assign(sex="f"), cohort_of(200).assign(sex="m")], ignore_index=True
    )
    is_f = (rows["sex"] == "f").to_numpy()
    rare = (rows["label"] == "rare").to_numpy()
    nth = rows.groupby(["sex", "label"]).cumcount().to_numpy()
    champion = np.where(~rare | (nth < 140), rows["label"], "common")
    challenger = np.where(~rare | (nth < np.where(is_f, 100, 180)), rows["label"], "common")
    known = ["common", "rare"]
    table = compared(rows, (known, champion), (known, challenger), sensitive=["sex"])
    verdict = held(table, tmp_path)
    assert verdict.verdict == "fail"
    assert "column sex, group f, class rare: proven_fall 0.2" in verdict.sentences[0]
    assert "group m" not in verdict.sentences[0]
    assert "group all" not in verdict.sentences[0]


def test_a_group_that_no_row_of_the_cohort_belongs_to_is_insufficient(tmp_path):
    rows = cohort_of(200).assign(sex="f")
    known = pd.concat([rows, rows.assign(sex="m")])
    table = non_inferiority(
        rows, found(rows, 160, 500), found(rows, 160, 500), known, roles(sensitive=["sex"]), 0.95
    )
    verdict = held(table, tmp_path)
    assert (verdict.verdict, verdict.blocks) == ("insufficient", True)
    assert "group m, class rare: low -1" in " ".join(verdict.sentences)


def test_a_class_that_the_challenger_does_not_know_fails(tmp_path):
    rows = cohort_of(200)
    table = compared(rows, found(rows, 160, 500), (["common"], np.repeat("common", len(rows))))
    assert table["status"].tolist() == ["kept", "gone"]
    assert (
        "The challenger does not know a class that the champion knows"
        in held(table, tmp_path).sentences[0]
    )


def test_rows_of_a_cluster_count_for_as_many_as_they_tell():
    rows = cohort_of(200).assign(house=lambda rows: rows.index // 10)
    alone = compared(rows, found(rows, 160, 500), found(rows, 140, 500))
    together = compared(rows, found(rows, 160, 500), found(rows, 140, 500), cluster=["house"])
    rare = [table.set_index("class").loc["rare"] for table in (alone, together)]
    assert rare[1]["low"] < rare[0]["low"] < rare[0]["high"] < rare[1]["high"]


def test_paired_interval_is_the_one_of_the_paper():
    assert newcombe_paired(36, 12, 2, 0) == pytest.approx(
        (0.0569, 0.3404), abs=1e-4
    )  # Newcombe 1998, table II
    assert newcombe_paired(0, 0, 0, 0) == (-1.0, 1.0)
    low, high = newcombe_paired(
        30, 0, 0, 0
    )  # that both always agree is no proof that they always will
    assert low == -high < -0.1


def test_a_rise_of_the_brier_score_fails_however_well_the_challenger_decides(tmp_path):
    rows = pd.DataFrame({"a": np.tile([-1.0, 1.0], 200)}).assign(
        label=lambda rows: np.where(rows["a"] > 0, "rare", "common")
    )
    model = Model(
        Fixed(40, sure=0.02), ["common", "rare"], {"a": "float64"}, {}, {"common": 1.0, "rare": 1.0}
    )
    table, _ = challengers(
        fixed(40),
        [Candidate("all", 10, model)],
        rows,
        settings(train={"decision_weights": "balanced_accuracy"}),
    )
    row = table.set_index("candidate").loc["all"]
    # the champion is off by .1 in 9 rows of 10 and by .9 in the others, the challenger by .49 and
    # .51
    assert row["brier"] == pytest.approx(0.9 * 0.49**2 + 0.1 * 0.51**2)
    assert row["proven_rise"] == pytest.approx(row["brier"] / (0.9 * 0.1**2 + 0.1 * 0.9**2) - 1)
    verdict = gate(table, JUDGING["challengers"], tmp_path / "challengers.json")
    assert verdict.verdict == "fail"
    assert "The challenger's probabilities are proven to be worse than the champion's" in " ".join(
        verdict.sentences
    )


class Fixed:
    """A model that finds the classes by the sign of its column, but for `wrong` rows."""

    def __init__(self, wrong: int, sure: float = 0.8) -> None:
        self.wrong, self.sure = wrong, sure

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        right = X["a"].to_numpy() > 0
        p = (
            np.where(np.arange(len(X)) < self.wrong, ~right, right).astype(float) * self.sure
            + (1 - self.sure) / 2
        )
        return np.column_stack([1 - p, p])


def fixed(wrong: int) -> Model:
    return Model(
        Fixed(wrong), ["common", "rare"], {"a": "float64"}, {}, {"common": 1.0, "rare": 1.0}
    )


def against_champion(tmp_path, *wrong: int):
    rows = pd.DataFrame({"a": np.tile([-1.0, 1.0], 200)}).assign(
        label=lambda rows: np.where(rows["a"] > 0, "rare", "common")
    )
    made = [Candidate(f"candidate_{n}", 10, fixed(n)) for n in wrong] + [
        Candidate("lost", why="not tried: no time")
    ]
    table, best = challengers(
        fixed(40), made, rows, settings(train={"decision_weights": "balanced_accuracy"})
    )
    return (
        table.set_index("candidate"),
        best,
        gate(table, JUDGING["challengers"], tmp_path / "challengers.json"),
    )


def test_the_best_candidate_is_the_challenger(tmp_path):
    table, best, verdict = against_champion(tmp_path, 80, 4, 30)
    assert best.name == "candidate_4"
    assert table.loc[CHAMPION, "score"] == 0.9
    assert table.loc["candidate_4", "lead"] == pytest.approx(0.09)
    assert table.loc["candidate_4", "lead_low"] > 0
    assert table.loc["candidate_4", "brier_lead"] > 0
    assert table.loc["lost", "why"] == "not tried: no time"
    assert verdict.verdict == "pass"


def test_a_challenger_that_is_not_proven_to_be_better_warns(tmp_path):
    _, _, verdict = against_champion(tmp_path, 39)
    assert verdict.verdict == "warn"
    assert "is not proven to be better than the champion" in verdict.sentences[0]


def test_a_challenger_that_is_proven_to_be_worse_fails(tmp_path):
    _, _, verdict = against_champion(tmp_path, 120)
    assert verdict.verdict == "fail"
    assert "Even the best candidate is proven to be worse than the champion" in verdict.sentences[0]
