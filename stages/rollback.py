"""Take the model in service out of it, and put the one before, or another that was in service, back as it was."""

import argparse

from stages.after.registry import (
    CHAMPION,
    RETIRED,
    Event,
    alone,
    assign,
    champions,
    events,
    identified,
    lineage,
    promoted,
    returnable,
    serving,
)
from stages.after.repository import how_to_push
from stages.command import Refused, run
from stages.params import load_params
from stages.text import say
from stages.waivers import says_something


def target(version: str | None, said: list[Event]) -> str:
    """Return the version to go back to: the one given, else the one that was in service before the present one.

    One that was rolled back itself is passed over. Raises Refused where there is nothing to go back to.
    """
    now, past = serving(said), champions(said)
    before, others = (
        [one for one in versions if one != now] for versions in (lineage(said), returnable(said))
    )
    if not past:
        raise Refused(
            "no model was ever promoted, so there is none to go back to; `make promote` puts one into service"
        )
    if version is not None and version == now:
        raise Refused(f"{version} is in service already")
    if version is None and not before:
        known = f"; VERSION= may name {', '.join(others)}, which was" if others else ""
        raise Refused(
            f"no model was in service before {now or 'the one withdrawn'} that was not rolled back{known}"
        )
    if version is not None and version not in past:
        raise Refused(
            f"{version!r} was never in service; roll back to {', '.join(others) or 'none'}, or use `make promote`"
        )
    return version or before[-1]


def roll_back(version: str | None, why: str, is_signed: bool) -> str:
    """Make `version`, or the one before, the champion again, and return a line on it."""
    said = events()
    back, now = target(version, said), serving(said)
    promoted(back, said, is_signed)
    assign(back, CHAMPION, why, is_signed)
    if now is not None:
        assign(now, RETIRED, f"rolled back to {back}: {why}", is_signed)
    retired = f", {now} is retired" if now else ""
    return f"{back} is in service again{retired}; git has the tags: push them with {how_to_push()}"


def main() -> None:
    """Roll back after every file of the earlier version was verified; nothing is computed anew."""
    parser = argparse.ArgumentParser(prog="rollback", description=__doc__)
    parser.add_argument(
        "version", nargs="?", help="without it, the one that was in service before this one"
    )
    parser.add_argument("--why", required=True, help="the reason, which the tag keeps")
    given = parser.parse_args()
    if not says_something(given.why):
        raise Refused("--why is empty: say what was wrong, the tag keeps it")
    identified()
    with alone():
        say(roll_back(given.version, given.why.strip(), load_params().registry.signed))


if __name__ == "__main__":
    run(main)
