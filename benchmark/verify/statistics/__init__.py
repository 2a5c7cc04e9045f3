"""Recorded statistics, recomputed: one module a file of the pack."""
