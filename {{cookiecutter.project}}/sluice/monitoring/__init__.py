"""Models in service: score files, judge live batches, measure how a model ages."""
