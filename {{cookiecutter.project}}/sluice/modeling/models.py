"""Find the model that params.yaml names among the functions of stages/models.py, and settings to
try for it.
"""

import inspect
from importlib import import_module
from types import ModuleType
from typing import Any

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.model_selection import ParameterSampler

from sluice.core.command import UserError


def _models() -> ModuleType:
    return import_module("stages.models")


def model_names() -> list[str]:
    """Return the names that train.model can have: the public functions of stages/models.py, as
    they stand there.
    """
    models = _models()
    return [
        name
        for name, made in vars(models).items()
        if inspect.isfunction(made) and made.__module__ == models.__name__ and name[0] != "_"
    ]


def build_model(name: str, X: pd.DataFrame, random_state: int) -> ClassifierMixin:
    """Return the unfitted model `name` for features like `X`; raises UserError for a name that
    has no function.
    """
    if name not in model_names():
        raise UserError(
            f"params.yaml: train.model is {name!r}, must be one of {', '.join(model_names())}; "
            "stages/models.py has a function for each"
        )
    return getattr(_models(), name)(X, random_state)


def settings_to_try(name: str, n: int, random_state: int) -> list[dict[str, Any]]:
    """Return `n` random settings of the model `name`, by scikit-learn's names of them.

    Raises UserError for a model that has no search space.
    """
    spaces = _models().SEARCH_SPACES
    if name not in spaces:
        raise UserError(
            f"params.yaml: train.search is {n}, but SEARCH_SPACES in stages/models.py has no "
            f"settings to try for {name!r}; add them there, or set train.search: 0"
        )
    drawn = ParameterSampler(spaces[name], n, random_state=random_state)
    return [
        {
            key: float(f"{value:.3g}") if isinstance(value, float) else value
            for key, value in one.items()
        }
        for one in drawn
    ]
