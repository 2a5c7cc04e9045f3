"""Claims of papers as YAML, judged against runs: supported, refuted, equivalent, undecided."""
