"""Whether a run can begin: `python -m stages.check`, which make calls before `dvc repro`."""

from pathlib import Path

import yaml

from stages.command import Refused, run
from stages.detect import ensure_sources
from stages.params import load_params

THEIRS = (  # files that stages read
    "expectations/",
    "data/raw",
    "data/sources.yaml",
    "data/profile.json",
    "uv.lock",
)


def missing_files() -> list[str]:
    """Return a sentence for each file of the user's that a stage of dvc.yaml reads and that is not there; DVC would say no more than that.

    Code is left out, without which no stage begins; so is what stages make, and what DVC itself is to say of a broken dvc.yaml.
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
        f"{path} does not exist, and the stage {stage} reads it; bring it back with `git checkout -- {path}`"
        + "".join(other for begin, other in others.items() if path.startswith(begin))
        for path, stage in reads.items()
        if path.startswith(THEIRS) and not Path(path).exists()
    ]


def main() -> None:
    """Check params.yaml, and whether all files are there; raises Refused if not.

    In a new project the raw file is looked at here, so that what is wrong with it is said first.
    """
    load_params()
    if not Path("expectations/prepared.json").is_file():
        ensure_sources()
        raise Refused(
            "expectations/ has no suite of these data; run `make scope` first (without make: `uv run python -m stages.scope`)"
        )
    if lacking := missing_files():
        raise Refused("\n".join(lacking))


if __name__ == "__main__":
    run(main)
