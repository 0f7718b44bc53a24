from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from sluice.core.command import UserError
from sluice.data import split

Y = pd.Series(list("aaaabbbb"), index=range(10, 18))
PAIRS = pd.Series([1, 1, 2, 2, 3, 3, 4, 4], index=Y.index)
# c is never alone, and stands in clusters 1 and 2 only: some draws leave it out of one side
SHY = pd.Series(list("accc" + "bcc" + "aaabbb"))
OF_SHY = pd.Series([1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8])


def test_the_class_of_a_cluster_is_its_rarest():
    classes = split.strata(pd.Series(list("aaabbc")), pd.Series([1, 2, 3, 1, 2, 2]), smallest=1)
    assert classes.to_dict() == {1: "b", 2: "c", 3: "a"}


def test_of_two_equally_rare_classes_a_cluster_takes_the_first_by_name():
    assert split.strata(pd.Series(["b", "a"]), pd.Series([1, 1]), smallest=1).to_dict() == {1: "a"}


def test_strata_that_are_too_small_join_the_largest():
    assert split.strata(
        pd.Series(list("aaab")), pd.Series([1, 2, 3, 4]), smallest=2
    ).to_dict() == dict.fromkeys([1, 2, 3, 4], "a")


def test_each_row_is_scored_in_one_fold():
    folds = split.kfold(Y, PAIRS, 2, random_state=0)
    assert sum(scored.astype(int) for _, scored in folds).tolist() == [1] * 8


def test_no_cluster_is_in_training_while_it_is_scored():
    for is_training, is_scored in split.kfold(Y, PAIRS, 2, random_state=0):
        assert not set(PAIRS[is_training]) & set(PAIRS[is_scored])
        assert (is_training | is_scored).all()


@pytest.mark.parametrize("random_state", range(5))
def test_folds_keep_the_class_shares(random_state):
    for _, is_scored in split.kfold(Y, PAIRS, 2, random_state):
        assert Y[is_scored].value_counts().to_dict() == {"a": 2, "b": 2}


