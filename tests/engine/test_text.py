"""Text from data stays text, whatever the language it is written into."""

import ast
import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.core import text
from sluice.core.tables import read_csv, write_table

PROJECT = Path(__file__).parents[2]
HOSTILE = [
    "\x1b[31mred",
    "x\n  gate by_class: pass",
    "a\rb",
    "\u2028",
    "\u202egnp.exe",
    "=cmd()",
    "```",
    "@you",
    "<b>",
    "a|b",
    "::stop-commands::x",
]
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text())
quick = settings(derandomize=True, deadline=None)


@quick
@given(TEXTS)
def test_text_on_a_terminal_stays_on_its_line_and_shows_all_its_signs(given_text):
    assert text.terminal(given_text).isprintable()
    assert text.terminal(text.terminal(given_text)) == text.terminal(given_text)


def test_what_can_be_read_is_left_as_it_is():
    for line in ("a label", "später", "性別", "🚑", "20 %"):
        assert text.terminal(line) == line


def test_signs_that_cannot_be_seen_are_named():
    assert text.terminal("\x1b[2J\na\u200bb\u202e\ud800") == r"\x1b[2J\na\u200bb\u202e\ud800"


def test_label_prints_no_line_of_its_own(capsys):
    text.say("class a\n  gate by_class: pass", "second")
    assert capsys.readouterr().out == "class a\\n  gate by_class: pass\nsecond\n"


@pytest.mark.parametrize("line", ["::stop-commands::x", "  ::error::x", "a ##[add-mask]x"])
def test_line_is_no_command_to_the_program_that_keeps_the_log(capsys, line):
    text.say(line)
    out = capsys.readouterr().out
    assert not out.lstrip().startswith("::")
    assert "##[" not in out


def test_all_that_is_printed_goes_through_say():
    printing = [
        path.relative_to(PROJECT).as_posix()
        for path in sorted(
            [*(PROJECT / "sluice").rglob("*.py"), *(PROJECT / "stages").rglob("*.py")]
        )
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == [
        "sluice/core/command.py",
        "sluice/core/command.py",
        "sluice/core/command.py",
        "sluice/core/text.py",
    ]  # to stderr, clean already


def test_refusal_is_clean():
    script = (
        "from sluice.core.command import UserError, run\ndef stage(): raise UserError('a is"
        " \\x1b[2J\\u2028b\\nsize is x')\nrun(stage)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, encoding="utf-8"
    )
    assert ended.stderr == "-c: a is \\x1b[2J\\u2028b\n-c: size is x\n"


@quick
@given(TEXTS)
def test_cell_of_csv_is_no_formula_and_can_be_read_back(given_text):
    cell = text.csv_cell(given_text)
    assert text.csv_text(cell) == given_text
    assert cell[:1] not in "=+-@\t\r\n" or len(cell) < 2 or re.fullmatch(text.NUMBER, cell)


@pytest.mark.parametrize("number", ["-1", "+1", "-.5", "1e5", "-1.5E-3", "-", "+"])
def test_number_and_lone_sign_stay_as_they_are(number):
    assert text.csv_cell(number) == number


@pytest.mark.parametrize(
    "formula", ['=HYPERLINK("x")', "+1+cmd", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1"]
)
def test_formula_begins_with_an_apostrophe(formula):
    assert text.csv_cell(formula) == f"'{formula}"


def test_table_comes_back_as_it_was_written(tmp_path):
    table = pd.DataFrame(
        {"class": ["=a", "'=b", "-1", "c", None], "self": [-1.5, 2, 3, 4, 5], "@name": ["x"] * 5}
    )
    write_table(table, tmp_path / "table.csv")
    written = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert written.splitlines()[:4] == ["class,self,'@name", "'=a,-1.5,x", "''=b,2,x", "-1,3,x"]
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv", dtype={"class": "str"}), table)


@quick
@given(st.lists(TEXTS, min_size=1))
def test_no_cell_of_a_written_table_is_a_formula(values):
    file = io.StringIO()
    csv.writer(file).writerow([text.csv_cell(value) for value in values])
    [row] = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert [text.csv_text(cell) for cell in row] == values


def inside_code(cell: str) -> bool:
    """Tell whether all of `cell` is one span of code, as CommonMark has it."""
    mark = re.match("`+", cell)
    return bool(mark) and re.findall("`+", cell).count(mark[0]) == 2 and cell.endswith(mark[0])


@quick
@given(TEXTS)
def test_text_in_markdown_is_plain_words_or_code(given_text):
    cell = text.markdown(given_text)
    assert cell.isprintable()
    assert not re.search(r"(?<!\\)\|", cell)
    assert inside_code(cell) or re.fullmatch(r"[\w .+-]*", cell)


@pytest.mark.parametrize(
    ("given_text", "cell"),
    [
        ("balanced_accuracy", "balanced_accuracy"),
        ("0.84", "0.84"),
        ("", ""),
        ("__init__", "`__init__`"),
        ("@you #1", "`@you #1`"),
        ("a|b", r"`a\|b`"),
        ("www.x.org", "`www.x.org`"),
        ("`", "`` ` ``"),
        ("``` x", "```` ``` x ````"),
        ("a\n/close", r"`a\n/close`"),
    ],
)
def test_cell_of_markdown(given_text, cell):
    assert text.markdown(given_text) == cell


@quick
@given(TEXTS)
def test_nothing_ends_a_block_of_code_before_its_end(given_text):
    first, *lines, last = text.fenced(given_text).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert not any(re.match(rf"\s*{first}", line) for line in lines)
    assert len(lines) == given_text.count("\n") + 1
