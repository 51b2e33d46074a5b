"""``tailer simulate``: the believable API on loopback, to try `tailer` without an account."""

import errno
import json
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from tailer.cli.options import duration
from tailer.core.durations import format_duration

if TYPE_CHECKING:
    from tailer.simulator.server import Server

Decorator: TypeAlias = Callable[[Callable[..., None]], Callable[..., None]]


def signed_duration(text: str) -> float:
    """Read a human duration that may have a sign, as in "-2m"."""
    return -duration(text[1:]) if text.startswith("-") else duration(text.removeprefix("+"))


class DocumentedOption(click.Option):
    """An option that is ``None`` unless given, and whose help shows what `SimulatorOptions` has then."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The flag and its text for ``--help``."""
        from tailer.simulator.options import SimulatorOptions  # noqa: PLC0415 - wanted only for this help

        record = super().get_help_record(ctx)
        default = getattr(SimulatorOptions(), self.name or "", None)
        if record is None or default is None or isinstance(default, bool | tuple):
            return record
        shown = format_duration(default) if self.metavar == _DURATION else default
        return record[0], f"{record[1]}  [default: {shown}]"


_DURATION = "DURATION"


def _option(flag: str, kind: Any, text: str, **more: Any) -> Decorator:
    return click.option(flag, type=kind, default=None, help=text, cls=DocumentedOption, **more)


def _duration(flag: str, text: str) -> Decorator:
    return _option(flag, duration, text, metavar=_DURATION)


def _flag(flag: str, text: str) -> Decorator:
    return click.option(flag, is_flag=True, default=None, help=text)


def _choice(flag: str, choices: str, text: str) -> Decorator:
    return _option(flag, click.Choice(choices.split("|")), text)


