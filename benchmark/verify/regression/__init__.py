"""Has a change of the code moved the numbers of any variant? Behind `fairbench check`."""
