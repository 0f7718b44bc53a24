"""Fill the suites that are package data, sluice/scoping/suites/NAME.json, with the names and
numbers of a project.
"""

import json
import re
from importlib.resources import files
from string import Template
from typing import Any

Json = dict[str, Any]
ALONE = re.compile(r"\$\{(\w+)\}")


def suite(name: str, **values: Any) -> Json:
    """Return the suite `name` with its placeholders filled.

    `${x}` gives values["x"]: of its own type where it stands alone, as text within a text. An
    expectation with `"if": "x"` is left out where that value is false. One with `"for_each": "x"`
    comes once for each item of it, whose own values it sees, too; `group` holds several that come
    together. An option that is None is left out.
    """
    text = (files(__package__) / "suites" / f"{name}.json").read_text(encoding="utf-8")
    filled: Json = _filled(json.loads(text), values)
    return filled


def _filled(node: Any, values: Json) -> Any:
    if isinstance(node, str):
        alone = ALONE.fullmatch(node)
        return values[alone[1]] if alone else Template(node).substitute(values)
    if isinstance(node, list):
        return [filled for one in node for filled in _repeated(one, values)]
    if isinstance(node, dict):
        filled = {key: _filled(value, values) for key, value in node.items()}
        return {key: value for key, value in filled.items() if value is not None}
    return node


def _repeated(node: Any, values: Json) -> list[Any]:
    """Return what one item of a list becomes: none, one or several."""
    if not isinstance(node, dict):
        return [_filled(node, values)]
    rest = {key: value for key, value in node.items() if key not in ("if", "for_each")}
    if "if" in node and not values[node["if"]]:
        return []
    items = values[node["for_each"]] if "for_each" in node else [{}]
    if "group" in node:
        return [one for item in items for one in _filled(rest["group"], values | item)]
    return [_filled(rest, values | item) for item in items]
