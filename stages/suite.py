"""Read a suite of expectations so strictly that none is lost: Great Expectations drops what it does not know."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import list_registered_expectation_implementations

from stages.expectations import ExpectLastColumnToEqualSum  # noqa: F401 - makes our own types known

SUITE_KEYS = {"name", "id", "expectations", "meta", "notes"}
EXPECTATION_KEYS = {"type", "kwargs", "severity", "meta", "id", "description", "notes", "rendered_content"}
SUITE_META_KEYS = {"great_expectations_version", "notes", "row", "show"}
META_KEYS = {"bound", "notes", "proposed", "verdict", "waived"}
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Expected:
    """One expectation of a suite: `nth` in its file, counted from 1, and what Great Expectations made of it."""

    nth: int
    raw: dict[str, Any]
    expectation: Expectation

    @property
    def meta(self) -> dict[str, Any]:
        """Notes, bound, and where given verdict and waived."""
        return self.raw["meta"]

    @property
    def columns(self) -> list[str]:
        """The columns whose values it judges."""
        kwargs = self.raw["kwargs"]
        single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        return single + list(kwargs.get("column_list", []))

    @property
    def needs(self) -> set[str] | None:
        """The columns that have to be there to judge it: none for the table's shape, None for all, where that is not known."""
        if self.raw["type"].startswith("expect_table_") and "row_condition" not in self.raw["kwargs"]:
            return set()
        condition = self.raw["kwargs"].get("row_condition")
        if not self.columns or isinstance(condition, str):
            return None
        return {*self.columns, *_named(condition)}

    @property
    def waived(self) -> dict[str, str]:
        """Names of rows whose insufficiency a person has accepted, each with the reason."""
        return self.meta.get("waived", {})


def _named(condition: Any) -> Iterator[str]:
    """Yield the columns that a row_condition, an object of Great Expectations, names."""
    if isinstance(condition, dict):
        if isinstance(condition.get("column"), dict):
            yield condition["column"]["name"]
        for part in condition.values():
            yield from _named(part)
    elif isinstance(condition, list):
        for part in condition:
            yield from _named(part)


@dataclass
class Suite:
    """The expectations of one table, and a sentence for each thing that is wrong in their file."""

    path: Path
    meta: dict[str, Any] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def row(self) -> list[str]:
        """Columns that name a row of a small judged table; empty for tables of data."""
        return self.meta.get("row", [])

    @property
    def shown(self) -> list[str]:
        """Columns to show beside a value that failed."""
        return self.row + self.meta.get("show", [])


