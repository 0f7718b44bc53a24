import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from sluice.commands import compare
from sluice.core.command import UserError
from sluice.gates.gate import gate
from sluice.gates.messages import Finding
from tests.engine.settings import SUITES
from tests.pipeline_run import PROJECT


def recalls(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["class", "support", "recall", "recall_low"])


# 80 of 100: the one-sided lower bound is .723
BEFORE = recalls(("rare", 100, 0.80, 0.72), ("common", 900, 0.90, 0.88))


def now(recall: float, name: str = "rare", support: int = 100) -> pd.DataFrame:
    return recalls((name, support, recall, recall - 0.08), ("common", 900, 0.90, 0.88))


def row(table: pd.DataFrame, name: str = "rare") -> dict:
    return table.set_index("class").loc[name].to_dict()


def verdict(table: pd.DataFrame, tmp_path: Path):
    return gate(table, SUITES / "compared.json", tmp_path / "compared.json")


def test_run_compared_with_itself_lost_nothing(tmp_path):
    table = compare.compared(BEFORE, BEFORE, same_rows=True)
    assert set(table["status"]) == {"kept"}
    assert table["proven_fall"].tolist() == [0, 0]
    assert verdict(table, tmp_path).verdict == "pass"


def test_fall_below_the_interval_of_the_recall_before_is_proven_on_the_same_rows(tmp_path):
    table = compare.compared(BEFORE, now(0.71), same_rows=True)
    assert row(table)["fall"] == row(table)["proven_fall"] == pytest.approx(0.09)
    assert row(table)["margin"] == pytest.approx(0.08)
    [sentence] = verdict(table, tmp_path).sentences
    for part in (
        "class rare",
        "proven_fall 0.09",
        "recall_before 0.8",
        "recall_now 0.71",
        "support_now 100",
    ):
        assert part in sentence


def test_fall_within_the_interval_is_chance(tmp_path):
    table = compare.compared(BEFORE, now(0.73), same_rows=True)
    assert row(table)["fall"] == pytest.approx(0.07)
    assert verdict(table, tmp_path).verdict == "pass"


def test_on_other_rows_both_recalls_err_and_the_margin_is_wider(tmp_path):
    table = compare.compared(BEFORE, now(0.71), same_rows=False)
    # Wilson at two-sided 90 %: .8 has (.727, .857), .71 has (.630, .778); margin = sqrt((.8 -
    # .727)^2 + (.778 - .71)^2)
    assert row(table)["margin"] == pytest.approx(0.0998, abs=1e-3)
    assert verdict(table, tmp_path).verdict == "pass"
    assert verdict(compare.compared(BEFORE, now(0.69), same_rows=False), tmp_path).blocks


def test_rise_of_the_recall_is_no_fall(tmp_path):
    table = compare.compared(BEFORE, now(1.0), same_rows=True)
    assert row(table)["proven_fall"] == 0
    assert verdict(table, tmp_path).verdict == "pass"


def test_class_that_vanished_fails(tmp_path):
    table = compare.compared(BEFORE, BEFORE.tail(1), same_rows=False)
    assert (row(table)["status"], row(table)["support_now"]) == ("gone", 0)
    [sentence] = verdict(table, tmp_path).sentences
    assert "class rare: status gone" in sentence


def test_class_that_lost_all_its_test_rows_fails(tmp_path):
    table = compare.compared(BEFORE, now(float("nan"), support=0), same_rows=False)
    assert row(table)["status"] == "gone"
    assert verdict(table, tmp_path).blocks


def test_new_class_is_told_as_new(tmp_path):
    table = compare.compared(BEFORE.tail(1), BEFORE, same_rows=False)
    assert (row(table)["status"], row(table)["support_before"]) == ("new", 0)
    assert verdict(table, tmp_path).verdict == "pass"


def test_table_without_a_class_in_common_is_no_pass(tmp_path):
    nothing = recalls()
    assert verdict(compare.compared(nothing, nothing, same_rows=True), tmp_path).blocks


