"""Show who registered, promoted and retired which model, when, why, and what was proven of it."""

from collections import Counter

from sluice.core.command import UserError
from sluice.core.text import say
from sluice.registry.registry import Event, events, in_service


def lines(event: Event) -> list[str]:
    """Return two lines on an event, a third on what was proven where it registers a version."""
    why = event.message.strip().partition("\n\n")[0]
    first = f"{event.when}  {event.version or 'all versions'}  {event.what}  {event.who}"
    if event.stage is not None or event.manifest_sha256 is None:
        return [first, f"    {why}"]
    gates = event.message.rpartition("\nmanifest ")[2].split("\n")[1:]
    counts = Counter(line.split()[1] for line in gates if line)
    said = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    third = f"manifest {event.manifest_sha256[:12]}, {counts.total()} gates: {said}"
    return [first, f"    {why}", f"    {third}"]


def main() -> None:
    """Print every event, the oldest first, and the version in service."""
    said = events()
    if not said:
        raise UserError(
            "no model is registered yet; `uv run sluice promote --why ...` puts the last run's into"
            " service"
        )
    for event in said:
        say(*lines(event))
    try:
        say(f"in service: {in_service(said) or 'the last run, none was promoted yet'}")
    except UserError as withdrawn:
        say(f"in service: none: {withdrawn}")