_OPTIONS: tuple[Decorator, ...] = (
    _option("--seed", int, "Source of every choice; the same seed and --epoch tell the same history."),
    _option("--connectors", int, "Size of the fleet."),
    _option("--port", int, "TCP port on 127.0.0.1; 0 picks a free one."),
    _option("--account", str, "Account id in the paths."),
    _option("--token", str, "The bearer token that is accepted."),
    _option("--email", str, "Accepted as X-Auth-Email, together with --key."),
    _option("--key", str, "Accepted as X-Auth-Key, together with --email."),
    _option("--rate", float, "Mean live events per second of the whole fleet."),
    _duration("--history", "How far before the start events exist."),
    _option("--history-events", int, "That many events per connector, evenly over --history."),
    _option("--epoch", float, "Epoch seconds before which nothing exists; replaces the start."),
    _duration("--delay", "Events become visible up to this long after they happened."),
    _option("--late-share", float, "Share of the events that become visible late, 0 to 1."),
    _duration("--late-by", "The longest such lateness."),
    _option("--offline-share", float, "Share of the connectors that are offline now and then, 0 to 1."),
    _duration("--offline-for", "The longest absence; one in each four times this."),
    _duration("--device-ahead", "How far the last connector's clock runs ahead."),
    _flag("--fractional", "Event times have milliseconds."),
    _flag("--float-numbers", "Numbers are written as 3.0."),
    _flag("--big-n", "Sequence numbers begin beyond 2**53."),
    _choice("--sequence", "dense|agent", "n counts within each t, or grows while the agent runs."),
    _option(
        "--burst",
        str,
        "N events of the first connector in one second, OFFSET seconds after the start; repeatable.",
        metavar="N@OFFSET",
        multiple=True,
    ),
    _option(
        "--newcomers",
        str,
        "The last N connectors turn up only OFFSET seconds after the start.",
        metavar="N@OFFSET",
    ),
    _option(
        "--vanish",
        str,
        "The first N connectors are unknown between these seconds since the start.",
        metavar="N@START-END",
    ),
    _option(
        "--rotate",
        str,
        "TOKEN takes the place of the first one, OFFSET seconds after the start.",
        metavar="TOKEN@OFFSET",
    ),
    _option(
        "--clock-offset", signed_duration, "The server's clock less this one's, as in -2m.", metavar=_DURATION
    ),
    _duration("--retention", "How far back a window may begin."),
    _choice("--over-retention", "refuse|cut", "400 for an older window, or silently nothing of it."),
    _choice("--bounds", "closed|open|half-open|half-open-end", "Which ends of from and to are included."),
    _choice("--filter-on", "t|a", "What from and to filter on."),
    _choice("--order", "asc|desc|shuffled", "Order of the rows, across pages."),
    _option("--default-limit", int, "Rows of a page when no limit is given."),
    _option("--max-limit", int, "The most rows of a page."),
    _choice("--over-limit", "lower|refuse", "Whether a higher limit is lowered or a 400."),
    _flag("--refuse-limit", "Any limit is a 400."),
    _choice("--cursor-end", "absent|null|empty|repeated", "The cursor of the last page."),
    _duration("--cursor-ttl", "Age at which a cursor is a 400."),
    _flag("--empty-pages", "An empty page with a cursor comes before each page with rows."),
    _flag("--no-cursor", "A page never has a cursor, though there is more."),
    _flag("--shifting-pages", "Cursors are offsets: what becomes visible shifts the pages."),
    _flag("--overlapping-pages", "A page begins with the last third of the page before it."),
    _choice("--count", "page|total", "Whether count is the page's or the window's."),
    _choice("--unknown-connector", "404|403|400|empty", "The answer for a connector that does not exist."),
    _choice("--unknown-kind", "empty|refuse", "The answer for a k that does not exist."),
    _flag("--refuse-future", "A to in the future is a 400."),
    _duration("--max-width", "A wider window is a 400."),
    _option("--latest-events", int, "Rows that latest holds."),
    _option(
        "--fault",
        str,
        "KIND:PROBABILITY or KIND@START-END (seconds since the start), KIND#2 for the third connector"
        " only; repeatable. A wrong KIND lists them all.",
        metavar="RULE",
        multiple=True,
    ),
    _option("--quota", int, "Requests allowed in --quota-window."),
    _duration("--quota-window", "Length of the quota's window."),
    _choice("--quota-kind", "sliding|fixed", "How that window moves."),
    _duration("--block", "How long everything is refused after a crossing."),
    _option("--foreign-rate", float, "Requests per second that others spend of the quota."),
    click.option("--rate-headers/--no-rate-headers", default=None, help="Ratelimit headers on every answer."),
    click.option("--retry-after/--no-retry-after", default=None, help="Retry-After on a 429."),
    _choice("--blocked-as", "429|403|code-971", "What everything gets then."),
    _duration("--latency", "Each answer takes this long."),
    _duration("--keep-alive", "Idle connections are closed after this long, without a word."),
    _flag("--gzip", "Bodies are compressed for clients that accept it."),
    _option("--truth", click.Path(dir_okay=False), "File that gets each event when it becomes visible."),
)


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command("simulate")
@_with_options
def command(**given: Any) -> None:
    """Run a believable Magic WAN connector API on this machine.

    Prints one line of JSON with the base URL, the account and the token when it listens, and to the standard
    error a command line that tails it.
    """
    # Deferred: aiohttp alone would double the start-up time of every other command.
    from tailer.simulator import process, rules  # noqa: PLC0415
    from tailer.simulator.options import SimulatorOptions  # noqa: PLC0415

    faults, bursts = given.pop("fault"), given.pop("burst")
    readers = {
        "newcomers": rules.parse_newcomers,
        "vanish": rules.parse_vanishing,
        "rotate": rules.parse_rotation,
    }
    listening: list[bool] = []

    def announce(server: "Server") -> None:
        _announce(server)
        listening.append(True)

    try:
        chosen: dict[str, Any] = {
            name: readers[name](value) if name in readers else value
            for name, value in given.items()
            if value is not None
        }
        options = SimulatorOptions(
            faults=tuple(rules.parse_fault(text) for text in faults),
            bursts=tuple(rules.parse_burst(text) for text in bursts),
            **chosen,
        )
        exit_code = process.run(options, announce)
    except (OSError, ValueError) as error:
        if listening:
            raise click.ClickException(f"the truth file cannot be kept: {error}") from error
        raise click.UsageError(_trouble(error, given["port"])) from error
    raise SystemExit(exit_code)


def _announce(server: "Server") -> None:
    """Say where the server is: one line for programs, a few for people."""
    facts = {
        "base_url": server.base_url,
        "account": server.account,
        "token": server.token,
        "connectors": server.options.connectors,
    }
    click.echo(json.dumps(facts))
    sys.stdout.flush()
    environment = {
        "CLOUDFLARE_BASE_URL": server.base_url,
        "CLOUDFLARE_ACCOUNT_ID": server.account,
        "CLOUDFLARE_API_TOKEN": server.token,
    }
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    click.echo(f"simulating {server.options.connectors} connectors; to tail them:", err=True)
    click.echo(f"  {assignments} tailer tail", err=True)


def _trouble(error: Exception, port: int | None) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} on 127.0.0.1 is taken; choose another with --port, or 0 for a free one"
    return str(error)
