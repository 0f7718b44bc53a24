"""Tables about the data that gates judge: leakage, proxies, class support, changes."""
