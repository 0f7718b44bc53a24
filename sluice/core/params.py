"""params.yaml as typed sections: every value that a user tunes, checked before a stage uses it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from sluice.core.formats import RESERVED, is_date
from sluice.core.schema import Section, load
from sluice.core.waivers import says_something

# prepare adds it: rows share it that agree in all raw columns but the target and what
# data/sources.yaml calls no_content
ROW_ID = f"{RESERVED}row_id"
ORIGIN = f"{RESERVED}origin"  # augment adds it: real, repeated or synthetic
Share = Annotated[float, Field(gt=0, lt=1)]
Age = Annotated[float, Field(gt=0)]  # days where data.time is a date, else units of it


class Data(Section):
    """What the columns are; a column that is none of these is a feature."""

    target: str
    time: str | None
    cluster: list[str]
    sensitive: list[str]
    no_sensitive: str | None = None
    allowed: dict[str, str]
    cut_points: dict[str, list[float]]
    favourable: str | None
    forbidden: dict[str, str]

    @model_validator(mode="after")
    def roles_do_not_clash(self) -> Self:
        """The target has one role, and a forbidden column is used for nothing."""
        used: dict[str, list[str | None]] = {
            "time": [self.time],
            "cluster": [*self.cluster],
            "sensitive": [*self.sensitive],
        }
        clashes = [
            f"data.{role} names the target {self.target!r}"
            for role, names in used.items()
            if self.target in names
        ]
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

    @model_validator(mode="after")
    def audit_names_sensitive_columns(self) -> Self:
        """What is said of sensitive columns is said of columns that are declared so, and with a
        reason.
        """
        wrong = [
            f"data.{section} names {column!r}, which data.sensitive does not; name it there, too"
            for section in ("allowed", "cut_points")
            for column in getattr(self, section)
            if column not in self.sensitive
        ]
        wrong += [
            f"data.cut_points.{name} is {at}, must rise"
            for name, at in self.cut_points.items()
            if at != sorted(set(at)) or not at
        ]
        wrong += [
            f"data.allowed.{column} is empty, must say why"
            for column, reason in self.allowed.items()
            if not says_something(reason)
        ]
        if self.no_sensitive is not None and self.sensitive:
            named = ", ".join(self.sensitive)
            wrong.append(
                "data.no_sensitive says why no column is sensitive, but data.sensitive names"
                f" {named}; set no_sensitive: null"
            )
        elif self.no_sensitive is not None and not says_something(self.no_sensitive):
            wrong.append(
                "data.no_sensitive is empty, must say why no column is sensitive, or be null"
            )
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def not_features(self) -> list[str]:
        """Return the columns that a model must never see."""
        time = [self.time] if self.time else []
        hidden = [column for column in self.sensitive if column not in self.allowed]
        return list(
            dict.fromkeys([ROW_ID, self.target, *time, *self.cluster, *hidden, *self.forbidden])
        )


class Split(Section):
    """How rows are parted into training and test; clusters stay whole unless
    `keep_clusters_whole`, by time alone, is false.
    """

    by: Literal["time", "random"]
    test_from: int | str | None  # text as it stands in the file: DVC takes no dates
    test_size: Share
    keep_clusters_whole: bool = True

    @model_validator(mode="after")
    def clusters_are_cut_by_time_alone(self) -> Self:
        """A split at random that cuts clusters in two would test on rows that the model knows."""
        if self.by == "random" and not self.keep_clusters_whole:
            raise ValueError(
                "keep_clusters_whole is false, which is allowed with by: time alone; at random the"
                " earlier and later rows of a cluster would be mixed, so set it to true"
            )
        return self

    @field_validator("test_from", mode="before")
    @classmethod
    def test_from_is_a_time(cls, given: Any) -> Any:
        """The first test value is an integer, or a date or time stamp as text."""
        if isinstance(given, date):
            raise ValueError(
                f"{given} stands there without quotes, as which DVC does not take a date; write"
                f' "{given}"'
            )
        if is_integer := isinstance(given, int) and not isinstance(given, bool):
            is_time = abs(given) < 2**63
        else:
            is_time = given is None or (isinstance(given, str) and is_date(given))
        if not is_time:
            what = (
                "between -2^63 and 2^63"
                if is_integer
                else 'an integer, a date or time stamp such as "2024-01-31", or null'
            )
            raise ValueError(f"it is {given!r}, must be {what}")
        return given

    @property
    def cutoff(self) -> int | datetime | None:
        """The first test value as what it means; a time stamp is UTC."""
        return (
            datetime.fromisoformat(self.test_from.removesuffix("Z"))
            if isinstance(self.test_from, str)
            else self.test_from
        )


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

    model: str  # a function of stages/models.py
    sample_weight: Literal["none", "balanced", "sqrt_balanced"]
    half_life: Age | None
    decision_weights: Literal["none", "balanced_accuracy", "macro_f1"]
    calibration: Literal["none", "sigmoid"]
    search: Annotated[int, Field(ge=0)]
    select: bool
    mitigation: Literal["none", "reweighing"]
    folds: Annotated[int, Field(ge=2, le=20)]
    threads: PositiveInt


class Evaluate(Section):
    """Settings of the stage evaluate."""

    slices: list[str]
    costs: dict[str, dict[str, Annotated[float, Field(ge=0)]]]
    refer_below: Share | None


class Monitor(Section):
    """Settings of the command monitor."""

    label_delay: Age | None


class Retrain(Section):
    """Settings of the command retrain."""

    candidates: Annotated[list[Literal["all", "recent", "weighted", "warm"]], Field(min_length=1)]
    recent: Share
    half_life: Age | None
    warm_iterations: PositiveInt


class Registry(Section):
    """Settings of what registers and verifies models."""

    signed: bool


class Scope(Section):
    """What the model is to reach; the stage scope says what of it the data can prove."""

    metric: Literal["balanced_accuracy", "macro_f1", "accuracy"]
    recall_floor: Share | None
    recall_floors: dict[str, Share]
    largest_gap: Share

    def floor(self, label: str) -> float:
        """Return the recall that class `label` has to reach; raises ValueError where it is still
        to be proposed.
        """
        floor = self.recall_floors.get(label, self.recall_floor)
        if floor is None:
            raise ValueError(f"no floor of class {label!r} was proposed yet")
        return floor


class Params(Section):
    """The whole of params.yaml."""

    random_state: Annotated[int, Field(ge=0, lt=2**32)]
    data: Data
    scope: Scope
    prepare: Prepare
    augment: Augment
    train: Train
    evaluate: Evaluate
    monitor: Monitor
    retrain: Retrain
    registry: Registry

    @model_validator(mode="after")
    def split_by_time_has_a_time(self) -> Self:
        """A split by time needs the column and its first test value."""
        split = self.prepare.split
        if split.by == "time" and (self.data.time is None or split.test_from is None):
            raise ValueError(
                f"prepare.split.by is 'time', but data.time is {self.data.time!r} and"
                f" prepare.split.test_from is {split.test_from!r}; name the time column and its"
                " first test value, or set prepare.split.by: random"
            )
        return self

    @model_validator(mode="after")
    def half_life_has_a_time(self) -> Self:
        """Rows have no age without a time column."""
        if self.train.half_life is not None and self.data.time is None:
            raise ValueError(
                f"train.half_life is {self.train.half_life:g}, but data.time is None; name the time"
                " column, or set null"
            )
        return self

    @model_validator(mode="after")
    def mitigation_has_groups(self) -> Self:
        """Reweighing needs groups."""
        chosen = self.train.mitigation
        if chosen != "none" and not self.data.sensitive:
            raise ValueError(
                f"train.mitigation is {chosen!r}, but data.sensitive names no column; "
                "name one there, or set mitigation: none"
            )
        return self


def load_params() -> Params:
    """Return the checked params.yaml of the working folder; raises UserError with every problem
    in it.
    """
    return load("params.yaml", Params)
