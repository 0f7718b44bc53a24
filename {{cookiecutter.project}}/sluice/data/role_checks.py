"""Check that params.yaml gives each role to a column that is there and can have it."""

from collections.abc import Iterator

from sluice.core.command import UserError
from sluice.core.params import Data, Params
from sluice.data.sources import Source

BESIDE_KEY = ["decision", "confidence", "referred", "model_version", "drawn"]  # score, monitor


def check_roles(params: Params, source: Source) -> None:
    """Raise UserError, all problems at once, if params.yaml gives a role to a column that is not
    there or cannot have it.
    """
    data = params.data
    problems = [
        *_missing_columns(data, source),
        *_target_and_groups(data, source),
        *_key(data, source),
        *_no_content(data, source),
        *_time(params, source),
    ]
    if set(source.columns) <= set(data.not_features()):
        problems.append(
            f"params.yaml: data leaves no feature: each column of {source.path} has another role"
        )
    if problems:
        raise UserError("\n".join(problems))


def _missing_columns(data: Data, source: Source) -> Iterator[str]:
    roles = {
        "target": [data.target],
        "time": [data.time] if data.time else [],
        "cluster": data.cluster,
        "sensitive": data.sensitive,
        "forbidden": data.forbidden,
    }
    for role, names in roles.items():
        for column in names:
            if column not in source.columns:
                yield (
                    f"params.yaml: data.{role} is {column!r}, no column of {source.path}; it has"
                    f" {', '.join(source.columns)}"
                )


def _target_and_groups(data: Data, source: Source) -> Iterator[str]:
    kind = source.columns.get(data.target)
    if kind in ("number", "date"):
        yield (
            f"data/sources.yaml: the target {data.target!r} is a {kind}; rows are sorted into"
            " classes here, so declare a label (text, integer or boolean)"
        )
    for column in data.sensitive:
        kind = source.columns.get(column)
        if kind == "date":
            yield (
                f"data/sources.yaml: the sensitive column {column!r} is a date; groups need a text,"
                " number or boolean"
            )
        if column in data.cut_points and kind in ("text", "boolean"):
            yield (
                f"params.yaml: data.cut_points.{column} cuts a number, but data/sources.yaml has a"
                f" {kind} there"
            )


def _key(data: Data, source: Source) -> Iterator[str]:
    for column in source.key:
        if column == data.target:
            yield (
                f"data/sources.yaml: the key names the target {column!r}; a key tells rows apart,"
                " and is known before the label"
            )
        if column not in data.not_features():
            yield (
                f"params.yaml: the key {column!r} would be a feature; name it in data.cluster or"
                " data.forbidden"
            )
        if column in BESIDE_KEY:
            yield (
                f"data/sources.yaml: the key {column!r} is called as a column that is written"
                " beside it; rename it in the file"
            )


def _no_content(data: Data, source: Source) -> Iterator[str]:
    for column in source.no_content:
        if column not in data.forbidden:
            yield (
                f"data/sources.yaml: no_content names {column!r}, which params.yaml uses; name it"
                " in data.forbidden of params.yaml as well, or take it out of no_content"
            )


def _time(params: Params, source: Source) -> Iterator[str]:
    time, split = params.data.time, params.prepare.split
    kind = source.columns.get(time or "")
    of_kind = {"integer": int, "date": str}.get(kind or "", ())
    if split.by == "time" and kind and not isinstance(split.test_from, of_kind):
        yield (
            f"params.yaml: prepare.split.test_from is {split.test_from!r}, but data.time {time!r}"
            f" is of type {kind}; both must be integers, or the column a date and test_from one in"
            ' quotes, such as "2024-01-31"'
        )
