"""The pages in a real browser: no error, no request to any host, nothing that overflows, and
what an accessibility check accepts.
"""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from page_cells import SHOWN, agrees, rows_of
from playwright.sync_api import Browser, sync_playwright

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PYTHON = (
    ROOT / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
)  # of the root: the tools have no pandas
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
QUIET += ["--disable-component-update", "--disable-sync"]
WRITE = "from sluice.gates.names import GATES, REPORTS; from sluice.reports.evaluation_page import write; write(REPORTS, GATES)"
WATCH = """
import stages.features
from sluice.monitoring import monitor
from tests.engine import test_monitor as t
stages.features.add_features = lambda rows: rows  # these rows are none of the example's
monitor.load_champion = lambda: (t.MODEL, t.REFERENCE | {"model_sha256": "", "test_sha256": ""})
monitor.as_trained = lambda model, reference, params, source: (params, source)
for nth in range(12):
    rows = t.draw(nth, 500, flip=nth > 9, new=nth / 100)
    t.monitored(f"a_very_long_name_of_a_window_{nth}", rows.assign(b=rows["b"] + nth / 9))
"""
ODD = [
    "<script>alert(1)</script>",
    "a & b",
    "ß" * 60,
    "NA",
    "1",
    "very long name of a class " * 4,
    "'\"",
    "x_y",
    "rare",
]
EVALUATED = ("passed", "stopped", "odd", "priced")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, which `make test` installs where it is missing: Playwright's own would
    be another download.
    """
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, (
        "no Chromium: install it (Debian: apt-get install chromium); the pages are tested in a real browser"
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """The pages: of the run in git, of one that a gate stopped, of odd names of classes, of
    costs and referral, and that of scope.
    """
    folder = tmp_path_factory.mktemp("pages")
    for name in EVALUATED:
        shutil.copytree(
            ROOT / "reports",
            folder / name / "reports",
            ignore=shutil.ignore_patterns("predictions.parquet", "*.html"),
        )
        shutil.copytree(ROOT / "expectations", folder / name / "expectations")
        (folder / name / "data").mkdir()
        for file in ("params.yaml", "pyproject.toml", "data/sources.yaml"):
            shutil.copy(ROOT / file, folder / name / file)
    stop(folder / "stopped" / "reports" / "gates" / "leakage.json")
    stop(folder / "odd" / "reports" / "gates" / "by_class.json")
    rename(folder / "odd" / "reports")
    price(folder / "priced" / "reports" / "metrics.json")
    for name in EVALUATED:
        subprocess.run(
            [str(PYTHON), "-c", WRITE],
            cwd=folder / name,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            check=True,
        )
    shutil.copytree(ROOT / "expectations", folder / "monitoring" / "expectations")
    subprocess.run(["git", "init", "--quiet"], cwd=folder / "monitoring", check=True)
    subprocess.run(
        [str(PYTHON), "-c", WATCH],
        cwd=folder / "monitoring",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    watched = {"monitoring": folder / "monitoring" / "reports" / "monitoring.html"}
    return (
        watched
        | {name: folder / name / "reports" / "evaluation.html" for name in EVALUATED}
        | {"scope": ROOT / "reports" / "scope.html"}
    )


def stop(report: Path) -> None:
    """Make the report that of a gate that stops the run, with a long sentence."""
    content = json.loads(report.read_text(encoding="utf-8"))
    content |= {
        "verdict": "fail",
        "blocks": True,
        "findings": [
            {"code": "x", "verdict": "fail", "blocks": True, "checked": "a", "found": ["x" * 300]},
            {
                "code": "y",
                "verdict": "warn",
                "blocks": False,
                "checked": "b",
                "found": ["1"],
                "required": "<2> & no more",
            },
        ],
    }
    report.write_text(json.dumps(content), encoding="utf-8")


def rename(reports: Path) -> None:
    """Give the reports ODD classes instead of theirs."""
    metrics = json.loads((reports / "metrics.json").read_text(encoding="utf-8"))
    for one in (metrics, *metrics["baselines"]):
        first = next(iter(one["classes"].values()))
        one["classes"] = dict.fromkeys(ODD, first)
    (reports / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    header, first, *_ = (reports / "by_class.csv").read_text(encoding="utf-8").splitlines()
    rows = [",".join(['"' + name.replace('"', '""') + '"', *first.split(",")[1:]]) for name in ODD]
    (reports / "by_class.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    draw = random.Random(0)
    pairs = [
        '"'
        + draw.choice(ODD).replace('"', '""')
        + '","'
        + draw.choice(ODD).replace('"', '""')
        + '"'
        for _ in range(200)
    ]
    (reports / "plots" / "confusion.csv").write_text(
        "\n".join(["actual,predicted", *pairs]) + "\n", encoding="utf-8"
    )


def price(path: Path) -> None:
    """Give the metrics costs of errors, and a referral in which no row of the last class is left
    to the model.
    """
    metrics = json.loads(path.read_text(encoding="utf-8"))
    cost = {
        "mean": 0.5,
        "low": 0.4,
        "high": 0.6,
        "more": -0.25,
        "more_low": -0.5,
        "more_high": 0.125,
    }
    metrics["costs"] = dict.fromkeys(
        ("model", "implied", *(one["model"] for one in metrics["baselines"])), cost
    )
    some = {
        "support": 1234,
        "referred": 0.25,
        "recall": 0.75,
        "recall_low": 0.5,
        "recall_high": 0.875,
    }
    none = {"support": 0, "referred": 1.0, "recall": None, "recall_low": 0.0, "recall_high": 1.0}
    *others, last = metrics["classes"]
    metrics["referral"] = {
        "refer_below": 0.6,
        "coverage": 0.75,
        "coverage_low": 0.7,
        "coverage_high": 0.8,
    }
    metrics["referral"]["classes"] = dict.fromkeys(others, some) | {last: none}
    path.write_text(json.dumps(metrics), encoding="utf-8")


TABLES = """() => [...document.querySelectorAll('[role=region]')].filter(region => region.querySelector('table')).map(region => {
    const [header, ...rows] = [...region.querySelectorAll('tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()));
    return {label: region.getAttribute('aria-label'), header, rows};
})"""
WITHOUT_FILE = {"confusion matrix"}  # tested by counts of its own


@pytest.mark.parametrize("name", ["passed", "priced", "monitoring", "scope"])
def test_every_cell_shows_what_its_file_holds(browser, pages, name):
    page = browser.new_page()
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    tables = [
        table
        for table in page.evaluate(TABLES)
        if table["label"] not in WITHOUT_FILE and not table["label"].startswith("work list")
    ]
    assert len(tables) >= 4
    assert [one for table in tables for one in disagreeing(table, pages[name].parent)] == []


def disagreeing(table: dict, reports: Path) -> list[tuple[str, list[str], str]]:
    """Return the table's name, the row and the header of each cell that does not show what the
    file behind it holds.
    """
    shown, headers = SHOWN[table["label"]], numbered(table["header"])
    assert set(headers) <= set(shown.columns), "a column that nothing compares with its file"
    windows = sorted(
        (reports / "monitoring").glob("*/window.json"),
        key=lambda path: json.loads(path.read_text(encoding="utf-8"))["nth"],
    )
    held = rows_of(
        shown, reports / shown.file.replace("NEWEST", windows[-1].parent.name if windows else "")
    )
    found = []
    for cells in table["rows"]:
        cell = dict(zip(headers, cells, strict=True))
        [row] = [
            row
            for row in held
            if all(agrees(cell[key], row, shown.columns[key]) for key in shown.key)
        ]
        found += [
            (table["label"], cells, key)
            for key in headers
            if shown.columns[key] and not agrees(cell[key], row, shown.columns[key])
        ]
    return found


def numbered(headers: list[str]) -> list[str]:
    """Return the headers, the second of equal ones as `interval (2)`."""
    nths = [headers[: nth + 1].count(header) for nth, header in enumerate(headers)]
    return [
        header if nth == 1 else f"{header} ({nth})"
        for header, nth in zip(headers, nths, strict=True)
    ]


def test_a_cell_that_says_the_opposite_is_seen():
    shown = SHOWN["importance of features"]
    row = {"feature": "a", "importance": "0.347", "adds": "yes", "twin": "-"}
    assert agrees("yes", row, shown.columns["adds to the others"])
    assert not agrees("no", row, shown.columns["adds to the others"])
    assert agrees("+0.35", row, shown.columns["log loss added"])
    assert not agrees("+0.34", row, shown.columns["log loss added"])
    recall = SHOWN["recall by class"].columns["recall"]
    assert agrees("85 %", {"recall": "0.847"}, recall)
    assert not agrees("86 %", {"recall": "0.847"}, recall)
    assert not agrees("2,460", {"n": "2451"}, ["n"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("name", [*EVALUATED, "scope", "monitoring"])
def test_page_is_sound_in_a_browser(browser, pages, name, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert said == []
    assert asked == [pages[name].as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, (
        "the page is wider than its window"
    )
    found = Axe().run(page, options=RULES).response["violations"]
    assert [
        (one["id"], node["html"][:200], node["failureSummary"])
        for one in found
        for node in one["nodes"]
    ] == []
    context.close()


def test_page_says_first_whether_the_model_may_be_used(browser, pages):
    page = browser.new_page()
    page.goto(pages["stopped"].as_uri())
    assert (
        page.locator(".verdict").inner_text()
        == "Do not use this model: validate was stopped by leakage (fail)."
    )
    assert page.locator("h2", has_text="How many of each class").count() == 0
    page.goto(pages["passed"].as_uri())
    assert "All 15 gates pass" in page.locator(".verdict").inner_text()
    assert page.locator(".lead").inner_text().startswith("The model finds 85")
    assert page.locator("dl.about dt").all_inner_texts() == [
        "Project",
        "Target",
        "One row",
        "Tested on",
    ]
    first, *_, last = page.locator("h2").all_inner_texts()
    assert (first, last) == ("How many of each class the model finds", "Gates")
    assert page.locator("svg.strip").first.is_visible()


def test_page_shows_costs_and_referral_where_they_are_given(browser, pages):
    page = browser.new_page()
    for name, n in (("passed", 0), ("priced", 1)):
        page.goto(pages[name].as_uri())
        assert page.locator("h2", has_text="What the errors cost").count() == n
        assert page.locator("h2", has_text="What is referred to a person").count() == n
    assert (
        page.get_by_role("region", name="costs of errors").locator("svg.strip").count() == 4
    )  # none for the model itself


def test_monitoring_says_first_what_is_to_be_done_and_draws_what_moved(browser, pages):
    page = browser.new_page()
    page.goto(pages["monitoring"].as_uri())
    assert page.locator(".lead").inner_text() == "Act: the findings below say what to do first."
    assert page.locator("h2").all_inner_texts()[:2] == ["What moved", "Does it matter?"]
    assert "nan" not in page.locator("main").inner_text().replace("\u00a0", " ").split()
    assert page.locator("th", has_text="a_very_long_name_of_a_window_").count() == 12
    assert page.locator("figure svg").first.is_visible()


def test_a_name_in_the_data_runs_no_script(browser, pages):
    page = browser.new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(pages["odd"].as_uri())
    assert page.locator("th", has_text="<script>alert(1)</script>").first.is_visible()
