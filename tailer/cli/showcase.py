"""``tailer demo``: a simulated API and a tail of it in one process."""

from __future__ import annotations

import time

import anyio
import msgspec

from tailer.app.exitcode import ExitCode
from tailer.app.run.ask import Ask
from tailer.cli.exits import say
from tailer.cli.screen import Screen
from tailer.config.credentials import TOKEN_VARIABLE
from tailer.config.document import ACCOUNT_VARIABLE, BASE_URL_VARIABLES, config_from_environment
from tailer.config.options import Config
from tailer.core.durations import Seconds
from tailer.simulator.fleet import Connector, absence, build_fleet
from tailer.simulator.options import SimulatorOptions
from tailer.simulator.server import Server, serve
from tailer.sinks.stdout import StdoutSink

HISTORY: Seconds = 6.0
"""What is on the screen at once: about as many lines as are left below the banner."""

COMEBACK: Seconds = 2.0
"""When, after the start, an appliance comes back whose events are late: soon, for nobody watches for long."""

FLEET = SimulatorOptions(
    seed=1,  # of which the busiest appliance is the one that is away now and then
    connectors=7,
    rate=4.0,
    history=600.0,
    fractional=True,
    delay=0.8,
    offline_share=0.14,  # one of seven
    quota=100_000,  # each is asked once a second
)


def show(duration: Seconds | None, look: StdoutSink.Config) -> ExitCode:
    """Show the demo; return the exit code.

    Args:
        duration: Seconds after which it ends; ``None``: Ctrl-C ends it.
        look: What the lines look like.

    Raises:
        TailerError: What went wrong.
    """
    return anyio.run(_show, duration, look)


async def _show(duration: Seconds | None, look: StdoutSink.Config) -> ExitCode:
    options = invent(time.time())
    async with serve(options) as server:
        say(
            f"an invented fleet of {FLEET.connectors} appliances, on {server.base_url}",
            f"{leaver_of(options).notes} is offline just now; soon its events come late",
        )
        if duration is None:
            say("Ctrl-C ends it")
        screen = Screen(_configure(server), Ask(start=f"{HISTORY:.0f}s"), look, duration=duration)
        code = await screen.show()
    say("for your own account: tailer tail --help", "for a server to try things on: tailer simulate")
    return code


def invent(now: float) -> SimulatorOptions:
    """Choose how long absences last, so that one ends about `COMEBACK` seconds after `now`.

    When an appliance is away follows from the clock and the longest absence (`tailer.simulator.fleet`), so
    some length between 20 and 30 seconds fits.
    """
    leaver = leaver_of(FLEET)
    fitting = FLEET
    for hundredths in range(2000, 3000):
        fitting = msgspec.structs.replace(FLEET, offline_for=hundredths / 100)
        away = absence(fitting, leaver, now + COMEBACK)
        if away is not None and away[1] < now + COMEBACK + 2:
            break
    return fitting


def leaver_of(options: SimulatorOptions) -> Connector:
    """Give the one appliance that is away now and then."""
    return next(one for one in build_fleet(options, 0.0) if one.goes_away)


def _configure(server: Server) -> Config:
    """Make the configuration of the simulated account; nothing of the user's environment is in it."""
    environ = {
        ACCOUNT_VARIABLE: server.account,
        TOKEN_VARIABLE: server.token,
        BASE_URL_VARIABLES[0]: server.base_url,
    }
    config = config_from_environment(environ)
    return msgspec.structs.replace(config, polling=msgspec.structs.replace(config.polling, interval=1.0))
