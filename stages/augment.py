"""Lift rare classes in the training rows and mark every row as real, repeated or synthetic."""

from sluice.audits.synthetic import synthetic
from sluice.core.command import run
from sluice.core.params import load_params
from sluice.core.tables import AUGMENTED, TEST, TRAIN, read_table, write_table
from sluice.gates.gate import gate, stop
from sluice.modeling.augmenting import augment


def main() -> None:
    """Augment the training rows; the table gets its name only after its gate passed."""
    params = load_params()
    train = read_table(TRAIN)
    augmented = augment(train, params.data, params.augment, params.random_state)
    checked = synthetic(augmented, train, read_table(TEST), params.data, params.random_state)
    write_table(checked, "reports/synthetic.csv")
    judged = {"augmented": augmented, "synthetic": checked}
    forbidden = params.data.forbidden
    stop(
        [
            gate(table, f"expectations/{name}.json", f"reports/gates/{name}.json", forbidden)
            for name, table in judged.items()
        ]
    )
    write_table(augmented, AUGMENTED)


if __name__ == "__main__":
    run(main)
