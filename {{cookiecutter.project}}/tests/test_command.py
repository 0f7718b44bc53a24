import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.command import Refused, run

PROJECT = Path(__file__).parents[1]


def refuse():
    raise Refused("size is x\ncolour is y")


def test_each_sentence_of_a_refusal_begins_with_the_name_of_the_stage(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/sort.py"])
    with pytest.raises(SystemExit) as exit_:
        run(refuse)
    assert exit_.value.code == "sort: size is x\nsort: colour is y"


def test_a_refusal_ends_with_exit_code_1_on_stderr_without_a_traceback():
    script = "from stages.command import Refused, run\ndef stage(): raise Refused('size is x')\nrun(stage)"
    ended = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "-c: size is x\n")


def test_a_stage_that_ends_well_does_not_exit():
    calls = []
    run(lambda: calls.append("sorted"))
    assert calls == ["sorted"]


WAITS = """
import sys, tempfile, time
from stages.command import run
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
    process = subprocess.Popen([sys.executable, "-c", WAITS], cwd=PROJECT, env=environment, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"waits\n"
    assert len(list(tmp_path.rglob("rows"))) == 1
    process.send_signal(number)
    assert process.wait(20) == 128 + number
    assert not list(tmp_path.iterdir())


def test_command_leaves_the_handling_of_signals_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    run(lambda: None)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_fault_in_the_program_keeps_its_traceback():
    with pytest.raises(ValueError, match="a fault") as error:
        run(lambda: (_ for _ in ()).throw(ValueError("a fault")))
    assert not isinstance(error.value, Refused)
