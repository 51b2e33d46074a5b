"""What a field must be and what was written instead, in words for people.

Works on annotations, for msgspec's own messages speak of Python's types. A text is quoted only where its
field reads it (a duration, a time): elsewhere it might be a secret in the wrong place.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

_NOUNS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", dict: "a table"}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHOWN_DIGITS = 40


def join(path: str, key: str) -> str:
    """Append a key to a path, quoted as TOML would where it is not a bare one."""
    written = key if _BARE_KEY.fullmatch(key) else quoted(key)
    return f"{path}.{written}" if path else written


def quoted(text: str) -> str:
    """Quote a name for a message, escaped so that it can't do anything to a terminal."""
    return json.dumps(text)


def describe(annotation: Any) -> str:
    """Say what a field must be, as a noun phrase: ``a whole number, from 1 to 64`` or ``"a" or "b"``."""
    members = members_of(annotation)
    if len(members) > 1:
        return " or ".join(describe(member) for member in members)
    origin = get_origin(members[0])
    if origin is Annotated:
        return _describe_bounded(*get_args(members[0]))
    if origin is Literal:
        *most, last = (json.dumps(choice) for choice in get_args(members[0]))
        return f"{', '.join(most)} or {last}" if most else last
    return _describe_plain(members[0])


def _describe_plain(base: Any) -> str:
    """Describe a type without annotation."""
    item = item_of(base)
    if item is not None:
        return f"a list (each item: {describe(item)})"
    if base is Path:
        return "a path"
    if is_struct(base) or base == dict[str, Any]:
        return "a table"
    noun = _NOUNS.get(get_origin(base) or base, "of another type")
    arguments = get_args(base)
    return f"{noun} (each value: {describe(arguments[1])})" if len(arguments) == 2 else noun


def _describe_bounded(base: Any, *metas: Any) -> str:
    """Describe an annotated type with its bounds, in the words that its ``extra`` gives."""
    extra = extra_of(metas)
    show: Callable[[Any], str] = extra.get("show", str)
    bounds = {
        name: show(getattr(meta, name))
        for meta in metas
        for name in ("ge", "gt", "le", "lt")
        if isinstance(meta, Meta) and getattr(meta, name) is not None
    }
    noun = str(extra.get("expected") or describe(base))
    noun += _describe_length(metas, is_list=item_of(base) is not None)
    if set(bounds) == {"ge", "le"}:
        return f"{noun}, from {bounds['ge']} to {bounds['le']}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return ", ".join([noun, *(f"{words[name]} {bound}" for name, bound in bounds.items())])


def _describe_length(metas: Sequence[Any], *, is_list: bool) -> str:
    """Describe the bounds of a list's or text's length, as what follows its noun."""
    words = ""
    for meta in metas:
        if isinstance(meta, Meta) and meta.min_length:
            # Texts are only ever asked to be there; lists may have to hold more.
            words += f", at least {meta.min_length}" if is_list else " that is not empty"
        if isinstance(meta, Meta) and meta.max_length is not None:
            words += f", at most {meta.max_length}" + ("" if is_list else " characters")
    return words


def instead_of(raw: object, annotation: Any) -> str:
    """Say what was written instead, or which of the allowed words is near; begins with its own comma."""
    if not isinstance(raw, str):
        return "" if describe(annotation).startswith(name_of(raw)) else f", not {name_of(raw)}"
    if _has_reader(annotation):
        return f", not {quoted(raw)}"
    bases = [_base_of(member) for member in members_of(annotation)]
    choices = [str(choice) for base in bases if get_origin(base) is Literal for choice in get_args(base)]
    if not (choices or str in bases or Path in bases):
        return ", not text"
    near = difflib.get_close_matches(raw.lower(), choices, n=1)
    return f"; did you mean {quoted(near[0])}?" if near else ""


def name_of(raw: object) -> str:
    """Name a wrong value: a number or truth value itself, of anything else the sort."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, int | float):
        return str(raw)[:_SHOWN_DIGITS]
    if isinstance(raw, list):
        return "a list"
    return _NOUNS.get(type(raw), "a date or time")


def nearest_of(word: str, known: Sequence[str]) -> str:
    """Propose the right name, or list them all where none is near."""
    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean {quoted(near[0])}?" if near else f"known here: {', '.join(known)}"


def members_of(annotation: Any) -> tuple[Any, ...]:
    """Give the members of a union without ``None``, which TOML can't write; else the annotation alone."""
    if get_origin(annotation) in {Union, UnionType}:
        return tuple(member for member in get_args(annotation) if member is not NoneType)
    return (annotation,)


def item_of(annotation: Any) -> Any:
    """Give the item type of a list or of a tuple of any length, ``None`` for everything else."""
    arguments = get_args(annotation)
    if get_origin(annotation) is list or (get_origin(annotation) is tuple and arguments[1:] == (...,)):
        return arguments[0]
    return None


def is_struct(base: Any) -> bool:
    """Tell whether a type is a table of its own."""
    return isinstance(base, type) and issubclass(base, msgspec.Struct)


def _base_of(annotation: Any) -> Any:
    """Give the type alone."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _has_reader(annotation: Any) -> bool:
    """Tell whether a text was read before its bounds were checked, so that it is known to be no secret."""
    return get_origin(annotation) is Annotated and "read" in extra_of(get_args(annotation)[1:])


def extra_of(metas: Sequence[Any]) -> Mapping[str, Any]:
    """Merge the ``extra`` of all annotations, a later one's words before an earlier one's."""
    merged: dict[str, Any] = {}
    for meta in metas:
        merged |= getattr(meta, "extra", None) or {}
    return merged
