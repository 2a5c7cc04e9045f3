"""How often verdicts are wrong and intervals miss: `compare` on runs whose truth is known."""
