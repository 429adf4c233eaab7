"""Optimisation schemes, each a wrapper around an ordinary torch optimizer."""
