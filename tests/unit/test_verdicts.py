from datetime import UTC, datetime
from pathlib import Path

import pytest

from tailer.api.tokens import TokenStatus
from tailer.app.check.verdicts import judge_clock, judge_kinds, judge_others, judge_pace, judge_token
from tailer.app.exitcode import ExitCode
from tailer.app.principals import principals_of
from tailer.config.document import parse
from tailer.config.options import Config
from tailer.core.budget import Budget, RatePolicy

NOW = datetime(2026, 8, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("token", "state", "words"),
    [
        (TokenStatus("active"), "ok", "does not end"),
        (
            TokenStatus("active", datetime(2026, 9, 1, tzinfo=UTC)),
            "ok",
            "2026-09-01 00:00 UTC (31 days left)",
        ),
        (TokenStatus("active", datetime(2026, 8, 9, tzinfo=UTC)), "warning", "8 days left"),
        (TokenStatus("disabled"), "error", 'is "disabled"'),
    ],
)
def test_token_is_judged_by_what_is_left_of_it(token: TokenStatus, state: str, words: str) -> None:
    """A token that ends within two weeks is a warning, one that can't be used an error of its own code."""
    found = judge_token("the token", token, NOW)
    assert found.state == state
    assert words in found.text
    assert found.code == (ExitCode.UNAUTHORIZED if state == "error" else ExitCode.DONE)


@pytest.mark.parametrize(
    ("offset", "state", "words"),
    [(1.9, "ok", "agrees"), (120.0, "warning", "2m behind"), (-3.0, "warning", "3s ahead of")],
)
def test_clock_is_judged_against_the_api_s(offset: float, state: str, words: str) -> None:
    """More than the resolution of the ``Date`` header is said, with its direction."""
    found = judge_clock(offset)
    assert found.state == state
    assert words in found.text


def configured(text: str = "") -> Config:
    """Two accounts with one token."""
    accounts = '[[accounts]]\nid = "one"\n[[accounts]]\nid = "two"\n'
    return parse(accounts + text, str(Path("c.toml")), {"CLOUDFLARE_API_TOKEN": "t"})


def test_kinds_that_nobody_knows_are_doubted() -> None:
    """A slip in a kind's name is a warning with the nearest one: it may come one day."""
    config = parse(
        '[[accounts]]\nid = "one"\nkinds = ["Leave", "Leav", "1x2"]\n',
        "c.toml",
        {"CLOUDFLARE_API_TOKEN": "t"},
    )
    near, far = judge_kinds(config)
    assert near.state == far.state == "warning"
    assert near.text == 'accounts[0].kinds has "Leav", which is no known kind; did you mean Leave?'
    assert far.text.endswith("`tailer kinds` lists those that are known")


def test_fleet_that_fits_is_polled_as_configured() -> None:
    """The rate, who shares it, the interval and the delay of each order are told."""
    config = configured()
    (principal,) = principals_of(config)
    budget = Budget(share=0.8, reserve=0.1)
    pace, delay = judge_pace(principal, config, ["arrival", "connector"], budget, 10)
    assert (pace.state, delay.state) == ("ok", "ok")
    assert "shared by 2 accounts" in pace.text
    assert "3.2 requests/s, 80% of 1200 in 5m; 10 connectors, each polled every 5s" in pace.text
    assert "2.5s (arrival order), 4.5s (connector order)" in delay.text


def test_fleet_that_does_not_fit_is_a_warning() -> None:
    """Where the budget stretches the interval, both are named."""
    config = configured('[polling]\ninterval = "1s"\n')
    (principal,) = principals_of(config)
    pace, _ = judge_pace(principal, config, ["global"], Budget(share=0.8, reserve=0.1), 288)
    assert pace.state == "warning"
    assert "each polled every 1m40s on average, not every 1s" in pace.text
    assert "none less than every 5m" in pace.text


def test_fleet_that_does_not_even_fit_at_the_longest_interval_is_told_to_what_it_is_stretched() -> None:
    """The configured bound is named with what becomes of it, with the delay, and with what to do."""
    config = configured('[polling]\ninterval = "1s"\nmax_interval = "90s"\n')
    (principal,) = principals_of(config)
    pace, delay = judge_pace(principal, config, ["connector"], Budget(share=0.8, reserve=0.1), 288)
    assert pace.state == "warning"
    assert (
        "each polled every 1m40s on average, not every 1s: max_interval (1m30s) is stretched to that for all"
    ) in pace.text
    assert "52s (connector order)" in delay.text


@pytest.mark.parametrize(("remaining", "states"), [(1200, []), (1000, ["ok"]), (900, ["warning"])])
def test_what_others_spend_is_judged_by_what_they_are_left(remaining: int, states: list[str]) -> None:
    """Nothing is no news, more than the rest of the quota is a warning."""
    (principal,) = principals_of(configured())
    budget = Budget(share=0.8, reserve=0.1)
    budget.observe(-1, RatePolicy(remaining=remaining), 10.0)
    found = judge_others(principal, 0.8, budget)
    assert [one.state for one in found] == states
    assert all(f"others have spent {1200 - remaining} of 1200 requests in 5m" in one.text for one in found)
