"""Waivers: the rows of a judged table that a person accepts although there is too little to
judge them by, each with a reason.
"""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

PART_OF = {
    "group": "column",
    "value": "slice",
}  # a name of the first means something only beside that of the second
FILLERS = set("\u115f\u1160\u3164\uffa0")  # letters of Unicode that nobody sees


@dataclass(frozen=True)
class Waiver:
    """The rows that have each of the values `where`, and why they are accepted."""

    where: dict[str, str]
    reason: str

    def covers(self, row: dict[str, Any]) -> bool:
        """Return whether `row` has all the values."""
        return all(
            column in row and str(row[column]) == value for column, value in self.where.items()
        )

    def sentence(self) -> str:
        """Return it as a sentence without its full stop."""
        return (
            f"{', '.join(f'{column} {value}' for column, value in self.where.items())} is waived:"
            f" {self.reason}"
        )


def says_something(text: Any) -> bool:
    """Return whether `text` is text with a letter or digit that can be seen: a zero-width space
    is no reason.
    """
    return isinstance(text, str) and any(
        sign.isalnum() and sign not in FILLERS for sign in unicodedata.normalize("NFC", text)
    )


def waivers(meta: dict[str, Any]) -> list[Waiver]:
    """Return the waivers of the meta of a suite, or of an expectation, in which
    `waiver_problems` found nothing.
    """
    return [Waiver(**one) for one in meta.get("waived", [])]


def waiver_problems(meta: dict[str, Any], row: Sequence[str]) -> list[str]:
    """Return what is wrong with the waivers in `meta`; row: the columns that name a row of the
    judged table.
    """
    waived = meta.get("waived", [])
    if not isinstance(waived, list) or not all(
        isinstance(one, dict) and set(one) == {"where", "reason"} for one in waived
    ):
        example = _written([dict.fromkeys(row or ["COLUMN"], "...")])
        return [
            "meta.waived must be a list of objects with the keys where and reason, such as"
            f" {example}"
        ]
    problems = []
    for nth, one in enumerate(waived, 1):
        problems += [
            f"meta.waived, entry {nth}: {problem}" for problem in _where_problems(one["where"], row)
        ]
        if not says_something(one["reason"]):
            problems.append(
                f"meta.waived, entry {nth}: reason is {one['reason']!a}, must say in words why"
                " these rows are accepted"
            )
    return problems


def _where_problems(where: Any, row: Sequence[str]) -> list[str]:
    if (
        not isinstance(where, dict)
        or not where
        or not all(isinstance(value, str) for value in where.values())
    ):
        return [f"where is {where!r}, must give one or more columns, each with its value as text"]
    problems = [
        f"where names the column {column!r}, which names no row here; meta.row has"
        f" {', '.join(row) or 'none'}"
        for column in where
        if column not in row
    ]
    return problems + [
        f"where has the {part} {where[part]!r} without its {whole}, so that it would open more than"
        f" is meant; add {whole!r}"
        for part, whole in PART_OF.items()
        if part in where and whole in row and whole not in where
    ]


def suggested(rows: Iterable[dict[str, Any]], by: Sequence[str]) -> str:
    """Return the waivers of `rows` as a suite has them, without a reason: that is for a person
    to write.
    """
    wheres = [{column: str(row[column]) for column in by} for row in rows]
    return _written([where for nth, where in enumerate(wheres) if where not in wheres[:nth]])


def _written(wheres: list[dict[str, str]]) -> str:
    return json.dumps([{"where": where, "reason": ""} for where in wheres], ensure_ascii=False)
