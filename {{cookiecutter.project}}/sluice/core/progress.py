"""Show on a terminal, and nowhere else, that a command is at work."""

from tqdm import tqdm


def waiting(what: str) -> tqdm:
    """Return a line that says what is going on, for as long as the block lasts."""
    return tqdm(desc=what, bar_format="{desc} ...", leave=False, disable=None)
