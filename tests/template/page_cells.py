"""What each column of each table on the pages shows: the columns of the file it comes from, so
that every cell can be compared.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Cells = list[str] | Callable[[Row], str] | None
NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
MISSING = "–"


@dataclass(frozen=True)
class Shown:
    """A table on a page: the file behind it, the headers that name a row, and for each header the
    columns of the file.

    Several columns are shown one after the other. A function gives the text itself; None stands for
    a picture.
    """

    file: str
    key: list[str]
    columns: dict[str, Cells]
    rows: Callable[[Any], Iterator[Row]] | None = None


def yes_if_positive(column: str) -> Callable[[Row], str]:
    """Return what a cell shows that says whether the value of `column` is above 0."""
    return lambda row: "yes" if float(row[column]) > 0 else "no"


def same(*columns: str) -> dict[str, Cells]:
    """Return the columns of a table that is shown as it is, with underscores as spaces in its
    headers.
    """
    return {column.replace("_", " "): [column] for column in columns}


def of_json(*path: str) -> Callable[[Any], Iterator[Row]]:
    """Return what yields the entries of an object within a JSON file as rows, each with its name
    under `name`.
    """

    def rows(content: Any) -> Iterator[Row]:
        for step in path:
            content = content[step]
        yield from ({"name": name} | one for name, one in content.items())

    return rows


def closest(row: Row) -> str:
    """Return what the page says of whether a feature adds to the others."""
    return (
        row["adds"]
        if row["twin"] == "-" or row["adds"] == "yes"
        else f"{row['adds']} closest: {row['twin']}"
    )


def values_of(row: Row) -> str:
    """Return what scope shows of the values of a column: the commonest texts with their counts,
    or where numbers and dates lie.
    """
    if row["type"] == "text":
        return ", ".join(f"{value} {n:,}" for value, n in row["common"][:3])
    return f"{row['usual'][0]} to {row['usual'][1]} median {row['median']}" if row["usual"] else ""


def by_and_overall(content: Any) -> Iterator[Row]:
    """Yield the overall figures of the model and of each baseline, each beside its bounds."""
    for name, one in {
        "this model": content,
        **{one["model"]: one for one in content["baselines"]},
    }.items():
        bounds = {
            f"{key}_{end}": bound
            for key, ends in one["intervals"].items()
            for end, bound in zip(("low", "high"), ends, strict=True)
        }
        yield {"name": name} | {key: one[key] for key in one["intervals"]} | bounds


def recalls(content: Any) -> Iterator[Row]:
    """Yield the recall of each class by the model, beside its bounds and floor, and by each
    baseline.
    """
    with (content["folder"] / "by_class.csv").open(encoding="utf-8", newline="") as file:
        by_class = {row["class"]: row for row in csv.DictReader(file)}
    suite = (content["folder"].parent / "expectations" / "by_class.json").read_text("utf-8")
    asked = [one["kwargs"] for one in json.loads(suite)["expectations"]]
    [floor] = [one["min_value"] for one in asked if one.get("column") == "recall_high"]
    for label in content["classes"]:
        yield {"name": "this model", "floor": floor} | by_class[label]
        for rival in content["baselines"]:
            recall = rival["classes"][label]["recall"]
            yield {"class": label, "name": rival["model"].replace("_", " "), "recall": recall}


def class_beside_floor(row: Row) -> str:
    """Return what names a class: its rows and its floor, too, where the model's recall stands."""
    if "floor" not in row:
        return row["class"]
    return f"{row['class']} {int(row['support']):,} rows, required {100 * row['floor']:.0f} %"


def alarms(row: Row) -> str:
    """Return the alarms of the rare class of two; those of the other are the same number
    mirrored.
    """
    rounded = float(f"{float(row['alarms_per_1000']):.2g}")
    return MISSING if row["class"] == "alive" else f"{rounded:,.0f}"