@pytest.mark.parametrize("name", ["NA", "None", "1", "a,b"])
def test_class_keeps_its_name_whatever_it_looks_like(name):
    text = now(0.8, name).to_csv(index=False)
    assert compare.read_by_class(text, "by_class.csv")["class"].tolist() == [name, "common"]


@pytest.mark.parametrize(
    "text",
    ["", "\x00\x01", "class,support\na,1\n", "class,support,recall,recall_low\na,many,1,1\n"],
)
def test_file_that_is_no_table_by_class_is_refused(text):
    with pytest.raises(
        UserError, match=r"^reports/by_class\.csv is not what evaluate writes .*restore it from git"
    ):
        compare.read_by_class(text, "reports/by_class.csv")


def test_revision_that_git_would_take_for_an_option_is_refused(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    with pytest.raises(UserError, match="'--all' is no commit that this clone has"):
        compare.commit_of("--all")


def test_cell_cannot_break_a_markdown_table():
    assert (
        compare.markdown(["class"], [["a|b\nc"], [0.5]])
        == "| class |\n| --- |\n| `a\\|b\\nc` |\n| 0.500 |"
    )


def git(folder: Path, *arguments: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "-c",
        "init.defaultBranch=main",
        *arguments,
    ]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, encoding="utf-8"
    ).stdout.strip()


@pytest.fixture(scope="module")
def committed(toy_run, tmp_path_factory) -> Path:
    """A finished run, committed on main; what DVC keeps is left out."""
    folder = tmp_path_factory.mktemp("committed") / "project"
    shutil.copytree(
        toy_run.folder,
        folder,
        ignore=shutil.ignore_patterns(
            "cache", "tmp", "config.local", "*.parquet", "__pycache__", "*.skops"
        ),
    )
    shutil.copy(PROJECT / ".gitignore", folder)
    for arguments in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "first run"],
    ):
        git(folder, *arguments)
    return folder


@pytest.fixture
def project(committed, tmp_path, monkeypatch) -> Path:
    """A copy of the finished run to change, as the working folder."""
    shutil.copytree(committed, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def without_dvc(monkeypatch) -> None:
    """What DVC says is one test's matter, and takes two processes."""
    monkeypatch.setattr(compare, "_dvc_diff", lambda what, commit: f"({what})")


def edit_report(project: Path, gate_name: str, **changed: object) -> None:
    path = project / "reports" / "gates" / f"{gate_name}.json"
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8"
    )


def lose_recall(project: Path) -> str:
    """Make the class that is found most surely be found never, and return its name."""
    table = pd.read_csv(
        project / "reports/by_class.csv", dtype={"class": "str"}, keep_default_na=False
    )
    surest = table["recall_low"].idxmax()
    table.loc[surest, ["recall", "recall_low"]] = 0
    table.to_csv(project / "reports/by_class.csv", index=False)
    return table["class"][surest]


def test_page_shows_parameters_that_differ(project, capsys):
    params = project / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("random_state: ", "random_state: 1"), encoding="utf-8")
    compare.main(None)
    page = capsys.readouterr().out
    assert page.startswith(f"## This run and {git(project, 'rev-parse', 'HEAD')[:10]}\n")
    assert "### Metrics\n\nNo difference." in page
    assert "| random_state |" in page.split("### Parameters")[1]
    assert "The test rows are the same." in page
    assert "gate compared" not in page


def test_page_shows_metrics_that_differ(project, capsys):
    metrics = json.loads((project / "reports/metrics.json").read_text(encoding="utf-8"))
    (project / "reports/metrics.json").write_text(
        json.dumps(metrics | {"brier": 0.999}), encoding="utf-8"
    )
    compare.main(None)
    assert "| `reports/metrics.json` | brier |" in capsys.readouterr().out


