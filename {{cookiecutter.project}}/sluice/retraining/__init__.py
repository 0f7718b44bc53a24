"""Train challengers on newer rows and compare them with the champion."""
