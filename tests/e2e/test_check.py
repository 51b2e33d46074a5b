import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import TOKEN, Ended, run, simulator, started

GOOD = """
[[accounts]]
id = "023e105f4ecef8ad9ca31a8372d0c353"
exclude = ["lisbon*"]
[journal]
path = "tailer.db"
[[sinks]]
type = "file"
path = "events.jsonl"
[[sinks]]
type = "stdout"
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulator and the variables that lead there."""
    with simulator(tmp_path_factory.mktemp("api"), "--connectors", "4", "--clock-offset", "5m") as variables:
        yield variables


def check(folder: Path, text: str, variables: dict[str, str], *flags: str) -> Ended:
    """Check a configuration."""
    folder.joinpath("c.toml").write_text(text)
    return run(["check", "-c", "c.toml", *flags], variables, folder)


def findings(ended: Ended) -> list[dict[str, Any]]:
    """What was found, as JSON."""
    told = json.loads(ended.stdout)
    assert told["exit_code"] == ended.code
    found: list[dict[str, Any]] = told["findings"]
    return found


def test_what_would_run_is_said_to(api: dict[str, str], tmp_path: Path) -> None:
    """Each part gets its line, nothing is left behind, and no secret is shown."""
    ended = check(tmp_path, GOOD, api)
    lines = [line.split(maxsplit=2) for line in ended.stdout.splitlines()]
    assert ended.code == 0
    assert [(state, part) for state, part, _ in lines] == [
        ("ok", "configuration"),
        ("ok", "credentials"),
        ("ok", "connectors"),
        ("ok", "polling"),
        ("ok", "polling"),
        ("warning", "clock"),
        ("ok", "journal"),
        ("ok", "sink"),
        ("ok", "sink"),
    ]
    assert "3 of 4 connectors are read, 1 excluded" in ended.stdout
    assert "behind the API's" in ended.stdout
    assert TOKEN not in ended.stdout + ended.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["c.toml"]


def test_every_mistake_comes_at_once(api: dict[str, str], tmp_path: Path) -> None:
    """Offline too, all mistakes have their path and the nearest right name; the exit code is usage's."""
    text = GOOD.replace("exclude", "exclud").replace('"file"', '"fil"') + "[polling]\nintervall = '5s'\n"
    ended = check(tmp_path, text, {**api, "CLOUDFLARE_BASE_URL": "http://127.0.0.1:9"}, "--offline", "--json")
    assert ended.code == 2
    assert {one["text"].split(":")[0] for one in findings(ended)} == {
        "accounts[0].exclud",
        "polling.intervall",
        "sinks[0].type",
    }


def test_refused_token_has_its_own_exit_code(api: dict[str, str], tmp_path: Path) -> None:
    """The sinks are looked at nevertheless."""
    ended = check(tmp_path, GOOD, {**api, "CLOUDFLARE_API_TOKEN": "some-other-token-there"}, "--json")
    assert ended.code == 3
    assert [one["part"] for one in findings(ended) if one["state"] == "error"] == ["connectors"]
    assert any(one["part"] == "sink" for one in findings(ended))
    assert "some-other-token-there" not in ended.stdout + ended.stderr


def test_mistake_that_only_a_client_notices_is_one_too(api: dict[str, str], tmp_path: Path) -> None:
    """A proxy that can't be one is a mistake; the rest is looked at nevertheless."""
    proxied = {"CLOUDFLARE_BASE_URL": "https://api.test/client/v4", "HTTPS_PROXY": "socks5://127.0.0.1:1"}
    ended = check(tmp_path, GOOD, api | proxied, "--json")
    assert ended.code == 2
    (error,) = (one for one in findings(ended) if one["state"] == "error")
    assert error["part"] == "configuration"
    assert "HTTPS_PROXY" in error["text"]
    assert any(one["part"] == "sink" for one in findings(ended))


def test_sink_that_can_t_deliver_fails(api: dict[str, str], tmp_path: Path) -> None:
    """A missing folder is found before the first event is."""
    ended = check(tmp_path, GOOD.replace("events.jsonl", "no/events.jsonl"), api, "--json")
    assert ended.code == 1
    assert [one["part"] for one in findings(ended) if one["state"] == "error"] == ["sink"]


def test_pattern_that_means_nothing_names_the_nearest(api: dict[str, str], tmp_path: Path) -> None:
    """A typo in a pattern is a warning: a connector of that name may come."""
    ended = check(tmp_path, GOOD.replace("lisbon*", "lisbon plan"), api, "--json")
    warned = [one["text"] for one in findings(ended) if one["state"] == "warning"]
    assert ended.code == 0
    assert any('exclude has "lisbon plan", which means none; did you mean "Lisbon' in text for text in warned)


def test_environment_alone_can_be_checked(api: dict[str, str], tmp_path: Path) -> None:
    """Without a file it is the account of the environment that is looked at."""
    ended = run(["check"], api, tmp_path)
    assert ended.code == 0
    assert "4 of 4 connectors are read" in ended.stdout


def test_api_that_is_away_fails(tmp_path: Path) -> None:
    """An API that can't be reached is neither a mistake nor a refusal."""
    variables = {
        "CLOUDFLARE_BASE_URL": "http://127.0.0.1:9/client/v4",
        "CLOUDFLARE_ACCOUNT_ID": "023e105f4ecef8ad9ca31a8372d0c353",
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }
    ended = run(["check"], variables, tmp_path)
    assert ended.code == 1
    assert "can't be reached" in ended.stdout


def test_probe_prints_what_the_simulator_was_told(tmp_path: Path) -> None:
    """The traits come by the names of the simulator's options, with the requests that they took."""
    options = ("--order", "desc", "--bounds", "half-open", "--cursor-end", "null", "--max-limit", "300")
    with simulator(tmp_path, "--connectors", "1", "--rate", "2", *options) as variables:
        ended = run(["check", "--probe", "--json"], variables, tmp_path)
        lines = run(["check", "--probe"], variables, tmp_path)
    traits = {name: one["value"] for name, one in json.loads(ended.stdout)["traits"].items()}
    assert (ended.code, lines.code) == (0, 0)
    assert (traits["order"], traits["bounds"], traits["cursor_end"], traits["max_limit"]) == (
        "desc",
        "half-open",
        "null",
        300,
    )
    assert "order              newest first, by t\n" in lines.stdout
    assert "requests spent" in lines.stdout


def test_running_daemon_is_named_and_goes_on(api: dict[str, str], tmp_path: Path) -> None:
    """Beside a daemon a check says who it is, finds nothing wrong, and does not end it."""
    text = GOOD.replace('[[sinks]]\ntype = "stdout"\n', "")
    tmp_path.joinpath("c.toml").write_text(text)
    with started(["run", "-c", "c.toml"], api, tmp_path) as daemon:
        assert daemon.stderr is not None
        assert any("Started" in line for line in daemon.stderr)
        ended = check(tmp_path, text, api, "--json")
        assert ended.code == 0
        (journal,) = (one["text"] for one in findings(ended) if one["part"] == "journal")
        assert f"process {daemon.pid} on " in journal
        assert daemon.poll() is None
        daemon.terminate()
        assert daemon.wait(30) == 0
