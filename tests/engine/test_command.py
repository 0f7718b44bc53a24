import gc
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.core.command import FAILED, UserError, run
from sluice.gates.names import GATES

PROJECT = Path(__file__).parents[2]


def refuse():
    raise UserError("size is x\ncolour is y")


def test_each_sentence_of_a_refusal_begins_with_the_name_of_the_stage(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["/somewhere/sort.py"])
    with pytest.raises(SystemExit) as exit_:
        run(refuse)
    assert exit_.value.code == 1
    assert capsys.readouterr().err == "sort: size is x\nsort: colour is y\n"


def test_a_command_can_have_a_name_and_an_exit_code_of_its_own(capsys):
    with pytest.raises(SystemExit) as exit_:
        run(refuse, "monitor", 2)
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith("monitor: size is x\n")


def test_a_refusal_ends_with_exit_code_1_on_stderr_without_a_traceback():
    script = (
        "from sluice.core.command import UserError, run\ndef stage(): raise UserError('size is"
        " x')\nrun(stage)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "-c: size is x\n")


def test_garbage_is_collected_while_a_stage_runs():
    gc.disable()
    seen = []
    run(lambda: seen.append(gc.isenabled()))
    assert seen == [True]


def test_a_stage_that_ends_well_does_not_exit():
    calls = []
    run(lambda: calls.append("sorted"))
    assert calls == ["sorted"]


WAITS = """
import sys, tempfile, time
from sluice.core.command import run
def stage():
    with tempfile.TemporaryDirectory() as folder:
        open(folder + "/rows", "w").close()
        print("waits", flush=True)
        time.sleep(60)
run(stage)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals as these are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_command_that_is_ended_deletes_its_temporary_files(tmp_path, number):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS], cwd=PROJECT, env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"waits\n"
    assert len(list(tmp_path.rglob("rows"))) == 1
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert not list(tmp_path.iterdir())


def test_command_leaves_the_handling_of_signals_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    run(lambda: None)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.fixture
def broken(tmp_path) -> Path:
    """A folder with what a stage needs to end, and no stage yet."""
    for name in ("__init__.py", "core/__init__.py", "core/command.py", "core/text.py"):
        (tmp_path / "sluice" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "sluice" / name, tmp_path / "sluice" / name)
    (tmp_path / "stages").mkdir()
    return tmp_path


def ended(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Return how the command with this `script` ends."""
    (folder / "stages/broken.py").write_text(
        "from sluice.core.command import run\n" + script, encoding="utf-8"
    )
    return subprocess.run(
        [sys.executable, "-m", "stages.broken"], cwd=folder, capture_output=True, encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("def main(): {}['Ada']\nrun(main)", "KeyError in broken.py, line 2"),
        ("import no_such_module", "ModuleNotFoundError in broken.py, line 2"),
        ("def main(): [].index('Ada')\nrun(main)", "ValueError in broken.py, line 2"),
    ],
)
def test_command_that_fails_unexpectedly_says_so_and_has_an_exit_code_of_its_own(
    broken, script, what
):
    found = ended(broken, script)
    assert (found.returncode, found.stdout) == (FAILED, "")
    [sentence] = found.stderr.splitlines()
    assert sentence.startswith(
        f"broken: error in sluice itself ({what}), so there is no verdict. Report it to those who"
        " maintain sluice/"
    )
    assert "private/failed-broken.txt" in sentence
    assert "Ada" not in sentence  # it may be a value of a row
    assert (
        (broken / "private/failed-broken.txt")
        .read_text(encoding="utf-8")
        .startswith("Traceback (most recent call last):")
    )


def test_command_that_cannot_write_its_traceback_shows_it_without_values(broken):
    (broken / "private").write_text("a file", encoding="utf-8")
    found = ended(broken, "def main(): {}['Ada']\nrun(main)")
    assert found.returncode == FAILED
    assert "broken.py" in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stderr.splitlines()[-1].endswith("with the lines above.")


def test_file_that_the_system_refuses_ends_in_the_same_code(broken):
    found = ended(broken, "def main(): open('gone/rows')\nrun(main)")
    assert found.returncode == FAILED
    assert (
        found.stderr == "broken: gone/rows: No such file or directory. Check the disk space and the"
        " permissions, then try again.\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="signals as these are POSIX")
def test_command_that_is_interrupted_ends_as_python_does(broken):
    found = ended(broken, "def main(): raise KeyboardInterrupt\nrun(main)")
    assert found.returncode == -signal.SIGINT
    assert not (broken / "private").exists()


@pytest.mark.parametrize("stage", GATES)
def test_each_stage_is_called_by_run(stage):
    text = (PROJECT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    assert text.endswith('if __name__ == "__main__":\n    run(main)\n')


def test_only_a_command_changes_how_python_ends():
    script = "import sys, sluice; print(sys.excepthook is sys.__excepthook__)"
    assert (
        subprocess.run(
            [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True
        ).stdout
        == "True\n"
    )
