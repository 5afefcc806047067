"""The known data sets: what each is, where it comes from, and how its files are recognised.

One is built in, a small part of Fashion-MNIST; nothing of the others is. Numbers and digests are those that the data sets'
own loaders publish.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from tinyexp.errors import unknown


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file to download. At least one digest is given; SHA-256 counts where both are."""

    url: str
    bytes: int
    sha256: str = ""
    md5: str = ""

    @property
    def name(self) -> str:
        """Its name on disk: the last part of the URL's path."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def digest(self) -> tuple[Literal["sha256", "md5"], str]:
        """The digest that is checked, as (algorithm, hexadecimal)."""
        return ("sha256", self.sha256) if self.sha256 else ("md5", self.md5)

    def __str__(self) -> str:
        """Name, size and digest, as messages show them."""
        algorithm, value = self.digest
        return f"{self.name} ({self.bytes:,} bytes, {algorithm} {value})"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A known data set."""

    title: str
    summary: str
    licence: str
    home: str
    folder: str
    """Its folder under the data folder; of one that is built in, where it is."""
    inside: tuple[str, ...]
    """Where in a folder that the user names it may lie, seen from there; the first is the folder itself."""
    elsewhere: tuple[str, ...] = ()
    """Other places to look in; a relative one is seen from the data folder."""
    markers: tuple[tuple[str, ...], ...]
    """A folder is taken for the data set if, of each of these groups, one name exists in it."""
    classes: int
    train_images: int
    test_images: int
    files: tuple[RemoteFile, ...]
    fetchable: bool = True
    built_in: bool = False
    """Whether it comes with tinyexp."""
    packed: bool = False
    """Whether the one file is a zip archive that holds ``folder``; else the files themselves are the data set."""
    unpacked_bytes: int = 0
    """Space that it takes on the disk once unpacked, about."""
    unpacked_files: int = 0
    """Entries of the archive, folders included."""
    hint: str = ""
    """What else helps a reader who does not have it."""

    @property
    def bytes(self) -> int:
        """What is downloaded, in all."""
        return sum(file.bytes for file in self.files)


def _either(name: str) -> tuple[str, str]:
    return (f"{name}.gz", name)


_FASHION_HOST = "https://fashion-mnist.s3.eu-central-1.amazonaws.com"
_IMAGENET_PAGE = "https://image-net.org/challenges/LSVRC/2012/2012-downloads.php"

_FASHION_MARKERS = (
    _either("train-images-idx3-ubyte"),
    _either("train-labels-idx1-ubyte"),
    _either("t10k-images-idx3-ubyte"),
    _either("t10k-labels-idx1-ubyte"),
)

FASHION = ("fashion-mnist", "fashion-mnist-small")
"""The names of those whose images are Fashion-MNIST's."""
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

CATALOGUE: dict[str, Entry] = {
    "fashion-mnist": Entry(
        title="Fashion-MNIST",
        summary="grey 28x28 pictures of clothes in 10 classes (Xiao, Rasul, Vollgraf 2017)",
        licence="MIT",
        home="https://github.com/zalandoresearch/fashion-mnist",
        folder="fashion-mnist",
        inside=("", "fashion-mnist", "FashionMNIST/raw", "raw"),
        elsewhere=("FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"),
        markers=_FASHION_MARKERS,
        classes=10,
        train_images=60_000,
        test_images=10_000,
        # Debian's files differ from these in the gzip header (no name in it, another time), not in
        # what they unpack to; so they are read, but these digests are not theirs.
        files=(
            RemoteFile(
                url=f"{_FASHION_HOST}/train-images-idx3-ubyte.gz",
                bytes=26_421_880,
                sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            ),
            RemoteFile(
                url=f"{_FASHION_HOST}/train-labels-idx1-ubyte.gz",
                bytes=29_515,
                sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                md5="25c81989df183df01b3e8a0aad5dffbe",
            ),
            RemoteFile(
                url=f"{_FASHION_HOST}/t10k-images-idx3-ubyte.gz",
                bytes=4_422_102,
                sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                md5="bef4ecab320f06d8554ea6380940ec79",
            ),
            RemoteFile(
                url=f"{_FASHION_HOST}/t10k-labels-idx1-ubyte.gz",
                bytes=5_148,
                sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                md5="bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ),
        hint="On Debian and Ubuntu the package dataset-fashion-mnist has it, too.",
    ),
    "fashion-mnist-small": Entry(
        title="Fashion-MNIST, small",
        summary="a part of Fashion-MNIST that comes with tinyexp: 400 training and 200 test images of each class",
        licence="MIT, Copyright 2017 Zalando SE",
        home="https://github.com/zalandoresearch/fashion-mnist",
        folder=str(Path(__file__).parent / "fashion_mnist_small"),
        inside=("",),
        markers=_FASHION_MARKERS,
        classes=10,
        train_images=4_000,
        test_images=2_000,
        files=(),
        fetchable=False,
        built_in=True,
    ),
    "tiny-imagenet": Entry(
        title="Tiny ImageNet",
        summary="64x64 photos in 200 classes; its test labels are not public, so val is what is tested on",
        licence="No licence is stated",
        home="https://cs231n.stanford.edu/tiny-imagenet-200.zip",
        folder="tiny-imagenet-200",
        inside=("", "tiny-imagenet-200", "tiny-imagenet-200/tiny-imagenet-200"),
        elsewhere=("tiny-imagenet-200/tiny-imagenet-200", "tiny-imagenet"),
        markers=(("wnids.txt",), ("train",), ("val",)),
        classes=200,
        train_images=100_000,
        test_images=10_000,
        files=(
            RemoteFile(
                url="https://cs231n.stanford.edu/tiny-imagenet-200.zip",
                bytes=248_100_043,
                sha256="6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
                md5="90528d7ca1a48142e341f4ef8d21d0de",
            ),
        ),
        packed=True,
        unpacked_bytes=500_000_000,
        unpacked_files=120_609,
    ),
    "imagenet": Entry(
        title="ImageNet (ILSVRC 2012)",
        summary="photos in 1,000 classes (Russakovsky et al. 2015)",
        licence="For non-commercial research and education, under the terms of image-net.org",
        home=_IMAGENET_PAGE,
        folder="imagenet",
        inside=("", "imagenet", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC"),
        markers=(("train",), ("val",)),
        classes=1000,
        train_images=1_281_167,
        test_images=50_000,
        files=(
            RemoteFile(
                url="https://image-net.org/data/ILSVRC/2012/ILSVRC2012_img_train.tar",
                bytes=147_897_477_120,
                md5="1d675b47d978889d74fa0da5fadfb00e",
            ),
            RemoteFile(
                url="https://image-net.org/data/ILSVRC/2012/ILSVRC2012_img_val.tar",
                bytes=6_744_924_160,
                md5="29b22e2961454d5413ddabcf34fc5622",
            ),
        ),
        fetchable=False,
    ),
}
"""By the name that ``data.dataset`` has in an experiment file."""


def by_name(name: str) -> Entry:
    """The entry of that name.

    Raises
    ------
    UserError
        There is none; the message lists the names.
    """
    if name not in CATALOGUE:
        raise unknown("tinyexp data", "data set", name, CATALOGUE)
    return CATALOGUE[name]