def test_fall_in_recall_ends_the_comparison_with_a_refusal(project, capsys, without_dvc):
    lost = lose_recall(project)
    with pytest.raises(UserError, match="stopped by the gate compared"):
        compare.main(None)
    page = capsys.readouterr().out
    assert f"| {lost} | kept |" in page
    assert "The class is found less often than before" in page
    assert (project / "reports/compared.csv").is_file()
    assert "compared" not in git(project, "status", "--short")


def test_blocked_gate_ends_the_comparison_with_a_refusal(project, capsys, without_dvc):
    edit_report(
        project,
        "by_class",
        verdict="fail",
        blocks=True,
        findings=[Finding("x", "fail", True, "it", ["overlooked"]).fields()],
    )
    with pytest.raises(UserError, match="stopped by the gate by_class"):
        compare.main(None)
    page = capsys.readouterr().out
    assert "| by_class | fail | `FAIL: it: overlooked.` |" in page
    assert "| compared | pass |  |" in page


def test_run_that_was_stopped_before_evaluate_shows_no_old_figures(project, capsys, without_dvc):
    edit_report(project, "classes", verdict="fail", blocks=True)
    with pytest.raises(UserError, match="stopped by the gate classes"):
        compare.main(None)
    page = capsys.readouterr().out
    assert page.count("Not measured: the run was stopped by the gate classes.") == 2
    assert "by_class" not in page


def test_first_run_has_nothing_to_compare_with(project, capsys, without_dvc):
    git(project, "rm", "--quiet", "-r", "--cached", "reports")
    git(project, "commit", "--quiet", "--message", "before the first run")
    compare.main(None)
    assert capsys.readouterr().out.count("Nothing to compare with") == 2


def test_moved_test_rows_are_told(project, capsys, without_dvc):
    (project / "dvc.lock").unlink()
    compare.main(None)
    assert "not known to be the same" in capsys.readouterr().out


def test_table_that_is_missing_is_refused(project, without_dvc):
    (project / "reports/by_class.csv").unlink()
    with pytest.raises(
        UserError, match=r"reports/by_class\.csv does not exist; run `make repro` first"
    ):
        compare.main(None)


def test_report_that_is_missing_is_refused(project):
    (project / "reports/gates/candidates.json").unlink()
    with pytest.raises(
        UserError, match=r"reports/gates/candidates\.json does not exist, so train did not end"
    ):
        compare.main(None)


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00"])
def test_report_that_is_none_is_refused(project, content):
    (project / "reports/gates/sources.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"reports/gates/sources\.json is not what a gate writes"):
        compare.main(None)


def test_default_is_the_commit_at_which_the_branch_left_main(project):
    left = git(project, "rev-parse", "HEAD")
    git(project, "checkout", "--quiet", "-b", "work")
    git(project, "commit", "--quiet", "--allow-empty", "--message", "work")
    assert compare.commit_of(None) == left


def test_branch_that_shares_no_commit_with_main_is_refused(project):
    git(project, "checkout", "--quiet", "--orphan", "alone")
    git(project, "commit", "--quiet", "--message", "alone")
    with pytest.raises(
        UserError, match=r"HEAD and main have no commit in common here.*--unshallow"
    ):
        compare.commit_of(None)


def test_missing_main_is_refused(project):
    git(project, "branch", "--quiet", "--move", "trunk")
    with pytest.raises(
        UserError, match=r"there is no branch main, master, origin/HEAD; name the commit"
    ):
        compare.commit_of(None)


@pytest.mark.parametrize("rev", ["nowhere", "", "HEAD~9", "HEAD:params.yaml"])
def test_unknown_commit_is_refused(project, rev):
    with pytest.raises(
        UserError, match=rf"^'{rev}' is no commit that this clone has; .*--unshallow"
    ):
        compare.commit_of(rev)


def test_folder_without_git_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"git finds no repository here.*run `git init`"):
        compare.commit_of("HEAD")


def test_what_dvc_refuses_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(
        UserError, match="`dvc params diff` failed: ERROR: Only supported for Git repositories"
    ):
        compare._dvc_diff("params", "HEAD")