VERDICTS = {
    "below": "model too weak",
    "unproven": "too few rows",
    "not judged": "too few rows to judge",
}
ROLES = {
    "dead": "target",
    "yearacc": "cluster",
    "caseid": "cluster",
    "sex": "sensitive",
    "injSeverity": "forbidden",
    "weight": "forbidden",
}
WINDOWS = ("window", "rows", "batch", "drift", "performance")
OVERALL = ("balanced_accuracy", "macro_f1", "brier", "accuracy", "log_loss")
GROUPS = Shown(
    "by_group.csv",
    ["group", "against", "what"],
    {
        "group": ["column", "group"],
        "against": ["against"],
        "what": lambda row: f"{row['rate']} of {row['class']}",
        "rows": ["support"],
        "value": ["value", "other"],
        "gap": ["gap", "gap_low", "gap_high"],
        "gap with interval": None,
        "proven": yes_if_positive("proven_gap"),
    },
)
DRIFT = Shown(
    "monitoring/NEWEST/drift.csv",
    ["what", "name"],
    {name: [name] for name in ("what", "name", "test", "effect")}
    | {
        "from training": ["effect_train"],
        "proven": yes_if_positive("proven_effect"),
        "importance": ["weight"],
    },
)
PERFORMANCE = Shown(
    "monitoring/NEWEST/performance.csv",
    ["metric", "class", "group"],
    {name: [name] for name in ("metric", "class", "loss")}
    | {
        "group": lambda row: (
            row["group"] if row["column"] == "all" else f"{row['column']} {row['group']}"
        ),
        "labelled rows": ["support"],
        "on the test rows": ["reference"],
        "now": ["value", "low", "high"],
        "proven": yes_if_positive("proven_loss"),
    },
)
SHOWN = {
    "recall by class": Shown(
        "metrics.json",
        ["class", "found by"],
        {"class": class_beside_floor, "found by": ["name"], "0 to 100 %": None}
        | {"recall": ["recall", "recall_low", "recall_high"]},
        recalls,
    ),
    "precision by class": Shown(
        "by_class.csv",
        ["class"],
        same("class")
        | {"alarms per 1,000": alarms}
        | {
            name.replace("_", " "): [name, f"{name}_low", f"{name}_high"]
            for name in ("precision", "average_precision")
        },
    ),
    "overall figures": Shown(
        "metrics.json",
        ["by"],
        {"by": ["name"]}
        | {name.replace("_", " "): [name, f"{name}_low", f"{name}_high"] for name in OVERALL},
        by_and_overall,
    ),
    "recall by slice": Shown(
        "slices.csv",
        ["slice", "value", "class"],
        same("slice", "value", "class", "recall")
        | {
            "test rows": ["support"],
            "0 to 100 %": None,
            "recall": ["recall", "recall_low", "recall_high"],
        },
    ),
    "groups against all others": GROUPS,
    "pairs of groups": GROUPS,
    "candidates": Shown(
        "candidates.csv",
        ["candidate"],
        {
            "candidate": lambda row: (
                row["candidate"].replace("_", " ")
                + ("" if row["features"] == "all" else f" {row['features']}")
            ),
            "balanced accuracy": ["score"],
            "lead of this model": None,
            "Brier": ["brier"],
        }
        | same("lead", "average_precision", "largest_gap", "why"),
    ),
    "importance of features": Shown(
        "features.csv",
        ["feature"],
        {"feature": ["feature"], "importance": None}
        | {"log loss added": ["importance"], "adds to the others": closest},
    ),
    "Rows of each class": Shown(
        "classes.csv",
        ["class"],
        same(
            "class",
            "train",
            "train_share",
            "train_clusters",
            "support",
            "test_clusters",
            "seen_by_metric",
            "periods",
            "last_seen",
            "absent_by_chance",
        ),
    ),
    "Proxies of sensitive columns": Shown(
        "proxies.csv", ["column"], same("column", "groups", "rows", "auc", "best")
    ),
    "Labels by group, among rows that are otherwise alike": Shown(
        "label_bias.csv",
        ["column", "group", "class"],
        same(
            "column",
            "group",
            "class",
            "rows",
            "share",
            "gap",
            "gap_low",
            "gap_high",
            "proven_gap",
            "left_out",
            "gap_with_all",
        ),
    ),
    "Rows that augmentation added": Shown(
        "synthetic.csv", ["check", "column"], same("check", "column", "value")
    ),
    "What changed since the suites were proposed": Shown(
        "changes.csv", ["check", "column"], same("check", "column", "value")
    ),
    "How well a single column predicts the classes": Shown(
        "leakage.csv", ["check", "column"], same("check", "column", "value")
    ),
    "costs of errors": Shown(
        "metrics.json",
        ["decided by"],
        {
            "decided by": lambda row: {
                "model": "this model",
                "implied": "what the costs imply",
            }.get(row["name"], row["name"].replace("_", " ")),
            "mean cost": ["mean", "low", "high"],
            "against this model": None,
            "more than this model": lambda row: (
                MISSING
                if row["name"] == "model"
                else f"{row['more']:+.2f} {row['more_low']:+.2f} to {row['more_high']:+.2f}"
            ),
        },
        of_json("costs"),
    ),
    "referral by class": Shown(
        "metrics.json",
        ["class"],
        {
            "class": ["name"],
            "share referred": ["referred"],
            "rows decided": ["support"],
            "0 to 100 %": None,
            "recall among them": ["recall", "recall_low", "recall_high"],
        },
        of_json("referral", "classes"),
    ),
    "rows to prove a recall by": Shown(
        "scope.json",
        ["class"],
        {
            "class": ["label"],
            **{name: [name] for name in ("rows", "test", "floor")},
            "training": ["train"],
            "provable up to": ["best_low"],
            "recall expected": lambda row: (
                "not known" if row["expected"] is None else f"{row['expected']:.2f}"
            ),
            "proof": None,
            "test rows needed": ["needed"],
            "more rows": ["more"],
            "verdict": lambda row: VERDICTS.get(row["verdict"], row["verdict"]),
        },
        lambda content: iter(content["classes"]),
    ),
    "groups": Shown(
        "scope.json",
        ["column", "group"],
        {
            **{name: [name] for name in ("column", "group", "verdict")},
            "test rows, about": ["test"],
            "of its rarest class": ["support"],
            "smallest gap beyond chance": lambda row: (
                f"{row['provable']:.2f}" if row["provable"] < 1 else "none"
            ),
            "largest allowed": ["largest_gap"],
        },
        lambda content: (
            one | {"largest_gap": content["criteria"]["largest_gap"]} for one in content["groups"]
        ),
    ),
    "what more rows bring": Shown(
        "scope.json",
        ["figure"],
        {
            "figure": ["name"],
            "now": ["now"],
            "with all training rows, about": ["at_all"],
            "doubling the rows, about": ["gain"],
            "two-sided 90 % interval": ["low", "high"],
        },
        of_json("gains"),
    ),
    "columns": Shown(
        "scope.json",
        ["column"],
        {
            "column": lambda row: f"{row['name']} {row['role']}".strip(),
            "type": lambda row: (
                row["type"] + (f" {row['misfits']:,} not" if row["misfits"] else "")
            ),
            "missing": lambda row: f"{100 * row['missing'] / row['rows']:.1f} %",
            "distinct": ["distinct"],
            "picture": None,
            "values": values_of,
            "alone": lambda row: "" if row["auc"] is None else f"{row['auc']:.2f}",
        },
        lambda content: (
            one | {"role": ROLES.get(one["name"], ""), "auc": content["aucs"].get(one["name"])}
            for one in content["columns"]
        ),
    ),
    "class shares by group": Shown(
        "scope.json",
        ["column", "group", "class"],
        {
            **{name: [name] for name in ("column", "group", "class", "rows")},
            "share": lambda row: f"{100 * row['share']:.1f} %",
            "gap": lambda row: f"{100 * row['gap']:+.1f}",
            "interval": lambda row: f"{100 * row['gap_low']:+.1f} to {100 * row['gap_high']:+.1f}",
        },
        lambda content: iter(content["rates"]),
    ),
    "windows": Shown(
        "monitoring/windows.csv",
        ["window"],
        {name: [name] for name in WINDOWS}
        | {"labelled": lambda row: f"{100 * float(row['coverage']):.0f}\u00a0%"},
    ),
    "drift": DRIFT,
    "no drift": DRIFT,
    "performance": PERFORMANCE,
    "no loss of performance": PERFORMANCE,
    "missing and unknown values": Shown(
        "monitoring/NEWEST/batch.csv",
        ["feature"],
        {
            "feature": ["feature"],
            "missing, test rows": ["missing_reference"],
            "missing, live": ["missing_live"],
            "other values, test rows": ["unnamed_reference"],
            "other values, live": ["unnamed_live"],
            "how many such values, live": ["unnamed"],
        },
    ),
}


