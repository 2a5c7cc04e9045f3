"""One file a method: its equation, its keys, its source. `benchmark.registry` finds them."""
