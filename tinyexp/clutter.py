"""What operating systems, file servers and sync programs leave in any folder: it is nobody's data, and every reader of a folder passes over it."""

from __future__ import annotations

from pathlib import PurePath

_NAMES = frozenset(
    {
        *(".ds_store", ".localized", "icon\r", "__macosx"),  # macOS, and what its archives unpack to
        *(
            ".spotlight-v100",
            ".trashes",
            ".fseventsd",
            ".temporaryitems",
            ".apdisk",
            ".documentrevisions-v100",
        ),
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),  # Windows
        *("lost+found", ".directory", ".trash"),  # Linux
        *("@eadir", "#recycle", "#snapshot", ".snapshot"),  # file servers
        *(".dropbox", ".dropbox.cache", ".sync", ".stfolder", ".stversions"),  # what keeps folders alike
    }
)
_BEGINNINGS = ("._", ".nfs", ".fuse_hidden", ".trash-", ".~lock.", ".syncthing.")
"""macOS's second half of a file; a removed file that somebody has open, on a disk that machines share; office programs' locks."""


def is_clutter(name: str | PurePath) -> bool:
    """Whether a file or folder of this name, or one that it lies in by the path that is given, is clutter.

    >>> is_clutter(".DS_Store"), is_clutter("@eaDir/x.png/SYNOPHOTO_THUMB_M.jpg"), is_clutter("metrics.csv")
    (True, True, False)
    """
    parts = (part.lower() for part in PurePath(name).parts)
    return any(part in _NAMES or part.startswith(_BEGINNINGS) for part in parts)
