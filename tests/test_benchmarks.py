"""What benchmarks compute besides what they measure: arithmetic that pages rest on."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.models.build import network
from tinyexp.trainers.vision.settings import vision_settings

PROJECT = Path(__file__).parent.parent
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@pytest.fixture
def benchmark_module(monkeypatch):
    """A script of the folder, imported; what it sets for the libraries is taken back."""
    for name in THREADS:
        monkeypatch.setenv(name, "1")
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    return importlib.import_module


def bytes_kept_by_torch(spec, images):
    """Of all tensors that autograd saves in a forward pass, each storage once, parameters and buffers left out."""
    net = network(spec).to(memory_format=torch.channels_last).train()
    own = {one.untyped_storage().data_ptr() for one in [*net.parameters(), *net.buffers()]}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = (
            storage.nbytes(),
            tensor,
        )  # the tensor lives on, so that no address comes twice
        return tensor

    side = spec.input.image_size
    batch = torch.ones(images, 3, side, side).contiguous(memory_format=torch.channels_last)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        nn.functional.cross_entropy(net(batch), torch.zeros(images, dtype=torch.long))
    return sum(size for address, (size, _) in kept.items() if address not in own)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tiny-design1", {}),
        ("tiny-design1", {"input.image_size": 48, "model.pool_kernels": [3, 3, 2, 2, 0]}),
        ("tiny-design1", {"model.head_pool": "global-average", "model.strides": [2, 1, 1, 1, 1]}),
        ("tiny-design2", {}),
        ("imagenet-resnet18", {}),
        ("imagenet-resnet18", {"model.blocks": [1, 1, 1, 1], "input.image_size": 90}),
        ("imagenet-resnet18", {"model.head_pool": "global-average"}),
    ],
)
def test_what_a_step_keeps_of_an_image_is_what_autograd_saves_to_the_byte(benchmark_module, name, changes):
    kept_bytes = benchmark_module("kept_maps").kept_bytes
    spec = vision_settings(load_experiment(name, "paper", {"model.width": 0.1, **changes}))
    few, many = (bytes_kept_by_torch(spec, images) for images in (2, 6))
    assert kept_bytes(spec) == (many - few) / 4


def test_a_line_is_found_again_and_how_far_a_point_is_off_it(benchmark_module):
    fitted = benchmark_module("step_cost").fitted
    assert fitted([1, 2, 4, 8], [5, 7, 11, 19]) == pytest.approx((3, 2, 0), abs=1e-9)
    constant, slope, off = fitted([1, 2, 4, 8], [5, 7, 11, 20])
    assert 0 < off < 0.05
    assert (constant, slope) != pytest.approx((3, 2), abs=0.01)


def test_the_law_is_that_of_the_points(benchmark_module):
    step_cost = benchmark_module("step_cost")
    rows = [
        {
            "batch": point.batch,
            "side": point.side,
            "memory_mb": {"median": 20 + 900e-6 * point.batch * point.side**2},
            "in_use_mb": {"median": 5 + 500e-6 * point.batch * point.side**2},
            "ms_an_image": {"median": 0.1 + 1e-3 * point.side**2},
        }
        for point in step_cost.DESIGN1
    ]
    found = step_cost.law(rows)
    assert found["memory_mb"] == {"constant": 20.0, "bytes_a_pixel": 900, "off": 0.0}
    assert found["in_use_mb"] == {"constant": 5.0, "bytes_a_pixel": 500, "off": 0.0}
    assert found["ms_an_image"] == {"constant": 0.1, "ns_a_pixel": 1000, "off": 0.0}
    assert set(found["ms_an_image_by_that_at_batch_32"].values()) == {1.0}


def test_a_run_of_design_1_takes_what_its_multiply_adds_say(benchmark_module):
    paper_budget = benchmark_module("paper_budget")
    images = 3 * 100_000 + 10_000 + 10_000  # training counts three times, then both evaluations
    expected = 2 * 585e6 * images * 65
    assert paper_budget.operations(load_experiment("tiny-design1", "paper")) == pytest.approx(
        expected, rel=1e-3
    )


def test_held_out_images_are_not_trained_on_and_are_evaluated(benchmark_module):
    operations = benchmark_module("paper_budget").operations
    whole, held_out = (
        operations(load_experiment("tiny-design1", "paper", {"data.holdout": count})) for count in (0, 1000)
    )
    assert held_out / whole == pytest.approx((320_000 - 2_000) / 320_000)


def test_a_configuration_that_studies_share_is_counted_once_in_all_of_them(benchmark_module):
    rows = benchmark_module("paper_budget").studies()
    *each, together = [row for row in rows if "alone" not in row["study"]]
    assert len(each) == 4
    assert together["runs"] == sum(row["runs"] for row in each) - 2 * 3  # design 1 stands in three of them


def test_every_benchmark_that_the_makefile_names_is_there_and_stands_in_the_readme():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    [names] = re.findall(r"for name in ([a-z_0-9 ]+); do", makefile)
    page = (PROJECT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name in names.split():
        assert (PROJECT / "benchmarks" / f"{name}.py").is_file(), name
    assert "`step_cost.py`" in page
    assert "`paper_budget.py`" in page
