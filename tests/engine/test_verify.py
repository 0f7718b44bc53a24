import hashlib
import subprocess
from pathlib import Path

import pytest
import yaml

from sluice.commands import verify
from sluice.core.command import UserError
from sluice.core.pipeline import copy_tracked, frozen, outputs, read_stages


@pytest.mark.parametrize("repository", [".", "project"])
def test_copy_has_what_git_tracks_and_all_raw_data(tmp_path, repository):
    source = tmp_path / "project"
    for name in (
        "params.yaml",
        "notes.txt",
        "dvc.lock",
        "data/raw/.gitignore",
        "data/raw/large.csv",
        "models/model.json",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("/large.csv\n")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path / repository, check=True)
    subprocess.run(["git", "add", "params.yaml", "dvc.lock", "data"], cwd=source, check=True)
    (tmp_path / "copy" / ".dvc").mkdir(parents=True)
    copy_tracked(source, tmp_path / "copy")
    copied = {
        path.relative_to(tmp_path / "copy").as_posix()
        for path in (tmp_path / "copy").rglob("*")
        if path.is_file()
    }
    assert copied == {
        "params.yaml",
        "data/raw/.gitignore",
        "data/raw/large.csv",
        ".dvc/config.local",
    }


def entry(out: str, digest: str, **deps: str) -> dict:
    """Return a stage of a dvc.lock with one output."""
    return {
        "cmd": f"make {out}",
        "deps": [{"path": path.replace("_", "/"), "md5": one} for path, one in deps.items()],
        "outs": [{"path": out, "md5": digest}],
    }


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


DESCRIBED = {
    "train": {"outs": ["models"]},
    "evaluate": {"metrics": [{"reports/figures.json": {"cache": False}}]},
}


@pytest.fixture
def verified(tmp_path, monkeypatch):
    """A function that verifies a run of two stages, whose report `figures.json` is there, where
    another run gives what is passed.
    """
    monkeypatch.chdir(tmp_path)
    Path("reports").mkdir()
    Path("reports/figures.json").write_text("honest")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": DESCRIBED}))

    def call(only_reports: bool = False, here: dict | None = None, **again: dict) -> None:
        lock = {
            "train": entry("models", "m", raw="r"),
            "evaluate": entry("reports/figures.json", md5("honest"), models="m", suite="s"),
        }
        Path("dvc.lock").write_text(
            yaml.safe_dump({"stages": lock | (here or {})}, sort_keys=False)
        )
        monkeypatch.setattr(verify, "run_again", lambda: lock | again)
        verify.main(only_reports)

    return call


def test_equal_run_is_verified(verified, capsys):
    verified()
    assert capsys.readouterr().out == "same     models\nsame     reports/figures.json\n"


@pytest.mark.parametrize("only_reports", [False, True])
def test_report_that_was_edited_is_refused(verified, only_reports):
    edited = {"evaluate": entry("reports/figures.json", md5("edited"), models="m", suite="s")}
    with pytest.raises(
        UserError, match=r"^1 of 2 outputs differ from dvc\.lock: reports/figures\.json; "
    ):
        verified(only_reports, here=edited)
    Path("reports/figures.json").write_text("edited")
    with pytest.raises(UserError, match=r"reports/figures\.json; "):
        verified(only_reports)


def test_report_of_another_model_is_refused_where_nothing_else_changed(verified):
    swapped = {
        "train": entry("models", "x", raw="r"),
        "evaluate": entry("reports/figures.json", md5("of x"), models="x", suite="s"),
    }
    with pytest.raises(UserError, match=r"^1 of 2 outputs .*: reports/figures\.json; "):
        verified(True, here=swapped)


def test_model_of_another_processor_is_refused_but_where_reports_are_asked_for(verified):
    again = {
        "train": entry("models", "n", raw="r"),
        "evaluate": entry("reports/figures.json", md5("honest"), models="n", suite="s"),
    }
    verified(True, **again)
    with pytest.raises(UserError, match=r"^1 of 2 outputs .*: models; "):
        verified(**again)


def test_run_older_than_its_inputs_is_refused_but_where_reports_are_asked_for(verified, capsys):
    again = {"evaluate": entry("reports/figures.json", md5("stricter"), models="m", suite="t")}
    verified(True, **again)
    assert (
        "outdated reports/figures.json\nevaluate did not run since the inputs changed"
        in capsys.readouterr().out
    )
    with pytest.raises(UserError, match=r"^1 of 2 outputs .*: reports/figures\.json; "):
        verified(**again)


def test_stage_that_never_ended_is_refused(verified):
    with pytest.raises(UserError, match=r"^1 of 3 outputs .*: reports/more\.json; "):
        verified(more=entry("reports/more.json", "m", models="m"))


def test_frozen_stage_is_refused(verified):
    Path("dvc.yaml").write_text(
        yaml.safe_dump(
            {"stages": DESCRIBED | {"evaluate": DESCRIBED["evaluate"] | {"frozen": True}}}
        )
    )
    with pytest.raises(
        UserError,
        match=r"^dvc\.yaml: the stage evaluate is frozen, .*; run `dvc unfreeze evaluate`$",
    ):
        verified()


def test_stages_of_a_loop_are_looked_at():
    assert (
        len(
            frozen(
                {
                    "each": {"foreach": [1, 2], "do": {"cmd": "x", "frozen": True}},
                    "one": {"cmd": "y"},
                }
            )
        )
        == 1
    )


def test_what_tells_of_all_runs_is_not_compared():
    names = ("reports/test_set.csv", "reports/gates/test_set.json", "reports/slices.csv")
    assert outputs({"evaluate": {"outs": [{"path": name, "md5": "x"} for name in names]}}) == {
        "reports/slices.csv": "x"
    }


def test_missing_lock_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^dvc\.lock does not exist; run `make repro`"):
        read_stages("dvc.lock")


@pytest.mark.parametrize("content", ["", "stages", "[1]", "a: [", "\x00"])
def test_lock_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(UserError, match=r"dvc\.lock lists no stages; restore it from git"):
        read_stages(tmp_path / "dvc.lock")
