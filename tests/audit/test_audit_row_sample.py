"""Every set of rows is as likely to be the sample as any other, whatever blocks they come in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from equipoise.audit.row_sample import RowSample
from equipoise.data import DataError


def sampled(n, most, seed=0, block=7):
    sample = RowSample(most, seed)
    for start in range(0, n, block):
        sample.add(pa.table({"row": np.arange(start, min(start + block, n))}))
    rows, how = sample.rows()
    return rows["row"].to_numpy(), how


def test_fewer_rows_than_wanted_are_all_there():
    found, how = sampled(40, 40)
    assert found.tolist() == list(range(40))
    assert how is None


def test_a_sample_has_as_many_rows_as_wanted_in_their_order():
    found, how = sampled(1000, 60)
    assert len(found) == 60
    assert (np.diff(found) > 0).all()
    assert str(how) == "a uniform random sample of 60 of the 1,000 rows, seed 0"


@pytest.mark.parametrize("block", [1, 100, 1000])
def test_blocks_do_not_change_the_sample(block):
    np.testing.assert_array_equal(sampled(1000, 60, block=block)[0], sampled(1000, 60)[0])


def test_every_row_is_as_likely_as_any_other():
    n, most, times = 50, 10, 4000
    drawn = np.bincount(
        np.concatenate([sampled(n, most, seed)[0] for seed in range(times)]), minlength=n
    )
    share = most / n
    score = (drawn - times * share) / np.sqrt(times * share * (1 - share))
    assert np.abs(score).max() < 4.5
    # And so is every pair: first and last rows do not come or stay away together.
    assert np.var(score) == pytest.approx(1, abs=0.6)


def test_blocks_with_other_kinds_of_values_are_refused():
    sample = RowSample(10)
    sample.add(pa.table({"a": [1, 2]}))
    sample.add(pa.table({"a": ["x"]}))
    with pytest.raises(DataError, match="different kinds of values"):
        sample.rows()


def test_categories_of_each_block_are_told_by_value():
    sample = RowSample(3)
    for values in (["b", "a"], ["c", "b"]):
        sample.add(pa.table({"a": pa.array(values).dictionary_encode()}))
    assert len(sample.rows()[0]) == 3
