"""Say which ends of a column of numbers are limits of its scale, and where a person would put a
bound where there is none.
"""

import math

import pandas as pd

from sluice.audits.attributes import words
from sluice.metrics.margins import most

SHARE_WORDS = {"share", "proportion", "fraction", "probability", "anteil", "wahrscheinlichkeit"}
UNITS = {  # words of a name: the least and the greatest number that it can have
    "hour": (0, 23),
    "stunde": (0, 23),
    "minute": (0, 59),
    "percent": (0, 100),
    "pct": (0, 100),
    "prozent": (0, 100),
}
BEYOND = 0.1  # of the range of the values: how far the next ones may lie beyond


def limits(held: pd.Series) -> dict[str, tuple[float, str]]:
    """Return the ends, min_value and max_value, beyond which no value can lie, each with its bound
    and the reason.

    Many equal values at an end are no reason: nobody had paid eight months late yet. A reason is
    that the numbers are a share, count things, or are of a unit that ends there. That numbers run
    from 0 to 1 is none: their least and greatest may have been made so.
    """
    low, high, spoken = held.min(), held.max(), words(str(held.name))
    is_whole = bool((held % 1 == 0).all())
    if set(spoken) & SHARE_WORDS and low >= 0 and high <= 1:
        return {
            end: (bound, "a share lies between 0 and 1")
            for end, bound in (("min_value", 0), ("max_value", 1))
        }
    for word in sorted(set(spoken) & set(UNITS)):
        least, greatest = UNITS[word]
        if least <= low and high == greatest and _is_piled(held, high):
            why = f"a column named {word} lies between {least} and {greatest}"
            return {"min_value": (least, why), "max_value": (greatest, why)}
    if (
        is_whole
        and low == 0
        and _is_piled(held, 0)
        and (held == 0).sum() >= (held == held[held > 0].min()).sum()
    ):
        return {"min_value": (0, "a count is never negative")}
    return {}


def _is_piled(held: pd.Series, value: float) -> bool:
    """Tell whether more rows hold `value` than chance would bring to a table where none did."""
    return bool((held == value).sum() > most(0))


def rounded_out(held: pd.Series) -> dict[str, float]:
    """Return the bounds that a person would write for the range of `held`: round ones, BEYOND it; 0
    is not crossed.

    Nor is it reached from above, since 0 often stands for a missing value.
    """
    low, high = held.min(), held.max()
    if low == high:
        return {"min_value": low, "max_value": high}
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = max(step, 1.0) if (held % 1 == 0).all() else step
    margin = BEYOND * (high - low)
    bounds = {
        "min_value": math.floor((low - margin) / step) * step,
        "max_value": math.ceil((high + margin) / step) * step,
    }
    if low >= 0 >= bounds["min_value"]:
        digit = 10.0 ** math.floor(math.log10(low)) if low else 1.0
        bounds["min_value"] = math.floor(low / digit) * digit
    if high <= 0:
        bounds["max_value"] = min(bounds["max_value"], 0.0)
    return {end: float(f"{bound:.12g}") for end, bound in bounds.items()}
