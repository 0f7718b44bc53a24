"""Compare rows in service with the rows that a model was trained and tested on."""
