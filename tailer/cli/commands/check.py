"""``tailer check``: the flags."""

from __future__ import annotations

from pathlib import Path

import click

from tailer.cli.options import complete_connector


@click.command("check")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration file.  [default: one account, by the environment]",
)
@click.option("--offline", is_flag=True, help="Look for mistakes in the file only; ask nobody.")
@click.option(
    "--probe",
    "is_probe",
    is_flag=True,
    help="Measure what the API does where its documentation is silent, with at most 60 requests.",
)
@click.option(
    "--connector",
    metavar="NAME",
    shell_complete=complete_connector,
    help="The connector to probe.  [default: one that is busy]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def command(config: Path | None, connector: str | None, *, is_probe: bool, **flags: bool) -> int:
    """Check a configuration and everything it needs, and change nothing.

    All mistakes of the file come at once. Without any, the credentials, the connectors, the clock, the rate
    that the budget allows, the journal and the sinks are looked at. Exits with 0 if a run would work, with 2
    for mistakes, 3 for refused credentials and 1 for an API, a sink or a journal that can't be used.
    """
    # Deferred: the HTTP client would delay the help.
    if is_probe:
        from tailer.cli.probing import probe  # noqa: PLC0415 - as above

        if flags["offline"]:
            raise click.UsageError("--offline asks nobody, --probe asks the API; give one of the two")
        return probe(config, connector, as_json=flags["as_json"])
    from tailer.cli.checkup import check  # noqa: PLC0415 - as above

    if connector is not None:
        raise click.UsageError("--connector names the one to probe; add --probe")
    return check(config, **flags)
