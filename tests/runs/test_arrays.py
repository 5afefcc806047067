"""Arrays from a stranger: no pickle is read, no memory is taken that the bytes do not fill, and no parser's error gets out."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from tinyexp.errors import DamagedError
from tinyexp.runs.arrays import read_arrays
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Predictions, read_predictions, write_predictions

BYTES = 1_000_000


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def headed(head, body=bytes(12), version=(1, 0)):
    """An array's file with this text as its head."""
    text = head.encode() + b"\n"
    return b"\x93NUMPY" + bytes(version) + len(text).to_bytes(2, "little") + text + body


def archive(*members, packing=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as made:
        for name, data in members:
            made.writestr(name, data)
    return content.getvalue()


def refused(content, words):
    with pytest.raises(ValueError, match=words):
        read_arrays(content, ("a",), BYTES)


def test_what_numpy_wrote_is_read():
    content = io.BytesIO()
    np.savez_compressed(content, a=np.arange(6).reshape(2, 3), b=np.array([True, False]))
    a, b = read_arrays(content.getvalue(), ("a", "b"), BYTES).values()
    assert np.array_equal(a, np.arange(6).reshape(2, 3))
    assert np.array_equal(b, [True, False])


@pytest.mark.parametrize(
    "head",
    [
        "{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (3000000000,), }",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '|V2000000000', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (3,), }",
    ],
)
def test_a_head_that_says_more_than_there_is_takes_no_memory(head):
    refused(archive(("a.npy", headed(head))), "is not the array that its head says")


@pytest.mark.parametrize(
    "head",
    [
        "",
        "(" * 150,
        "{'descr': '<i4', 'shape': (1000",
        "{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<i0x', 'fortran_order': False, 'shape': (3,), }",
    ],
)
def test_a_head_that_is_none_is_refused(head):
    refused(archive(("a.npy", headed(head))), r"a\.npy has no head of an array")


def test_another_version_of_the_format_is_refused():
    refused(
        archive(
            ("a.npy", headed("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", version=(9, 9)))
        ),
        "a.npy",
    )


def test_an_array_of_objects_is_not_unpickled(capsys):
    class Acting:
        def __reduce__(self):
            return print, ("this must never run",)

    head = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    refused(archive(("a.npy", headed(head, pickle.dumps(Acting())))), "is not the array")
    assert not capsys.readouterr().out


def test_a_member_that_unpacks_to_more_than_the_bound_is_refused():
    content = archive(("a.npy", npy(np.zeros(BYTES, np.uint8))))
    assert len(content) < 10_000
    refused(content, r"a\.npy unpacks to more than 1,000,000 bytes")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [(), ("b.npy",), ("a",), ("a.npy", "b.npy"), ("a.npy", "a.npy"), ("../a.npy",)]
)
def test_an_archive_of_other_names_is_refused(names):
    refused(archive(*((name, npy(np.zeros(3))) for name in names)), "it does not hold a and nothing else")


def test_another_packing_is_refused():
    refused(archive(("a.npy", npy(np.zeros(3))), packing=zipfile.ZIP_BZIP2), "packed in another way")


@pytest.mark.parametrize("place", range(0, 400, 3))
def test_a_damaged_archive_raises_nothing_else(place):
    content = bytearray(archive(("a.npy", npy(np.arange(100)))))
    content[place % len(content)] ^= 255
    try:
        read_arrays(bytes(content), ("a",), BYTES)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - a byte of the date may be any


def test_predictions_with_a_false_head_are_named(tmp_path):
    folder = RunFolder(tmp_path)
    told = Predictions(np.zeros(3, np.int32), np.zeros(3, np.int32), np.zeros(3, bool))
    write_predictions(folder.predictions, told)
    with zipfile.ZipFile(folder.predictions) as whole:
        members = [(name, whole.read(name)) for name in whole.namelist()]
    head = "{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000,), }"
    members[0] = (members[0][0], headed(head))
    folder.predictions.write_bytes(archive(*members))
    with pytest.raises(
        DamagedError, match=r"predictions\.npz: is not a predictions file of ours \(label\.npy is not"
    ):
        read_predictions(folder)
