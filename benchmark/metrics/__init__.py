"""Performance and fairness of one set of predictions. Kept empty: `catalogue` starts at once."""
