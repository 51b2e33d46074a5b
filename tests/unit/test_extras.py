"""A sink whose client is not installed says how to install it."""

import sys
from types import ModuleType
from typing import Any

import pytest

from tailer.errors import ConfigError
from tailer.sinks import registry
from tailer.sinks.extras import extra
from tailer.sinks.registry import find


class _Unfinished(ModuleType):
    """A sink's module whose client is missing, as far as importing it goes."""

    def __getattr__(self, name: str) -> Any:
        with extra("kafka"):
            raise ModuleNotFoundError("No module named 'aiokafka.errors'", name="aiokafka.errors")


def test_a_missing_client_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake names the table, the sink, the package and the command, and nothing else."""
    monkeypatch.setitem(sys.modules, "unfinished", _Unfinished("unfinished"))
    monkeypatch.setitem(registry.OURS, "kafka", "unfinished:KafkaSink")
    with pytest.raises(ConfigError) as caught:
        find("kafka", "sinks[0]")
    assert str(caught.value) == (
        'sinks[0].type: sink "kafka" needs the package aiokafka, which is not installed;'
        " run: pip install 'cf-tailer[kafka]'"
    )


def test_an_installed_client_is_no_mistake() -> None:
    """Nothing is said of imports that work."""
    with extra("json"):
        import json  # noqa: PLC0415 - the import is what is tested
    assert json.loads("1") == 1
