"""What makes the user's file unreadable is told with the answers, before a file is written."""

import re
from collections import Counter

import pytest

from hooks.answers import EXAMPLE, wrong_answers
from tools.sync_template import HOOKS, ROOT

ANSWERS = {
    **EXAMPLE,
    "project": "toys",
    "remote": "none",
    "ci": "none",
    "target": "kind",
    "sensitive": "none",
}


def told(path) -> str:
    return "\n".join(wrong_answers(ANSWERS | {"data": str(path)}, set()))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "size,kind\n1,a\r\n2,b\n",
            "some lines end in a line feed, some in a carriage return and a line feed",
        ),
        (
            'size,kind\n1,a\n2,"b\n',
            "the row that begins on line 3 has a quote that is never closed",
        ),
        ("size,kind\n1,a\n2,b\n3", "ends in the middle of its last row, on line 4"),
        (
            "size,__stage_line,kind\n1,2,a\n3,4,b\n",
            "names that begin with __stage_ are for columns that the stages add",
        ),
        (
            '"size","kind"\n"1",1,"a"\n"2",2,"b"\n',
            "its rows have one field more than its header, as R writes",
        ),
    ],
)
def test_what_makes_a_file_unreadable_is_told(tmp_path, content, said):
    (tmp_path / "toys.csv").write_text(content, newline="")
    assert said in told(tmp_path / "toys.csv")


@pytest.mark.parametrize("header", ["size,kind", ",size,kind", "origin,kind", "line,kind"])
def test_a_file_that_can_be_read_is_taken(tmp_path, header):
    cells = ",1" * (header.count(",") - 1)
    (tmp_path / "toys.csv").write_text(f"{header}\n1{cells},a\n2{cells},b\n")
    assert told(tmp_path / "toys.csv") == ""


def test_a_folder_is_told_as_one_with_its_files(tmp_path):
    for name in ("a.csv", "b.parquet", ".hidden"):
        (tmp_path / name).touch()
    [sentence] = wrong_answers(ANSWERS | {"data": str(tmp_path)}, set())
    assert sentence.endswith(
        "which is a folder; name the one CSV or Parquet file in it (a.csv, b.parquet)"
    )


def test_no_two_modules_of_a_hook_use_a_name_for_different_things():
    """They become one script, in which the later one would win."""
    modules = {
        module: re.findall(
            r"^(?:def |class )(\w+)|^(\w+) =",
            (ROOT / module).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for module in HOOKS["post_gen_project.py"][0]
    }
    names = [name for found in modules.values() for name in {one or other for one, other in found}]
    assert [name for name, n in Counter(names).items() if n > 1] == []
