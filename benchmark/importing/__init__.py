"""Predictions of runs that fairbench did not train, as run folders that `compare` reads."""
