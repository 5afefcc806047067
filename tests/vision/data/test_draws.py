"""Random numbers are looked up: what was drawn before never matters."""

import numpy as np

from tinyexp.trainers.vision.data.draws import KeyedRng, hashed, keyed_subset


def test_a_draw_is_the_same_whatever_was_drawn_before():
    draws = KeyedRng(3, "view")
    first = draws.at(2, 5).random(7)
    draws.at(2, 6).integers(0, 5, 3, dtype=np.uint32)  # leaves half a word behind
    assert np.array_equal(draws.at(2, 5).random(7), first)


def test_a_draw_is_that_of_a_new_philox_with_this_key_and_counter():
    fresh = np.random.Generator(np.random.Philox(key=hashed(3, "view", bits=128), counter=[0, 5, 2, 0]))
    assert np.array_equal(KeyedRng(3, "view").at(2, 5).random(9), fresh.random(9))


def test_seed_purpose_epoch_and_index_each_give_other_numbers():
    numbers = {
        KeyedRng(seed, purpose).at(epoch, index).random()
        for seed in (0, 1)
        for purpose in ("order", "view")
        for epoch in (1, 2)
        for index in (0, 1)
    }
    assert len(numbers) == 16


def test_seed_and_index_are_hashed_and_not_added():
    """Seed 0 at epoch 1 must not be seed 1 at epoch 0, as with sums of seed and epoch."""
    assert KeyedRng(0, "order").at(1).random() != KeyedRng(1, "order").at(0).random()


def test_uniforms_of_a_batch_are_those_of_its_images_one_by_one():
    draws = KeyedRng(1, "view")
    batch = draws.uniforms(4, np.array([9, 2, 9]), 5)
    assert np.array_equal(batch[0], batch[2])
    assert np.array_equal(batch[1], draws.at(4, 2).random(5))


def test_a_permutation_holds_every_number_once_and_changes_with_the_epoch():
    draws = KeyedRng(0, "order")
    assert sorted(draws.permutation(1, 50)) == list(range(50))
    assert not np.array_equal(draws.permutation(1, 50), draws.permutation(2, 50))


def test_a_keyed_subset_grows_without_changing_what_it_held():
    small, large = keyed_subset("holdout", 100, 10), keyed_subset("holdout", 100, 20)
    assert set(small) < set(large)
    assert list(small) == sorted(set(small))


def test_the_hash_is_pinned():
    """A change here changes every result: raise the numerics version with it."""
    assert hashed(0, "order") == 12400497987234153221
    assert KeyedRng(0, "order").permutation(1, 6).tolist() == [4, 3, 2, 5, 1, 0]
