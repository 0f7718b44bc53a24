"""Check a YAML file against a typed schema and report all that is wrong in it at once."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from stages.command import Refused


class Section(BaseModel):
    """A part of a checked file: unknown keys are refused, types are not coerced, values do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _WithoutTwins(yaml.SafeLoader):
    """YAML's safe loader, which of two equal keys would drop the first without a word, made to refuse them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of `node`; raises YAMLError for a key that stands twice."""
        keys = [key.value for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


LONG = 200  # signs of a value that are shown
UNION = {"int", "date"}  # the types of params.yaml: prepare.split.test_from

S = TypeVar("S", bound=Section)


def load(path: str | Path, schema: type[S]) -> S:
    """Return the YAML file at `path` as a `schema`.

    Raises Refused with one sentence for each problem: a missing or unreadable file, an unknown or missing key,
    a value of the wrong type, out of range or at odds with another.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_WithoutTwins)
    except FileNotFoundError:
        raise Refused(f"{path} does not exist; restore it from git or write it anew") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2001-13-45
        raise Refused(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return check(path, schema, content)


def check(path: str | Path, schema: type[S], content: Any) -> S:
    """Return `content`, which was read from `path`, as a `schema`; raises Refused as `load` does."""
    if not isinstance(content, dict):
        raise Refused(f"{path} holds {type(content).__name__}, must hold the sections {', '.join(schema.model_fields)}")
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        sentences = list(dict.fromkeys(_sentence(schema, problem) for problem in error.errors()))
        raise Refused("\n".join(f"{path}: {sentence}" for sentence in sentences)) from None


def _sentence(schema: type[Section], problem: Any) -> str:
    """Say one of pydantic's problems as: where, the value found, the value allowed."""
    steps = list(problem["loc"])
    if steps and steps[-1] in UNION:  # a value that may be of two types is told of once for each
        steps.pop()
        problem = {**problem, "msg": "be " + " or ".join(sorted(UNION))}
    where = ".".join(str(step) for step in steps) or "the file"
    if problem["type"] == "missing":
        return f"{where} is missing; add it"
    if problem["type"] == "extra_forbidden":
        allowed = _keys(schema, steps[:-1])
        near = get_close_matches(str(steps[-1]), allowed, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{where} is unknown, allowed here: {', '.join(allowed)}{hint}"
    if problem["type"] == "value_error":
        return f"{where}: {problem['ctx']['error']}" if steps else str(problem["ctx"]["error"])
    message = problem["msg"].partition("should ")[2] or problem["msg"]
    found = repr(problem["input"])
    return f"{where} is {found if len(found) <= LONG else found[:LONG] + '...'}, must {message}"


def _keys(schema: Any, steps: list[Any]) -> list[str]:
    """Return the keys that `schema` allows in the section that `steps` lead to."""
    for step in steps:
        if step in getattr(schema, "model_fields", {}):
            annotation = schema.model_fields[step].annotation
            arguments = [a for a in getattr(annotation, "__args__", ()) if hasattr(a, "model_fields")]
            schema = arguments[0] if arguments else annotation
    return list(schema.model_fields)
