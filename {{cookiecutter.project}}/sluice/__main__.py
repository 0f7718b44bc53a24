"""Let `python -m sluice` do what the command `sluice` does."""

from sluice.cli import main

main()
