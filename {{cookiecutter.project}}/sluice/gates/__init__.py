"""Judge a table by its suite of expectations: the one gate of every stage and command."""
