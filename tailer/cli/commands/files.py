"""``tailer files``: the files for operating it, as they lie in the package, fitted to this installation."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import click


class Shipped(NamedTuple):
    """A file in the package's folder ``operations``.

    Attributes:
        name: Of the file.
        line: What it is, for the list.
    """

    name: str
    line: str


FILES = {
    "systemd": Shipped("tailer.service", "Service: watchdog, sandbox, token as a credential."),
    "docker": Shipped("Dockerfile", "Image: slim, not root, with a health check."),
    "logrotate": Shipped("tailer.logrotate", "Daily rotation of a file sink's file, by renaming."),
}
"""In the order of the list."""

_USUAL_PLACE = "/usr/local/bin/tailer"
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108 - ProtectHome= and PrivateTmp=


@click.command("files")
@click.argument("name", type=click.Choice(list(FILES)), required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Write into this folder: the named file, or all of them.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def command(name: str | None, out: Path | None, *, force: bool) -> None:
    """Write out files for systemd, Docker and logrotate.

    Alone it lists them; a file that is named goes to stdout, or with --out into a folder. Each begins with
    what to do with it.
    """
    from tailer.cli.exits import say  # noqa: PLC0415 - as the other commands do

    if force and out is None:
        raise click.UsageError("--force goes with --out; to stdout nothing is replaced")
    names = list(FILES) if name is None else [name]
    if out is not None:
        for path in write(names, out, force=force):
            say(f"wrote {path}")
    elif name is None:
        for known, shipped in FILES.items():
            click.echo(f"{known:10} {shipped.name:17} {shipped.line}")
        return
    else:
        click.echo(text_of(name), nl=False)
    if "systemd" in names and (warning := misplaced(find_program())):
        say(warning)


def text_of(name: str) -> str:
    """Give a file's text, with this installation's program and version in it."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - would delay the help
    from importlib.resources import files  # noqa: PLC0415 - as above

    text = (files("tailer") / "operations" / FILES[name].name).read_text("utf-8")
    try:
        present = version("cf-tailer")
    except PackageNotFoundError:  # a checkout that is not installed
        present = "*"
    # A percent sign begins one of systemd's own specifiers.
    program = shlex.quote(find_program() or _USUAL_PLACE).replace("%", "%%")
    return text.replace("@TAILER@", program).replace("@VERSION@", present)


def write(names: list[str], folder: Path, *, force: bool) -> list[Path]:
    """Write files; none of them if one exists and `force` is not set.

    Raises:
        click.UsageError: A file exists.
        click.ClickException: One can't be written.
    """
    paths = {name: folder / FILES[name].name for name in names}
    there = [str(path) for path in paths.values() if path.exists() or path.is_symlink()]
    if there and not force:
        raise click.UsageError(f"{', '.join(there)}: exists already; --force replaces it")
    for name, path in paths.items():
        try:
            path.unlink(missing_ok=True)  # what a link leads to is left alone
            with path.open("x", encoding="utf-8") as file:
                file.write(text_of(name))
        except OSError as error:
            raise click.ClickException(f"{path}: can't be written: {error.strerror}") from error
    return list(paths.values())


def find_program() -> str | None:
    """Find the program of this installation: beside its interpreter, else by the shell's search path."""
    beside = Path(sys.executable).with_name("tailer")
    return str(beside) if beside.is_file() else shutil.which("tailer")


def misplaced(program: str | None) -> str | None:
    """Say that the unit's sandbox would not find the program, ``None`` when it would."""
    if program is None:
        return f"this is no installation with a program; the unit names {_USUAL_PLACE}, correct its ExecStart"
    place = next((folder for folder in _HIDDEN if program.startswith(folder)), None)
    if place is None:
        return None
    return (
        f"the unit's sandbox hides {place}, where this tailer is; install one for the service in a virtual"
        " environment such as /opt/tailer, and let that one write the unit"
    )
