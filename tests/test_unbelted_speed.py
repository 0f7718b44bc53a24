"""The derived column of the example: the speed that meets a body without a belt."""

import pandas as pd

from stages.features import add_features


def test_only_who_wears_no_belt_meets_the_speed_of_the_crash():
    rows = pd.DataFrame(
        {
            "dvcat": ["1-9km/h", "25-39", "55+", "10-24"],
            "seatbelt": ["none", "belted", "none", None],
        }
    )
    speed = add_features(rows)["unbelted_speed_kmh"]
    assert speed.tolist()[:3] == [1, 0, 55]
    assert speed.isna().tolist() == [False, False, False, True]
