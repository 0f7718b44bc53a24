"""Take the model in service out of it, and put the one before, or another that was in service, back as it was."""

import argparse

from stages.after.registry import CHAMPION, RETIRED, Event, assign, champions, events, identified, in_service, lineage, verified
from stages.command import Refused, run
from stages.params import load_params
from stages.text import say
from stages.waivers import says_something


def target(version: str | None, said: list[Event]) -> str:
    """Return the version to go back to: the one given, else the one that was in service before the present one.

    One that was rolled back itself is passed over. Raises Refused where there is nothing to go back to.
    """
    line, past = lineage(said), champions(said)
    if not line:
        raise Refused("no model was ever promoted, so there is none to go back to; `make promote` puts one into service")
    others = [one for one in past if one != line[-1]]
    if version == line[-1]:
        raise Refused(f"{version} is in service already")
    if version is None and len(line) == 1:
        known = f"; VERSION= may name {', '.join(others)}, which was" if others else ""
        raise Refused(f"no model was in service before {line[-1]} that was not rolled back{known}")
    if version is not None and version not in past:
        raise Refused(f"{version!r} was never in service; roll back to {', '.join(others) or 'none'}, or use `make promote`")
    return version or line[-2]


def main() -> None:
    """Roll back after every file of the earlier version was verified; nothing is computed anew."""
    parser = argparse.ArgumentParser(prog="rollback", description=__doc__)
    parser.add_argument("version", nargs="?", help="without it, the one that was in service before this one")
    parser.add_argument("--why", required=True, help="the reason, which the tag keeps")
    given = parser.parse_args()
    if not says_something(given.why):
        raise Refused("--why is empty: say what was wrong, the tag keeps it")
    identified()
    said = events()
    back, now = target(given.version, said), in_service(said)
    verified(back, said, load_params().registry.public_key)
    assign(back, CHAMPION, given.why.strip())
    assign(str(now), RETIRED, f"rolled back to {back}: {given.why.strip()}")
    say(f"{back} is in service again, {now} is retired; git has the tags: push them with `git push --follow-tags`")


if __name__ == "__main__":
    run(main)
