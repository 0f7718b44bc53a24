"""Check a YAML file against a typed schema and report all that is wrong in it at once."""

from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sluice.core.command import UserError


class Section(BaseModel):
    """A part of a checked file: unknown keys are refused, types are not coerced, values do not
    change.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Plain(yaml.SafeLoader):
    """YAML's safe loader, made to refuse an alias, of which nine in each other are a billion
    values, and a key that stands twice.

    Of two equal keys it would drop the first without a word.
    """

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """Return the next node; raises YAMLError for an alias."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, f"*{event.anchor} is an alias; write the value out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of `node`; raises YAMLError for a key that stands twice."""
        keys = [key.value for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice[0]!r} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


MAX_SHOWN_SIGNS = 200  # signs of a value that are shown

S = TypeVar("S", bound=Section)


def load(path: str | Path, schema: type[S]) -> S:
    """Return the YAML file at `path` as a `schema`.

    Raises UserError with one sentence for each problem: a missing or unreadable file, an unknown or
    missing key, a value of the wrong type, out of range or at odds with another.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content, node = yaml.load(text, Loader=_Plain), yaml.compose(text, Loader=_Plain)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; restore it from git or write it anew") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2001-13-45
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UserError(
            f"{path} is not YAML that can be read: its lists or mappings stand too deep in each"
            " other"
        ) from None
    return check(path, schema, content, node)


def check(path: str | Path, schema: type[S], content: Any, node: yaml.Node | None = None) -> S:
    """Return `content`, which was read from `path`, as a `schema`; raises UserError as `load`
    does. node: `content` as it stands there.
    """
    if not isinstance(content, dict):
        raise UserError(
            f"{path} holds {type(content).__name__}, must hold the sections"
            f" {', '.join(schema.model_fields)}"
        )
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        sentences = list(
            dict.fromkeys(_sentence(schema, problem, node) for problem in error.errors())
        )
        raise UserError("\n".join(f"{path}: {sentence}" for sentence in sentences)) from None


def _sentence(schema: type[Section], problem: Any, node: yaml.Node | None) -> str:
    """Say one of pydantic's problems as: where, the value found, the value allowed; node: the
    file as it is written.
    """
    steps = list(problem["loc"])
    is_key = steps[-1:] == ["[key]"]
    where = ".".join(str(step) for step in (steps[:-2] if is_key else steps)) or "the file"
    where = f"a key of {where}" if is_key else where
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
    if problem["type"] == "string_type" and isinstance(problem["input"], bool | int | float | date):
        word = _written(
            _Plain(""), node, problem["input"]
        )  # YAML takes yes, 1 and 2024-01-31 for something else
        found = f"{word}, which YAML reads as {problem['input']}" if word else problem["input"]
        return f"{where} is {found}, must be text: write it in quotes"
    if problem["type"] == "string_type" and problem["input"] is None:
        return (
            f"{where} is empty or null, must be text; if that is the word null, write it in quotes"
        )
    found = str(problem["input"]) if isinstance(problem["input"], date) else repr(problem["input"])
    return (
        f"{where} is {found if len(found) <= MAX_SHOWN_SIGNS else found[:MAX_SHOWN_SIGNS] + '...'},"
        f" must {message}"
    )


def _written(loader: _Plain, node: yaml.Node | None, value: Any) -> str:
    """Return the words in `node`, a part of a file, that YAML reads as `value`, without those
    that say so themselves.
    """
    if isinstance(node, yaml.ScalarNode):
        found = loader.construct_object(node)
        return (
            node.value
            if (type(found), found) == (type(value), value)
            and node.value.lower() != str(value).lower()
            else ""
        )
    children = (
        [part for pair in node.value for part in pair]
        if isinstance(node, yaml.MappingNode)
        else node.value
        if node
        else []
    )
    return " or ".join(
        sorted({word for child in children if (word := _written(loader, child, value))})
    )


def _keys(schema: Any, steps: list[Any]) -> list[str]:
    """Return the keys that `schema` allows in the section that `steps` lead to."""
    for step in steps:
        if step in getattr(schema, "model_fields", {}):
            annotation = schema.model_fields[step].annotation
            arguments = [
                a for a in getattr(annotation, "__args__", ()) if hasattr(a, "model_fields")
            ]
            schema = arguments[0] if arguments else annotation
    return list(schema.model_fields)
