"""Propose the suites of a table, and merge them with those on disk without overwriting what a
person decided.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from sluice.core.command import UserError
from sluice.core.params import ORIGIN, ROW_ID, Data
from sluice.core.tables import atomic_write
from sluice.gates.suite import read_suite
from sluice.gates.thresholds import picked
from sluice.scoping.clocks import clocks
from sluice.scoping.propose_columns import Roles, expect, kind_of, propose_column
from sluice.scoping.propose_judged import ASKED, Asked, Criteria, judged_suites
from sluice.scoping.propose_relations import propose_relations
from sluice.scoping.suites import Json, suite

NOT_OF_ADDED_ROWS = {  # of a table as a whole, which augmentation changes; sums are audited apart
    "expect_column_kl_divergence_to_be_less_than",
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_quantile_values_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_not_be_in_set",
    "expect_compound_columns_to_be_unique",
    "expect_last_column_to_equal_sum",
    "expect_table_row_count_to_be_between",
}


def propose(
    prepared: pd.DataFrame, data: Data, criteria: Criteria, n_rows: int, asked: Asked = ASKED
) -> dict[str, Json]:
    """Return all suites by name, each expectation inferred, with the figure that it was inferred
    from in its notes.

    prepared: the rows of both splits as `validate` joins them, or a random sample of its n_rows
    rows. Margins cover chance (see sluice/metrics/margins.py), for tables of about as many rows; a
    table of another time or place can differ by more, and is what a person has to judge.
    """
    suites = {"prepared": _prepared(prepared, data, n_rows, asked.equal_rows == "drop")}
    suites["augmented"] = _augmented(prepared, suites["prepared"], data)
    suites |= judged_suites(prepared, data, criteria, asked)
    return {name: sealed(one) for name, one in suites.items()}


def _prepared(prepared: pd.DataFrame, data: Data, n_rows: int, drops_equal: bool) -> Json:
    is_whole = len(prepared) == n_rows
    sample = f"a sample of {len(prepared):,} of {n_rows:,} rows"
    filled = suite(
        "prepared",
        left_out="errors and duplicates" if drops_equal else "errors",
        rows=f"all {n_rows:,} rows" if is_whole else sample,
        columns=list(prepared.columns),
        n_rows=f"{n_rows:,}",
        half=max(1, n_rows // 2),
        low=int(0.9 * n_rows),
        high=-int(-1.1 * n_rows // 1),
        drop=drops_equal,
        equal_rows_key=[ROW_ID, data.target],
    )
    moving = clocks(prepared, data)
    expectations = [
        one
        for column in prepared.columns.drop(ROW_ID)
        for one in propose_column(
            prepared[column],
            Roles(
                is_time=column == data.time,
                is_needed=column in {data.target, data.time, *data.cluster},
                is_target=column == data.target,
                is_whole=is_whole,
                moves=moving.get(column, frozenset()),
            ),
        )
    ]
    expectations += propose_relations(prepared.drop(columns=[ROW_ID]), is_whole, moving)
    # of so few rows any share can be chance
    telling = [one for one in expectations if one["kwargs"].get("mostly", 1) > 0]
    return filled | {"expectations": filled["expectations"] + telling}


def _augmented(prepared: pd.DataFrame, of_prepared: Json, data: Data) -> Json:
    """Return what of the suite of the prepared table also holds for rows that are repeated or
    synthetic.

    A synthetic row has no time, cluster or sensitive value. Its numbers lie between those of two
    real rows, so that numbers of more than two values keep their range, but no list of values.
    """
    apart = {ROW_ID, data.target, data.time, *data.cluster, *data.sensitive}
    between = {
        column
        for column in prepared.columns
        if kind_of(prepared[column]) == "number" and prepared[column].nunique() > 2
    }
    filled = suite(
        "augmented",
        columns=[*prepared.columns, ORIGIN],
        origin=ORIGIN,
        target=data.target,
        classes=sorted(prepared[data.target].unique()),
    )
    for expectation in of_prepared["expectations"]:
        columns = _judged(expectation)[1]
        if columns and not columns & apart and expectation["type"] not in NOT_OF_ADDED_ROWS:
            is_between = bool(columns & between)
            filled["expectations"] += _of_synthetic(expectation) if is_between else [expectation]
    return filled


def _of_synthetic(expectation: Json) -> list[Json]:
    """Return what holds of a synthetic row's numbers where `expectation` holds of real ones: a list
    of values becomes a range, pairs of values fall away.
    """
    kwargs = expectation["kwargs"]
    if expectation["type"] == "expect_column_pair_values_to_be_in_set":
        return []
    if expectation["type"] != "expect_column_values_to_be_in_set":
        return [expectation]
    low, high = min(kwargs["value_set"]), max(kwargs["value_set"])
    bounds = {"min_value": low, "max_value": high, "mostly": kwargs.get("mostly")}
    notes = f"{expectation['meta']['notes']} A synthetic row can lie between."
    kind, column = "column_values_to_be_between", kwargs["column"]
    return [expect(kind, "critical", notes, column=column, **bounds)]


def sealed(proposed: Json) -> Json:
    """Return a suite with a fingerprint of each expectation, by which an edit of it is
    recognised.
    """
    expectations = [
        {**one, "meta": one["meta"] | {"proposed": _fingerprint(one)}}
        for one in proposed["expectations"]
    ]
    return proposed | {"expectations": expectations}


def _fingerprint(expectation: Json) -> str:
    """Return a hash of all but the fingerprint itself."""
    meta = {key: value for key, value in expectation["meta"].items() if key != "proposed"}
    content = json.dumps(expectation | {"meta": meta}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def merge(old: Json | None, proposed: Json) -> tuple[Json, list[str]]:
    """Return the suite to write, and a sentence for each difference between the suite on disk and
    the proposal.

    An expectation as it was once proposed gives way to the new proposal, or goes where nothing is
    proposed any more. One that a person wrote, edited or confirmed stays as it is. What the suite
    on disk lacks a person has removed, and it is not added again, unless it is about a column,
    class or group that this suite names nowhere.
    """
    if old is None:
        return proposed, []
    new = {_about(expectation): expectation for expectation in proposed["expectations"]}
    named, kept, lines, gone = _words(old), [], [], set()
    for expectation in old["expectations"]:
        rival, by = new.pop(_about(expectation), None), _decided(expectation)
        if not by and rival is None:
            lines.append(f"removed: {_told(expectation)}; it is proposed no more")
            gone.add(_judged(expectation))
            continue
        if rival is not None and _differ(rival, expectation):
            by_whom = f"{by}, so kept" if by else "changed"
            lines.append(f"{by_whom}: {_told(expectation)}; proposed now: {_told(rival)}")
        kept.append(expectation if by or rival is None else rival)
    for about, expectation in new.items():
        # in place of what went, such as a floor of each class for one of all
        is_new = about[1] - named or _judged(expectation) in gone
        kept += [expectation] if is_new else []
        what = "added" if is_new else "not in the suite, so left out"
        lines.append(f"{what}: {_told(expectation)}")
    return old | {"expectations": kept}, [f"{proposed['name']}: {line}" for line in lines]


def _decided(expectation: Json) -> str:
    """Return what a person did with an expectation: confirmed, edited, or nothing."""
    if expectation["meta"].get("bound") != "inferred":
        return "confirmed" if expectation["meta"].get("bound") == "confirmed" else "edited"
    is_proposed = expectation["meta"].get("proposed") == _fingerprint(expectation)
    return "" if is_proposed else "edited"


def _differ(one: Json, other: Json) -> bool:
    return any(one[part] != other[part] for part in ("kwargs", "severity"))


def _about(expectation: Json) -> tuple[str, frozenset[str], str]:
    """Return what tells one expectation of a suite from another: type, the names it is about,
    severity and description, and of the two ranges and two lists of numbers that a column can have,
    which.
    """
    kwargs = expectation["kwargs"]
    kind, columns = _judged(expectation)
    names = columns | {str(value) for value in picked(kwargs.get("row_condition")).values()}
    variant = (
        "mostly" in kwargs
        if kind == "expect_column_values_to_be_between"
        else kwargs.get("value_set") == [0]
    )
    return kind, names, f"{expectation['severity']} {variant} {expectation.get('description')}"


def _judged(expectation: Json) -> tuple[str, frozenset[str]]:
    """Return the type of an expectation and the columns that it judges."""
    kwargs = expectation["kwargs"]
    names = [
        kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs
    ] + kwargs.get("column_list", [])
    return expectation["type"], frozenset(map(str, names))


def _words(content: Any) -> set[str]:
    """Return every text that stands in a suite, of any depth: the names that it knows of."""
    if isinstance(content, dict):
        return set().union(*map(_words, content.values()))
    if isinstance(content, list):
        return set().union(*map(_words, content))
    return {str(content)}


def _told(expectation: Json) -> str:
    """Return an expectation in one line: type, what it is about, and its bounds, cut short."""
    kwargs = dict(expectation["kwargs"])
    rows = picked(kwargs.pop("row_condition", None))
    where = " and ".join(f"{column} is {value}" for column, value in rows.items())
    bounds = json.dumps(kwargs, ensure_ascii=False)
    bounds = bounds if len(bounds) <= 200 else f"{bounds[:200]}..."
    return f"{expectation['type']} {bounds}" + (f" where {where}" if where else "")


def write(proposed: dict[str, Json], folder: str | Path = "expectations") -> list[str]:
    """Merge `proposed` with the suites in `folder`, write them all or none, and return the
    differences, one a line.

    Raises UserError with every problem where a suite on disk is not sound: it could hold what a
    person decided.
    """
    paths = {name: Path(folder, f"{name}.json") for name in proposed}
    there = [path for path in paths.values() if path.exists()]
    if problems := [problem for path in there for problem in read_suite(path).problems]:
        anew = "; mend it there, or delete the file to have it proposed anew"
        raise UserError("\n".join(one.removesuffix("; mend it there") + anew for one in problems))
    lines = []
    with atomic_write(*paths.values()) as parts:
        for part, (name, path) in zip(parts, paths.items(), strict=True):
            old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
            merged, differences = merge(old, proposed[name])
            text = json.dumps(merged, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
            part.write_text(text, encoding="utf-8", newline="")
            first = [f"{name}: proposed, {len(merged['expectations'])} expectations"]
            lines += first if old is None else differences
    return lines
