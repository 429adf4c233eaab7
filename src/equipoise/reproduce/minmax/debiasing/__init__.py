"""Adversarial debiasing of a table, from seed to seed."""
