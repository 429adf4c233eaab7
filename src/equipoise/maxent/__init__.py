"""The distribution closest to a measure that has a given mean.

``discrete`` has products of finite domains with rows of data behind them; ``continuous`` has
bodies, spheres, finite sets of points and Hermitian matrices.
"""
