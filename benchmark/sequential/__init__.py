"""Seeds added until verdicts are reached, by a rule whose error rate is fixed in advance."""
