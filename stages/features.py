"""Derived columns: what the model should see that no raw column says by itself.

The same function runs in training, scoring and monitoring, so a feature always means the same.
After an edit: `make scope` proposes bounds for new columns, `make repro` trains with them, and
`make test` checks that they follow from their own row.
"""

import pandas as pd


def add_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` with derived columns after its own; each value follows from its own row alone.

    rows: cleaned rows, without the target and what data.forbidden names. Missing values stay
    missing.
    """
    speed = rows["dvcat"].str.extract(r"(\d+)", expand=False).astype("float64")
    # without a belt the body meets the whole speed: the lower end of the band in km/h, else 0
    unbelted = speed.where(rows["seatbelt"] == "none", 0).mask(rows["seatbelt"].isna())
    return rows.assign(unbelted_speed_kmh=unbelted)
