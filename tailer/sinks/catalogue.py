"""What sinks there are and what may be written in their tables, read from the classes themselves.

A `Config` is prose already: its docstring says under ``Attributes:`` what each field does. So what people are
shown is what developers read, of third parties' sinks as well as of ours.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Annotated, get_args, get_origin

import msgspec

from tailer.config.words import describe, extra_of, is_struct, members_of
from tailer.errors import ConfigError
from tailer.sinks.options import SinkOptions
from tailer.sinks.registry import GROUP, find, known_types, package_of

_ENTRY = re.compile(r" {4}(\w+): (.*)")
_OF_ABSENCE = ("Absent", "By default")
_SENTENCE = re.compile(r".*?[.!?](?=\s|$)", re.DOTALL)


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a table.

    Attributes:
        name: As it is written; of a table in the table with a dot.
        value: What it must be, in words.
        default: What holds where it is left out, as TOML has it; ``None``: nothing does, or it is required.
        required: Whether it must be there.
        effect: First sentence of its prose, and those that begin with "Absent" or "By default"; empty where
            its author wrote none.
    """

    name: str
    value: str
    default: str | None
    required: bool
    effect: str


class ListedSink(msgspec.Struct, frozen=True, kw_only=True):
    """One type of sink.

    Attributes:
        type: What ``type = "..."`` names it by.
        package: The distribution that it belongs to.
        summary: First sentence of its class's prose.
        options: The keys that it has besides the common ones.
        problem: Why it can't be used as it is, and what to do; ``None``: it can.
    """

    type: str
    package: str
    summary: str = ""
    options: tuple[Option, ...] = ()
    problem: str | None = None


def list_sinks() -> list[ListedSink]:
    """List all sinks that are installed, by type; imports them all, so it blocks."""
    packages = {point.name: package_of(point) for point in entry_points(group=GROUP)}
    return [_listed(name, packages.get(name, "tailer")) for name in known_types()]


def common_options() -> tuple[Option, ...]:
    """Give the keys that every sink's table may have."""
    return tuple(_options(SinkOptions))


def _listed(name: str, package: str) -> ListedSink:
    try:
        found = find(name, name)
    except ConfigError as error:
        problem = "; ".join(mistake.removeprefix(f"{name}.type: ") for mistake in error.mistakes)
        return ListedSink(type=name, package=package, problem=problem)
    return ListedSink(
        type=name,
        package=package,
        summary=_first_sentence(inspect.getdoc(found) or ""),
        options=tuple(_options(found.Config)),
    )


def _options(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[Option]:
    effects = _effects_of(kind)
    for field in msgspec.structs.fields(kind):
        members = members_of(field.type)
        if len(members) == 1 and is_struct(members[0]):
            yield from _options(members[0], f"{prefix}{field.encode_name}.")
            continue
        yield Option(
            name=prefix + field.encode_name,
            value=describe(field.type),
            default=None if field.required else _default_of(field),
            required=field.required,
            effect=effects.get(field.name, ""),
        )


def _default_of(field: msgspec.structs.FieldInfo) -> str | None:
    """Write a default as TOML has it: durations and sizes with their units."""
    made = field.default_factory
    value = field.default if made is msgspec.NODEFAULT else made()
    if value is None:
        return None
    for member in members_of(field.type):
        if get_origin(member) is Annotated and isinstance(value, int | float):
            show = extra_of(get_args(member)[1:]).get("show")
            if show is not None:
                return json.dumps(show(value))
    return json.dumps(msgspec.to_builtins(value, enc_hook=str), ensure_ascii=False)


def _effects_of(kind: type) -> Mapping[str, str]:
    """Read the first sentence of each field from the docstrings of a class and of those it builds on."""
    effects: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, attributes = inspect.cleandoc(base.__dict__.get("__doc__") or "").partition("Attributes:\n")
        name = ""
        written: dict[str, list[str]] = {}
        for line in attributes.splitlines():
            entry = _ENTRY.fullmatch(line)
            if entry is not None:
                name = entry[1]
                written[name] = [entry[2]]
            elif name and line.startswith(" " * 8):
                written[name].append(line.strip())
            elif line.strip():
                break
        effects |= {name: _effect(" ".join(lines)) for name, lines in written.items()}
    return effects


def _effect(prose: str) -> str:
    """Give what an option does, and what holds where it is left out."""
    rest = (sentence.strip() for sentence in _SENTENCE.findall(prose))
    of_absence = [sentence for sentence in rest if sentence.startswith(_OF_ABSENCE)]
    return " ".join([_first_sentence(prose), *(one.replace("`", "") for one in of_absence)])


def _first_sentence(prose: str) -> str:
    paragraph = " ".join(prose.split("\n\n", maxsplit=1)[0].split())
    found = _SENTENCE.match(paragraph)
    return (found[0] if found else paragraph).replace("`", "")
