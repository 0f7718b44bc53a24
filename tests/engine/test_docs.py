"""The docs: what a message or a page cites is there, in a generated project as well."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.cli import COMMANDS
from sluice.core.params import Params
from sluice.core.schema import Section
from sluice.data.sources import NumberFormat, Source
from tools.sync_template import ROOT_ONLY

ROOT = next(up for up in Path(__file__).resolve().parents if (up / "cookiecutter.json").is_file())
DOC = re.compile(r"docs/[\w-]+\.\w+")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
VAGUE = re.compile(r"docs: *\w+")
PAGES = sorted((ROOT / "docs").glob("*.md"))
SHIPPED = [path for path in PAGES if path.relative_to(ROOT).as_posix() not in ROOT_ONLY]
ROOT_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "data/README.md")]


def texts() -> Iterator[tuple[str, str]]:
    """Yield (file:line, text) for what a generated project says: string literals, pages,
    settings and suites.
    """
    code = [path for folder in ("stages", "sluice") for path in (ROOT / folder).rglob("*")]
    for path in code:
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
    said = [path for path in code if path.suffix in (".j2", ".json")]
    said += [*(ROOT / "expectations").glob("*.json"), *(ROOT / ".github").rglob("*.yml")]
    said += [ROOT / "params.yaml", ROOT / "data/sources.yaml", ROOT / "Makefile", *SHIPPED]
    for path in said:
        for nth, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{nth}", line


def missing(said: Iterator[tuple[str, str]], shipped: set[str]) -> list[str]:
    """Return each citation of a page that a generated project does not have."""
    return [
        f"{place}: {cited}"
        for place, text in said
        for cited in (*DOC.findall(text), *VAGUE.findall(text))
        if cited not in shipped
    ]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path, text: str, files: set[Path]) -> list[str]:
    """Return the links of a page that lead to no file of `files`, or to no heading of a page."""
    wrong = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if link.startswith(("http://", "https://")):
            continue
        is_there = target in files
        if not is_there or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            wrong.append(link)
    return wrong


def test_what_is_cited_ships():
    assert missing(texts(), {path.relative_to(ROOT).as_posix() for path in SHIPPED}) == []


def test_a_missing_page_is_found():
    said = [
        ("a.py:1", "see docs/gates.md"),
        ("a.py:2", "see docs/speed.md"),
        ("b.py:3", "docs: README"),
    ]
    assert missing(iter(said), {"docs/gates.md"}) == [
        "a.py:2: docs/speed.md",
        "b.py:3: docs: README",
    ]


@pytest.mark.parametrize("page", [*PAGES, *ROOT_PAGES], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    files = set(SHIPPED if page in SHIPPED else [*PAGES, *ROOT_PAGES])
    assert broken(page, page.read_text(encoding="utf-8"), files) == []


def test_a_broken_link_is_found():
    page = ROOT / "docs/gates.md"
    text = "[a](verdicts.md) [b](gone.md) [c](gates.md#retraining) [d](gates.md#gone) [e](https://example.org)"
    assert broken(page, text, {page, ROOT / "docs/verdicts.md"}) == ["gone.md", "gates.md#gone"]


def test_every_gate_has_its_heading():
    pages = (ROOT / "docs/gates.md").read_text(encoding="utf-8")
    named = {path.stem for path in (ROOT / "expectations").glob("*.json")}
    assert {name for name in named if not re.search(rf"\b{name}\b", pages)} == set()


def test_every_area_of_the_engine_is_in_the_picture():
    picture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").split("Imports point")[0]
    areas = {path.parent.name for path in (ROOT / "sluice").glob("*/__init__.py")}
    assert {name for name in areas if not re.search(rf" {name}  ", picture)} == set()


def test_every_command_has_its_heading():
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    commands = [name for names in COMMANDS.values() for name in names]
    assert re.findall(r"^## ([a-z-]+)$", page, flags=re.MULTILINE) == commands


def keys(section: type[Section]) -> set[str]:
    """Return the keys of a section and of the sections in it."""
    names = set()
    for name, field in section.model_fields.items():
        names.add(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            names |= keys(field.annotation)
    return names


@pytest.mark.parametrize("section", [Params, Source, NumberFormat])
def test_every_key_is_explained(section):
    page = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    assert {key for key in keys(section) if not re.search(rf"\b{key}\b", page)} == set()
