"""One file for each family of well-known tables."""
