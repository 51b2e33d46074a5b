"""What happens to a sink's files, as data."""

from __future__ import annotations

from tailer.core.durations import Seconds, format_duration
from tailer.core.sizes import format_size
from tailer.observe import Report


class FileChanged(Report, frozen=True):
    """Someone else did something to a sink's file.

    Attributes:
        sink: Name of the sink.
        path: The file.
        what: What was found and what is done about it.
    """

    sink: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"Sink {self.sink!r}, file {self.path}: {self.what}"


class FileRotated(Report, frozen=True):
    """A sink has put its file aside and goes on in a new one.

    Attributes:
        sink: Name of the sink.
        path: The file.
        name: What the former file is called now, in the same folder.
        length: Bytes of it.
    """

    sink: str
    path: str
    name: str
    length: int

    def __str__(self) -> str:
        return f"Sink {self.sink!r}, file {self.path}: put aside as {self.name}, {format_size(self.length)}"


class FilesDropped(Report, frozen=True):
    """A sink has deleted files that it had put aside.

    Attributes:
        sink: Name of the sink.
        path: Its file.
        names: Of those that had had their time, the oldest first, in the same folder.
    """

    sink: str
    path: str
    names: list[str]

    def __str__(self) -> str:
        first, *_, last = self.names * 2
        what = first if len(self.names) == 1 else f"{len(self.names)} files, {first} to {last}"
        return f"Sink {self.sink!r}, file {self.path}: deleted {what}"


class RotationFailed(Report, frozen=True):
    """A sink could not put aside, compress or delete a file; events are written all the same.

    Attributes:
        sink: Name of the sink.
        path: Its file.
        delay: Seconds until the next try; it comes with the first batch after that.
        what: What can't be done, and why.
    """

    sink: str
    path: str
    delay: Seconds
    what: str

    def __str__(self) -> str:
        return (
            f"Sink {self.sink!r}, file {self.path}: {self.what}; next try in {format_duration(self.delay)},"
            " events are written meanwhile"
        )
