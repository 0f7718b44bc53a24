"""Say of which classes the rows are that a source loses, or holds more than once, beside the class shares of all its rows."""

from typing import Any

import pandas as pd

LEFT_OUT = ["duplicate", "key_conflict", "before_cutoff"]  # of the kinds of rejects those whose rows have a class
SHOWN = 5  # classes, the largest


def class_shares(counts: pd.Series) -> str:
    """Return the shares of the classes in words, the largest first: "ham 60%, spam 40%"; "-" where no row is counted."""
    counts = counts[counts > 0]
    if counts.empty:
        return "-"
    shares = (counts / counts.sum()).sort_index().sort_values(ascending=False, kind="stable")
    more = f" and {len(shares) - SHOWN} more classes" if len(shares) > SHOWN else ""
    return ", ".join(f"{label} {share:.0%}" for label, share in shares.head(SHOWN).items()) + more


def lost_and_equal(counts: pd.DataFrame) -> dict[str, Any]:
    """Return what the table of sources says of classes: how many rows are equal, class shares in words, and `class_shift`.

    counts: rows by class (index) and fate: kept, the kinds LEFT_OUT, and equal, the kept rows that repeat an earlier one.
    `class_shift` is the total variation (0 to 1) between the class shares of all these rows and of those that are kept.
    """
    counts = counts.reindex(columns=["kept", *LEFT_OUT, "equal"], fill_value=0)
    every = counts[["kept", *LEFT_OUT]].sum(axis=1)
    apart = every / max(every.sum(), 1) - counts["kept"] / max(counts["kept"].sum(), 1)
    words = {f"{fate}_classes": class_shares(counts[fate]) for fate in ("equal", *LEFT_OUT)}
    return {"equal": int(counts["equal"].sum()), "class_shift": float(apart.abs().sum() / 2), "classes": class_shares(every)} | words
