"""``tailer check --probe``: what was measured, on stdout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio

from tailer.app.exitcode import ExitCode
from tailer.app.probe.probe import MAX_REQUESTS
from tailer.app.probe.probing import Probed
from tailer.app.probe.probing import probe as probe_api
from tailer.cli.accounts import load_accounts
from tailer.cli.checkup import say_pause
from tailer.cli.exits import clean, say
from tailer.cli.listing import json_line
from tailer.clock import SystemClock
from tailer.sinks.text import json_text


def probe(config: Path | None, connector: str | None, *, as_json: bool) -> ExitCode:
    """Measure the API and print what it does; return the exit code.

    Raises:
        TailerError: It can't be measured.
    """
    loaded = load_accounts(config, None, None, os.environ)
    if sys.stderr.isatty():
        say(f"at most {MAX_REQUESTS} requests are sent, which may take a minute")
    probed = anyio.run(probe_api, loaded, connector, SystemClock(), say_pause)
    sys.stdout.write(_as_json(probed) if as_json else _as_lines(probed))
    return ExitCode.DONE


def _as_json(probed: Probed) -> str:
    return json_line(
        {
            "connector": probed.connector.id,
            "name": probed.connector.name,
            "events": probed.events,
            "requests": probed.requests,
            "traits": {one.name: {"value": one.value, "words": one.words} for one in probed.traits},
        }
    )


def _as_lines(probed: Probed) -> str:
    cells = max(len(one.name) for one in probed.traits)
    lines = [f"{one.name.replace('_', ' '):<{cells}}  {clean(one.words)}\n" for one in probed.traits]
    name = json_text(probed.connector.name)
    lines.append(f"measured on connector {name}, {probed.events} events looked at; ")
    lines.append(f"{probed.requests} requests spent\n")
    return "".join(lines)
