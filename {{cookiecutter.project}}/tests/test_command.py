import subprocess
import sys
from pathlib import Path

import pytest

from stages.command import Refused, run


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


def test_a_fault_in_the_program_keeps_its_traceback():
    with pytest.raises(ValueError, match="a fault") as error:
        run(lambda: (_ for _ in ()).throw(ValueError("a fault")))
    assert not isinstance(error.value, Refused)
