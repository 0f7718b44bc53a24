"""Read a suite of expectations so strictly that none is lost: Great Expectations drops what it
does not know.
"""

import json
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import list_registered_expectation_implementations

import sluice.gates.expectations  # noqa: F401 - registers the types that are ours
from sluice.core.waivers import Waiver, says_something, waiver_problems, waivers
from sluice.gates.judging import FAULTS
from sluice.gates.probe import is_number, named, toothless

SUITE_KEYS = {"name", "id", "expectations", "meta", "notes"}
EXPECTATION_KEYS = {
    "type",
    "kwargs",
    "severity",
    "meta",
    "id",
    "description",
    "notes",
    "rendered_content",
}
SUITE_META_KEYS = {
    "copy_of",
    "great_expectations_version",
    "notes",
    "row",
    "show",
    "waived",
    "waived_by",
    "waived_in",
}
META_KEYS = {"bound", "notes", "proposed", "verdict", "waived"}
CONDITION = (
    '{"type": "comparison", "column": {"name": "colour"}, "operator": "==", "parameter": "red"}'
)
JUDGED_SUITES = {  # suites of tables that the stages compute, where a missing figure must not pass
    *(
        "by_class",
        "by_group",
        "candidates",
        "challenger",
        "changes",
        "challengers",
        "classes",
        "compared",
        "drift",
        "features",
        "label_bias",
    ),
    *(
        "leakage",
        "model_age",
        "performance",
        "proxies",
        "slices",
        "sources",
        "synthetic",
        "test_set",
        "windows",
    ),
}
BETWEEN = re.compile(r"[\s,:]*")  # values of JSON
DEEPEST = 20  # levels of a suite; a row_condition of three levels makes ten
MAX_DIGITS = 21  # of a whole number, with its sign: 2**64 has 20
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Expected:
    """One expectation of a suite: `nth` in its file, counted from 1, on `line`, and what Great
    Expectations made of it.
    """

    nth: int
    raw: dict[str, Any]
    expectation: Expectation
    line: int = 0

    @property
    def meta(self) -> dict[str, Any]:
        """Notes, bound, and where given verdict and waived."""
        return self.raw["meta"]

    @property
    def columns(self) -> list[str]:
        """The columns whose values it judges."""
        kwargs = self.raw["kwargs"]
        single = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        return single + list(kwargs.get("column_list") or [])

    @property
    def needs(self) -> set[str] | None:
        """The columns that have to be there to judge it: none for the table's shape, None for
        all, where that is not known.
        """
        if (
            self.raw["type"].startswith("expect_table_")
            and "row_condition" not in self.raw["kwargs"]
        ):
            return set()
        condition = self.raw["kwargs"].get("row_condition")
        if not self.columns:
            return None
        return {*self.columns, *named(condition)}


@dataclass
class Suite:
    """The expectations of one table, and a sentence for each thing that is wrong in their file."""

    path: Path
    meta: dict[str, Any] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    waived: list[Waiver] = field(default_factory=list)

    @property
    def row(self) -> list[str]:
        """Columns that name a row of a small judged table; empty for tables of data."""
        return self.meta.get("row", [])

    @property
    def shown(self) -> list[str]:
        """Columns to show beside a value that failed."""
        return self.row + self.meta.get("show", [])

    @property
    def waived_in(self) -> Path:
        """The file that holds its waivers: another suite's where meta says so, so that a class
        or group is waived in one place.
        """
        return self.path.with_name(self.meta.get("waived_in", self.path.name))

    @property
    def waived_by(self) -> list[str]:
        """The columns that a waiver names, where it is suggested."""
        return self.meta.get("waived_by", self.row)

    def waivers(self, expected: Expected) -> list[Waiver]:
        """Return the waivers that hold for `expected`: none where it fails for more than too few
        rows.
        """
        return [*self.waived, *waivers(expected.meta)] if "verdict" in expected.meta else []


def read_suite(path: str | Path, dropped: Collection[str] = ()) -> Suite:
    """Return the suite at `path`; whatever is wrong with the file is a sentence in its `problems`.

    dropped: columns that the table has no more, because data.forbidden names them: nothing is
    expected of them.
    """
    suite = Suite(Path(path))
    content, problem = _loaded(suite.path)
    if problem:
        suite.problems.append(problem)
    else:
        _fill(suite, content)
        suite.expected = [one for one in (_without(one, dropped) for one in suite.expected) if one]
    return suite