def test_folds_follow_from_the_random_state():
    clusters = pd.Series(range(8), index=Y.index)
    drawn = [
        split.kfold(Y, clusters, 2, random_state)[0][1].tolist() for random_state in (0, 0, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert any(draw != drawn[0] for draw in drawn)


def test_folds_refuse_a_class_in_fewer_clusters_than_folds():
    with pytest.raises(
        UserError,
        match=(
            "class 'a' stands in 2 clusters of rows, too few for 3 folds; add rows or take fewer"
            " folds"
        ),
    ):
        split.kfold(Y, PAIRS, 3, random_state=0)


def test_folds_take_a_class_that_is_alone_in_one_cluster_only():
    y, clusters = (
        pd.Series(list("ababa")),
        pd.Series([1, 1, 2, 2, 3]),
    )  # a stands in three clusters, b in two
    folds = split.kfold(y, clusters, 2, random_state=0)
    assert [set(y[is_training]) for is_training, _ in folds] == [{"a", "b"}, {"a", "b"}]


def test_no_fold_trains_without_a_class():
    for random_state in range(10):
        with suppress(UserError):
            folds = split.kfold(SHY, OF_SHY, 2, random_state)
            assert [set(SHY[is_training]) for is_training, _ in folds] == [{"a", "b", "c"}] * 2


def test_a_fold_may_score_without_a_class():
    y, clusters = pd.Series(list("accaccbccabb")), pd.Series([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6])
    scored = [
        set(y[is_scored])
        for random_state in range(5)
        for _, is_scored in split.kfold(y, clusters, 3, random_state)
    ]
    assert {"a", "b"} in scored


def test_folds_that_are_drawn_anew_are_those_of_the_next_random_state():
    greatest = 2**32 - 1  # its first draw trains without c; 0 follows
    anew, zero = (
        [is_scored.tolist() for _, is_scored in split.kfold(SHY, OF_SHY, 2, state)]
        for state in (greatest, 0)
    )
    assert anew == zero


def test_folds_refuse_what_no_draw_will_do_for(monkeypatch):
    monkeypatch.setattr(split, "ATTEMPTS", 1)
    with pytest.raises(
        UserError,
        match=(
            r"^in 1 draws of 2 folds some training part lacked a class; add rows of it or take"
            r" fewer folds$"
        ),
    ):
        split.kfold(SHY, OF_SHY, 2, random_state=2**32 - 1)


@pytest.mark.parametrize(("test_size", "n"), [(0.25, 1), (0.5, 2)])
def test_test_clusters_are_the_wanted_share_of_each_class(test_size, n):
    clusters = pd.Series(range(8), index=Y.index)
    test = split.test_clusters(Y, clusters, test_size, random_state=0)
    assert Y[clusters.isin(test)].value_counts().to_dict() == {"a": n, "b": n}


def test_test_clusters_follow_from_the_random_state():
    clusters = pd.Series(range(8), index=Y.index)
    drawn = [
        split.test_clusters(Y, clusters, 0.5, random_state).tolist()
        for random_state in (0, 0, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert any(set(draw) != set(drawn[0]) for draw in drawn)


def test_a_class_in_one_cluster_is_refused():
    with pytest.raises(
        UserError,
        match=(
            r"class 'b' stands in one cluster of rows, so that it cannot be trained and tested; add"
            r" rows of it"
        ),
    ):
        split.test_clusters(pd.Series(list("aabb")), pd.Series([1, 2, 3, 3]), 0.5, random_state=0)


def test_a_class_alone_in_one_cluster_is_not_refused_if_it_stands_in_others():
    y, clusters = pd.Series(list("ababa")), pd.Series([1, 1, 2, 2, 3])
    test = clusters.isin(split.test_clusters(y, clusters, 0.5, random_state=0))
    assert set(y[~test]) == set(y[test]) == {"a", "b"}


def test_no_class_is_missing_from_one_side():
    for random_state in range(10):
        with suppress(UserError):
            test = OF_SHY.isin(split.test_clusters(SHY, OF_SHY, 0.5, random_state))
            assert set(SHY[~test]) == set(SHY[test]) == {"a", "b", "c"}


def test_test_clusters_that_are_drawn_anew_are_those_of_the_next_random_state():
    anew, zero = (
        split.test_clusters(SHY, OF_SHY, 0.25, random_state).tolist()
        for random_state in (2**32 - 1, 0)
    )
    assert anew == zero


def test_test_clusters_refuse_what_no_draw_will_do_for(monkeypatch):
    monkeypatch.setattr(split, "ATTEMPTS", 1)
    sentence = (
        r"^prepare\.split\.test_size in params\.yaml is 0\.25: in 1 draws one side lacked a class;"
        r" add rows of it$"
    )
    with pytest.raises(UserError, match=sentence):
        split.test_clusters(SHY, OF_SHY, 0.25, random_state=2**32 - 1)


def test_a_test_size_with_fewer_clusters_than_classes_is_refused():
    with pytest.raises(
        UserError,
        match=r"prepare\.split\.test_size in params\.yaml is 0\.1: The test_size = 1 should be",
    ):
        split.test_clusters(Y, PAIRS, 0.1, random_state=0)


BOTH = pd.Series([*"ab"] * 6)
YEARS = pd.Series(np.repeat([1, 2, 3], 4))
ALONE = pd.Series(range(12))


def test_folds_go_forward_in_time():
    parts = split.forward(BOTH, ALONE, YEARS, 2)
    assert [
        (sorted(set(YEARS[fitted])), sorted(set(YEARS[scored]))) for fitted, scored in parts
    ] == [([1], [2]), ([1, 2], [3])]


def test_a_cluster_goes_where_its_latest_row_goes():
    y, years = pd.concat([BOTH, BOTH], ignore_index=True), pd.Series(np.repeat([1, 2, 3], 8))
    together = pd.Series(
        [23, *range(1, 24)]
    )  # the first row, of year 1, belongs to the last, of year 3
    [(fitted, scored)] = split.forward(y, together, years, 2)
    assert (fitted[0], scored[0], scored[23]) == (False, True, True)
    assert fitted[1:16].all()


def test_the_first_blocks_are_trained_on_until_every_class_is_there():
    y = pd.Series([*"aaaa", *"abab", *"abab"])
    [(fitted, scored)] = split.forward(y, ALONE, YEARS, 2)
    assert (set(YEARS[fitted]), set(YEARS[scored])) == ({1, 2}, {3})


def test_a_class_that_comes_too_late_is_refused():
    with pytest.raises(
        UserError,
        match="in order of time not every class stands in 2 clusters of rows to be scored",
    ):
        split.forward(pd.Series([*"aaaaaaaaabab"]), ALONE, YEARS, 2)


def test_folds_fall_back_where_a_class_comes_too_late(capsys):
    parts = split.folds(pd.Series([*"aaaaaaaaabab"]), ALONE, YEARS, 2, 0)
    assert "the folds do not go forward in time" in capsys.readouterr().out
    assert sum(scored.sum() for _, scored in parts) == 12
