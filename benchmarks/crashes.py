"""Write a raw file of any number of rows like the bundled one: `uv run python -m
benchmarks.crashes 1e6 PATH`.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def crashes(bundled: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return `n` rows: the `bundled` ones (all text) over and over, each time with other vehicles,
    ages, cars and weights.

    Occupants of one vehicle stay together. Weights are all different, so that no row is a duplicate
    of another; ages and model years move by up to 3 and 2 years within the bundled range.
    """
    rng = np.random.default_rng(0)
    rows = bundled.iloc[np.arange(n) % len(bundled)].reset_index(drop=True)
    area_case = rows["caseid"].str.split(":", n=1, expand=True)
    area = area_case[0].astype("int64") + 1000 * (np.arange(n) // len(bundled))
    years = {column: pd.to_numeric(rows[column]) for column in ("age", "yearVeh")}
    moved = {
        column: year + rng.integers(-reach, reach + 1, n)
        for (column, year), reach in zip(years.items(), (3, 2), strict=True)
    }
    within = {
        column: moved[column].clip(year.min(), year.max()).astype("Int64")
        for column, year in years.items()
    }
    return rows.assign(
        **within,
        weight=pd.to_numeric(rows["weight"]) * rng.uniform(0.9, 1.1, n),
        caseid=area.astype("str") + ":" + area_case[1],
    )


def main() -> None:
    """Write the rows over the bundled file, or wherever the second argument says."""
    n, path = int(float(sys.argv[1])), Path(sys.argv[2])
    bundled = pd.read_csv("data/raw/crashes_1997_2001.csv.gz", dtype="str", keep_default_na=False)
    crashes(bundled, n).to_csv(
        path,
        index=False,
        lineterminator="\n",
        compression={"method": "gzip", "compresslevel": 1, "mtime": 0},
    )


if __name__ == "__main__":
    main()
