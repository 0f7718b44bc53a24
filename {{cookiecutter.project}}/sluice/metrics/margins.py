"""How far chance alone moves a figure from one table to the next of as many rows: the margin of
every proposed bound.
"""

import numpy as np
import pandas as pd
from scipy.stats import binom, chi2, norm

FALSE_ALARM_RATE = 1e-4  # a proposed expectation fires by chance at most once in 10,000 tables


def most(count: int) -> int:
    """Return in how many rows of the next table chance alone can show what `count` rows of this one
    show.

    Where both tables are halves of one, each row of the two that shows it is in either with
    probability 1/2: the largest k that a binomial of count + k tries reaches with FALSE_ALARM_RATE.
    For a count of 0 it is 13. Source: Przyborowski and Wilenski (1940), Biometrika 31. Applied to
    what was picked from the table itself, such as its largest value, it is the rule of Wilks
    (1942), Annals of Mathematical Statistics 13: count the rows that the pick used up.
    """
    k = np.arange(count, count + 20 + int(10 * np.sqrt(2 * count)))
    return int(k[binom.sf(k - 1, count + k, 0.5) >= FALSE_ALARM_RATE].max())


def least(count: int) -> int:
    """Return in how few rows of the next table chance alone can show what `count` rows of this
    one show; see `most`.
    """
    k = np.arange(max(0, count - 20 - int(10 * np.sqrt(2 * count))), count + 1)
    return int(k[binom.cdf(k, count + k, 0.5) >= FALSE_ALARM_RATE].min())


def mostly(count: int, n: int) -> float:
    """Return the share of `n` rows that has to hold where `count` of them do not; 4 digits,
    rounded down.
    """
    return max(0.0, float(np.floor(1e4 * (1 - most(count) / n))) / 1e4)


def mostly_unique(repeated: int, n: int) -> float:
    """Return the share of `n` rows that have to be the only ones of their kind where `repeated` are
    not.

    Rows repeat in pairs, so that half as many events are behind them; 4 digits, rounded down.
    """
    return max(0.0, float(np.floor(1e4 * (1 - 2 * most((repeated + 1) // 2) / n))) / 1e4)


def divergence(n_values: int, n: int) -> float:
    """Return how far (Kullback-Leibler, in nats) the shares of `n_values` values can move by chance
    between tables of `n` rows.

    2 n KL is chi-squared with n_values - 1 degrees of freedom (Wilks 1938, Annals of Mathematical
    Statistics 9), and both tables err: twice that.
    """
    return float(chi2.isf(FALSE_ALARM_RATE, n_values - 1) / n)


def distinct(counts: pd.Series) -> tuple[int, int]:
    """Return between which numbers of different values the next table has, where this one has each
    value `counts` times.

    Among rows that come as they like, the variance of this count is at most the number of values
    that come once, and the difference of two such counts has twice that (Good and Toulmin 1956,
    Biometrika 43).
    """
    margin = norm.isf(FALSE_ALARM_RATE / 2) * np.sqrt(2 * (1 + (counts == 1).sum()))
    return max(1, int(len(counts) - margin)), min(int(counts.sum()), int(len(counts) + margin + 1))


def quantile_ranges(values: pd.Series, quantiles: list[float]) -> list[list[float | None]]:
    """Return for each quantile the range in which that of the next table lies, None where nothing
    bounds it.

    Free of any shape: the bounds are values of this table, at ranks that the quantile's own error
    and the next table's can reach (Thompson 1936, Annals of Mathematical Statistics 7), with
    FALSE_ALARM_RATE for all quantiles together.
    """
    ordered, n = np.sort(values.to_numpy()), len(values)
    z = norm.isf(FALSE_ALARM_RATE / 2 / len(quantiles))
    ranges = []
    for q in quantiles:
        margin = z * np.sqrt(2 * q * (1 - q) / n)
        low, high = int(np.floor(n * (q - margin))) - 1, int(np.ceil(n * (q + margin)))
        ranges.append(
            [ordered[low].item() if low >= 0 else None, ordered[high].item() if high < n else None]
        )
    return ranges