def _loaded(path: Path) -> tuple[Any, str | None]:
    """Return what the file holds, or a sentence on why it cannot be read."""
    try:
        content = json.loads(
            path.read_text(encoding="utf-8"),
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_without_twins,
        )
        json.dumps(content, ensure_ascii=False).encode()
    except (OSError, RecursionError, ValueError) as error:
        return None, f"{path} {_unreadable(error)}"
    if _depth(content) > DEEPEST:
        return None, (
            f"{path} is nested deeper than any expectation is, over {DEEPEST} levels; mend it there"
        )
    return content, None


def _unreadable(error: Exception) -> str:
    """Return why a suite cannot be read, and what to do, as the end of a sentence."""
    match error:
        case FileNotFoundError():
            return "does not exist; restore it from git: a table without a suite passes nothing"
        case OSError():
            why = error.strerror or error
            return f"cannot be read ({why}); it must be a file: restore it from git"
        case UnicodeDecodeError():
            return f"is not UTF-8 (byte {error.start}); save it as UTF-8"
        case UnicodeEncodeError():
            return (
                "holds half of a character (a lone surrogate such as \\ud800), which no table can"
                " hold; mend it there"
            )
        case RecursionError():
            return "is nested deeper than any expectation is; mend it there"
    return f"is not JSON: {error}; mend it there"


def _depth(content: Any) -> int:
    """Return how many levels `content` has, up to one more than DEEPEST."""
    depth, level = 0, [content]
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def bounds(path: str | Path, column: str, end: str, where: str | None = None) -> list[Any]:
    """Return each bound, `end` of min_value and max_value, that the suite at `path` sets to
    `column`.

    where: of rows whose row_condition asks for that value; None: of all rows.
    """
    kwargs = [one.raw["kwargs"] for one in read_suite(path).expected]
    asked = [
        one
        for one in kwargs
        if one.get("column") == column
        and (one.get("row_condition") or {}).get("parameter") == where
    ]
    return [one[end] for one in asked if one.get(end) is not None]


def expected(nth: int, raw: dict[str, Any], line: int = 0) -> Expected:
    """Return the expectation `raw`, the nth of its file; raises what Great Expectations raises
    for what it does not take.
    """
    configuration = ExpectationConfiguration(**{**raw, "meta": {**raw["meta"], "nth": nth}})
    return Expected(nth, raw, configuration.to_domain_obj(), line)


def without(raw: dict[str, Any], dropped: Collection[str]) -> dict[str, Any] | None:
    """Return the expectation `raw` as it holds for a table without the columns `dropped`, None
    if it is about one of them.
    """
    if raw["kwargs"].get("column_set"):
        return {
            **raw,
            "kwargs": {
                **raw["kwargs"],
                "column_set": [name for name in raw["kwargs"]["column_set"] if name not in dropped],
            },
        }
    return None if set(Expected(0, raw, None).columns) & set(dropped) else raw  # type: ignore[arg-type]


def _without(one: Expected, dropped: Collection[str]) -> Expected | None:
    raw = without(one.raw, dropped)
    return one if raw == one.raw else expected(one.nth, raw, one.line) if raw else None


def _finite(number: str) -> float:
    """Return the number; raises ValueError for NaN and infinity, also where JSON hides it as
    1e999.
    """
    if not math.isfinite(float(number)):
        raise ValueError(f"{number} is not a number that JSON knows")
    return float(number)


