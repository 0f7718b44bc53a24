"""Before training: what `make scope` finds, proves, estimates and proposes."""
