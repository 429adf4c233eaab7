"""The loop around kernels: seeds, blocks, workers, checkpoints, moments, tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.sampling.gaussian_walk import GaussianWalk

from equipoise.sampling import Chains, Draws, RunningMoments, join, run, start, stream


def begin(n_chains: int = 3, n: int = 2, seed: int = 7) -> Chains:
    return start(GaussianWalk(), np.zeros(n), seed=seed, n_chains=n_chains)


def test_a_walk_on_a_gaussian_has_its_moments():
    _, draws = run(GaussianWalk(1.5), start(GaussianWalk(1.5), np.zeros(2), seed=1), 5000)
    summary = draws.summary()
    np.testing.assert_array_less(np.abs(summary.mean[:2] / summary.mcse_mean[:2]), 4)
    np.testing.assert_array_less(np.abs((summary.sd[:2] - 1) / summary.mcse_sd[:2]), 4)
    assert summary.max_rhat < 1.02


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    one = run(GaussianWalk(), begin(), 40)[1].array
    np.testing.assert_array_equal(one, run(GaussianWalk(), begin(), 40)[1].array)
    assert (one != run(GaussianWalk(), begin(seed=8), 40)[1].array).any()


def test_a_chain_does_not_depend_on_how_many_there_are():
    few = run(GaussianWalk(), begin(2), 30)[1].array
    many = run(GaussianWalk(), begin(5), 30)[1].array
    np.testing.assert_array_equal(few, many[:2])


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_draws_do_not_depend_on_the_workers(workers):
    one = run(GaussianWalk(), begin(5), 30, thin=2)[1]
    many = run(GaussianWalk(), begin(5), 30, thin=2, workers=workers)[1]
    np.testing.assert_array_equal(one.array, many.array)
    np.testing.assert_array_equal(one.log_density, many.log_density)
    np.testing.assert_array_equal(one.acceptance, many.acceptance)


def test_draws_do_not_depend_on_the_blocks():
    parts = [draws for _, draws in stream(GaussianWalk(), begin(), 31, block=7)]
    assert [part.array.shape[1] for part in parts] == [7, 7, 7, 7, 3]
    whole = run(GaussianWalk(), begin(), 31)[1]
    np.testing.assert_array_equal(join(parts).array, whole.array)
    np.testing.assert_array_equal(join(parts).acceptance, whole.acceptance)


def test_thinning_keeps_every_so_many_steps():
    every = run(GaussianWalk(), begin(), 30)[1]
    third = run(GaussianWalk(), begin(), 10, thin=3)[1]
    np.testing.assert_array_equal(every.array[:, 2::3], third.array)
    np.testing.assert_array_equal(third.counts["steps"], 30)


def test_chains_go_on_from_a_file_bit_for_bit(tmp_path):
    whole = run(GaussianWalk(), begin(), 50)[1].array
    half, first = run(GaussianWalk(), begin(), 20)
    half.save(tmp_path / "chains.npz")
    again = Chains.load(tmp_path / "chains.npz")
    rest = run(GaussianWalk(), again, 30)
    np.testing.assert_array_equal(np.concatenate([first.array, rest[1].array], axis=1), whole)
    assert rest[0].n_draws == 50


def test_chains_are_not_changed_by_a_run():
    chains = begin()
    first = run(GaussianWalk(), chains, 10)[1].array
    np.testing.assert_array_equal(run(GaussianWalk(), chains, 10)[1].array, first)


def test_chains_of_another_kernel_are_refused():
    with pytest.raises(ValueError, match="cannot be continued"):
        run(GaussianWalk(2.0), begin(), 5)


def test_a_file_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match="was not written by"):
        Chains.load(tmp_path / "other.npz")


def test_progress_is_told_and_can_save(tmp_path):
    seen = []

    def watch(progress):
        seen.append((progress.done, progress.total))
        progress.chains.save(tmp_path / "now.npz")

    end, _ = run(GaussianWalk(), begin(), 40, progress=watch)
    assert seen[-1] == (40, 40)
    assert len(seen) >= 10
    np.testing.assert_array_equal(
        Chains.load(tmp_path / "now.npz").state["position"], end.state["position"]
    )


def test_moments_of_blocks_equal_those_of_all_draws():
    parts = [draws.array for _, draws in stream(GaussianWalk(), begin(n=3), 41, block=9)]
    whole = np.concatenate(parts, axis=1).reshape(-1, 3)
    for full in (False, True):
        moments = RunningMoments.from_block(parts[0], full=full)
        for part in parts[1:]:
            moments = moments.merge(RunningMoments.from_block(part, full=full))
        assert moments.count == len(whole)
        np.testing.assert_allclose(moments.mean, whole.mean(axis=0), rtol=1e-12)
        expected = np.cov(whole.T) if full else whole.var(axis=0, ddof=1)
        np.testing.assert_allclose(moments.covariance, expected, rtol=1e-12)


def test_moments_of_two_kinds_do_not_merge():
    rows = np.zeros((4, 2))
    with pytest.raises(ValueError, match="do not merge"):
        RunningMoments.from_block(rows).merge(RunningMoments.from_block(rows, full=True))


def test_the_last_draws_are_a_warm_start():
    draws = run(GaussianWalk(), begin(), 10)[1]
    warm = start(GaussianWalk(), draws.last, seed=3)
    np.testing.assert_array_equal(warm.state["position"], draws.array[:, -1])


@pytest.mark.parametrize("position", [np.zeros((2, 2, 2)), np.array([]), np.array([np.nan, 0.0])])
def test_bad_starts_are_refused(position):
    with pytest.raises(ValueError, match="position"):
        start(GaussianWalk(), position, seed=0)


@pytest.mark.parametrize("wrong", [{"n_draws": 0}, {"thin": 0}, {"workers": 0}])
def test_bad_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        run(GaussianWalk(), begin(), **({"n_draws": 5} | wrong))


def test_a_summary_has_the_square_norm_and_what_is_asked_for():
    draws = run(GaussianWalk(), begin(), 50)[1]
    summary = draws.summary({"sum": draws.array.sum(axis=2)})
    assert summary.names == ("x[0]", "x[1]", "|x|^2", "log_density", "sum")
    np.testing.assert_allclose(summary.mean[2], (draws.array**2).sum(axis=2).mean())
    assert summary.min_ess <= summary.ess_bulk.min()
    assert "|x|^2" in str(summary)
    assert summary.to_dict()["rhat"][4] == summary.rhat[4]


def test_a_long_summary_shows_the_worst_rows():
    _, draws = run(GaussianWalk(), begin(n=40), 20)
    text = str(draws.summary())
    assert "22 rows with more effective draws" in text


def test_a_functional_of_another_shape_is_refused():
    draws = run(GaussianWalk(), begin(), 5)[1]
    with pytest.raises(ValueError, match="functionals"):
        draws.summary({"sum": np.zeros(3)})


def test_draws_that_do_not_fit_are_refused():
    array = np.zeros((2, 3, 1))
    with pytest.raises(ValueError, match="chains, draws, n"):
        Draws(array[0])
    with pytest.raises(ValueError, match="NaN"):
        Draws(array * np.nan)
    with pytest.raises(ValueError, match="log_density"):
        Draws(array, np.zeros(3))
    with pytest.raises(ValueError, match="names"):
        Draws(array, names=("a", "b"))
    with pytest.raises(ValueError, match="counts"):
        Draws(array, counts={"steps": np.zeros(3)})


def test_draws_of_different_chains_do_not_join():
    draws = Draws(np.zeros((2, 3, 1)))
    with pytest.raises(ValueError, match="differ"):
        join([draws, Draws(np.zeros((3, 3, 1)))])
    with pytest.raises(ValueError, match="nothing"):
        join([])


def test_acceptance_is_of_these_draws_alone():
    chains, first = run(GaussianWalk(), begin(), 30)
    _, second = run(GaussianWalk(), chains, 10)
    total = run(GaussianWalk(), begin(), 40)[1].counts["accepted"]
    np.testing.assert_array_equal(first.counts["accepted"] + second.counts["accepted"], total)
    assert np.isnan(dataclasses.replace(second, counts={}).acceptance).all()


@pytest.mark.filterwarnings("ignore")
def test_arviz_takes_the_draws():
    pytest.importorskip("arviz", reason="arviz is not installed")
    _, draws = run(GaussianWalk(), begin(), 20)
    data = draws.to_arviz()
    np.testing.assert_array_equal(data.posterior["x"].values, draws.array)
    np.testing.assert_array_equal(data.sample_stats["lp"].values, draws.log_density)
