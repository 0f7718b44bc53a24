"""Hold a table against a suite: the only gate, closed unless every expectation was judged and none critical failed."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pandas as pd
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer.inline_renderer import InlineRenderer
from pandas.api.types import is_number

from stages.command import Refused
from stages.judging import FAULTS, exception_of, validated
from stages.private import show, without_values
from stages.suite import Expected, Suite, read_suite
from stages.tables import Stored, write_json
from stages.text import say, terminal
from stages.waivers import suggested

RANK = ("pass", "warn", "insufficient", "fail")
EXAMPLES = 5
FEWEST = (
    "support",
    "rows",
    "train",
)  # columns of judged tables that count the rows behind a figure
UNCONFIRMED = "holds nothing but what a program inferred; read it, and set meta.bound to confirmed where it is right"
CELLS = 40_000_000  # of a table that are in memory at once, for a batch of expectations: about 1 GB with what Great Expectations adds
FIGURES = "^expect_table_|_(unique_value_count|proportion_of|mean|median|stdev|sum|quantile_values)_"  # judge what is no row's value
NULL_TYPES = (
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_null",
    "expect_column_to_exist",
)


@dataclass(frozen=True)
class Verdict:
    """What a gate said of a table: one of RANK, whether it stops the stage, and a sentence for each finding."""

    gate: str
    verdict: str
    blocks: bool
    report: str
    sentences: list[str]


@dataclass(frozen=True)
class Finding:
    """One thing that a gate found: its verdict, whether it stops the stage, the sentence about it, and values of rows beside that."""

    verdict: str
    blocks: bool
    sentence: str
    values: tuple[str, ...] = ()


def gate(
    table: pd.DataFrame | Stored,
    suite: str | Path,
    report: str | Path,
    dropped: Collection[str] = (),
) -> Verdict:
    """Judge `table` by the suite at `suite`, write the outcome to `report`, print it, and return it.

    Of a table that is Stored only the columns that the suite names are read, a few at a time. dropped: columns that data.forbidden took
    out of the table, of which the suite may still speak.

    Verdicts: pass; warn (only warnings or infos failed); insufficient (too few rows to judge); fail. A gate blocks if
    something critical failed or is insufficient without a waiver, or if it could not judge everything it was asked to.
    """
    loaded = read_suite(suite, dropped)
    findings = find(table, loaded)
    is_copy = (
        "copy_of" in loaded.meta
    )  # nobody confirms anything there; prepare's gate says it of the suite itself
    if (
        loaded.expected
        and not is_copy
        and all(e.meta["bound"] == "inferred" for e in loaded.expected)
    ):
        findings.append(Finding("warn", False, f"WARN: {loaded.path} {UNCONFIRMED}"))
    verdict = Verdict(
        gate=Path(report).stem,
        verdict=max((finding.verdict for finding in findings), key=RANK.index, default="pass"),
        blocks=any(finding.blocks for finding in findings),
        report=Path(report).as_posix(),
        sentences=[terminal(finding.sentence) for finding in findings],
    )
    _write(verdict, loaded, len(table))
    say(
        f"gate {verdict.gate}: {verdict.verdict} ({_count(len(table), 'row')}, {_count(len(loaded.expected), 'expectation')})"
    )
    say(*(f"  {sentence}" for sentence in verdict.sentences))
    show(verdict.gate, [value for finding in findings for value in finding.values])
    return verdict


def find(table: pd.DataFrame | Stored, suite: Suite) -> list[Finding]:
    """Return what a suite finds in `table`, in the order of the suite, after what is wrong with the suite or the table itself."""
    findings = [_closed(problem) for problem in suite.problems + _table_problems(table, suite)]
    if table.columns.is_unique:  # else a column is no single column; _table_problems has told it
        findings += _judge(table, suite)
    return findings


def not_judged(suite: str | Path, report: str | Path, why: str, *, applies: bool = True) -> None:
    """Write the report of a gate that had nothing to judge: a warning, so that nobody takes it for a pass.

    applies: there should have been something; where a person said why there is not, the gate passes, and its report says so.
    """
    verdict, sentence = (
        ("warn", f"WARN: {why}") if applies else ("pass", f"PASS, not applicable: {why}")
    )
    said = {"gate": Path(report).stem, "verdict": verdict, "blocks": False, "sentences": [sentence]}
    write_json(said | {"suite": Path(suite).as_posix(), "rows": 0, "expectations": 0}, report)


def stop(verdicts: Iterable[Verdict]) -> None:
    """Raise Refused if one of `verdicts` blocks; call it when every table of the stage was judged."""
    blocking = [verdict for verdict in verdicts if verdict.blocks]
    if blocking:
        raise Refused(
            "\n".join(
                f"stopped by the gate {v.gate} ({v.verdict}), read {v.report}" for v in blocking
            )
        )


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _closed(sentence: str) -> Finding:
    """Return the finding for something that could not be judged: it fails, whatever the severity."""
    return Finding("fail", True, f"FAIL: {sentence}")


def _write(verdict: Verdict, suite: Suite, n_rows: int) -> None:
    """Write the report, which depends on nothing but the table and the suite."""
    content = asdict(verdict) | {
        "suite": suite.path.as_posix(),
        "rows": n_rows,
        "expectations": len(suite.expected),
    }
    del content["report"]
    write_json(content, verdict.report)


def _table_problems(table: pd.DataFrame | Stored, suite: Suite) -> list[str]:
    """Return why no expectation at all can be judged on `table`."""
    problems = []
    if not len(table):
        problems.append(
            f"the table for {suite.path} has no row, so nothing was judged; look at the step that writes it"
        )
    for column in dict.fromkeys(table.columns[table.columns.duplicated()]):
        problems.append(
            f"the table for {suite.path} has two columns named {column!r}; give each a name of its own"
        )
    for column in suite.shown:
        if column not in table.columns:
            problems.append(
                f"{suite.path}: meta names the column {column!r}, the table has {', '.join(map(str, table.columns))}"
            )
    return problems


def _judge(table: pd.DataFrame | Stored, suite: Suite) -> list[Finding]:
    """Return what is found, in the order of the suite; what cannot be judged is found, too."""
    found = {e.nth: _without_column(table, suite, e) for e in suite.expected}
    if len(table):
        for columns, batch in _batches(
            table, suite, [e for e in suite.expected if not found[e.nth]]
        ):
            rows = table[columns] if columns else _shape(table)
            found |= {e.nth: _without_value(rows, suite, e) for e in batch}
            found |= _ask(rows, suite, [e for e in batch if not found[e.nth]])
    return [finding for e in suite.expected for finding in found[e.nth]]


def _batches(
    table: pd.DataFrame | Stored, suite: Suite, expected: list[Expected]
) -> Iterator[tuple[list[str], list[Expected]]]:
    """Yield expectations with the columns that they need, such that no batch has many more than CELLS cells.

    No column means that only the names and the number of rows are judged.
    """
    if shape := [e for e in expected if e.needs == set()]:
        yield [], shape
    most = max(1, CELLS / len(table))
    batch: list[Expected] = []
    columns: set[str] = set()
    for one in sorted(
        (e for e in expected if e.needs != set()), key=lambda e: sorted(e.needs or table.columns)
    ):
        needs = {*(one.needs or table.columns), *suite.shown}
        if batch and len(columns | needs) > most:
            yield [column for column in table.columns if column in columns], batch
            batch, columns = [], set()
        batch.append(one)
        columns |= needs
    if batch:
        yield [column for column in table.columns if column in columns], batch


def _shape(table: pd.DataFrame | Stored) -> pd.DataFrame:
    """Return a frame with the columns and the number of rows of `table` that takes no memory and holds no value of it."""
    return pd.DataFrame(
        np.broadcast_to(np.int8(0), (len(table), len(table.columns))),
        columns=table.columns,
        copy=False,
    )


def _where(suite: Suite, expected: Expected) -> str:
    return f"{suite.path}, expectation {expected.nth} ({expected.raw['type']})"


def _without_column(
    table: pd.DataFrame | Stored, suite: Suite, expected: Expected
) -> list[Finding]:
    """Return a finding for each column that `expected` is to judge and that the table lacks."""
    said = f"it has {', '.join(map(str, table.columns))}"
    lacking = [column for column in expected.columns if column not in table.columns]
    return [
        _closed(f"{_where(suite, expected)}: the table has no column {column!r}, {said}")
        for column in lacking
    ]


def _without_value(rows: pd.DataFrame, suite: Suite, expected: Expected) -> list[Finding]:
    """Return a finding for each column of which `expected` would skip what it is to judge, because it is missing."""
    where, findings = _where(suite, expected), []
    for column in expected.columns if expected.raw["type"] not in NULL_TYPES else []:
        missing = rows[column].isna()
        if missing.to_numpy().all():
            findings.append(
                f"{where}: the column {column!r} holds no value, so nothing was judged; look at the step that writes it"
            )
        elif suite.row and missing.to_numpy().any():
            named = [key for key in suite.row if key in rows.columns]
            found = "; ".join(
                _words(row) for row in rows.loc[missing, named].head(EXAMPLES).to_dict("records")
            )
            findings.append(
                f"{where}: {column} is missing for {found}; a bound that is missing holds nothing"
            )
    return [_closed(sentence) for sentence in findings]


def _ask(rows: pd.DataFrame, suite: Suite, expected: list[Expected]) -> dict[int, list[Finding]]:
    """Return what Great Expectations finds for each of `expected`."""
    result_format: dict[str, Any] = {"result_format": "SUMMARY"}
    if (
        suite.row
    ):  # a small table: name every row that fails, so that none hides behind a waived one
        result_format |= {
            "unexpected_index_column_names": suite.shown,
            "partial_unexpected_count": len(rows),
        }
    asked = [e.expectation for e in expected] + [
        _meets_rows(e) for e in expected if "row_condition" in e.raw["kwargs"]
    ]
    try:
        results = validated(rows, asked, result_format)
    except FAULTS as error:
        sentence = f"{suite.path} could not be judged: {without_values(' '.join(str(error).split()), list(rows.columns))}"
        return {e.nth: [_closed(sentence)] for e in expected[:1]}
    by_nth = {result.expectation_config.meta["nth"]: result for result in results}
    met = {e.nth: -e.nth not in by_nth or bool(by_nth[-e.nth].success) for e in expected}
    found = {e.nth: _finding(suite, e, by_nth.get(e.nth), met[e.nth]) for e in expected}
    return {nth: [finding] if finding else [] for nth, finding in found.items()}


def _meets_rows(expected: Expected) -> Expectation:
    """Return an expectation that the row_condition of `expected` meets a row at all: without one many types pass."""
    kwargs = {"min_value": 1, "row_condition": expected.raw["kwargs"]["row_condition"]}
    return ExpectationConfiguration(
        "expect_table_row_count_to_be_between", kwargs, meta={"nth": -expected.nth}
    ).to_domain_obj()


def _finding(suite: Suite, expected: Expected, result: Any, met: bool) -> Finding | None:
    """Return what one result of Great Expectations says, None if it passed; `met`: its row_condition meets a row."""
    where = f"{suite.path}, expectation {expected.nth}"
    if result is None:
        return _closed(f"{where} ({expected.raw['type']}) was not judged; mend it there")
    if error := exception_of(result.exception_info):
        said = without_values(error, expected.columns)
        return _closed(
            f"{where} ({expected.raw['type']}) could not be judged: {said}; is its bound of the column's type?"
        )
    judged = result.result.get(
        "element_count"
    )  # None for types that judge a column or the table as one
    if not met or judged == 0:
        return _closed(
            f"{where} ({expected.raw['type']}) judged no row: its row_condition meets none; mend it there"
        )
    if (
        judged
        and expected.raw["type"] not in NULL_TYPES
        and result.result.get("missing_count") == judged
    ):
        return _closed(
            f"{where} ({expected.raw['type']}) judged no value: all that its row_condition meets are missing"
        )
    if result.success:
        return None
    rows = result.result.get("partial_unexpected_index_list") or []
    applied = [waiver for waiver in suite.waivers(expected) if any(map(waiver.covers, rows))]
    open_rows = [row for row in rows if not any(waiver.covers(row) for waiver in applied)]
    waived = bool(rows) and not open_rows
    verdict = (
        expected.meta.get("verdict", "fail")
        if expected.raw["severity"] == "critical" or "verdict" in expected.meta
        else "warn"
    )
    blocks = expected.raw["severity"] == "critical" and not waived
    notes = "; ".join(waiver.told() for waiver in applied) if waived else expected.meta["notes"]
    notes += (
        _how_to_waive(suite, open_rows)
        if blocks and open_rows and "verdict" in expected.meta
        else ""
    )
    sentence = f"{verdict.upper()}: {_found(suite, expected, result.result, open_rows or rows)}. {allowed(expected)} {notes} ({where})"
    return Finding(verdict, blocks, sentence, () if suite.row else _values(expected, result.result))


def _how_to_waive(suite: Suite, rows: list[dict[str, Any]]) -> str:
    """Return what to write where, so that rows of which there are too few to judge are accepted."""
    return f' To accept it, add to "waived" in the meta of {suite.waived_in}, with your reason: {suggested(rows, suite.waived_by)}'


def _found(
    suite: Suite, expected: Expected, result: dict[str, Any], rows: list[dict[str, Any]]
) -> str:
    """Say what stood in the table instead of what was expected: up to EXAMPLES rows or values."""
    what = " and ".join(expected.columns) or "the table"
    if suite.row and rows:
        worst = sorted(rows, key=lambda row: _rank(expected, row))
        return "; ".join(_judged_row(suite, expected, row) for row in worst[:EXAMPLES]) + _more(
            len(rows)
        )
    if result.get("unexpected_count") and "element_count" in result:
        return f"{what} fails in {result['unexpected_count']:,} of {result['element_count']:,} rows"
    if not suite.row and not re.search(FIGURES, expected.raw["type"]):
        found = (
            [_count(result["unexpected_count"], "unexpected value")]
            if result.get("unexpected_count")
            else []
        )
        lost = sorted(
            map(str, result.get("partial_missing_list") or [])
        )  # of the suite, so that they may be named
        found += [f"missing {', '.join(lost[:EXAMPLES])}{_more(len(lost))}"] if lost else []
        return f"{what} has {'; '.join(found) or 'a value that is not allowed'}"
    parts = {
        "unexpected": result.get("partial_unexpected_list"),
        "missing": result.get("partial_missing_list"),
    }
    mismatched = (result.get("details") or {}).get("mismatched", {})
    if isinstance(mismatched, list):  # of columns that stand in another order
        parts["misplaced"] = [one["Found"] for one in mismatched]
    else:
        parts |= mismatched
    if any(parts.values()):
        return f"{what} has " + "; ".join(
            f"{kind} {', '.join(sorted(map(str, values))[:EXAMPLES])}{_more(len(values))}"
            for kind, values in parts.items()
            if values
        )
    return f"{what} has {_number(result.get('observed_value'))}"


def _rank(expected: Expected, row: dict[str, Any]) -> tuple[float, float]:
    """Return by what failed rows are told: the one farthest beyond its bound first, of equal ones the one of fewest rows."""
    kwargs, value = expected.raw["kwargs"], row.get(expected.raw["kwargs"].get("column", ""))
    ends = [(kwargs.get("min_value"), 1), (kwargs.get("max_value"), -1)]
    beyond = [sign * (end - value) for end, sign in ends if is_number(end) and is_number(value)]
    counts = [row[name] for name in FEWEST if is_number(row.get(name))]
    return -max([0.0, *beyond]), min(counts, default=0.0)


def _values(expected: Expected, result: dict[str, Any]) -> tuple[str, ...]:
    """Return up to EXAMPLES values of rows that were found instead of what was expected, each with its column."""
    if expected.raw["type"] == NULL_TYPES[0] or re.search(FIGURES, expected.raw["type"]):
        return ()
    found = result.get("partial_unexpected_list") or [result.get("observed_value")]
    return tuple(
        f"{' and '.join(expected.columns)}: {value}"
        for value in list(dict.fromkeys(map(_number, found)))[:EXAMPLES]
    )


def _judged_row(suite: Suite, expected: Expected, row: dict[str, Any]) -> str:
    """Say which row of a judged table failed, by its name, the value judged, and what stands beside it."""
    named = _words({key: row[key] for key in suite.row})
    judged = _words(
        {key: row[key] for key in expected.columns if key in row and key not in suite.row}
    )
    beside = _words(
        {
            key: row[key]
            for key in suite.shown
            if key not in suite.row and key not in expected.columns
        }
    )
    return named + (f": {judged}" if judged else "") + (f" ({beside})" if beside else "")


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_number(value)}" for key, value in values.items())


def _number(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " with ".join(map(_number, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _more(n: int) -> str:
    return f"; and {n - EXAMPLES:,} more" if n > EXAMPLES else ""


def allowed(expected: Expected) -> str:
    """Return Great Expectations' own sentence about what is allowed."""
    rendered = (
        InlineRenderer(render_object=expected.expectation.configuration)
        .get_rendered_content()[0]
        .value
    )
    params = {key: param["value"] for key, param in (rendered.params or {}).items()}
    sentence = Template(rendered.template or "").safe_substitute(params).strip().rstrip(".")
    if sentence and expected.raw["type"] not in sentence:
        return f"Allowed: {sentence}."
    return f"Allowed: {', '.join(f'{key} {value}' for key, value in expected.raw['kwargs'].items())}."  # it has no words for some
