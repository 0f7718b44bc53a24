"""params.yaml as typed sections: every value that a user tunes, checked before a stage uses it."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from stages.command import Refused, run
from stages.schema import Section, load

ROW_ID = "row_id"  # prepare adds it: two rows share it if all their raw columns but time and cluster agree
ORIGIN = "origin"  # augment adds it: real, repeated or synthetic
Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Section):
    """What the columns are; a column that is none of these is a feature."""

    target: str
    time: str | None
    cluster: list[str]
    sensitive: list[str]
    forbidden: dict[str, str]

    @model_validator(mode="after")
    def roles_do_not_clash(self) -> Self:
        """The target has one role, and a forbidden column is used for nothing."""
        used: dict[str, list[str | None]] = {"time": [self.time], "cluster": [*self.cluster], "sensitive": [*self.sensitive]}
        clashes = [f"data.{role} names the target {self.target!r}" for role, names in used.items() if self.target in names]
        used["target"] = [self.target]
        clashes += [
            f"data.forbidden names {column!r}, which data.{role} uses"
            for column in self.forbidden
            for role, names in used.items()
            if column in names
        ]
        if clashes:
            raise ValueError("; ".join(clashes) + "; give each column one role")
        return self

    def not_features(self) -> list[str]:
        """Return the columns that a model must never see."""
        time = [self.time] if self.time else []
        return list(dict.fromkeys([ROW_ID, self.target, *time, *self.cluster, *self.sensitive, *self.forbidden]))


class Split(Section):
    """How rows are parted into training and test; clusters always stay whole."""

    by: Literal["time", "random"]
    test_from: int | date | None
    test_size: Share


class Prepare(Section):
    """Settings of the stage prepare."""

    split: Split


class Augment(Section):
    """Settings of the stage augment."""

    strategy: Literal["none", "oversample", "smote"]
    floor_share: Annotated[float, Field(gt=0, le=1)]
    k_neighbors: PositiveInt
    smote_max_rows: PositiveInt


class Train(Section):
    """Settings of the stage train."""

    model: str  # build_model in stages/during/models.py knows the names
    sample_weight: Literal["none", "balanced", "sqrt_balanced"]
    decision_weights: Literal["none", "balanced_accuracy", "macro_f1"]
    calibration: Literal["none", "sigmoid"]
    folds: Annotated[int, Field(ge=2, le=20)]
    threads: PositiveInt


class Scope(Section):
    """What the model is to reach; the stage scope says what of it the data can prove."""

    metric: Literal["balanced_accuracy", "macro_f1", "accuracy"]
    recall_floor: Share
    recall_floors: dict[str, Share]
    largest_gap: Share

    def floor(self, label: str) -> float:
        """Return the recall that class `label` has to reach."""
        return self.recall_floors.get(label, self.recall_floor)


class Params(Section):
    """The whole of params.yaml."""

    random_state: Annotated[int, Field(ge=0, lt=2**32)]
    data: Data
    scope: Scope
    prepare: Prepare
    augment: Augment
    train: Train

    @model_validator(mode="after")
    def split_by_time_has_a_time(self) -> Self:
        """A split by time needs the column and its first test value."""
        split = self.prepare.split
        if split.by == "time" and (self.data.time is None or split.test_from is None):
            raise ValueError(
                f"prepare.split.by is 'time', but data.time is {self.data.time!r} and prepare.split.test_from is "
                f"{split.test_from!r}; name the time column and its first test value, or set prepare.split.by: random"
            )
        return self


def load_params() -> Params:
    """Return the checked params.yaml of the working folder; raises Refused with every problem in it."""
    return load("params.yaml", Params)


def main() -> None:
    """Look at all of params.yaml, where DVC looks at what its stages list; raises Refused as well while there is no suite."""
    load_params()
    if not Path("expectations/prepared.json").is_file():
        raise Refused("expectations/ has no suite of these data; run `make scope` first (without make: `uv run python -m stages.scope`)")


if __name__ == "__main__":
    run(main)
