"""The pipeline: one module per stage of dvc.yaml, and the few that the stages share."""

import os

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read when Great Expectations makes its first context
