"""Ask Great Expectations about a table that is in memory."""

import re
from typing import Any

import pandas as pd
from great_expectations.exceptions import GreatExpectationsError
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.validator.validator import Validator

FAULTS = (
    GreatExpectationsError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    re.error,
)  # it raises of odd bounds


def validated(
    rows: pd.DataFrame, asked: list[Expectation], result_format: dict[str, Any]
) -> list[Any]:
    """Return the results of Great Expectations; raises what it raises.

    Its validator is called itself: a data source would compute a fingerprint of all cells, twice,
    which costs more than all expectations.
    """
    engine = PandasExecutionEngine(batch_data_dict={"table": rows})
    validator = Validator(engine)
    validator.metrics_calculator.show_progress_bars = False
    results = validator.graph_validate(
        [one.configuration for one in asked], {"result_format": result_format}
    )
    vars(
        engine
    ).clear()  # it refers to itself: rows and metrics would stay until Python looks for cycles
    return [result for result in results if result.expectation_config]


def exception_of(info: dict[str, Any]) -> str:
    """Return the message of an exception that Great Expectations swallowed; it nests them by
    metric.
    """
    nested = [info, *(value for value in info.values() if isinstance(value, dict))]
    messages = {str(one.get("exception_message")) for one in nested if one.get("raised_exception")}
    return "; ".join(sorted(" ".join(message.split()) for message in messages))
