"""From a TOML table to a frozen struct, or to every mistake in it at once.

msgspec decides what is valid, but stops at the first mistake. So:

1. A struct is walked field by field; unknown keys get the nearest right name, missing ones their meaning.
2. An annotation may say how a value is read and what a good one looks like, through ``Meta(extra=...)``:
   ``read`` is a function of the raw value that raises ``ValueError`` with one sentence, ``expected`` the
   noun phrase for messages, ``show`` writes a bound. `Duration` and `Size` are such, open to third-party
   sinks as well.
3. ``pathlib.Path`` is read from text; a relative one counts from the configuration file's folder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from tailer.config.words import (
    describe,
    extra_of,
    instead_of,
    is_struct,
    item_of,
    join,
    members_of,
    name_of,
    nearest_of,
)
from tailer.core.durations import Seconds, format_duration, parse_duration
from tailer.core.sizes import Bytes, format_size, parse_size
from tailer.errors import ConfigError

Struct = TypeVar("Struct", bound=msgspec.Struct)

_A_DURATION: Final = 'a duration such as "90s" or "1h30m"'
_A_SIZE: Final = 'a size such as "10GiB" or "500MB"'
_MISTAKEN: Final = object()


def read_duration(raw: object) -> Seconds:
    """Read a duration's text; raises ``ValueError`` for anything else, with a unit proposed for a number."""
    if isinstance(raw, str) or (isinstance(raw, int | float) and not isinstance(raw, bool)):
        return parse_duration(str(raw))
    raise ValueError(f"must be {_A_DURATION}, not {name_of(raw)}")


Duration: TypeAlias = Annotated[
    Seconds, Meta(extra={"read": read_duration, "expected": _A_DURATION, "show": format_duration})
]
"""A field in seconds that is written ``"90s"``. Bounds: ``Annotated[Duration, Meta(ge=1)]``, in seconds."""


def read_size(raw: object) -> Bytes:
    """Read a size's text, or whole bytes; raises ``ValueError`` for anything else."""
    if isinstance(raw, str) or (isinstance(raw, int) and not isinstance(raw, bool)):
        return parse_size(str(raw))
    raise ValueError(f"must be {_A_SIZE}, not {name_of(raw)}")


Size: TypeAlias = Annotated[Bytes, Meta(extra={"read": read_size, "expected": _A_SIZE, "show": format_size})]
"""A field in bytes that is written ``"10GiB"``. Bounds: ``Annotated[Size, Meta(ge=1024)]``, in bytes."""


def convert_table(
    table: Mapping[str, Any], kind: type[Struct], path: str, folder: Path, *, beside: Collection[str] = ()
) -> Struct:
    """Turn a table into a struct.

    Args:
        table: What the TOML reader gave.
        kind: A struct type; its defaults fill what the table leaves out.
        path: Where the table stands, such as ``sinks[0]``; begins every mistake.
        folder: What relative paths count from.
        beside: Keys of the same table that someone else reads; offered as right names, but not accepted.

    Raises:
        ConfigError: All mistakes, each ``path.key: what is wrong; hint``.
    """
    reader = TableReader(folder)
    struct = reader.table(table, kind, path, beside=beside)
    if struct is None:
        raise ConfigError(reader.mistakes)
    return struct


class TableReader:
    """Reads tables one after the other and keeps their mistakes.

    Args:
        folder: What relative paths count from.
    """

    def __init__(self, folder: Path) -> None:
        self.mistakes: list[str] = []
        self._folder = folder

    def table(
        self, table: Mapping[str, Any], kind: type[Struct], path: str, *, beside: Collection[str] = ()
    ) -> Struct | None:
        """Do the same as `convert_table`, but give ``None`` after a mistake."""
        before = len(self.mistakes)
        fields = self.fields(table, kind, path, beside=beside)
        if len(self.mistakes) > before:
            return None
        try:
            return kind(**fields)
        except (TypeError, ValueError) as error:  # a __post_init__ that compares several fields
            self.mistakes.append(f"{path}: {error}")
            return None

    def fields(
        self, table: Mapping[str, Any], kind: type[msgspec.Struct], path: str, *, beside: Collection[str] = ()
    ) -> dict[str, Any]:
        """Read the fields of a table that are right; what is wrong or missing goes to the mistakes."""
        known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        values: dict[str, Any] = {}
        for key, raw in table.items():
            if key not in known:
                hint = nearest_of(key, [*known, *beside])
                self.mistakes.append(f"{join(path, key)}: is no option; {hint}")
                continue
            value = self._value(raw, known[key].type, join(path, key))
            if value is not _MISTAKEN:
                values[known[key].name] = value
        self.mistakes += [
            f"{join(path, key)}: is missing; it must be {describe(field.type)}"
            for key, field in known.items()
            if field.required and key not in table
        ]
        return values

    def _value(self, raw: Any, annotation: Any, path: str) -> Any:
        """Read one value; `_MISTAKEN` after a mistake."""
        members = members_of(annotation)
        if len(members) > 1:
            return self._union(raw, annotation, path)
        before = len(self.mistakes)
        try:
            value = self._unchecked(raw, members[0], path)
            if len(self.mistakes) == before:
                return _checked(value, members[0])
        except msgspec.ValidationError:
            wrong = instead_of(raw, members[0])
            self.mistakes.append(f"{path}: must be {describe(members[0])}{wrong}")
        except ValueError as error:
            self.mistakes.append(f"{path}: {error}")
        return _MISTAKEN

    def _union(self, raw: Any, annotation: Any, path: str) -> Any:
        """Read a value as the first member that takes it."""
        for member in members_of(annotation):
            trial = TableReader(self._folder)
            value = trial._value(raw, member, path)
            if not trial.mistakes:
                return value
        self.mistakes.append(f"{path}: must be {describe(annotation)}{instead_of(raw, annotation)}")
        return _MISTAKEN

    def _unchecked(self, raw: Any, annotation: Any, path: str) -> Any:
        """Read what msgspec can't, or not with all mistakes: values with a reader, paths, tables, lists."""
        base, metas = _split(annotation)
        read = extra_of(metas).get("read")
        if read is not None:
            return read(raw)
        if base is Path:
            written = msgspec.convert(raw, Annotated[str, Meta(min_length=1)])
            return self._folder / Path(written).expanduser()
        if is_struct(base) and isinstance(raw, Mapping):
            return self.table(raw, base, path)
        item = item_of(base)
        if item is not None and isinstance(raw, list):
            return [self._value(value, item, f"{path}[{i}]") for i, value in enumerate(raw)]
        return raw


def _checked(value: Any, annotation: Any) -> Any:
    """Let msgspec check type and bounds of a value that was read; raises ``msgspec.ValidationError``."""
    base, metas = _split(annotation)
    if isinstance(value, Path | msgspec.Struct):
        return value
    if item_of(base) is None or not isinstance(value, list):
        return msgspec.convert(value, annotation)
    # The items are right one by one, some are structs by now; only the list's own bounds are left.
    constraints = [meta for meta in metas if isinstance(meta, Meta)]
    msgspec.convert([0] * len(value), Annotated[(list[int], *constraints)] if constraints else list[int])
    return value if get_origin(base) is list else tuple(value)


def _split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Part an annotation into its type and what is said about it."""
    if get_origin(annotation) is Annotated:
        base, *metas = get_args(annotation)
        return base, tuple(metas)
    return annotation, ()
