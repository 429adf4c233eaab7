"""Adversarial training of many seeds at once: replicates are an axis, and so are decisions."""
