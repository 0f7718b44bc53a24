"""Windows, where these tests do not run: no name, module or call in a generated project that
cannot work there.
"""

import ast
import re
import subprocess
from pathlib import Path

import pytest
from test_template import ROOT

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
POSIX = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
TEXT_CALLS = {
    "open": 1,
    "read_text": 0,
    "write_text": 1,
}  # and how many arguments may stand before the encoding
SHIPPED = [*sorted((ROOT / "stages").rglob("*.py")), *sorted((ROOT / "hooks").glob("*.py"))]


def names() -> list[str]:
    """Return every path of the repository: the root, the template, and so what it renders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return [name for name in listed.stdout.split("\0") if name]


def unfit(name: str) -> bool:
    """Return whether Windows refuses a part of the path `name`, or would write another."""
    return any(
        RESERVED.fullmatch(part) or re.search(r'[<>:"\\|?*\x00-\x1f]|[. ]$', part)
        for part in name.split("/")
    )


def found(source: str) -> list[str]:
    """Return what in `source` does not work on Windows: modules, a shell's own language, text in
    whatever encoding.
    """
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
            faults += [module for module in modules if module.split(".")[0] in POSIX]
        elif isinstance(node, ast.Call):
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            called = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            faults += ["shell"] if "shell" in keywords else []
            faults += ["preexec_fn"] if "preexec_fn" in keywords else []
            text = {"text", "universal_newlines"} & set(keywords) or (
                called in TEXT_CALLS and len(node.args) <= TEXT_CALLS[called]
            )
            binary = any(
                isinstance(arg, ast.Constant) and "b" in str(arg.value) for arg in node.args
            )
            binary |= called == "open" and any(
                isinstance(arg, ast.Call) for arg in node.args
            )  # a member of an archive: no mode is called for
            faults += (
                [f"{called} without encoding"]
                if text and not binary and "encoding" not in keywords
                else []
            )
    return faults


@pytest.mark.parametrize(
    "name",
    ["nul.csv", "data/a:b.csv", "data/what?.csv", "ends.", "ends /a", "COM1", 'a"b', "a\\b", "a|b"],
)
def test_name_that_windows_refuses_is_found(name):
    assert unfit(name)


def test_windows_refuses_no_name_of_a_file():
    assert [name for name in names() if unfit(name)] == []


def test_no_two_names_differ_in_case_only():
    lower = [name.lower() for name in names()]
    assert len(set(lower)) == len(lower)


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import setrlimit",
        "subprocess.run('ls', shell=True)",
        "path.read_text()",
        "path.write_text('x')",
        "open('x')",
        "subprocess.run(['git'], text=True)",
    ],
)
def test_call_that_does_not_work_on_windows_is_found(source):
    assert found(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "path.read_text(encoding='utf-8')",
        "open('x', 'rb')",
        "path.open('rb')",
        "zip.open(member())",
    ],
)
def test_call_that_works_on_windows_is_not_found(source):
    assert not found(source)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_shipped_code_works_on_windows(path: Path):
    source = re.sub(r"{{cookiecutter.*?}}", '"{}"', path.read_text(encoding="utf-8"))
    assert found(source) == []
