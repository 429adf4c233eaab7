import math


def suggest_size(eps, k, z=2, n_collections=1):
    return max(math.ceil(0.04 * k / eps**2), 20 * n_collections)
