"""Read sources, clean rows, split them into training and test, and add derived columns."""
