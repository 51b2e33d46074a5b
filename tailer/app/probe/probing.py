"""A whole probe: finds a connector to ask, measures step by step, and says what was left unmeasured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tailer.app.principals import Budgets, make_client
from tailer.app.probe.measures import (
    Step,
    measure_filter_and_bounds,
    measure_oddities,
    measure_paging,
    read_sample,
)
from tailer.app.probe.probe import Asker, Sample, SpentError, take_sample
from tailer.app.probe.reach import measure_limits, measure_reach
from tailer.app.probe.traits import NAMES, NO_BUDGET, Trait, trait
from tailer.clock import Clock
from tailer.config.options import Account, Config
from tailer.core.matching import choose, nearest
from tailer.errors import ApiError, AuthError, ConfigError, RateLimitedError
from tailer.model import Connector
from tailer.observe import Observer, ignore
from tailer.sinks.text import json_text

STEPS: Sequence[tuple[Step, tuple[str, ...]]] = (
    (measure_filter_and_bounds, ("filter_on", "bounds")),
    (measure_paging, ("no_cursor", "cursor_end", "empty_pages", "overlapping_pages", "count")),
    (measure_oddities, ("refuse_future", "unknown_kind", "unknown_connector")),
    (measure_limits, ("over_limit", "max_limit", "default_limit")),
    (measure_reach, ("retention", "max_width")),
)
"""What matters most to reading first; each with the traits that are not known if there is nothing left."""


class Probed(NamedTuple):
    """What a probe found.

    Attributes:
        connector: Who was asked.
        events: How many of its events were looked at.
        traits: One for each of `NAMES`, in that order.
        requests: Requests spent, retries and the listing included.
    """

    connector: Connector
    events: int
    traits: Sequence[Trait]
    requests: int


async def probe(config: Config, wanted: str | None, clock: Clock, observe: Observer = ignore) -> Probed:
    """Measure the API of the first account that has what is wanted.

    Args:
        config: Accounts; the first with such a connector is asked.
        wanted: Name or pattern of the connector to ask; ``None``: one with enough events.
        clock: Time and sleep.
        observe: Is told of retries and pauses.

    Raises:
        ConfigError: No connector is called so, or there is none.
        ApiError: The API can't be asked.
    """
    listed: list[Connector] = []
    for account in config.accounts:
        gate = Budgets().of(account.principal, config.api)
        async with make_client(account.principal, account, config, gate, clock, observe) as client:
            connectors = await client.list_connectors(account.id)
            listed += connectors
            candidates = _candidates(connectors, account, wanted)
            if candidates:
                asker = Asker(client, client.api_time.now(clock.monotonic()))
                sample, traits = await _measure(asker, candidates)
                return Probed(sample.connector, len(sample.events), traits, client.counters.requests)
    near = nearest(listed, wanted or "")
    hint = f"; did you mean {json_text(near)}?" if wanted and near else ""
    name = f"no connector is called {json_text(wanted)}" if wanted else "no connector is there to be asked"
    raise ConfigError(name + hint)


def _candidates(connectors: Sequence[Connector], account: Account, wanted: str | None) -> list[Connector]:
    """Choose who may be asked, those that were heard of last first."""
    chosen = choose(connectors, (wanted,)) if wanted else choose(connectors, account.connectors)
    return sorted(chosen, key=lambda one: -(one.heartbeat_at or 0.0))


async def _measure(asker: Asker, candidates: Sequence[Connector]) -> tuple[Sample, list[Trait]]:
    """Take the steps as far as requests and API reach; what was found is kept."""
    sample = await take_sample(asker, candidates)
    found = {one.name: one for one in read_sample(sample)}
    reasons: dict[str, str] = {}
    for step, names in STEPS if sample.pages else ():
        try:
            async for one in step(asker, sample):
                if one.name not in found or found[one.name].value is None:
                    found[one.name] = one
        except SpentError:
            reasons |= dict.fromkeys(names, NO_BUDGET)
        except AuthError:
            raise
        except RateLimitedError as error:  # to go on would mean to wait for minutes
            rest = (name for _, others in STEPS for name in others)
            reasons |= dict.fromkeys(rest, f"not measured: {error}")
            break
        except ApiError as error:
            reasons |= dict.fromkeys(names, f"not measured: {error}")
    return sample, [found.get(name) or trait(name, None, reasons.get(name)) for name in NAMES]
