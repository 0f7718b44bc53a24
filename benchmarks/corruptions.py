"""Thirty ways in which a table goes wrong in practice, each at a share of its rows, for
benchmarks/proposals.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

NEARLY_ALL = 0.98


@dataclass(frozen=True)
class Raw:
    """A raw table: every cell as text, "" where it is missing; the type of each column, as
    data/sources.yaml has it; the target; columns that prepare drops, in which nothing can go wrong.
    """

    rows: pd.DataFrame
    kinds: dict[str, str]
    target: str
    dropped: tuple[str, ...] = ()

    def of(self, *kinds: str) -> list[str]:
        """Return the columns of these types, less the target, that hold more than one value."""
        return [
            column
            for column in self.rows
            if self.kinds[column] in kinds
            and column not in (self.target, *self.dropped)
            and self.rows[column].nunique() > 1
        ]

    def where(self, share: float, rng: np.random.Generator) -> np.ndarray:
        """Return the positions of a random `share` of the rows."""
        return rng.permutation(len(self.rows))[: round(share * len(self.rows))]


class NotHere(Exception):  # noqa: N818
    """The table has no column that can go wrong in this way."""


Corruption = Callable[[Raw, float, np.random.Generator], pd.DataFrame | str]


def _one(columns: list[str], rng: np.random.Generator) -> str:
    if not columns:
        raise NotHere
    return str(rng.choice(columns))


def _put(raw: Raw, at: np.ndarray, column: str, values: object) -> pd.DataFrame:
    rows = raw.rows.copy()
    rows.iloc[at, rows.columns.get_loc(column)] = values
    return rows


def _changed(
    raw: Raw, share: float, rng: np.random.Generator, column: str, change: Callable[[str], str]
) -> pd.DataFrame:
    """Return the table with `change` made to the cells of `column` that are not missing, in a
    share of the rows.
    """
    at = raw.where(share, rng)
    return _put(
        raw, at, column, [change(value) if value else value for value in raw.rows[column].iloc[at]]
    )


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(round(float(value), 6))


def units_changed(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Grams for kilograms, cents for euros, centimetres for inches, kilograms for pounds."""
    factor = rng.choice([1000, 100, 2.54, 0.454])
    return _changed(
        raw,
        share,
        rng,
        _one(raw.of("integer", "number"), rng),
        lambda value: _number(float(value) * factor),
    )


