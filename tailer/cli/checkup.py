"""``tailer check``: from what was typed to findings on stdout."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import anyio

from tailer.app.check.checks import Check
from tailer.app.check.findings import Finding
from tailer.app.exitcode import ExitCode
from tailer.app.sinks import load_with_sinks
from tailer.cli.accounts import load_accounts
from tailer.cli.exits import clean, say
from tailer.cli.listing import columns_of, json_line
from tailer.clock import SystemClock
from tailer.config.options import Config
from tailer.errors import ConfigError
from tailer.observe import PrincipalPaused, Report, RequestRetried
from tailer.sinks.registry import SinkPlan

_STATE_CELLS = len("warning")
_PART_CELLS = len("configuration")
_LEAST_TEXT_CELLS = 20  # below, broken lines would only make it worse


def check(path: Path | None, *, offline: bool, as_json: bool) -> ExitCode:
    """Check what was asked for; return the exit code that the worst finding asks for."""
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            sys.stdout.write(line_of(finding, columns_of(sys.stdout)))
            sys.stdout.flush()

    loaded, read = _load(path)
    for finding in read:
        tell(finding)
    if loaded is not None and not offline:
        config, plans = loaded
        whole = Check(config=config, plans=plans, clock=SystemClock(), tell=tell, observe=say_pause)
        anyio.run(whole.run, sys.stdout.buffer, os.environ)
    code = max(finding.code for finding in findings)
    if as_json:
        sys.stdout.write(json_line({"exit_code": code, "findings": [_record(one) for one in findings]}))
    return code


def say_pause(report: Report) -> None:
    """Say why nothing comes at present."""
    if isinstance(report, PrincipalPaused | RequestRetried):
        say(str(report))


def line_of(finding: Finding, columns: int | None) -> str:
    """Write a finding as a line, or what a terminal needs; what it found may come from far away.

    Args:
        finding: Its text can't do anything to a terminal here.
        columns: Of the terminal; ``None``: lines are as long as they get.
    """
    head = f"{finding.state:<{_STATE_CELLS}}  {finding.part:<{_PART_CELLS}}  "
    text = clean(finding.text).replace("\n", " ")
    if columns is None or columns < len(head) + _LEAST_TEXT_CELLS:
        return f"{head}{text}\n"
    lines = textwrap.wrap(text, columns - len(head), break_on_hyphens=False)
    return head + f"\n{' ' * len(head)}".join(lines) + "\n"


def _record(finding: Finding) -> dict[str, object]:
    return {"part": finding.part, "state": finding.state, "text": finding.text}


def _load(path: Path | None) -> tuple[tuple[Config, list[SinkPlan] | None] | None, list[Finding]]:
    """Read file or environment; give what was configured unless there are mistakes, and what to tell."""
    try:
        if path is None:
            config = load_accounts(None, None, None, os.environ)
            return (config, None), [Finding("configuration", "ok", "one account, by the environment")]
        config, plans = load_with_sinks(path, os.environ)
    except ConfigError as error:
        mistakes = [Finding("configuration", "error", one, ExitCode.MISUSED) for one in error.mistakes]
        return None, mistakes
    counts = f"accounts: {len(config.accounts)}, sinks: {len(plans)}"
    return (config, plans), [Finding("configuration", "ok", f"{path}: no mistakes ({counts})")]
