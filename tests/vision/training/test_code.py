"""The digest of the code that decides numbers: every change of meaning is another, words about it are none."""

import re
from pathlib import Path

import pytest

from tinyexp.runs.environment import machine_type
from tinyexp.runs.records import Environment
from tinyexp.trainers.vision.training import code
from tinyexp.trainers.vision.training.code import DECIDES_NOTHING, code_digest, meaning

VISION = Path(code.__file__).parents[1]
LOOP = VISION / "training" / "loop.py"


def test_it_is_sixteen_digits_and_every_module_that_decides_nothing_is_there():
    assert re.fullmatch("[0-9a-f]{16}", code_digest())
    assert [name for name in DECIDES_NOTHING if not (VISION / name).is_file()] == []


@pytest.mark.parametrize(
    "name",
    ["training/loop.py", "training/evaluate.py", "data/loader.py", "data/views.py", "models/five_conv.py"],
)
def test_what_computes_is_not_on_the_list_of_what_decides_nothing(name):
    assert (VISION / name).is_file()
    assert name not in DECIDES_NOTHING


def test_a_changed_loss_is_another_digest(tmp_path, monkeypatch):
    before = code_digest()
    for name in ("data", "models", "training"):
        (tmp_path / name).mkdir()
        for path in (VISION / name).glob("*.py"):
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(code, "_VISION", tmp_path)
    code_digest.cache_clear()
    assert code_digest() == before
    loop = tmp_path / "training" / "loop.py"
    text = loop.read_text()
    changed = text.replace(
        "cross_entropy(logits, labels)", "cross_entropy(logits, labels, label_smoothing=0.1)"
    )
    assert changed != text
    loop.write_text(changed)
    code_digest.cache_clear()
    assert code_digest() != before
    loop.write_text(f"{text}\n# a remark\n")
    code_digest.cache_clear()
    assert code_digest() == before


@pytest.fixture(autouse=True)
def _not_kept():
    yield
    code_digest.cache_clear()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = a - b", "x = b - a"),
        ("x = 1", "x = 1.0"),
        ("x = '1'", "x = b'1'"),
        ("if a: b\nc", "if a:\n b\n c"),
        ("if a:\n b\nelse:\n c", "if a:\n b\n c"),
        ("f(a, b=c)", "f(a, c)"),
        ("def f(a, b=1): pass", "def f(a=1, b=1): pass"),
    ],
)
def test_another_meaning_is_another_digest(one, other):
    assert meaning(one) != meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1  # one", "x = (\n  1)"),
        ("def f():\n 'A doc.'\n return 1", "def f(): return 1"),
        ("x = 1\n'said of x'", "x = 1"),
        ("x = 'a'", 'x = "a"'),
    ],
)
def test_words_and_layout_are_no_meaning(one, other):
    assert meaning(one) == meaning(other)


def test_runs_under_several_codes_are_of_several_types_of_machine():
    one = Environment(
        python="3",
        packages={},
        system="Linux",
        machine="x",
        cpu_capability="",
        device="cpu",
        threads=1,
        code="a",
    )
    assert machine_type(one) != machine_type(one.model_copy(update={"code": "b"}))