def columns_swapped(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Two columns of the same type change places."""
    pairs = [
        columns
        for columns in (raw.of("text"), raw.of("integer", "number"), raw.of("date"))
        if len(columns) > 1
    ]
    if not pairs:
        raise NotHere
    a, b = rng.choice(pairs[rng.integers(len(pairs))], 2, replace=False)
    at = raw.where(share, rng)
    rows = _put(raw, at, a, raw.rows[b].iloc[at].to_numpy())
    rows.iloc[at, rows.columns.get_loc(b)] = raw.rows[a].iloc[at].to_numpy()
    return rows


def rows_shifted(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Every cell stands one column to the right."""
    at, rows = raw.where(share, rng), raw.rows.copy()
    rows.iloc[at] = np.roll(rows.iloc[at].to_numpy(), 1, axis=1)
    return rows


def mojibake(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """UTF-8 that was read as Latin-1."""
    return _changed(raw, share, rng, _one(raw.of("text"), rng), lambda value: "Ã©" + value[1:])


def category_renamed(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A code has a new name."""
    return _changed(raw, share, rng, _one(raw.of("text"), rng), lambda value: f"{value}_v2")


def block_duplicated(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A block of rows was appended twice."""
    start = rng.integers(len(raw.rows) - round(share * len(raw.rows)) + 1)
    return pd.concat(
        [raw.rows, raw.rows.iloc[start : start + round(share * len(raw.rows))]], ignore_index=True
    )


def missing_as_zero(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """What is missing was written as 0."""
    return _put(raw, raw.where(share, rng), _one(raw.of("integer", "number"), rng), "0")


def missing_as_minus_one(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """What is missing was written as -1."""
    return _put(raw, raw.where(share, rng), _one(raw.of("integer", "number"), rng), "-1")


def missing_as_unknown(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """What is missing was written as a word."""
    return _put(
        raw,
        raw.where(share, rng),
        _one(raw.of("text", "integer", "number", "date"), rng),
        "unknown",
    )


def values_lost(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Cells are empty."""
    return _put(
        raw, raw.where(share, rng), _one(raw.of("text", "integer", "number", "date"), rng), ""
    )


def file_truncated(raw: Raw, share: float, rng: np.random.Generator) -> str:
    """The transfer broke off: the last rows are gone, and what is left ends anywhere."""
    text = raw.rows.to_csv(index=False, lineterminator="\n")
    return text[: int(len(text) * (1 - share))]


def day_and_month_swapped(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Dates were read as day first where they are written month first."""
    return _changed(
        raw,
        share,
        rng,
        _one(raw.of("date"), rng),
        lambda value: value[:5] + value[8:10] + value[4:8] + value[10:],
    )


def join_multiplied(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows met two partners in a join: they stand twice, and differ in one column."""
    at = raw.where(share, rng)
    column = _one(raw.of("text", "integer", "number"), rng)
    values = raw.rows[column].iloc[rng.permutation(len(raw.rows))[: len(at)]].to_numpy()
    return pd.concat([raw.rows, raw.rows.iloc[at].assign(**{column: values})], ignore_index=True)


def signs_flipped(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A debit is a credit."""
    return _changed(
        raw,
        share,
        rng,
        _one(raw.of("integer", "number"), rng),
        lambda value: _number(-float(value)),
    )


def outliers(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Values lie ten standard deviations above the mean."""
    column = _one(raw.of("integer", "number"), rng)
    values = pd.to_numeric(raw.rows[column])
    far = values.mean() + 10 * values.std()
    return _put(
        raw,
        raw.where(share, rng),
        column,
        _number(round(far) if raw.kinds[column] == "integer" else far),
    )


def label_noise(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows carry the label of another row."""
    at = raw.where(share, rng)
    labels = raw.rows[raw.target].unique()
    return _put(
        raw,
        at,
        raw.target,
        [rng.choice(labels[labels != label]) for label in raw.rows[raw.target].iloc[at]],
    )


def target_leaked(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A feature holds the label: as it is written if it is text, else as a number of its own."""
    column = _one(raw.of("text", "integer", "number"), rng)
    at = raw.where(share, rng)
    labels = raw.rows[raw.target].iloc[at]
    codes = {
        label: label if raw.kinds[column] == "text" else str(nth)
        for nth, label in enumerate(sorted(raw.rows[raw.target].unique()))
    }
    return _put(raw, at, column, labels.map(codes).to_numpy())


def stale_copy(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """The newest rows are those of an older file."""
    n = round(share * len(raw.rows))
    return pd.concat([raw.rows.head(len(raw.rows) - n), raw.rows.head(n)], ignore_index=True)


def value_stuck(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A sensor repeats one reading for a block of rows."""
    column = _one(raw.of("text", "integer", "number", "date"), rng)
    start = rng.integers(len(raw.rows) - round(share * len(raw.rows)) + 1)
    return _put(
        raw,
        np.arange(start, start + round(share * len(raw.rows))),
        column,
        raw.rows[column].iloc[start],
    )


def default_filled(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A form sets its default where nobody chose: the most common value."""
    column = _one(raw.of("text", "integer", "number"), rng)
    return _put(
        raw,
        raw.where(share, rng),
        column,
        raw.rows.loc[raw.rows[column] != "", column].mode().iloc[0],
    )


def numbers_rounded(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Numbers have one significant digit."""
    column = _one(
        [
            column
            for column in raw.of("integer", "number")
            if pd.to_numeric(raw.rows[column]).abs().max() >= 10
        ],
        rng,
    )
    return _changed(raw, share, rng, column, lambda value: _number(float(f"{float(value):.0e}")))


def case_changed(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Upper case for lower case."""
    columns = [
        column
        for column in raw.of("text")
        if raw.rows[column].str.contains("[A-Za-z]").mean() > NEARLY_ALL / 2
    ]
    return _changed(raw, share, rng, _one(columns, rng), str.swapcase)


def space_added(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A no-break space follows the text, as it comes from spreadsheets."""
    return _changed(raw, share, rng, _one(raw.of("text"), rng), lambda value: value + "\u00a0")


def decimal_comma(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """1,5 for 1.5."""
    columns = [
        column
        for column in raw.of("number")
        if raw.rows[column].str.contains(".", regex=False).mean() > NEARLY_ALL / 2
    ]
    return _changed(raw, share, rng, _one(columns, rng), lambda value: value.replace(".", ","))


def other_population(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows come from elsewhere: numbers one standard deviation higher, codes in equal shares."""
    at, rows = raw.where(share, rng), raw.rows.copy()
    for column in raw.of("integer", "number"):
        values = pd.to_numeric(rows[column])
        step = values.std() if raw.kinds[column] == "number" else max(1, round(values.std()))
        rows = _put(
            replace(raw, rows=rows),
            at,
            column,
            ["" if pd.isna(v) else _number(v + step) for v in values.iloc[at]],
        )
    for column in raw.of("text"):
        rows = _put(
            replace(raw, rows=rows), at, column, rng.choice(raw.rows[column].unique(), len(at))
        )
    return rows


def column_sorted(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """One column was sorted without the others, in a part of the rows: every value is there, and
    none in its place.
    """
    column, at = _one(raw.of("text", "integer", "number", "date"), rng), raw.where(share, rng)
    return _put(raw, at, column, np.sort(raw.rows[column].iloc[at].to_numpy()))


def class_dropped(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """The rarest class is gone, or a share of all rows where it has more."""
    rarest = raw.rows[raw.target].value_counts().idxmin()
    at = np.flatnonzero(raw.rows[raw.target] == rarest)[: round(share * len(raw.rows))]
    return raw.rows.drop(index=raw.rows.index[at]).reset_index(drop=True)


def class_share_shifted(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A share of the rows is lacking, all of the largest class."""
    largest = raw.rows[raw.target].value_counts().idxmax()
    at = np.flatnonzero(raw.rows[raw.target] == largest)
    return raw.rows.drop(
        index=raw.rows.index[rng.permutation(at)[: round(share * len(raw.rows))]]
    ).reset_index(drop=True)


def ids_reused(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Rows have the identifier of other rows."""
    ids = [
        column
        for column in raw.of("text", "integer")
        if raw.rows[column].nunique() >= NEARLY_ALL * len(raw.rows)
    ]
    column, at = _one(ids, rng), raw.where(share, rng)
    return _put(
        raw, at, column, raw.rows[column].iloc[rng.permutation(len(raw.rows))[: len(at)]].to_numpy()
    )


def time_in_future(raw: Raw, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Dates lie a hundred years ahead."""
    return _changed(
        raw,
        share,
        rng,
        _one(raw.of("date"), rng),
        lambda value: f"{int(value[:4]) + 100}{value[4:]}",
    )


CORRUPTIONS: list[Corruption] = [
    units_changed,
    columns_swapped,
    rows_shifted,
    mojibake,
    category_renamed,
    block_duplicated,
    missing_as_zero,
    missing_as_minus_one,
    missing_as_unknown,
    values_lost,
    file_truncated,
    day_and_month_swapped,
    join_multiplied,
    signs_flipped,
    outliers,
    label_noise,
    target_leaked,
    stale_copy,
    value_stuck,
    default_filled,
    numbers_rounded,
    case_changed,
    space_added,
    decimal_comma,
    other_population,
    column_sorted,
    class_dropped,
    class_share_shifted,
    ids_reused,
    time_in_future,
]
