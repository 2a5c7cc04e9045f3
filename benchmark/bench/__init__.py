"""How long things take: one module a topic."""
