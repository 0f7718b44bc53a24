"""The pipeline: one module per stage of dvc.yaml, and the few that the stages share."""

import os
import sys
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read when Great Expectations makes its first context


def _fail(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """End a command that failed unexpectedly with an exit code of its own; who presses Ctrl+C sees what Python shows."""
    from stages.command import fail

    if not isinstance(error, Exception):
        sys.__excepthook__(kind, error, trace)
    else:
        fail(error)


if (
    sys.argv[0] == "-m"
):  # so it is while Python looks for the module of `python -m stages.X`: also a module that cannot be imported fails
    sys.excepthook = _fail
