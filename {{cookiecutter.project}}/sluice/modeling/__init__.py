"""Fit, choose, save and load models."""
