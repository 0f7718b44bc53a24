"""Take the model in service out of it, and put the one before, or another that was in service,
back as it was.
"""

from sluice.core.command import UserError
from sluice.core.params import load_params
from sluice.core.text import say
from sluice.core.waivers import says_something
from sluice.registry.registry import (
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
from sluice.registry.repository import how_to_push


def target(version: str | None, said: list[Event]) -> str:
    """Return the version to go back to: the one given, else the one that was in service before the
    present one.

    One that was rolled back itself is passed over. Raises UserError where there is nothing to go
    back to.
    """
    now, past = serving(said), champions(said)
    before, others = (
        [one for one in versions if one != now] for versions in (lineage(said), returnable(said))
    )
    if not past:
        raise UserError(
            "no model was ever promoted, so there is none to go back to; `uv run sluice"
            " promote --why ...` puts one into service"
        )
    if version is not None and version == now:
        raise UserError(f"{version} is in service already")
    if version is None and not before:
        known = f"; VERSION may be {', '.join(others)}, which was" if others else ""
        raise UserError(
            f"no model was in service before {now or 'the one withdrawn'} that was not rolled"
            f" back{known}"
        )
    if version is not None and version not in past:
        raise UserError(
            f"{version!r} was never in service; roll back to {', '.join(others) or 'none'}, or use"
            " `uv run sluice promote`"
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


def main(version: str | None, why: str) -> None:
    """Roll back after every file of the earlier version was verified; nothing is computed anew."""
    if not says_something(why):
        raise UserError("--why is empty: say what was wrong, the tag keeps it")
    identified()
    with alone():
        say(roll_back(version, why.strip(), load_params().registry.signed))
