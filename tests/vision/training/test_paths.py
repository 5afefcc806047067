"""A whole run has the same bytes through torchvision and through the kernel, for any number of threads or processes."""

from __future__ import annotations

import sys

import pytest
from small_runs import results, trained

from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.data import makers
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.run import Listener

CASES = {
    "augmented": ("tiny-design1", {}),
    "not augmented": ("tiny-design2", {}),
    "64 px": ("imagenet-resnet18", {"training__stop_after": 1}),
    "without channels-last": ("tiny-design1", {"training__channels_last": False}),
    "without normalization": ("tiny-design1", {"input__normalize": False}),
    "an odd side": ("tiny-design1", {"input__image_size": 37, "input__resize": "square"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_kernel_gives_the_bytes_of_torchvision(tmp_path, case):
    name, overrides = CASES[case]
    slow = trained(tmp_path / "slow", name, execution__transforms="torchvision", **overrides)
    expected = results(slow)
    for workers in (0, 1, 3):
        runs = tmp_path / f"kernel-{workers}"
        fast = trained(runs, name, execution__transforms="kernel", execution__workers=workers, **overrides)
        assert results(fast) == expected


def test_processes_give_the_same_bytes_too(tmp_path):
    settings = {"execution__transforms": "torchvision"}
    one = trained(tmp_path / "one", **settings)
    two = trained(tmp_path / "two", **settings, execution__workers=2)
    assert results(one) == results(two)


def test_without_the_compiler_torchvision_takes_over_and_the_run_says_so(tmp_path, monkeypatch):
    said = []
    fast = trained(tmp_path / "with")
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "tinyexp.trainers.vision.data.kernel", raising=False)
    monkeypatch.delitem(sys.modules, "tinyexp.trainers.vision.data.resample", raising=False)
    monkeypatch.delattr("tinyexp.trainers.vision.data.kernel", raising=False)
    makers.kernel_problem.cache_clear()

    slow = trained(tmp_path / "without", listener=Listener(warn=said.append))
    assert results(slow) == results(fast)
    assert any("numba is not installed" in line for line in said)
    asked = load_experiment("tiny-design1", overrides={"execution.transforms": "kernel"})
    with pytest.raises(UserError, match="numba is not installed"):
        makers.maker_for(vision_settings(asked).execution)
    makers.kernel_problem.cache_clear()


def test_a_kernel_that_does_not_agree_with_pillow_is_not_used(monkeypatch):
    """As with a Pillow whose arithmetic changed: the order of its passes is taken for another version's."""
    from tinyexp.trainers.vision.data import kernel

    rule = kernel.vertical_pass_first
    monkeypatch.setattr(kernel, "vertical_pass_first", lambda *sizes: ~rule(*sizes))
    makers.kernel_problem.cache_clear()
    assert "does not give the bits of the Pillow" in makers.kernel_problem()
    execution = vision_settings(load_experiment("tiny-design1")).execution
    assert isinstance(makers.maker_for(execution), makers.TorchvisionMaker)
    monkeypatch.undo()
    makers.kernel_problem.cache_clear()
    assert makers.kernel_problem() == ""
    assert isinstance(makers.maker_for(execution), makers.KernelMaker)
