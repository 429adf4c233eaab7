"""Mixtures of Gaussians in the plane: modes found, lost and kept, seed by seed."""
