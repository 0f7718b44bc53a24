"""Tests of the engine: they stay in Sluice's own repository."""
