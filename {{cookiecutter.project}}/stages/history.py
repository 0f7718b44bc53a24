"""Show who registered, promoted and retired which model, when, why, and the hashes of what was proven of it."""

from stages.after.registry import events, in_service
from stages.command import Refused, run


def main() -> None:
    """Print every event, the oldest first, and the version in service."""
    said = sorted(events(), key=lambda event: (event.when, event.nth))
    if not said:
        raise Refused("no model is registered yet; `make promote WHY=...` puts the last run's into service")
    for event in said:
        why, _, hashes = event.message.strip().partition("\n\n")
        print(f"{event.when}  {event.version}  {event.stage or 'registered'}  {event.who}\n    {why}")
        if event.stage is None:
            print("".join(f"    {line}\n" for line in hashes.splitlines()), end="")
    print(f"in service: {in_service(said) or 'the last run, none was promoted yet'}")


if __name__ == "__main__":
    run(main)
