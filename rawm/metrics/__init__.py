"""Metrics of a run and over the task matrix. No I/O. Importing `measure` needs no NumPy."""
