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


S = TypeVar("S", bound=Section)


def load(path: str | Path, schema: type[S]) -> S:
    """Return the YAML file at `path` as a `schema`.

    Raises Refused with one sentence for each problem: a missing or unreadable file, an unknown or missing key,
    a value of the wrong type, out of range or at odds with another.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{path} does not exist; restore it from git or write it anew") from None
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise Refused(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    return check(path, schema, content)


def check(path: str | Path, schema: type[S], content: Any) -> S:
    """Return `content`, which was read from `path`, as a `schema`; raises Refused as `load` does."""
    if not isinstance(content, dict):
        raise Refused(f"{path} holds {type(content).__name__}, must hold the sections {', '.join(schema.model_fields)}")
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        sentences = [_sentence(schema, problem) for problem in error.errors()]
        raise Refused("\n".join(f"{path}: {sentence}" for sentence in sentences)) from None


def _sentence(schema: type[Section], problem: Any) -> str:
    """Say one of pydantic's problems as: where, the value found, the value allowed."""
    steps = list(problem["loc"])
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
    message = problem["msg"].removeprefix("Input ").removeprefix("should ")
    return f"{where} is {problem['input']!r}, must {message}"


def _keys(schema: Any, steps: list[Any]) -> list[str]:
    """Return the keys that `schema` allows in the section that `steps` lead to."""
    for step in steps:
        if step in getattr(schema, "model_fields", {}):
            annotation = schema.model_fields[step].annotation
            arguments = [a for a in getattr(annotation, "__args__", ()) if hasattr(a, "model_fields")]
            schema = arguments[0] if arguments else annotation
    return list(schema.model_fields)
