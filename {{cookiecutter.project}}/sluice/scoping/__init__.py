"""Look at new data: what they hold, what they can prove, and which suites fit them."""
