"""Volumes of polytopes: the errors made beside the errors claimed, and hopsy's."""

from __future__ import annotations

import time
import warnings
from math import lgamma, log

import numpy as np

from benchmarks.figure import Figure
from equipoise.sampling import Polytope, log_volume

_ERROR = 0.1  # standard error of the log that is asked for
_SEEDS = 12  # of each body: few, so rms z is held to 1 within what so few can show
_REACH = 1.6  # of rms z: exceeded once in 400 times by 12 normal numbers

# Volumes over that of a fundamental cell, OEIS A037302 (Beck and Pixton 2003).
_BIRKHOFF = {
    8: 12816077964079346687829905128694016,
    10: 5091038988117504946842559205930853037841762820367901333706255223000,
}


def figures() -> list[Figure]:
    """Errors of logs of volumes.

    Returns
    -------
    list of Figure
    """
    return [*_own(), *_beside_hopsy()]


def _own() -> list[Figure]:
    bodies = {
        "cube100": (_cube(100), 100 * log(2)),
        "birkhoff8": (_birkhoff(8), log(_BIRKHOFF[8]) - lgamma(50)),
        "birkhoff10": (_birkhoff(10), log(_BIRKHOFF[10]) - lgamma(82)),
    }
    found = []
    log_volume(_cube(3), method="cooling")  # compiles
    for name, (polytope, exact) in bodies.items():
        began = time.process_time()
        volumes = [
            log_volume(polytope, se=_ERROR, method="cooling", seed=seed) for seed in range(_SEEDS)
        ]
        seconds = (time.process_time() - began) / _SEEDS
        errors = np.array([volume.log_volume - exact for volume in volumes])
        claimed = np.array([volume.se for volume in volumes])
        z = float(np.sqrt(((errors / claimed) ** 2).mean()))
        print(
            f"{name}: errors of the log {np.abs(errors).mean():.3f} on average and "
            f"{np.abs(errors).max():.3f} at most, standard error claimed {claimed.mean():.3f}, "
            f"rms z {z:.2f} over {_SEEDS} seeds, {len(volumes[0].stages)} stages, "
            f"{seconds:.2f} CPU seconds a volume"
        )
        what = f"{name}: standard error of the log volume that is claimed, at most"
        found.append(Figure(f"{name}_volume_se", float(claimed.max()), "<=", _ERROR, what))
        what = f"{name}: errors made over those claimed, root mean square"
        found.append(Figure(f"{name}_volume_z", z, "<=", _REACH, what))
    return found


def _beside_hopsy() -> list[Figure]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import hopsy
    except ImportError:
        print("hopsy is not installed: no volumes are measured beside it")
        return []
    found = []
    for n in (20, 50):
        exact = n * log(2)
        A = np.vstack([np.eye(n), -np.eye(n)])
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs, claimed = hopsy.estimate_polytope_log_volume(hopsy.Problem(A, np.ones(2 * n)))
        seconds = time.process_time() - began
        ours = log_volume(_cube(n), se=_ERROR, method="cooling")
        error = float(theirs) - exact
        print(
            f"cube, {n} dimensions: hopsy's default is off by {error:.2f} in the log "
            f"({seconds:.1f} CPU seconds, claiming {claimed:.2f}); ours by "
            f"{ours.log_volume - exact:.2f}, claiming {ours.se:.2f}"
        )
        what = f"cube, {n} dimensions: error of hopsy's default log volume over ours claimed"
        found.append(Figure(f"cube{n}_hopsy_error", abs(error) / ours.se, ">=", 10, what))
    return found


def _cube(n: int) -> Polytope:
    return Polytope(bounds=[(-1, 1)] * n)


def _birkhoff(n: int) -> Polytope:
    """Doubly stochastic matrices without their last row and column."""
    k = n - 1
    A = np.vstack(
        [
            np.kron(np.eye(k), np.ones((1, k))),
            np.kron(np.ones((1, k)), np.eye(k)),
            -np.ones((1, k * k)),
        ]
    )
    return Polytope(A, np.concatenate([np.ones(2 * k), [2.0 - n]]), bounds=[(0, None)] * (k * k))
