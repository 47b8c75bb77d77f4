"""Runs of a study, the files that hold their results, and how sure the results are."""
