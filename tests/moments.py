"""Stops a call at each of its instructions in turn, as a signal may come between any two."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


class Arrived(BaseException):
    """What the handler of a signal raises."""


def at_each_instruction(file: str, call: Callable[[], None]) -> Iterator[int]:
    """Call again and again, each time to the next of the instructions of ``file``, and give its number; once to the end, and none."""
    number, is_over = 0, False
    while not is_over:
        number += 1
        left = number

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != file:
                return None
            frame.f_trace_opcodes = True
            left -= event == "opcode"
            if not left:
                raise Arrived
            return trace

        sys.settrace(trace)
        try:
            call()
            is_over = True
        except Arrived:
            pass
        finally:
            sys.settrace(None)
        if not is_over:
            yield number
