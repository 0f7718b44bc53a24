"""The command line: what it lists, what it hands to each command, and how it ends."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sluice import cli
from sluice.core import command, text
from sluice.core.command import FAILED, UserError
from tests.pipeline_run import PROJECT

NAMED = [name for names in cli.COMMANDS.values() for name in names]
NAMES = [
    "my batch (1).csv",
    "$(touch x).csv",
    "`touch x`;.csv",
    'it\'s "said".csv',
    "two\nlines.csv",
    "100 % $HOME * ~ é.csv",
]


@pytest.fixture
def called(monkeypatch) -> list:
    """What the command line calls: the module, and what it gives to its main."""
    calls: list = []
    monkeypatch.setattr(cli, "_call", lambda module, *given: calls.append((module, *given)))
    return calls


def ask(*arguments: str) -> str:
    """Return what is printed by a call that ends well."""
    ended = CliRunner().invoke(cli.sluice, arguments, prog_name="sluice", terminal_width=80)
    assert ended.exit_code == 0, ended.output
    return ended.output


def ended(monkeypatch, *arguments: str) -> int:
    """Return the exit code of a call."""
    monkeypatch.setattr(sys, "argv", ["sluice", *arguments])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    return exit_.value.code


def refuse(*_: object) -> None:
    raise UserError("colour is red, must be blue")


def break_down(*_: object) -> None:
    raise RuntimeError("a bug")


def test_help_lists_every_command_below_its_phase():
    lines = ask("--help").splitlines()
    found = {
        phase: [
            line.split()[0]
            for line in lines[lines.index(f"{phase}:") + 1 :][: len("\n".join(lines))]
            if re.match(r"  \S", line)
        ][: len(names)]
        for phase, names in cli.COMMANDS.items()
    }
    assert found == cli.COMMANDS
    assert set(NAMED) == set(cli.sluice.commands)


def test_help_cuts_off_no_sentence():
    page = ask("--help").partition("Before training:")[2]
    assert "..." not in page
    for name in NAMED:
        first = re.split(r"\.(?:\s|$)", " ".join(cli.sluice.commands[name].help.split()))[0]
        assert first in " ".join(page.split())


@pytest.mark.skipif(sys.platform == "win32", reason="measures CPU as POSIX does")
def test_help_takes_less_than_four_tenths_of_a_second_of_cpu():
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "sluice", "--help"], cwd=PROJECT, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


@pytest.mark.parametrize("name", NAMED)
def test_every_command_explains_itself(name):
    page = ask(name, "--help")
    assert page.startswith(f"Usage: sluice {name} ")
    options = [one for one in cli.sluice.commands[name].params if isinstance(one, click.Option)]
    assert all(option.help for option in options)


def test_every_command_has_a_module_with_a_main():
    source = Path(cli.__file__).read_text(encoding="utf-8")
    modules = re.findall(r'_call\("([\w.]+)"', source)
    assert len(modules) == len(NAMED)
    for module in modules:
        path = PROJECT.joinpath("sluice", *module.split(".")).with_suffix(".py")
        assert "\ndef main(" in path.read_text(encoding="utf-8"), module


@pytest.mark.parametrize("name", NAMES)
def test_a_name_reaches_the_command_as_it_is(called, name):
    ask("score", name, "--out", name)
    ask("monitor", name, "--labels", name, "--window", name)
    ask("retrain", name, "b.csv", "--labels", name, "--labels", "-")
    ask("promote", name, "--why", name, "--accept", name)
    assert called == [
        ("monitoring.score", Path(name), Path(name)),
        ("monitoring.monitor", name, Path(name), name, 0),
        ("retraining.retrain", [name, "b.csv"], [name, "-"]),
        ("promotion.promote", name, name, None, [name]),
    ]


def test_a_name_may_begin_with_a_dash(called):
    ask("score", "--out=-o.csv", "--", "-rf.csv")
    ask("monitor", "--labels=-l.csv", "--", "-rf.csv")
    ask("retrain", "--", "-rf.csv", "--labels")
    assert called == [
        ("monitoring.score", Path("-rf.csv"), Path("-o.csv")),
        ("monitoring.monitor", "-rf.csv", Path("-l.csv"), None, 0),
        ("retraining.retrain", ["-rf.csv", "--labels"], []),
    ]


@pytest.mark.parametrize(("name", "code"), [("history", 1), ("summary", 1), ("monitor", 2)])
def test_a_refusal_is_a_sentence_and_has_the_exit_code_of_its_command(
    monkeypatch, capsys, name, code
):
    monkeypatch.setattr(cli, "_call", refuse)
    assert ended(monkeypatch, name) == code
    assert capsys.readouterr().err == f"{name}: colour is red, must be blue\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["score"],
        ["promote", "v1.0.0"],
        ["monitor", "--sample", "-1"],
        ["history", "--all"],
        ["nothing"],
    ],
)
def test_a_wrong_option_ends_with_2(monkeypatch, capsys, called, arguments):
    assert ended(monkeypatch, *arguments) == 2
    assert "Usage:" in capsys.readouterr().err
    assert called == []


@pytest.mark.parametrize("name", ["history", "monitor"])
def test_a_failure_of_sluice_itself_ends_with_70(monkeypatch, capsys, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_call", break_down)
    assert ended(monkeypatch, name) == FAILED == 70
    assert f"{name}: error in sluice itself" in capsys.readouterr().err
    assert Path(command.TRACEBACKS.format(name)).is_file()


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "shown"),
    [
        (True, "", "\x1b[31mFAIL\x1b[0m  recall\n"),
        (True, "1", "FAIL  recall\n"),
        (False, "", "FAIL  recall\n"),
    ],
)
def test_a_verdict_has_a_colour_only_where_a_person_wants_it(
    monkeypatch, capsys, is_terminal, no_color, shown
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    text.say("FAIL  recall", verdict="FAIL")
    assert capsys.readouterr().out == shown


STAGES = """
stages:
  one:
    cmd: python -c "print('stage one'); open('one.txt', 'w').write('1')"
    outs: [one.txt]
"""
RUN = "import sys; from sluice.commands.repro import run_stages; sys.exit(run_stages())"


@pytest.fixture
def small(tmp_path) -> Path:
    """A DVC project of one stage in a git repository."""
    for arguments in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(arguments, cwd=tmp_path, check=True)
    (tmp_path / "dvc.yaml").write_text(STAGES, encoding="utf-8")
    return tmp_path


def repro(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT), "PATH": str(Path(shutil.which("git") or "").parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def test_repro_gives_no_advice_that_cannot_be_followed(small):
    said = repro(small)
    assert said.returncode == 0, said.stdout
    for part in ("Running stage 'one'", "stage one\n", "\tgit add "):
        assert part in said.stdout
    assert "auto staging" not in said.stdout
    assert "autostage" not in said.stdout
    assert "dvc push" not in said.stdout


def test_repro_tells_of_dvc_push_where_there_is_a_remote(small):
    config = small / ".dvc/config"
    config.write_text("['remote \"store\"']\n    url = store\n", encoding="utf-8")
    assert "Use `dvc push`" in repro(small).stdout


def test_repro_ends_as_the_stage_that_fails(small):
    (small / "dvc.yaml").write_text(STAGES.replace("print(", "exit(3); print("), encoding="utf-8")
    said = repro(small)
    assert said.returncode != 0
    assert "failed to reproduce 'one'" in said.stdout