def read_suite(path: str | Path) -> Suite:
    """Return the suite at `path`; whatever is wrong with the file is a sentence in its `problems`."""
    suite = Suite(Path(path))
    try:
        content = json.loads(
            suite.path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite, object_pairs_hook=_without_twins
        )
    except FileNotFoundError:
        suite.problems.append(f"{path} does not exist; restore it from git: a table without a suite passes nothing")
    except UnicodeDecodeError as error:
        suite.problems.append(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8")
    except ValueError as error:
        suite.problems.append(f"{path} is not JSON: {error}; mend it there")
    else:
        _fill(suite, content)
    return suite


def bounds(path: str | Path, column: str, end: str, where: str | None = None) -> list[Any]:
    """Return each bound, `end` of min_value and max_value, that the suite at `path` sets to `column`.

    where: of rows whose row_condition asks for that value; None: of all rows.
    """
    kwargs = [one.raw["kwargs"] for one in read_suite(path).expected]
    asked = [one for one in kwargs if one.get("column") == column and (one.get("row_condition") or {}).get("parameter") == where]
    return [one[end] for one in asked if one.get(end) is not None]


def expected(nth: int, raw: dict[str, Any]) -> Expected:
    """Return the expectation `raw`, the nth of its file; raises what Great Expectations raises for what it does not take."""
    configuration = ExpectationConfiguration(**{**raw, "meta": {**raw["meta"], "nth": nth}})
    return Expected(nth, raw, configuration.to_domain_obj())


def _finite(number: str) -> float:
    """Return the number; raises ValueError for NaN and infinity, also where JSON hides it as 1e999."""
    if not math.isfinite(float(number)):
        raise ValueError(f"{number} is not a number that JSON knows")
    return float(number)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return `pairs` as a dict; of two equal keys Python would drop the first without a word."""
    keys = [key for key, _ in pairs]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"the key {twice[0]!r} stands twice in one object")
    return dict(pairs)


def _fill(suite: Suite, content: Any) -> None:
    """Put the expectations of `content` into `suite`, or say why they cannot be."""
    path = suite.path
    if not isinstance(content, dict) or not isinstance(content.get("expectations"), list):
        suite.problems.append(f"{path} holds no list named 'expectations'; write one")
        return
    suite.problems = [
        f"{path}: the key {key!r} is unknown, allowed: {', '.join(sorted(SUITE_KEYS))}" for key in content if key not in SUITE_KEYS
    ]
    if content.get("name") != path.stem:
        suite.problems.append(f"{path}: its name is {content.get('name')!r}, must be {path.stem!r}")
    suite.problems += [f"{path}: {problem}; mend it there" for problem in _suite_meta_problems(content.get("meta", {}))]
    suite.meta = {} if suite.problems else content.get("meta", {})
    ids: list[str] = []
    for nth, raw in enumerate(content["expectations"], 1):
        problems = _problems(raw)
        if isinstance(raw, dict) and raw.get("id"):
            problems += [f"its id {raw['id']!r} is that of another expectation"] if raw["id"] in ids else []
            ids.append(raw["id"])
        if not problems:
            try:
                suite.expected.append(expected(nth, raw))
            except ValidationError as error:
                problems = [f"{'.'.join(str(step) for step in e['loc'])}: {e['msg']}".removeprefix("__root__: ") for e in error.errors()]
            except (GreatExpectationsError, TypeError, ValueError) as error:
                problems = [" ".join(str(error).split())]
        kind = raw.get("type", "without a type") if isinstance(raw, dict) else "no object"
        suite.problems += [f"{path}, expectation {nth} ({kind}): {problem}; mend it there" for problem in problems]
    if not content["expectations"]:
        suite.problems.append(f"{path} is empty: no expectation, no gate; write at least a critical one")
    elif not any(isinstance(raw, dict) and raw.get("severity") == "critical" for raw in content["expectations"]):
        suite.problems.append(f"{path} has no expectation of severity critical, so that it would stop nothing; make one critical")


def _suite_meta_problems(meta: Any) -> list[str]:
    if not isinstance(meta, dict):
        return [f"its meta is {type(meta).__name__}, must be an object"]
    problems = [
        f"its meta has the key {key!r}, allowed: {', '.join(sorted(SUITE_META_KEYS))}" for key in meta if key not in SUITE_META_KEYS
    ]
    for key in ("row", "show"):
        if not isinstance(meta.get(key, []), list) or not all(isinstance(column, str) for column in meta.get(key, [])):
            problems.append(f"its meta.{key} is {meta[key]!r}, must be a list of column names")
    return problems


def _problems(raw: Any) -> list[str]:
    """Return what is wrong with one expectation as it stands in the file, before Great Expectations sees it."""
    if not isinstance(raw, dict):
        return [f"it is {type(raw).__name__}, must be an object"]
    known = list_registered_expectation_implementations()
    problems = [f"the key {key!r} is unknown, allowed: {', '.join(sorted(EXPECTATION_KEYS))}" for key in raw if key not in EXPECTATION_KEYS]
    if raw.get("type") not in known:
        near = get_close_matches(str(raw.get("type")), known)
        problems.append("Great Expectations has no such type" + (f"; did you mean {near[0]}?" if near else ""))
    if raw.get("severity") not in SEVERITIES:
        problems.append(f"severity is {raw.get('severity')!r}, must be one of {', '.join(SEVERITIES)}")
    return problems + _meta_problems(raw.get("meta")) + _kwargs_problems(raw.get("kwargs"))


def _meta_problems(meta: Any) -> list[str]:
    if not isinstance(meta, dict):
        return ["meta is missing; its notes say why the expectation is there"]
    problems = [f"meta has the key {key!r}, allowed: {', '.join(sorted(META_KEYS))}" for key in meta if key not in META_KEYS]
    if not isinstance(meta.get("notes"), str) or not meta["notes"].strip():
        problems.append("meta.notes is missing; it says why the expectation is there")
    if meta.get("bound") not in ("inferred", "confirmed"):
        problems.append(f"meta.bound is {meta.get('bound')!r}, must be 'inferred' (by a program) or 'confirmed' (by a person)")
    if meta.get("verdict", "insufficient") != "insufficient":
        problems.append(f"meta.verdict is {meta['verdict']!r}, must be 'insufficient' or absent")
    waived = meta.get("waived", {})
    if not isinstance(waived, dict) or not all(isinstance(reason, str) and reason.strip() for reason in waived.values()):
        problems.append("meta.waived must give a reason for each name")
    elif waived and "verdict" not in meta:
        problems.append("meta.waived goes only with meta.verdict 'insufficient': what failed cannot be waived")
    return problems


def _kwargs_problems(kwargs: Any) -> list[str]:
    if not isinstance(kwargs, dict):
        return ["kwargs is missing; it names the column and the bounds"]
    problems = []
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    comparable = any(isinstance(low, kind) and isinstance(high, kind) for kind in (int | float, str))
    if comparable and low > high:  # type: ignore[operator]
        problems.append(f"min_value {low!r} is above max_value {high!r}")
    if "$PARAMETER" in json.dumps(kwargs):
        problems.append("$PARAMETER is not filled in by anything; write the bound itself")
    return problems
