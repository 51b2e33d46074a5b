"""What figures mean for the one who runs this: judgements of a check, without asking anybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from tailer.api.tokens import TokenStatus
from tailer.app.check.findings import Finding
from tailer.app.exitcode import ExitCode
from tailer.app.principals import Principal
from tailer.config.options import Config
from tailer.core.apitime import STEP
from tailer.core.budget import Budget
from tailer.core.delays import mean_delay
from tailer.core.durations import Seconds, format_duration
from tailer.core.ladder import Ladder
from tailer.core.ordering import Order
from tailer.core.windows import Pacing
from tailer.kinds import LEVEL_OF_KIND
from tailer.sinks.text import json_text

NEAR_END = timedelta(days=14)
"""A token that ends sooner is warned about: time enough for a ticket."""


def judge_token(subject: str, token: TokenStatus, now: float) -> Finding:
    """Judge what the API says of a token.

    Args:
        subject: The token in words.
        token: What was said.
        now: API time.
    """
    if token.status != "active":
        text = f"{subject}: is {json_text(token.status)}; make a new one"
        return Finding("credentials", "error", text, ExitCode.UNAUTHORIZED)
    if token.expires_on is None:
        return Finding("credentials", "ok", f"{subject}: is active and does not end")
    end = token.expires_on.astimezone(UTC)
    left = end - datetime.fromtimestamp(now, UTC)
    text = f"{subject}: is active until {end:%Y-%m-%d %H:%M} UTC ({max(left.days, 0)} days left)"
    return Finding("credentials", "warning" if left < NEAR_END else "ok", text)


def judge_kinds(config: Config) -> list[Finding]:
    """Doubt kinds that nobody knows: they may come one day, but a slip of the pen hides all events."""
    told: list[Finding] = []
    for number, account in enumerate(config.accounts):
        for kind in account.kinds:
            near = get_close_matches(kind, LEVEL_OF_KIND, n=1)
            if kind not in LEVEL_OF_KIND:
                hint = f"; did you mean {near[0]}?" if near else "; `tailer kinds` lists those that are known"
                text = f"accounts[{number}].kinds has {json_text(kind)}, which is no known kind{hint}"
                told.append(Finding("configuration", "warning", text))
    return told


def judge_clock(offset: Seconds) -> Finding:
    """Judge by how much API time is later than this machine's clock."""
    if abs(offset) <= STEP:
        return Finding("clock", "ok", "this machine's clock agrees with the API's")
    direction = "behind" if offset > 0 else "ahead of"
    off = format_duration(round(abs(offset)))
    text = (
        f"this machine's clock is {off} {direction} the API's; spans are reckoned by the API's, but `seen` is"
        " this machine's: let it set its clock (NTP)"
    )
    return Finding("clock", "warning", text)


def judge_others(principal: Principal, share: float, budget: Budget) -> list[Finding]:
    """Say what others have spent of the quota lately; more than they are left is a warning."""
    if not budget.foreign:
        return []
    span = format_duration(budget.window)
    text = f"budget {principal.name}: others have spent {budget.foreign} of {budget.quota} requests in {span}"
    if budget.foreign <= (1 - share) * budget.quota:
        return [Finding("polling", "ok", f"{text} (the dashboard, scripts, a tailer that runs)")]
    hint = (
        f"if it is no tailer, a share of {share:.0%} is more than they leave: polls will pause now and then"
    )
    return [Finding("polling", "warning", f"{text}; {hint}")]


def judge_pace(
    principal: Principal, config: Config, orders: Sequence[Order], budget: Budget, connectors: int
) -> list[Finding]:
    """Say how often each connector is polled within the budget, and what that means for a new event."""
    polling = config.polling
    pacing = Pacing(Ladder(polling.interval, polling.revisit_max), polling.interval)
    pacing.fit(connectors, rate=budget.rate, page_limit=config.api.page_limit, max_held=1)
    shared = f" (shared by {len(principal.accounts)} accounts)" if len(principal.accounts) > 1 else ""
    quota = f"{config.api.budget.share:.0%} of {budget.quota} in {format_duration(budget.window)}"
    text = (
        f"budget {principal.name}{shared}: {budget.rate:.2g} requests/s, {quota}; {connectors} connectors,"
        f" each polled every {_about(pacing.interval)}"
    )
    longest = format_duration(polling.max_interval)
    is_stretched = pacing.interval > polling.interval
    if is_stretched:
        text += f" on average, not every {format_duration(polling.interval)}: "
        if pacing.interval < polling.max_interval:
            text += f"busy ones are polled more often, none less than every {longest}"
        else:
            text += (
                f"max_interval ({longest}) is stretched to that for all; a larger share, or another token for"
                " some, shortens it"
            )
    delays = [
        _about(mean_delay(order, settle=polling.settle, interval=pacing.interval, connectors=connectors))
        + f" ({order} order)"
        for order in orders
    ]
    delay = f"an event is delivered {', '.join(delays)} after the API shows it, on average"
    return [Finding("polling", "warning" if is_stretched else "ok", text), Finding("polling", "ok", delay)]


def _about(seconds: Seconds) -> str:
    """Give a duration without the digits that nobody needs."""
    return format_duration(round(seconds, 1 if seconds < 60 else None))
