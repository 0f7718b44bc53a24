"""Say of which classes the rows are that a source loses, or holds more than once, beside the
class shares of all its rows.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pandas as pd

LEFT_OUT_KINDS = [
    "duplicate",
    "key_conflict",
    "before_cutoff",
]  # of the kinds of rejects those whose rows have a class
SHOWN_CLASSES = 5  # classes, the largest
MIN_FREQUENT = (
    20  # rows from which on a word for a missing value is a class, unless missing_in says otherwise
)
MIN_LOST_ROWS = 5  # rows of a label whose loss is told; fewer may be a slip of the pen


def class_shares(counts: pd.Series) -> str:
    """Return the shares of the classes in words, the largest first: "ham 60%, spam 40%"; "-"
    where no row is counted.
    """
    counts = counts[counts > 0]
    if counts.empty:
        return "-"
    shares = (counts / counts.sum()).sort_index().sort_values(ascending=False, kind="stable")
    more = f" and {len(shares) - SHOWN_CLASSES} more classes" if len(shares) > SHOWN_CLASSES else ""
    return (
        ", ".join(f"{label} {share:.0%}" for label, share in shares.head(SHOWN_CLASSES).items())
        + more
    )


def lost_and_equal(counts: pd.DataFrame) -> dict[str, Any]:
    """Return what the table of sources says of classes: how many rows are equal, class shares in
    words, and `class_shift`.

    counts: rows by class (index) and fate: kept, the kinds LEFT_OUT_KINDS, and equal, the kept rows
    that repeat an earlier one. `class_shift` is the total variation (0 to 1) between the class
    shares of all these rows and of those that are kept; `classes_alike`: how many classes differ
    from another in case or spaces only, `alike`: which.
    """
    counts = counts.reindex(columns=["kept", *LEFT_OUT_KINDS, "equal"], fill_value=0)
    every = counts[["kept", *LEFT_OUT_KINDS]].sum(axis=1)
    apart = every / max(every.sum(), 1) - counts["kept"] / max(counts["kept"].sum(), 1)
    words: dict[str, Any] = {
        f"{fate}_classes": class_shares(counts[fate]) for fate in ("equal", *LEFT_OUT_KINDS)
    }
    same = alike(map(str, counts.index))
    words |= {
        "classes_alike": len(same),
        "alike": "; ".join(", ".join(map(repr, group)) for group in same) or "-",
    }
    return {
        "equal": int(counts["equal"].sum()),
        "class_shift": float(apart.abs().sum() / 2),
        "classes": class_shares(every),
    } | words


def alike(values: Iterable[str]) -> list[list[str]]:
    """Return the groups of `values` that differ only in upper and lower case or in spaces,
    no-break spaces among them.
    """
    groups = defaultdict(list)
    for value in sorted(values):
        groups[" ".join(value.split()).casefold()].append(value)
    return [group for group in groups.values() if len(group) > 1]


def vanished(fates: pd.DataFrame, target: str, words: list[str], is_told: bool) -> list[str]:
    """Return a sentence for each class of which no row is left.

    fates: rows of each label (index) as the file writes it: n, how many are kept, and the commonest
    reason where they are not. words: what means missing there; is_told: data/sources.yaml says so
    of this column, not of all, or no word can be a label.
    """
    wrong = []
    for label, row in fates[fates["kept"] == 0].iterrows():
        if label not in words and row["n"] >= MIN_LOST_ROWS:
            wrong.append(
                f"the target {target!r} is {label!r} in {row['n']:,} rows, and none of them can be"
                f" used ({row['reason']}): the class would vanish. Mend these rows, or what"
                " data/sources.yaml declares"
            )
        if label in words and label and not is_told and row["n"] >= MIN_FREQUENT:
            rest = ", ".join(f'"{word}"' for word in words if word != label)
            wrong.append(
                f"the target {target!r} is {label!r} in {row['n']:,} rows, which `missing` in"
                " data/sources.yaml takes for rows without a "
                f"label. If it is a class, write missing_in: {{{target}: [{rest}]}} there; if it"
                " means missing, "
                f'missing_in: {{{target}: [{rest}{", " if rest else ""}"{label}"]}}'
            )
    return wrong
