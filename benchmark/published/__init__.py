"""Numbers from papers: read, tested on their own, and set beside runs on the same data."""
