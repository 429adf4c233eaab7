"""Images: which classes are made, how evenly, and how like the real ones."""
