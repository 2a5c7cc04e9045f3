"""Recorded numbers of the public code, recomputed and replayed with fairbench."""
