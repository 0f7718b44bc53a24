"""The engine: what checks every table, every model and every live batch. It is replaced by
`cruft update`, not edited.
"""

import gc
import os
import sys
from pathlib import Path
from typing import Any

__version__ = "0.3.0"

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read when Great Expectations makes its first context


def _fail(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """End a stage that cannot be imported as one that fails; who presses Ctrl+C sees what Python
    shows.
    """
    from sluice.core.command import fail

    if not isinstance(error, Exception):
        sys.__excepthook__(kind, error, trace)
    else:
        fail(error)


# so it is while Python looks for the module of `python -m sluice`, and while a stage runs
if sys.argv[0] == "-m" or Path(sys.argv[0]).parent.name == "stages":
    gc.disable()  # see `run`
    sys.excepthook = _fail
