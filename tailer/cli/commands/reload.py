"""``tailer reload``: the flags, and the words for what comes of it."""

from __future__ import annotations

from pathlib import Path

import click

from tailer.cli.options import daemon_config


@click.command("reload")
@daemon_config
def command(config: Path) -> None:
    """Have a running daemon read its configuration file again.

    What has changed is in force when this command ends; no event is lost or repeated for it. If anything is
    wrong with the file, all of it is told and nothing changes. Token files are read again too. A changed
    journal path needs a restart. SIGHUP does the same.
    """
    # Deferred: they would delay the help.
    from tailer.app.control.client import ask  # noqa: PLC0415
    from tailer.app.control.replies import Reloaded  # noqa: PLC0415
    from tailer.app.whereabouts import journal_of  # noqa: PLC0415
    from tailer.cli.exits import say  # noqa: PLC0415
    from tailer.errors import ControlError, NoDaemonError, TailerError  # noqa: PLC0415

    journal = journal_of(config)
    try:
        reloaded = ask(journal, "reload", result=Reloaded, timeout=300.0)
    except NoDaemonError as error:
        raise NoDaemonError(f"{error}; if [journal] path was changed, restart the daemon instead") from error
    except ControlError:
        raise
    except TailerError:
        say("not reloaded, the former configuration stays in force")
        raise
    if Path(reloaded.file) != config.absolute():
        say(f"the daemon reads {reloaded.file}, not {config}")
    if reloaded.changed:
        say(f"reloaded: {', '.join(reloaded.changed)} changed")
    else:
        say("reloaded: nothing has changed")
