"""What images hold that is left out when they are read, in words: counted by `data verify`, and told in the report."""

from __future__ import annotations

from collections.abc import Mapping

from tinyexp.words import counted

LOOKED_AT = "looked_at"
_WORDS: Mapping[str, str] = {
    "turned": "{images} with an EXIF orientation, which is not followed",
    "frames": "{images} with further frames, of which the first is taken",
    "transparent": "{images} with transparency, of which the colours are taken",
    "deep": "{images} with 16 bits a channel, of which the upper 8 are taken",
}
KINDS = tuple(_WORDS)


def reduced_lines(found: Mapping[str, int]) -> list[str]:
    """A clause a kind of which there are any."""
    return [
        words.format(images=counted(found[kind], "image"))
        for kind, words in _WORDS.items()
        if found.get(kind)
    ]
