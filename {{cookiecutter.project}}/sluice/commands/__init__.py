"""Commands that belong to no single area: confirm, compare, summary, verify."""
