"""The suites of the tables that the stages judge by: their words and thresholds, with the names
of this data filled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pandas as pd

from sluice.core.params import Data
from sluice.metrics.single_feature import ONE_SIDED
from sluice.scoping.propose_by_group import by_group_suite
from sluice.scoping.propose_changes import changes_suite
from sluice.scoping.propose_checks import checks_suites
from sluice.scoping.propose_columns import expect
from sluice.scoping.propose_features import features_suite, simple_model
from sluice.scoping.propose_slices import slices_suite, test_set_suite

INSUFFICIENT = {"verdict": "insufficient"}
MAX_EQUAL, MAX_LOST, MAX_SHIFT = (
    0.01,
    0.2,
    0.02,
)  # never inferred: the rows that they judge would set them


class Criteria(Protocol):
    """What the model is to reach, as the section scope of params.yaml says."""

    @property
    def recall_floor(self) -> float | None:
        """The recall that every class has to reach; None only where recall_floors has each."""

    @property
    def recall_floors(self) -> dict[str, float]:
        """The recall that single classes have to reach instead."""

    @property
    def largest_gap(self) -> float:
        """How far a rate of a group may lie from that of all others."""


@dataclass(frozen=True)
class Asked:
    """How equal rows are held (drop: also by a key), whether clusters stay whole, and the
    columns whose values are judged as slices.
    """

    equal_rows: Literal["together", "separate", "drop"] = "together"
    clusters_whole: bool = True
    slices: Sequence[str] = ()


ASKED = Asked()


def suite(
    name: str, notes: str, expectations: list[dict[str, Any]], **meta: list[str] | str
) -> dict[str, Any]:
    """Return a suite as its file holds it; meta: row, the columns that name a row, show, those
    beside it, waived_in (see Suite).
    """
    return {"name": name, "meta": {"notes": notes, **meta}, "expectations": expectations}


def judged_suites(
    prepared: pd.DataFrame, data: Data, criteria: Criteria, asked: Asked = ASKED
) -> dict[str, dict[str, Any]]:
    """Return the suites of all tables that the stages compute, by name."""
    classes = sorted(prepared[data.target].unique())
    return {
        "sources": _sources(asked.equal_rows),
        "classes": _classes(classes, data),
        "changes": changes_suite(),
        "leakage": _leakage(data, len(classes), asked.clusters_whole),
        **checks_suites(data),
        "candidates": _candidates(),
        "features": features_suite(),
        "by_class": by_class_suite(classes, criteria),
        "by_group": by_group_suite(prepared, classes, data, criteria.largest_gap),
        "slices": slices_suite(classes, _floors(classes, criteria), list(asked.slices)),
        "test_set": test_set_suite(),
    }


def _between(severity: str, notes: str, column: str, **kwargs: Any) -> dict[str, Any]:
    return expect("column_values_to_be_between", severity, notes, column=column, **kwargs)


def _same(notes: str, column: str, values: list[str], **kwargs: Any) -> dict[str, Any]:
    return expect(
        "column_distinct_values_to_equal_set",
        "critical",
        notes,
        column=column,
        value_set=values,
        **kwargs,
    )


def _where(column: str, value: str) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": column}, "operator": "==", "parameter": value}


def _or_insufficient(expectation: dict[str, Any]) -> dict[str, Any]:
    return {**expectation, "meta": expectation["meta"] | INSUFFICIENT}


def _sources(equal_rows: str) -> dict[str, Any]:
    dropped = (
        "So many rows that were dropped because they stand twice point to an export or a join that"
        " repeats itself. If that is how the file is made, confirm a higher limit here."
    )
    equal = (
        "So many rows agree with an earlier one in all columns. Say in data/sources.yaml what they"
        " are: records written twice (`equal_rows: drop`, or a `key`), or different cases that look"
        " alike (`equal_rows: separate`); or confirm a higher limit here."
    )
    about_equal = {
        "drop": [("duplicate_share", dropped)],
        "together": [("equal_share", equal)],
    }.get(equal_rows, [])
    lost = (
        "Too many rows from before the cut-off are left out, because rows of their clusters"
        " (data.cluster) come after it. If the same customers or machines return in each period,"
        " set prepare.split.keep_clusters_whole: false in params.yaml: their earlier rows train,"
        " their later ones test. Else split at random, or move prepare.split.test_from."
    )
    shifted = (
        "The rows that were left out are of other classes than those that are kept, so that every"
        " share and precision changes. Compare duplicate_classes, key_conflict_classes and"
        " before_cutoff_classes with classes."
    )
    same = (
        "Classes differ from one another only in upper and lower case or in spaces: see alike. If"
        " they are one, name the target under ignore_case in data/sources.yaml, or mend the file;"
        " if they are several, confirm a higher limit here."
    )
    expectations = [
        expect("column_values_to_be_unique", "critical", "One row per source.", column="source"),
        _between(
            "critical",
            "Every record of the file is in training, in test, or rejected with a reason: none is"
            " lost or invented.",
            "unaccounted",
            min_value=0,
            max_value=0,
        ),
        _between(
            "critical",
            "A source that loses so many rows to errors is broken or declared wrongly: look into"
            " data/prepared/rejects.csv.",
            "unusable_share",
            max_value=0.01,
        ),
        _between(
            "warning",
            "Rows were rejected for errors: data/prepared/rejects.csv has each with its line and"
            " reason.",
            "unusable_share",
            max_value=0,
        ),
        *(_between("warning", notes, column, max_value=MAX_EQUAL) for column, notes in about_equal),
        _between("critical", lost, "before_cutoff_share", max_value=MAX_LOST),
        _between("warning", shifted, "class_shift", max_value=MAX_SHIFT),
        _between("critical", same, "classes_alike", max_value=0),
        _between(
            "critical",
            "Without training rows there is nothing to learn from.",
            "train",
            min_value=1,
        ),
        _between(
            "critical", "Without test rows nothing is known about the model.", "test", min_value=1
        ),
    ]
    show = [
        "records",
        "malformed",
        "bad_value",
        "unlabelled",
        "key_conflict",
        "duplicate",
        "before_cutoff",
        "equal",
    ]
    show += [
        f"{rows}classes" for rows in ("", "equal_", "duplicate_", "key_conflict_", "before_cutoff_")
    ]
    show += ["alike"]
    return suite(
        "sources",
        "One row is one raw source: its records, and where each of them went.",
        expectations,
        row=["source"],
        show=show,
    )


def _classes(classes: list[str], data: Data) -> dict[str, Any]:
    expectations = [
        expect("column_values_to_be_unique", "critical", "One row per class.", column="class"),
        _same(
            "A class that vanishes or appears is another problem than the one that was modelled.",
            "class",
            classes,
        ),
        _or_insufficient(
            _between(
                "critical",
                "Fewer training rows show a model little but chance.",
                "train",
                min_value=30,
            )
        ),
        _or_insufficient(
            _between(
                "warning",
                "With fewer test rows no recall can be told from another; evaluate will stop there,"
                " unless by_class.json waives the class.",
                "support",
                min_value=20,
            )
        ),
        _between(
            "warning",
            "A class so rare hides behind accuracy and is easily overlooked: read its recall.",
            "train_share",
            min_value=0.01,
        ),
    ]
    expectations.append(
        _between(
            "critical",
            "The metric is accuracy, and a class this rare could be overlooked without lowering it:"
            " set scope.metric in params.yaml to balanced_accuracy or macro_f1.",
            "seen_by_metric",
            min_value=0.25,
        )
    )
    expectations.append(
        _or_insufficient(
            _between(
                "warning",
                "Rows of so few clusters know of each other, and are worth fewer than they are.",
                "train_clusters",
                min_value=20,
            )
        )
    )
    if data.time:
        seen_once = (
            "A class that was seen in one period only may belong to that: nobody knows whether it"
            " returns."
        )
        gone = (
            "By chance a class that comes as ever would not be seen for so long, up to the last"
            " training row, in one table of 100: it may have died out, or be named otherwise now."
        )
        expectations.append(_between("warning", seen_once, "periods", min_value=2))
        expectations.append(
            _between("warning", gone, "absent_by_chance", min_value=round(0.01 / len(classes), 6))
        )
    notes = (
        "One row is one class: its training rows and clusters, `support`, its test rows, `periods`,"
        " the months (or values of a time that is no date) in which it was seen, `last_seen` the"
        " last of them, `absent_by_chance` the probability that it stays away as long as it did"
        " since, and `seen_by_metric`, its rows as a share of the largest class's where the metric"
        " is accuracy, else 1."
    )
    show = ["train", "support", *(["last_seen"] if data.time else [])]
    return suite(
        "classes", notes, expectations, row=["class"], waived_in="by_class.json", show=show
    )


def _leakage(data: Data, n_classes: int, clusters_whole: bool) -> dict[str, Any]:
    counts = {"rows_on_both_sides": "A test row that was trained on tests memory."}
    if data.cluster and clusters_whole:
        counts["clusters_on_both_sides"] = (
            "Rows of one cluster know of each other: they have to stay on one side of the split."
        )
    counts["not_a_feature"] = (
        "A forbidden or sensitive column, an identifier or the target itself must not be a feature."
    )
    ranks = (
        "A single column that ranks the classes this well (ROC AUC out of fold, on average over"
        " them)"
    )
    is_copy = f"{ranks} is its consequence or a copy; name it in data.forbidden of params.yaml."
    may_be = f"{ranks} may be known only after the outcome: find out."
    gives_away = _where("check", "gives_away")
    of_one = (
        "A single column that ranks one of several classes this well may be known only after the"
        " outcome, or rightly tell it: ask."
    )
    holds_one = (
        "Rows with this value, or with any value at all in this column, have nearly one class"
        " alone, as in a field that is filled in only once the outcome is known. Find out when it"
        " is filled in: if after the outcome, name the column in data.forbidden of params.yaml."
    )
    several = [
        _between(
            "warning",
            of_one,
            "value",
            max_value=0.95,
            row_condition=_where("check", "gives_class_away"),
        )
    ]
    several = several if n_classes > 2 else []
    expectations = [
        expect(
            "compound_columns_to_be_unique",
            "critical",
            "One row per check and column.",
            column_list=["check", "column"],
        ),
        _same(
            "Every check was made.",
            "check",
            [*counts, "gives_away", *(["gives_class_away"] if several else []), "one_sided"],
        ),
        *(
            _between("critical", notes, "value", max_value=0, row_condition=_where("check", check))
            for check, notes in counts.items()
        ),
        _between("critical", is_copy, "value", max_value=0.95, row_condition=gives_away),
        _between("warning", may_be, "value", max_value=0.9, row_condition=gives_away),
        *several,
        _between(
            "warning",
            holds_one,
            "value",
            max_value=ONE_SIDED,
            row_condition=_where("check", "one_sided"),
        ),
    ]
    notes = (
        "One row is one check of what training must not know; for gives_away, one feature; for"
        " one_sided, one feature and its value that holds nearly one class alone, with the part"
        " that it settles of what the class shares leave open (0 to 1, a lower bound)."
    )
    return suite("leakage", notes, expectations, row=["check", "column"])


def _candidates() -> dict[str, Any]:
    expectations = [
        expect(
            "column_values_to_be_unique", "critical", "One row per candidate.", column="candidate"
        ),
        expect(
            "column_distinct_values_to_contain_set",
            "critical",
            "The model, the plain rival, the constant guess and the simple model were all scored.",
            column="candidate",
            value_set=["model", "logistic_regression", "class_shares", "three_features"],
        ),
        _between(
            "critical",
            "Logistic regression with the same decision rule is proven to be better by more than"
            " 0.02, which better probabilities hardly make up for (compare `brier`): set"
            " train.model: logistic_regression, or lower this bound and say why.",
            "lead_high",
            min_value=-0.02,
            row_condition=_where("candidate", "logistic_regression"),
        ),
        _between(
            "critical",
            "Probabilities worse than always naming the class shares say nothing (Brier score); set"
            " train.calibration: sigmoid, or do without augmentation and sample weights.",
            "brier_lead",
            min_value=0,
            strict_min=True,
            row_condition=_where("candidate", "class_shares"),
        ),
        simple_model(),
        expect(
            "column_values_to_not_be_null",
            "critical",
            "It is said of each why it was taken or not.",
            column="why",
        ),
        _between(
            "warning",
            "This candidate is proven to be better than the model in the figure that decisions aim"
            " at: `why` says why it was left.",
            "lead_high",
            min_value=0,
        ),
    ]
    notes = (
        "One row is one candidate, scored out of fold on real rows. `lead` is what the model has"
        " over it, in the figure that its decision aims at; `brier_lead` is the candidate's Brier"
        " score less the model's. Intervals are one-sided 99 % bounds (a two-sided 98 % interval)"
        " of a paired bootstrap over clusters; `lead_for_cost` is `lead_low`, or 1 where the model"
        " is a logistic regression on three features itself; `why` says why a candidate was taken"
        " or not. `largest_gap` is the largest difference in recall or false positive rate between"
        " two groups of a sensitive column, as it is, chance included."
    )
    return suite(
        "candidates",
        notes,
        expectations,
        row=["candidate"],
        show=["score", "brier", "lead", "lead_low", "lead_high", "features"],
    )


def _floors(classes: list[str], criteria: Criteria) -> dict[str, float]:
    """Return the recall that each class has to reach."""
    return {label: criteria.recall_floors.get(label, criteria.recall_floor) for label in classes}  # type: ignore[misc]


def by_class_suite(classes: list[str], criteria: Criteria) -> dict[str, Any]:
    """Return the suite by_class, in which the floors are kept: one of each class, or one of both
    where two have the same.
    """
    floors = [
        (floor, {"row_condition": _where("class", label)})
        for label, floor in _floors(classes, criteria).items()
    ]
    floors = [(floors[0][0], {})] if len(classes) == 2 and floors[0][0] == floors[1][0] else floors
    floors = [(floor, rows) for floor, rows in floors if floor]  # without one nothing is asked
    guess = (
        "by tossing a coin" if len(classes) == 2 else f"by guessing one of {len(classes)} classes"
    )
    overlooked = f": a class found less often than {guess} is overlooked"
    expectations = [
        expect("column_values_to_be_unique", "critical", "One row per class.", column="class"),
        _same("A class without a row is overlooked.", "class", classes),
    ]
    for floor, rows in floors:
        guessed = overlooked if floor == round(1 / len(classes), 2) else ""
        below = (
            "The model is too weak for this class: its recall is proven to be below its"
            f" floor{guessed}. "
        )
        below += (
            "Where train.decision_weights in params.yaml is none, set it to balanced_accuracy."
            " Where it is set already, better features or another model have to tell the class"
            " (`uv run sluice compare-remedies` compares remedies for rare classes); more test rows will not"
            " help."
        )
        unproven = (
            "The recall is not proven to reach its floor. Where recall is above the floor there are"
            " too few test rows of the class: add some. Where it is not, the model is too weak:"
            " better features, or another model."
        )
        expectations += [
            _between("critical", below, "recall_high", min_value=floor, **rows),
            _between("warning", unproven, "recall_low", min_value=floor, **rows),
        ]
    few = (
        "Too few rows: with fewer test rows no recall can be told from another; add rows, or waive"
        " the class with a reason."
    )
    expectations.append(_or_insufficient(_between("critical", few, "support", min_value=20)))
    notes = (
        "One row is one class on the test rows. recall_low and recall_high are one-sided 95 %"
        " Clopper-Pearson bounds, recall_high for all classes together (Bonferroni); `support`"
        " counts its test rows. The floors are kept here: change both bounds of a class, and `make"
        " scope` goes by them."
    )
    return suite(
        "by_class",
        notes,
        expectations,
        row=["class"],
        show=["support", "recall", "recall_low", "recall_high"],
    )
