"""Format specs of templates: a small part of Python's, with widths in the cells of a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from rich.cells import cell_len, set_cell_size

from tailer.config.words import quoted

MAX_WIDTH = 1000
"""Widest that a field is padded to, in cells: beyond it is a typo."""

_TEXT = re.compile(r"(?:(.)?([<>^]))?([0-9]{1,9})?(?:\.([0-9]{1,9}))?", re.DOTALL)
_NUMBER = re.compile(r"(?:.?[<>^=])?[-+ ]?0?([0-9]{1,9})?[,_]?(?:\.([0-9]{1,9}))?[defg%]?", re.DOTALL)


def text_spec(spec: str) -> Callable[[str], str]:
    """Read a spec such as ``<20``, ``>8``, ``^9`` or ``.10``; give what applies it to a text.

    Raises:
        ValueError: It is none; one sentence.
    """
    match = _TEXT.fullmatch(spec)
    if match is None:
        raise ValueError(f"{quoted(spec)} is no format of a text; write for example <20, >8 or .10")
    fill, align, width, most = match[1] or " ", match[2] or "<", int(match[3] or 0), match[4]
    _check_widths(spec, match[3], most)
    if not spec:
        return str

    def fit(text: str) -> str:
        if most is not None and cell_len(text) > int(most):
            text = set_cell_size(text, int(most))
        room = max(0, width - cell_len(text))
        left = {"<": 0, ">": room, "^": room // 2}[align]
        return fill * left + text + fill * (room - left)

    return fit


def number_spec(spec: str) -> Callable[[int | float], str]:
    """Read a spec such as ``>12``, ``,`` or ``.3f``; give what applies it to a number.

    A float by a spec for whole numbers is written with its decimals.

    Raises:
        ValueError: It is none; one sentence.
    """
    match = _NUMBER.fullmatch(spec)
    for_floats = spec.removesuffix("d")
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - the same sentence as for what Python refuses
        format(0, spec)
        format(0.5, for_floats)
    except ValueError:
        raise ValueError(
            f"{quoted(spec)} is no format of a number; write for example >12, 05d or .3f"
        ) from None
    _check_widths(spec, match[1], match[2])

    def write(number: int | float) -> str:
        with suppress(OverflowError):  # a float's spec for a whole number that no float can hold
            return format(number, spec if isinstance(number, int) else for_floats)
        return str(number)

    return write


def _check_widths(spec: str, *widths: str | None) -> None:
    if any(width is not None and int(width) > MAX_WIDTH for width in widths):
        raise ValueError(f"{quoted(spec)} is wider than {MAX_WIDTH}, the widest there is")
