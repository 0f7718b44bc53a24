"""Measure predictions: by class and by slice, with intervals, costs and referral."""
