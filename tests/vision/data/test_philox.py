"""The compiled draws are numpy's, to the bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.philox import CompiledKeyedRng


@given(
    seed=st.integers(0, 2**31 - 1),
    epoch=st.integers(0, 100_000),
    indices=st.lists(st.integers(0, 2**40), max_size=20),
    count=st.integers(1, 30),
)
def test_they_are_numpys_for_any_seed_epoch_index_and_count(seed, epoch, indices, count):
    numbers = np.array(indices, dtype=np.int64)
    slow, fast = (kind(seed, "view").uniforms(epoch, numbers, count) for kind in (KeyedRng, CompiledKeyedRng))
    assert slow.tobytes() == fast.tobytes()


def test_what_else_is_drawn_is_the_same_object_of_numpys():
    assert np.array_equal(
        KeyedRng(3, "order").permutation(2, 50), CompiledKeyedRng(3, "order").permutation(2, 50)
    )
