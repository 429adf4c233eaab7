"""Clusterings: of millions of rows by way of a summary, and fair to groups."""
