"""Show who registered, promoted and retired which model, when, why, and the hashes of what was proven of it."""

from stages.after.registry import events, in_service
from stages.command import Refused, run
from stages.text import say


def main() -> None:
    """Print every event, the oldest first, and the version in service."""
    said = events()
    if not said:
        raise Refused(
            "no model is registered yet; `make promote WHY=...` puts the last run's into service"
        )
    for event in said:
        why, _, hashes = event.message.strip().partition("\n\n")
        say(
            f"{event.when}  {event.version or 'all versions'}  {event.what}  {event.who}",
            f"    {why}",
        )
        if event.stage is None:
            say(*(f"    {line}" for line in hashes.splitlines()))
    try:
        say(f"in service: {in_service(said) or 'the last run, none was promoted yet'}")
    except Refused as withdrawn:
        say(f"in service: none: {withdrawn}")


if __name__ == "__main__":
    run(main)
