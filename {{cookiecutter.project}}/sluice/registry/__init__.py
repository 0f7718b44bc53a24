"""Versions of the model as git tags: register, verify, roll back, show the history."""
