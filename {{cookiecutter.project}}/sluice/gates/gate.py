"""Hold a table against a suite: the only gate, closed unless every expectation was judged and
none critical failed.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pandas as pd
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer.inline_renderer import InlineRenderer
from pandas.api.types import is_number

from sluice.core.command import UserError
from sluice.core.private import show, without_values
from sluice.core.tables import LazyParquet, write_json
from sluice.core.text import say
from sluice.core.waivers import suggested
from sluice.gates.judging import FAULTS, exception_of, validated
from sluice.gates.messages import EXAMPLES, Finding, count, number, some
from sluice.gates.suite import Expected, Suite, read_suite

RANK = ("pass", "warn", "insufficient", "fail")
OF_SEVERITY = {"critical": "fail", "warning": "warn", "info": "info"}
# columns of judged tables that count the rows behind a figure
SUPPORT_COLUMNS = ("support", "rows", "train")
# cells of a table in memory at once: about 1 GB with what Great Expectations adds
GATE_CELLS = 40_000_000
# what judges no row's value
AGGREGATES = (
    "^expect_table_|_(unique_value_count|proportion_of|mean|median|stdev|sum|quantile_values)_"
)
NULL_TYPES = (
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_null",
    "expect_column_to_exist",
)
SETS = {  # what the end of a type's name asks of its value_set
    "values_to_be_in_set": "one of {}",
    "values_to_not_be_in_set": "none of {}",
    "values_to_equal_set": "all of {}, and nothing else",
    "values_to_contain_set": "all of {}",
}
IN_WORDS = {
    "values_to_not_be_null": "no value is missing",
    "values_to_be_unique": "no value stands twice",
    "last_column_to_equal_sum": "the last of them is the sum of the others",
    "columns_to_be_unique": "no combination stands twice",
}
MEND = "Correct it there."
WRITER = "Look at the step that writes it."


@dataclass(frozen=True)
class Verdict:
    """What a gate said of a table: one of RANK, whether it stops the stage, and what it found."""

    gate: str
    verdict: str
    blocks: bool
    report: str
    findings: list[Finding]

    @property
    def sentences(self) -> list[str]:
        """A line for each finding."""
        return [finding.sentence for finding in self.findings]


def gate(
    table: pd.DataFrame | LazyParquet,
    suite: str | Path,
    report: str | Path,
    dropped: Collection[str] = (),
) -> Verdict:
    """Judge `table` by the suite at `suite`, write the outcome to `report`, print it, and return
    it.

    Of a LazyParquet only the columns that the suite names are read, a few at a time.
    dropped: columns that data.forbidden took out of the table, of which the suite may still speak.

    Verdicts: pass (nothing failed but infos); warn (only warnings failed); insufficient (too few
    rows to judge); fail. A gate blocks if something critical failed or is insufficient without a
    waiver, or if it could not judge everything it was asked to.
    """
    loaded = read_suite(suite, dropped)
    verdict = _verdict(findings_of(table, loaded), report)
    # nobody confirms a copy; prepare's gate counts the bounds of the suite itself
    own = [] if "copy_of" in loaded.meta else loaded.expected
    confirmed = sum(one.meta["bound"] == "confirmed" for one in own)
    _write(verdict, loaded, len(table), {"confirmed": confirmed, "bounds": len(own)})
    rows, bounds = count(len(table), "row"), count(len(loaded.expected), "expectation")
    say(f"gate {verdict.gate}: {verdict.verdict} ({rows}, {bounds})", verdict=verdict.verdict)
    for finding in verdict.findings:
        finding.tell()
    show(verdict.gate, [value for finding in verdict.findings for value in finding.values])
    return verdict


def _verdict(findings: list[Finding], report: str | Path) -> Verdict:
    ranked = [finding.verdict for finding in findings if finding.verdict in RANK]
    return Verdict(
        gate=Path(report).stem,
        verdict=max(ranked, key=RANK.index, default="pass"),
        blocks=any(finding.blocks for finding in findings),
        report=Path(report).as_posix(),
        findings=findings,
    )


def findings_of(table: pd.DataFrame | LazyParquet, suite: Suite) -> list[Finding]:
    """Return what a suite finds in `table`, in the order of the suite, after what is wrong with
    the suite or the table itself.
    """
    checked = f"the suite {suite.path}"
    findings = [closed("suite", checked, problem) for problem in suite.problems]
    findings += _table_problems(table, suite)
    if table.columns.is_unique:  # else a column is no single column; _table_problems has told it
        findings += _judge(table, suite)
    return findings


def not_judged(suite: str | Path, report: str | Path, why: str, *, applies: bool = True) -> None:
    """Write the report of a gate that had nothing to judge: a warning, so that nobody takes it for
    a pass.

    applies: there should have been something; where a person said why there is not, the gate
    passes, and its report says so.
    """
    checked, code = (
        ("nothing", "nothing_to_judge") if applies else ("not applicable", "not_applicable")
    )
    finding = Finding(code, "warn" if applies else "pass", False, checked, [why])
    _write(_verdict([finding], report), Suite(Path(suite)), 0, {"confirmed": 0, "bounds": 0})


def stop(verdicts: Iterable[Verdict]) -> None:
    """Raise UserError if one of `verdicts` blocks; call it when every table of the stage was
    judged.
    """
    blocking = [verdict for verdict in verdicts if verdict.blocks]
    if blocking:
        raise UserError(
            "\n".join(
                f"stopped by the gate {v.gate} ({v.verdict}), read {v.report}" for v in blocking
            )
        )


def closed(code: str, checked: str, found: str, fix: str = "", where: str = "") -> Finding:
    """Return the finding for something that could not be judged: it fails, whatever the
    severity.
    """
    return Finding(code, "fail", True, checked, [found], fix=fix, where=where)


def _write(verdict: Verdict, suite: Suite, n_rows: int, confirmed: dict[str, int]) -> None:
    """Write the report, which depends on nothing but the table and the suite."""
    content = {"gate": verdict.gate, "verdict": verdict.verdict, "blocks": verdict.blocks}
    content |= {"suite": suite.path.as_posix(), "rows": n_rows, "expectations": len(suite.expected)}
    findings = [finding.fields() for finding in verdict.findings]
    write_json(content | confirmed | {"findings": findings}, verdict.report)


def _table_problems(table: pd.DataFrame | LazyParquet, suite: Suite) -> list[Finding]:
    """Return why no expectation at all can be judged on `table`."""
    checked, problems = f"the table for {suite.path}", []
    if not len(table):
        problems.append(closed("no_row", checked, "it has no row, so nothing was judged", WRITER))
    for column in dict.fromkeys(table.columns[table.columns.duplicated()]):
        found = f"it has two columns named {column!r}"
        problems.append(closed("twin_columns", checked, found, "Give each a name of its own."))
    for column in suite.shown:
        if column not in table.columns:
            found = (
                f"it has no column {column!r}, which meta names; it has {some(table.columns, 20)}"
            )
            problems.append(closed("no_column", checked, found, MEND, str(suite.path)))
    return problems


def _judge(table: pd.DataFrame | LazyParquet, suite: Suite) -> list[Finding]:
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
    table: pd.DataFrame | LazyParquet, suite: Suite, expected: list[Expected]
) -> Iterator[tuple[list[str], list[Expected]]]:
    """Yield expectations with the columns that they need, such that no batch has many more than
    GATE_CELLS cells.

    No column means that only the names and the number of rows are judged.
    """
    if shape := [e for e in expected if e.needs == set()]:
        yield [], shape
    most = max(1, GATE_CELLS / len(table))
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


def _shape(table: pd.DataFrame | LazyParquet) -> pd.DataFrame:
    """Return a frame with the columns and the number of rows of `table` that takes no memory and
    holds no value of it.
    """
    return pd.DataFrame(
        np.broadcast_to(np.int8(0), (len(table), len(table.columns))),
        columns=table.columns,
        copy=False,
    )


def _closed(suite: Suite, expected: Expected, code: str, found: str, fix: str = MEND) -> Finding:
    return closed(code, checked(expected), found, fix, f"{suite.path}:{expected.line}")


def checked(expected: Expected) -> str:
    """Say what is checked: the columns, and of which rows."""
    if description := expected.raw.get("description"):
        return str(description)
    what = " and ".join(expected.columns) or "the table"
    condition = expected.raw["kwargs"].get("row_condition")
    parts = condition.get("conditions", [condition]) if isinstance(condition, dict) else []
    rows = " and ".join(map(_picked, parts))
    return f"{what} where {rows}" if rows else what


def _picked(part: dict[str, Any]) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("column"), dict):
        return str(part)
    operator = part.get("operator", part.get("type", ""))
    sign = "is" if operator == "==" else operator
    return f"{part['column'].get('name')} {sign} {part.get('parameter', '')}".rstrip()


def _without_column(
    table: pd.DataFrame | LazyParquet, suite: Suite, expected: Expected
) -> list[Finding]:
    """Return a finding for each column that `expected` is to judge and that the table lacks."""
    has = f"it has {', '.join(map(str, table.columns))}"
    lacking = [column for column in expected.columns if column not in table.columns]
    return [
        _closed(suite, expected, "no_column", f"the table has no column {column!r}, {has}")
        for column in lacking
    ]


def _without_value(rows: pd.DataFrame, suite: Suite, expected: Expected) -> list[Finding]:
    """Return a finding for each column of which `expected` would skip what it is to judge,
    because it is missing.
    """
    findings = []
    for column in expected.columns if expected.raw["type"] not in NULL_TYPES else []:
        missing = rows[column].isna()
        if missing.to_numpy().all():
            found = f"the column {column!r} holds no value, so nothing was judged"
            findings.append(_closed(suite, expected, "no_value", found, WRITER))
        elif suite.row and missing.to_numpy().any():
            named = rows.loc[missing, [key for key in suite.row if key in rows.columns]]
            of = "; ".join(_words(row) for row in named.head(EXAMPLES).to_dict("records"))
            found = (
                f"{column} is missing for {of}{_more(len(named))}; a bound that is missing holds"
                " nothing"
            )
            findings.append(_closed(suite, expected, "missing_value", found, WRITER))
    return findings


def _ask(rows: pd.DataFrame, suite: Suite, expected: list[Expected]) -> dict[int, list[Finding]]:
    """Return what Great Expectations finds for each of `expected`."""
    result_format: dict[str, Any] = {"result_format": "SUMMARY"}
    if suite.row:
        # a small table: name every row that fails, so that none hides behind a waived one
        result_format |= {
            "unexpected_index_column_names": suite.shown,
            "partial_unexpected_count": len(rows),
        }
    conditional = [_meets_rows(e) for e in expected if "row_condition" in e.raw["kwargs"]]
    try:
        results = validated(rows, [e.expectation for e in expected] + conditional, result_format)
    except FAULTS as error:
        why = without_values(" ".join(str(error).split()), list(rows.columns))
        found = closed("error", f"the suite {suite.path}", f"it could not be judged: {why}", MEND)
        return {e.nth: [found] for e in expected[:1]}
    by_nth = {result.expectation_config.meta["nth"]: result for result in results}
    met = {e.nth: -e.nth not in by_nth or bool(by_nth[-e.nth].success) for e in expected}
    return {e.nth: _findings(suite, e, by_nth.get(e.nth), met[e.nth]) for e in expected}


def _meets_rows(expected: Expected) -> Expectation:
    """Return an expectation that the row_condition of `expected` meets a row at all: without one
    many types pass.
    """
    kwargs = {"min_value": 1, "row_condition": expected.raw["kwargs"]["row_condition"]}
    return ExpectationConfiguration(
        "expect_table_row_count_to_be_between", kwargs, meta={"nth": -expected.nth}
    ).to_domain_obj()


def _findings(suite: Suite, expected: Expected, result: Any, met: bool) -> list[Finding]:
    """Return what one result of Great Expectations says; `met`: its row_condition meets a row."""
    if why := _unjudged(expected, result, met):
        return [_closed(suite, expected, "not_judged", f"{expected.raw['type']} {why}")]
    return [] if result.success else [_failure(suite, expected, result.result)]


def _unjudged(expected: Expected, result: Any, met: bool) -> str:
    """Return why an expectation was not judged, nothing if it was."""
    if result is None:
        return "was not judged"
    if error := exception_of(result.exception_info):
        said = without_values(error, expected.columns)
        return f"could not be judged: {said}; its bound may not be of the column's type"
    # None for types that judge a column or the table as one
    judged = result.result.get("element_count")
    if not met or judged == 0:
        return "judged no row: its row_condition meets none"
    if expected.raw["type"] in NULL_TYPES or not judged:
        return ""
    all_missing = result.result.get("missing_count") == judged
    return "judged no value: all that its row_condition meets are missing" if all_missing else ""


def _failure(suite: Suite, expected: Expected, result: dict[str, Any]) -> Finding:
    """Return the finding for an expectation that was judged and failed, its waivers counted."""
    rows = result.get("partial_unexpected_index_list") or []
    applied = [waiver for waiver in suite.waivers(expected) if any(map(waiver.covers, rows))]
    open_rows = [row for row in rows if not any(waiver.covers(row) for waiver in applied)]
    is_waived = bool(rows) and not open_rows
    severity, meta = expected.raw["severity"], expected.meta
    blocks = severity == "critical" and not is_waived
    fix = "; ".join(waiver.sentence() for waiver in applied) if is_waived else meta["notes"]
    if blocks and open_rows and "verdict" in meta:
        fix += _how_to_waive(suite, open_rows)
    worst = sorted(open_rows or rows, key=lambda row: _rank(expected, row)) if suite.row else []
    found, more = _found(suite, expected, result, worst)
    return Finding(
        code=expected.raw["type"].removeprefix("expect_"),
        verdict=meta.get("verdict", OF_SEVERITY[severity]),
        blocks=blocks,
        checked=checked(expected) + _of(expected, result, worst),
        found=found,
        required="none" if "description" in expected.raw else required(expected),
        fix=fix,
        where=f"{suite.path}:{expected.line}",
        more=more,
        columns=expected.columns,
        evidence=worst,
        values=() if suite.row else _values(expected, result),
    )


def _of(expected: Expected, result: dict[str, Any], worst: list[dict[str, Any]]) -> str:
    """Return how many rows are meant, where the suite says in words what they are."""
    is_said = worst and expected.raw.get("description") and "element_count" in result
    return f" ({len(worst):,} of {result['element_count']:,})" if is_said else ""


def _how_to_waive(suite: Suite, rows: list[dict[str, Any]]) -> str:
    """Return what to write where, so that rows of which there are too few to judge are accepted."""
    return (
        f' To accept it, add to "waived" in the meta of {suite.waived_in}, with your reason:'
        f" {suggested(rows, suite.waived_by)}"
    )


def _found(
    suite: Suite, expected: Expected, result: dict[str, Any], worst: list[dict[str, Any]]
) -> tuple[list[str], int]:
    """Say what stood in the table instead of what was expected, in up to EXAMPLES parts, and how
    many more there are.
    """
    if worst:
        named = [_judged_row(suite, expected, row) for row in worst[:EXAMPLES]]
        return named, max(len(worst) - EXAMPLES, 0)
    if result.get("unexpected_count") and "element_count" in result:
        n, of = result["unexpected_count"], result["element_count"]
        return [f"{n:,} of {of:,} rows fail"], 0
    if not suite.row and not re.search(AGGREGATES, expected.raw["type"]):
        return _members(result) or ["a value that is not allowed"], 0
    return _strangers(result) or [number(result.get("observed_value"), _bounds(expected))], 0


def _members(result: dict[str, Any]) -> list[str]:
    """Say what a set of values of rows has or lacks; what it lacks stands in the suite, so that
    it may be named.
    """
    n, lost = result.get("unexpected_count"), result.get("partial_missing_list") or []
    found = [count(n, "unexpected value")] if n else []
    return found + ([f"missing {some(sorted(map(str, lost)))}"] if lost else [])


def _strangers(result: dict[str, Any]) -> list[str]:
    """Say which names, of columns say, are there, are not there, or are out of order."""
    parts = {
        "unexpected": result.get("partial_unexpected_list"),
        "missing": result.get("partial_missing_list"),
    }
    mismatched = (result.get("details") or {}).get("mismatched", {})
    if isinstance(mismatched, list):  # of columns that stand in another order
        parts["misplaced"] = [one["Found"] for one in mismatched]
    else:
        parts |= mismatched
    return [f"{kind} {some(sorted(map(str, names)))}" for kind, names in parts.items() if names]


def _bounds(expected: Expected) -> list[Any]:
    kwargs = expected.raw["kwargs"]
    return [kwargs[end] for end in ("min_value", "max_value") if kwargs.get(end) is not None]


def _rank(expected: Expected, row: dict[str, Any]) -> tuple[float, float]:
    """Return by what failed rows are told: the one farthest beyond its bound first, of equal
    ones the one of fewest rows.
    """
    kwargs, value = expected.raw["kwargs"], row.get(expected.raw["kwargs"].get("column", ""))
    ends = [(kwargs.get("min_value"), 1), (kwargs.get("max_value"), -1)]
    beyond = [sign * (end - value) for end, sign in ends if is_number(end) and is_number(value)]
    counts = [row[name] for name in SUPPORT_COLUMNS if is_number(row.get(name))]
    return -max([0.0, *beyond]), min(counts, default=0.0)


def _values(expected: Expected, result: dict[str, Any]) -> tuple[str, ...]:
    """Return up to EXAMPLES values of rows that were found instead of what was expected, each
    with its column.
    """
    if expected.raw["type"] == NULL_TYPES[0] or re.search(AGGREGATES, expected.raw["type"]):
        return ()
    found = result.get("partial_unexpected_list") or [result.get("observed_value")]
    columns, exact = " and ".join(expected.columns), [_exact(value) for value in found]
    return tuple(f"{columns}: {value}" for value in list(dict.fromkeys(exact))[:EXAMPLES])


def _exact(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " with ".join(map(_exact, value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _judged_row(suite: Suite, expected: Expected, row: dict[str, Any]) -> str:
    """Say which row of a judged table failed, by its name, the value judged, and what stands
    beside it.
    """
    judged = [key for key in expected.columns if key in row and key not in suite.row]
    if expected.raw.get("description"):  # says it
        judged = []
    beside = [key for key in suite.shown if key not in (*suite.row, *expected.columns)]
    named = _words({key: row[key] for key in suite.row})
    if len(suite.row) == 1 and expected.raw.get("description"):
        named = str(row[suite.row[0]])
    named += f": {_words({key: row[key] for key in judged}, _bounds(expected))}" if judged else ""
    return named + (f" ({_words({key: row[key] for key in beside})})" if beside else "")


def _words(values: dict[str, Any], bounds: Iterable[Any] = ()) -> str:
    return ", ".join(f"{key} {number(value, bounds)}" for key, value in values.items())


def _more(n: int) -> str:
    return f"; and {n - EXAMPLES:,} more" if n > EXAMPLES else ""


def required(expected: Expected) -> str:
    """Say what `expected` allows, in our words where we have some, else in those of Great
    Expectations.
    """
    kwargs, mostly = expected.raw["kwargs"], expected.raw["kwargs"].get("mostly", 1)
    if not (words := _between(kwargs) or _plainly(expected)):
        return _rendered(expected)
    return words + (f", in at least {number(100.0 * mostly)} % of the rows" if mostly != 1 else "")


def _between(kwargs: dict[str, Any]) -> str:
    low, high = (kwargs.get(end) for end in ("min_value", "max_value"))
    if None not in (low, high) and not (kwargs.get("strict_min") or kwargs.get("strict_max")):
        return _exact(low) if low == high else f"{_exact(low)} to {_exact(high)}"
    strict_low, strict_high = (kwargs.get(f"strict_{end}") for end in ("min", "max"))
    below = f"{'above' if strict_low else 'at least'} {_exact(low)}" if low is not None else ""
    above = f"{'below' if strict_high else 'at most'} {_exact(high)}" if high is not None else ""
    return " and ".join(filter(None, [below, above]))


def _plainly(expected: Expected) -> str:
    kwargs, kind = expected.raw["kwargs"], expected.raw["type"]
    if isinstance(kwargs.get("value_set"), list):
        words = next((words for end, words in SETS.items() if kind.endswith(end)), "")
        return words.format(some(kwargs["value_set"]))
    if isinstance(kwargs.get("value_pairs_set"), list):
        return f"one of {some(kwargs['value_pairs_set'])}"
    if kind.endswith("columns_to_match_set") and isinstance(kwargs.get("column_set"), list):
        return f"the columns {some(kwargs['column_set'], 20)}"
    return next((words for end, words in IN_WORDS.items() if kind.endswith(end)), "")


def _rendered(expected: Expected) -> str:
    """Return Great Expectations' own sentence about what is allowed; it has no words for some
    types.
    """
    [*rendered] = InlineRenderer(
        render_object=expected.expectation.configuration
    ).get_rendered_content()
    value = rendered[0].value
    params = {key: param["value"] for key, param in (value.params or {}).items()}
    sentence = Template(value.template or "").safe_substitute(params).strip().rstrip(".")
    if sentence and expected.raw["type"] not in sentence:
        return sentence
    return ", ".join(f"{key} {value}" for key, value in expected.raw["kwargs"].items())
