"""Take the model in service out of it, and put the one before, or another that was in service, back as it was."""

import argparse

from stages.after.registry import CHAMPION, RETIRED, assign, champions, events, identified, in_service, verified
from stages.command import Refused, run
from stages.params import load_params


def target(version: str | None, now: str | None, past: list[str]) -> str:
    """Return the version to go back to: the one given, else the one that was promoted before the one in service, `now`.

    past: the versions that were ever in service, by first promotion. Raises Refused where there is nothing to go back to.
    """
    if now is None:
        raise Refused("no model was ever promoted, so there is none to go back to; `make promote` puts one into service")
    if version is None:
        if now == past[0]:
            raise Refused(f"{now} is the first model that was in service, there is none before it")
        return past[past.index(now) - 1]
    if version == now:
        raise Refused(f"{version} is in service already")
    if version not in past:
        raise Refused(f"{version!r} was never in service; roll back to {', '.join(past)}, or use `make promote`")
    return version


def main() -> None:
    """Roll back after every file of the earlier version was verified; nothing is computed anew."""
    parser = argparse.ArgumentParser(prog="rollback", description=__doc__)
    parser.add_argument("version", nargs="?", help="without it, the one that was in service before this one")
    parser.add_argument("--why", required=True, help="the reason, which the tag keeps")
    given = parser.parse_args()
    if not given.why.strip():
        raise Refused("--why is empty: say what was wrong, the tag keeps it")
    identified()
    said = events()
    now = in_service(said)
    back = target(given.version, now, champions(said))
    verified(back, said, load_params().registry.public_key)
    assign(back, CHAMPION, given.why.strip())
    assign(str(now), RETIRED, f"rolled back to {back}: {given.why.strip()}")
    print(f"{back} is in service again, {now} is retired; git has the tags: push them with `git push --follow-tags`")


if __name__ == "__main__":
    run(main)
