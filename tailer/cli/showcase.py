"""``tailer demo``: a simulated API and a tail of it in one process."""

from __future__ import annotations

import anyio
import msgspec

from tailer.app.exitcode import ExitCode
from tailer.app.run import Ask
from tailer.cli.exits import say
from tailer.cli.screen import Look, Screen
from tailer.config.credentials import TOKEN_VARIABLE
from tailer.config.document import ACCOUNT_VARIABLE, BASE_URL_VARIABLES, config_from_environment
from tailer.config.options import Config
from tailer.core.durations import Seconds
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.server import Server, serve

HISTORY: Seconds = 20.0
"""What is on the screen at once: about as many lines as a screen has."""

FLEET = SimulatorOptions(
    seed=7,
    connectors=7,
    rate=3.0,
    history=600.0,
    fractional=True,
    delay=0.8,
    offline_share=0.14,  # one of the seven
    offline_for=8.0,  # so it is away and comes back twice a minute
    quota=100_000,  # seven connectors, each asked once a second
)


def show(duration: Seconds | None, look: Look) -> ExitCode:
    """Show the demo; return the exit code.

    Args:
        duration: Seconds after which it ends; ``None``: Ctrl-C ends it.
        look: What the lines look like.

    Raises:
        TailerError: What went wrong.
    """
    return anyio.run(_show, duration, look)


async def _show(duration: Seconds | None, look: Look) -> ExitCode:
    async with serve(FLEET) as server:
        say(
            f"an invented fleet of {FLEET.connectors} appliances; served by this process: {server.base_url}",
            "one loses its uplink now and then; what it recorded meanwhile comes late, and is marked",
        )
        if duration is None:
            say("Ctrl-C ends it")
        screen = Screen(_configure(server), Ask(start=f"{HISTORY:.0f}s"), look, duration=duration)
        code = await screen.show()
    say("next: tailer tail --help, for your own account; tailer simulate, for a server to try things on")
    return code


def _configure(server: Server) -> Config:
    """Make the configuration of the simulated account; nothing of the user's environment is in it."""
    environ = {
        ACCOUNT_VARIABLE: server.account,
        TOKEN_VARIABLE: server.token,
        BASE_URL_VARIABLES[0]: server.base_url,
    }
    config = config_from_environment(environ)
    return msgspec.structs.replace(config, polling=msgspec.structs.replace(config.polling, interval=1.0))
