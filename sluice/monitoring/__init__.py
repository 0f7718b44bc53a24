"""After training: the reference, drift, performance, the registry, scoring and retraining."""
