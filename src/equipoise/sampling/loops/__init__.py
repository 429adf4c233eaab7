"""Compiled loops over steps: all that another language might one day replace."""
