"""Compare groups: gaps in error rates, and weights that reduce them."""