def _whole(number: str) -> int:
    """Return the whole number; raises ValueError for one that no column of a table can hold."""
    if len(number) > MAX_DIGITS or abs(int(number)) >= 2**64:
        raise ValueError(
            f"{number[:20]}... is larger than any whole number in a table (2 to the power of 64)"
        )
    return int(number)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return `pairs` as a dict; of two equal keys Python would drop the first without a word."""
    keys = [key for key, _ in pairs]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"the key {twice[0]!r} stands twice in one object")
    return dict(pairs)


def spans(text: str) -> list[tuple[int, int]]:
    """Return where each expectation of a suite begins and ends, whose JSON is `text`."""
    at = next(at for key, at in _keys(text) if key == "expectations") + 1
    found, decoder = [], json.JSONDecoder()
    while text[at := _next(text, at)] != "]":
        end = decoder.raw_decode(text, at)[1]
        found.append((at, end))
        at = end
    return found


def _keys(text: str) -> Iterator[tuple[str, int]]:
    """Yield each key of the object whose JSON is `text`, and where its value begins."""
    decoder, at = json.JSONDecoder(), _next(text, text.index("{") + 1)
    while text[at] != "}":
        key, end = decoder.raw_decode(text, at)
        at = _next(text, end)
        yield key, at
        at = _next(text, decoder.raw_decode(text, at)[1])


def _next(text: str, at: int) -> int:
    """Return where the next value or bracket of the JSON `text` begins, `at` or after."""
    return BETWEEN.match(text, at).end()  # type: ignore[union-attr]


def _fill(suite: Suite, content: Any) -> None:
    """Put the expectations of `content` into `suite`, or say why they cannot be."""
    if not isinstance(content, dict) or not isinstance(content.get("expectations"), list):
        suite.problems.append(f"{suite.path} holds no list named 'expectations'; write one")
        return
    suite.problems = _top_problems(suite.path, content)
    suite.meta = {} if suite.problems else content.get("meta", {})
    _take_waivers(suite)
    ids: list[str] = []
    text = suite.path.read_text(encoding="utf-8")
    starts = [text.count("\n", 0, start) + 1 for start, _ in spans(text)]
    for nth, (raw, line) in enumerate(zip(content["expectations"], starts, strict=True), 1):
        problems = _problems(raw, suite.row)
        if isinstance(raw, dict) and raw.get("id"):
            twice = raw["id"] in ids
            problems += [f"its id {raw['id']!r} is that of another expectation"] if twice else []
            ids.append(raw["id"])
        problems = problems or _built(suite, nth, raw, line)
        where = f"{suite.path}:{line} ({_named(raw)})"
        suite.problems += [f"{where}: {problem}; mend it there" for problem in problems]
    suite.problems += _idle_problems(suite.path, content["expectations"])


def _top_problems(path: Path, content: dict[str, Any]) -> list[str]:
    """Return what is wrong with a suite beside its expectations."""
    meta, allowed = content.get("meta", {}), ", ".join(sorted(SUITE_KEYS))
    unknown = [key for key in content if key not in SUITE_KEYS]
    problems = [f"{path}: the key {key!r} is unknown, allowed: {allowed}" for key in unknown]
    if content.get("name") != path.stem:
        problems.append(f"{path}: its name is {content.get('name')!r}, must be {path.stem!r}")
    problems += [f"{path}: {problem}; mend it there" for problem in _suite_meta_problems(meta)]
    if path.stem in JUDGED_SUITES and isinstance(meta, dict) and not meta.get("row"):
        problems.append(
            f"{path}: its meta.row is missing, so that a missing figure would pass; "
            "name the columns that tell rows apart"
        )
    return problems


def _named(raw: Any) -> str:
    """Name an expectation by its type and its column."""
    if not isinstance(raw, dict):
        return "no object"
    kwargs = raw.get("kwargs")
    column = kwargs.get("column") if isinstance(kwargs, dict) else None
    return str(raw.get("type", "no type")) + (f" of {column}" if isinstance(column, str) else "")


def _built(suite: Suite, nth: int, raw: dict[str, Any], line: int) -> list[str]:
    """Put the expectation `raw` into `suite`, or return what is wrong with it."""
    try:
        return _take(suite, expected(nth, raw, line))
    except ValidationError as error:
        said = [
            f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in error.errors()
        ]
        return [one.removeprefix("__root__: ") for one in said]
    except FAULTS as error:
        return [" ".join(str(error).split())]


def _idle_problems(path: Path, expectations: list[Any]) -> list[str]:
    """Return why expectations would stop nothing."""
    if not expectations:
        return [f"{path} is empty: no expectation, no gate; write at least a critical one"]
    if any(isinstance(raw, dict) and raw.get("severity") == "critical" for raw in expectations):
        return []
    return [
        f"{path} has no expectation of severity critical, so that it would stop nothing; "
        "make one critical"
    ]


def _take(suite: Suite, one: Expected) -> list[str]:
    """Put `one` into `suite`, unless it is critical and no table could fail it: then return a
    sentence that says why.
    """
    if one.raw["severity"] == "critical" and (
        why := toothless(one.raw, one.columns, is_judged=bool(suite.row))
    ):
        return [
            f"it is critical, but nothing can fail it: {why}; give it a bound that a bad table"
            " breaks, or delete it"
        ]
    suite.expected.append(one)
    return []


def _take_waivers(suite: Suite) -> None:
    """Put the waivers of rows that `suite` can name into it, or say why they cannot be taken."""
    meta, path = suite.meta, suite.waived_in
    if path != suite.path and "waived" in meta:
        suite.problems.append(
            f"{suite.path}: its meta.waived stands beside meta.waived_in; move the waivers to"
            f" {path}"
        )
    if path != suite.path and not path.exists():
        return  # nothing is waived; the gate of that suite says that it is gone
    if path != suite.path:
        content, problem = _loaded(path)
        if not isinstance(content, dict) or not isinstance(content.get("meta"), dict):
            suite.problems.append(
                problem or f"{path} has no meta; the waivers of {suite.path} stand there"
            )
            return
        meta = content["meta"]
    row = meta.get("row", [])
    if problems := waiver_problems(meta, row if isinstance(row, list) else []):
        suite.problems += [f"{path}: its {problem}; mend it there" for problem in problems]
    else:
        suite.waived = [waiver for waiver in waivers(meta) if waiver.where.keys() <= set(suite.row)]


def _suite_meta_problems(meta: Any) -> list[str]:
    if not isinstance(meta, dict):
        return [f"its meta is {type(meta).__name__}, must be an object"]
    problems = [
        f"its meta has the key {key!r}, allowed: {', '.join(sorted(SUITE_META_KEYS))}"
        for key in meta
        if key not in SUITE_META_KEYS
    ]
    for key in ("row", "show", "waived_by"):
        if not isinstance(meta.get(key, []), list) or not all(
            isinstance(column, str) for column in meta.get(key, [])
        ):
            problems.append(f"its meta.{key} is {meta[key]!r}, must be a list of column names")
    if problems:
        return problems
    if strangers := [
        column for column in meta.get("waived_by", []) if column not in meta.get("row", [])
    ]:
        problems.append(
            f"its meta.waived_by names {', '.join(strangers)}, which meta.row does not; name the"
            " columns of meta.row"
        )
    other = meta.get("waived_in", "other.json")
    if not isinstance(other, str) or Path(other).name != other or Path(other).suffix != ".json":
        problems.append(
            f"its meta.waived_in is {other!r}, must be the name of a suite's file beside it, such"
            " as by_class.json"
        )
    return problems


def _problems(raw: Any, row: list[str]) -> list[str]:
    """Return what is wrong with one expectation as it stands in the file, before Great
    Expectations sees it.
    """
    if not isinstance(raw, dict):
        return [f"it is {type(raw).__name__}, must be an object"]
    known = list_registered_expectation_implementations()
    problems = [
        f"the key {key!r} is unknown, allowed: {', '.join(sorted(EXPECTATION_KEYS))}"
        for key in raw
        if key not in EXPECTATION_KEYS
    ]
    if raw.get("type") not in known:
        near = get_close_matches(str(raw.get("type")), known)
        problems.append(
            "Great Expectations has no such type" + (f"; did you mean {near[0]}?" if near else "")
        )
    if raw.get("severity") not in SEVERITIES:
        problems.append(
            f"severity is {raw.get('severity')!r}, must be one of {', '.join(SEVERITIES)}"
        )
    return problems + _meta_problems(raw.get("meta"), row) + _kwargs_problems(raw.get("kwargs"))


def _meta_problems(meta: Any, row: list[str]) -> list[str]:
    if not isinstance(meta, dict):
        return ["meta is missing; its notes say why the expectation is there"]
    problems = [
        f"meta has the key {key!r}, allowed: {', '.join(sorted(META_KEYS))}"
        for key in meta
        if key not in META_KEYS
    ]
    if not says_something(meta.get("notes")):
        problems.append("meta.notes is missing; it says why the expectation is there")
    if meta.get("bound") not in ("inferred", "confirmed"):
        problems.append(
            f"meta.bound is {meta.get('bound')!r}, must be 'inferred' (by a program) or 'confirmed'"
            " (by a person)"
        )
    if meta.get("verdict", "insufficient") != "insufficient":
        problems.append(f"meta.verdict is {meta['verdict']!r}, must be 'insufficient' or absent")
    if meta.get("waived") and "verdict" not in meta:
        problems.append(
            "meta.waived goes only with meta.verdict 'insufficient': what failed cannot be waived"
        )
    return problems + waiver_problems(meta, row)


def _kwargs_problems(kwargs: Any) -> list[str]:
    if not isinstance(kwargs, dict):
        return ["kwargs is missing; it names the column and the bounds"]
    problems = _condition_problems(kwargs.get("row_condition"))
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    comparable = any(
        isinstance(low, kind) and isinstance(high, kind) for kind in (int | float, str)
    )
    if comparable and low > high:  # type: ignore[operator]
        problems.append(f"min_value {low!r} is above max_value {high!r}")
    problems += [
        f"{key} is {kwargs[key]!r}, must be a number, or a date as text"
        for key in ("min_value", "max_value")
        if not isinstance(kwargs.get(key, 0), int | float | str | None)
    ]
    problems += _shape_problems(kwargs)
    for key in ("column_list", "column_set"):
        if isinstance(kwargs.get(key), list) and not all(
            isinstance(name, str) for name in kwargs[key]
        ):
            problems.append(f"{key} is {kwargs[key]!r}, must be a list of column names")
    if "$PARAMETER" in json.dumps(kwargs):
        problems.append("$PARAMETER is not filled in by anything; write the bound itself")
    return problems


def _shape_problems(kwargs: dict[str, Any]) -> list[str]:
    """Return what Great Expectations would say in its own terms, or only once it judges, of
    kwargs that are not of the shape they need.
    """
    problems = []
    share = kwargs.get("mostly", 1)
    if not is_number(share) or not 0 <= float(share) <= 1:
        problems.append(f"mostly is {share!r}, must be a share of the rows, above 0 and at most 1")
    if "quantile_ranges" in kwargs and not _are_quantile_ranges(kwargs["quantile_ranges"]):
        problems.append(
            "quantile_ranges must have a list of quantiles and for each a pair [low, high], such as"
            ' {"quantiles": [0.5], "value_ranges": [[0, 10]]}'
        )
    pairs = kwargs.get("value_pairs_set", [[0, 0]])
    if (
        not isinstance(pairs, list)
        or not pairs
        or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs)
    ):
        problems.append(
            f"value_pairs_set is {pairs!r}, must be a list of pairs of values, at least one"
        )
    regexes = kwargs["regex_list"] if isinstance(kwargs.get("regex_list"), list) else []
    for regex in [regex for regex in [kwargs.get("regex"), *regexes] if isinstance(regex, str)]:
        try:
            re.compile(regex)
        except re.error as error:
            problems.append(f"{regex!r} is no regular expression: {error}")
    return problems


def _are_quantile_ranges(given: Any) -> bool:
    if not isinstance(given, dict) or not all(
        isinstance(given.get(key), list) for key in ("quantiles", "value_ranges")
    ):
        return False
    quantiles, ends = given["quantiles"], given["value_ranges"]
    shares = all(is_number(share) and 0 <= float(share) <= 1 for share in quantiles)
    return (
        shares
        and len(quantiles) == len(ends) > 0
        and all(isinstance(pair, list) and len(pair) == 2 for pair in ends)
    )


def _condition_problems(condition: Any) -> list[str]:
    """Return what of a row_condition pandas would run as code."""
    problems = []
    if _is_text(condition):
        problems.append(
            "row_condition is text, which would be run as code; write it as an object, such as"
            f" {CONDITION}"
        )
    return problems + [
        f"row_condition names the column {column!r}, and what follows a backtick would be run as"
        " code; rename the column"
        for column in named(condition)
        if "`" in column
    ]


def _is_text(condition: Any) -> bool:
    """Return whether `condition`, or a part of it, is text for pandas."""
    if isinstance(condition, dict):
        parts = condition.get("conditions", [])
        return condition.get("type") == "pass_through" or any(
            map(_is_text, parts if isinstance(parts, list) else [parts])
        )
    return isinstance(condition, str)
