"""Show who registered, promoted and retired which model, when, why, and the hashes of what was proven of it."""

from stages.after.registry import events, in_service
from stages.command import Refused, run


def main() -> None:
    """Print every event, the oldest first, and the version in service."""
    said = events()
    if not said:
        raise Refused("no model is registered yet; `make promote WHY=...` puts the last run's into service")
    for event in said:
        why, _, hashes = event.message.strip().partition("\n\n")
        print(f"{event.when}  {event.version or 'all versions'}  {event.what}  {event.who}\n    {why}")
        if event.stage is None:
            print("".join(f"    {line}\n" for line in hashes.splitlines()), end="")
    try:
        print(f"in service: {in_service(said) or 'the last run, none was promoted yet'}")
    except Refused as withdrawn:
        print(f"in service: none: {withdrawn}")


if __name__ == "__main__":
    run(main)
