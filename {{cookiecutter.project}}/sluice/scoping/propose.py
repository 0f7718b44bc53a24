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
from sluice.scoping.propose_columns import expect, kind_of, propose_column
from sluice.scoping.propose_judged import ASKED, Asked, Criteria, judged_suites, suite
from sluice.scoping.propose_relations import propose_relations

Json = dict[str, Any]
STATISTICAL = {  # judged of a table as a whole, which augmentation changes on purpose
    "expect_column_kl_divergence_to_be_less_than",
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_quantile_values_to_be_between",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_not_be_in_set",
    "expect_compound_columns_to_be_unique",
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
    needed = {data.target, data.time, *data.cluster}
    expectations = _table(list(prepared.columns), n_rows)
    if drops_equal:
        notes, names = "Equal rows were rejected as duplicates.", [ROW_ID, data.target]
        expectations.append(
            expect("compound_columns_to_be_unique", "critical", notes, column_list=names)
        )
    moving = clocks(prepared, data)
    for column in prepared.columns.drop(ROW_ID):
        roles = {
            "is_time": column == data.time,
            "is_needed": column in needed,
            "is_target": column == data.target,
        }
        expectations += propose_column(
            prepared[column], **roles, is_whole=is_whole, moves=moving.get(column, frozenset())
        )
    expectations += propose_relations(prepared.drop(columns=[ROW_ID]), is_whole, moving)
    expectations = [
        one for one in expectations if one["kwargs"].get("mostly", 1) > 0
    ]  # of so few rows any share can be chance
    rows = (
        f"all {n_rows:,} rows" if is_whole else f"a sample of {len(prepared):,} of {n_rows:,} rows"
    )
    left_out = "errors and duplicates" if drops_equal else "errors"
    return suite(
        "prepared",
        f"One row is one row of the raw data, after {left_out} were rejected. Proposed from"
        f" {rows}.",
        expectations,
    )


def _table(columns: list[str], n_rows: int) -> list[Json]:
    """Return what is expected of the table as a whole."""
    undeclared = "Columns that nobody declared must not reach the model, and none may be missing: "
    undeclared += "where it was declared since, run `make scope` again."
    truncated = f"It has {n_rows:,} rows; one half as long is a truncated one."
    resized = (
        f"It has {n_rows:,} rows, and the margins below hold for about as many: propose anew where"
        " it grew or shrank."
    )
    return [
        expect("table_columns_to_match_set", "critical", undeclared, column_set=columns),
        expect(
            "table_row_count_to_be_between", "critical", truncated, min_value=max(1, n_rows // 2)
        ),
        expect(
            "table_row_count_to_be_between",
            "warning",
            resized,
            min_value=int(0.9 * n_rows),
            max_value=-int(-1.1 * n_rows // 1),
        ),
    ]


def _augmented(prepared: pd.DataFrame, of_prepared: Json, data: Data) -> Json:
    """Return what of the suite of the prepared table also holds for rows that are repeated or
    synthetic.

    A synthetic row is nobody: it has no time, cluster or sensitive value. Its numbers lie between
    those of two real rows, so that numbers of more than two values keep their range, but no list,
    nor which of them go together.
    """
    apart = {ROW_ID, data.target, data.time, *data.cluster, *data.sensitive}
    between = [
        column
        for column in prepared.columns
        if kind_of(prepared[column]) == "number" and prepared[column].nunique() > 2
    ]
    origins = ["real", "repeated", "synthetic"]
    classes = sorted(prepared[data.target].unique())
    marked, label = {"column": ORIGIN}, {"column": data.target}
    expectations = [
        expect(
            "table_columns_to_match_set",
            "critical",
            "The prepared columns and origin, nothing else.",
            column_set=[*prepared.columns, ORIGIN],
        ),
        expect(
            "column_distinct_values_to_be_in_set",
            "critical",
            "What is not marked cannot be told from what happened.",
            **marked,
            value_set=origins,
        ),
        expect("column_values_to_not_be_null", "critical", "Every row is marked.", **marked),
        expect(
            "column_distinct_values_to_contain_set",
            "critical",
            "Augmentation adds to the real rows, it does not replace them.",
            **marked,
            value_set=["real"],
        ),
        expect(
            "column_values_to_not_be_null",
            "critical",
            "A synthetic row without a label teaches nothing.",
            **label,
        ),
        expect(
            "column_distinct_values_to_equal_set",
            "critical",
            "No class may appear or vanish by augmentation.",
            **label,
            value_set=classes,
        ),
    ]
    for expectation in of_prepared["expectations"]:
        kwargs = expectation["kwargs"]
        columns = {kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs}
        if not columns or columns & apart or expectation["type"] in STATISTICAL:
            continue
        if expectation["type"] == "expect_column_values_to_be_in_set" and columns & set(between):
            low, high = min(kwargs["value_set"]), max(kwargs["value_set"])
            bounds = {"min_value": low, "max_value": high, "mostly": kwargs.get("mostly")}
            notes = f"{expectation['meta']['notes']} A synthetic row can lie between."
            expectation = expect(
                "column_values_to_be_between", "critical", notes, column=kwargs["column"], **bounds
            )
        elif expectation["type"] == "expect_column_pair_values_to_be_in_set" and columns & set(
            between
        ):
            continue
        expectations.append(expectation)
    return suite(
        "augmented",
        "One row is one training row, real, repeated or synthetic. Synthetic rows have no time,"
        " cluster or sensitive value.",
        expectations,
    )


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
        rival = new.pop(_about(expectation), None)
        is_ours = expectation["meta"].get("bound") == "inferred" and expectation["meta"].get(
            "proposed"
        ) == _fingerprint(expectation)
        if is_ours and rival is None:
            lines.append(f"removed: {_told(expectation)}; it is proposed no more")
            gone.add(_judged(expectation))
            continue
        if rival is not None and _bounds(rival) != _bounds(expectation):
            by = (
                "changed"
                if is_ours
                else (
                    "confirmed, so kept"
                    if expectation["meta"].get("bound") == "confirmed"
                    else "edited, so kept"
                )
            )
            lines.append(f"{by}: {_told(expectation)}; proposed now: {_told(rival)}")
        kept.append(rival if is_ours and rival is not None else expectation)
    for about, expectation in new.items():
        if (
            about[1] - named or _judged(expectation) in gone
        ):  # in place of what went, such as a floor of each class for one of all
            kept.append(expectation)
            lines.append(f"added: {_told(expectation)}")
        else:
            lines.append(f"not in the suite, so left out: {_told(expectation)}")
    return old | {"expectations": kept}, [f"{proposed['name']}: {line}" for line in lines]


def _about(expectation: Json) -> tuple[str, frozenset[str], str]:
    """Return what tells one expectation of a suite from another: type, the names it is about,
    severity, and of the two ranges and two lists of numbers that a column can have, which.
    """
    kwargs = expectation["kwargs"]
    kind, columns = _judged(expectation)
    names = columns | {str(value) for value in picked(kwargs.get("row_condition")).values()}
    variant = (
        "mostly" in kwargs
        if kind == "expect_column_values_to_be_between"
        else kwargs.get("value_set") == [0]
    )
    return kind, names, f"{expectation['severity']} {variant}"


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


def _bounds(expectation: Json) -> tuple[Json, str]:
    return expectation["kwargs"], expectation["severity"]


def _told(expectation: Json) -> str:
    """Return an expectation in one line: type, what it is about, and its bounds, cut short."""
    kwargs = {key: value for key, value in expectation["kwargs"].items() if key != "row_condition"}
    where = " and ".join(
        f"{column} is {value}"
        for column, value in picked(expectation["kwargs"].get("row_condition")).items()
    )
    bounds = json.dumps(kwargs, ensure_ascii=False)
    return (
        f"{expectation['type']}"
        f" {bounds if len(bounds) <= 200 else bounds[:200] + '...'}{' where ' + where if where else ''}"
    )


def write(proposed: dict[str, Json], folder: str | Path = "expectations") -> list[str]:
    """Merge `proposed` with the suites in `folder`, write them all or none, and return the
    differences, one a line.

    Raises UserError with every problem where a suite on disk is not sound: it could hold what a
    person decided.
    """
    paths = {name: Path(folder, f"{name}.json") for name in proposed}
    problems = [
        problem for path in paths.values() if path.exists() for problem in read_suite(path).problems
    ]
    if problems:
        raise UserError(
            "\n".join(
                f"{problem.removesuffix('; mend it there')}; mend it there, or delete the file to"
                " have it proposed anew"
                for problem in problems
            )
        )
    lines = []
    with atomic_write(*paths.values()) as parts:
        for part, (name, path) in zip(parts, paths.items(), strict=True):
            old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
            merged, differences = merge(old, proposed[name])
            part.write_text(
                json.dumps(merged, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
                encoding="utf-8",
                newline="",
            )
            lines += (
                [f"{name}: proposed, {len(merged['expectations'])} expectations"]
                if old is None
                else differences
            )
    return lines
