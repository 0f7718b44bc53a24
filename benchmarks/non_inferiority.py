"""Print how often the gate of challengers lets one pass that is as good as the champion, and one
that lost what the margin allows.

`uv run python -m benchmarks.non_inferiority`: 2,000 draws of the rows of one class of which the
champion finds .8, held against expectations/challenger.json as `uv run sluice retrain` holds them.
"""

import numpy as np

from sluice.gates.suite import read_suite
from sluice.metrics.intervals import newcombe_paired

SUITE = "expectations/challenger.json"
DRAWS = 2000
FOUND = 0.8  # the champion's recall
SIZES = (30, 50, 70, 100, 200, 500)


def bounds() -> tuple[float, float]:
    """Return the least lower bound of a difference and the greatest proven fall that the suite
    lets pass.
    """
    kwargs = [
        one.raw["kwargs"] for one in read_suite(SUITE).expected if one.raw["severity"] == "critical"
    ]
    [low] = [one["min_value"] for one in kwargs if one.get("column") == "low"]
    [fall] = [one["max_value"] for one in kwargs if one.get("column") == "proven_fall"]
    return low, fall


def passes(n: int, gained: float, lost: float, candidates: int, rng: np.random.Generator) -> float:
    """Return the share of draws of `n` rows that pass, where the challenger alone finds `gained`
    of them and the champion alone `lost`.
    """
    least, most = bounds()
    shares = (FOUND - lost, gained, lost, 1 - FOUND - gained)
    passed = 0
    for cells in rng.multinomial(n, shares, size=DRAWS):
        low, high = newcombe_paired(*map(float, cells), 1 - 2 * 0.05 / candidates)
        fall = (cells[2] - cells[1]) / n if high < 0 else 0.0
        passed += low >= least and fall <= most
    return passed / DRAWS


def main() -> None:
    """Print the table in Markdown."""
    rng, margin = np.random.default_rng(0), -bounds()[0]
    print(
        f"| candidates | rows of the class | as good, other in .05 | as good, other in .1 | worse by {margin:g} |\n|---|---|---|---|---|"
    )
    for candidates in (1, 4):
        for n in SIZES:
            row = [passes(n, share / 2, share / 2, candidates, rng) for share in (0.05, 0.1)]
            row.append(passes(n, 0.02, 0.02 + margin, candidates, rng))
            print(f"| {candidates} | {n} | " + " | ".join(f"{share:.1%}" for share in row) + " |")


if __name__ == "__main__":
    main()
