"""Tests that every project ships with."""