def rows_of(shown: Shown, path: Path) -> list[Row]:
    """Return the rows of the file behind a table."""
    if path.suffix == ".json":
        assert shown.rows is not None
        content = json.loads(path.read_text(encoding="utf-8"))
        return list(shown.rows(content | {"folder": path.parent}))
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text_of(row: Row, cells: Cells) -> str | None:
    """Return the text that a cell shows of one column, None where it has to be compared as
    numbers.
    """
    if callable(cells):
        return cells(row)
    assert cells is not None
    values = [row[column] for column in cells if column in row]
    numbers = [value for value in values if value in (None, "") or _is_number(value)]
    return None if len(numbers) == len(values) else " ".join(str(value) for value in values)


def agrees(cell: str, row: Row, cells: Cells) -> bool:
    """Tell whether a cell shows what the file holds, rounded to as many digits as it shows."""
    text = text_of(row, cells)
    if text is not None:
        return " ".join(cell.replace("_", " ").split()) == " ".join(text.replace("_", " ").split())
    scale = 100 if "%" in cell else 1
    values = [
        scale * float(row[column])
        for column in cells  # type: ignore[union-attr]
        if row.get(column) not in (None, "")
    ]
    shown = NUMBER.findall(cell)
    return (
        len(shown) == len(values) and all(map(_rounds_to, values, shown)) if values else not shown
    )


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def _rounds_to(value: Any, shown: str) -> bool:
    digits, _, exponent = shown.replace(",", "").partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    whole = digits.lstrip("+-")
    if whole.isdigit() and int(whole) and not int(whole[2:] or 1):
        unit = 10.0 ** (len(whole) - 2)  # 250 are two significant digits
    return abs(float(value) - float(shown.replace(",", ""))) <= 0.501 * unit
