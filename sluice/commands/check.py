"""Whether a run can begin: `sluice repro`, which make calls before `dvc
repro`.
"""

from pathlib import Path

import yaml

from sluice.core.command import UserError
from sluice.core.params import load_params
from sluice.scoping.detect import ensure_sources

THEIRS = (  # files that stages read
    "expectations/",
    "data/raw",
    "data/sources.yaml",
    "data/profile.json",
    "uv.lock",
)


def missing_files() -> list[str]:
    """Return a sentence for each file of the user's that a stage of dvc.yaml reads and that is not
    there; DVC would say no more than that.

    Code is left out, without which no stage begins; so is what stages make, and what DVC itself is
    to say of a broken dvc.yaml.
    """
    try:
        stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
        reads = {path: stage for stage, parts in stages.items() for path in parts.get("deps", [])}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return []
    others = {
        "expectations/": ", or with `make scope` if it was never committed",
        "data/raw": ", or with `dvc checkout` if DVC keeps it",
    }
    return [
        f"{path} does not exist, and the stage {stage} reads it; bring it back with `git checkout"
        f" -- {path}`" + "".join(other for begin, other in others.items() if path.startswith(begin))
        for path, stage in reads.items()
        if path.startswith(THEIRS) and not Path(path).exists()
    ]


def main() -> None:
    """Check params.yaml, and whether all files are there; raises UserError if not.

    In a new project the raw file is looked at here, so that what is wrong with it is said first.
    """
    load_params()
    if not Path("expectations/prepared.json").is_file():
        ensure_sources()
        raise UserError(
            "expectations/ has no suite of these data; run `make scope` first (without make: `uv"
            " run sluice scope`)"
        )
    if lacking := missing_files():
        raise UserError("\n".join(lacking))
