"""Where a daemon shows itself over HTTP: one service at a time, on the address that is in force."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from tailer.app.daemon.service import Service, Shown
from tailer.config.addresses import Address
from tailer.errors import ConfigError
from tailer.observe import Observer, ServiceLost


class _Nothing:
    """What is shown before there is a run."""

    def ailment(self) -> str | None:
        return None

    def obstacles(self) -> list[str]:
        return ["nothing has begun yet"]

    def status(self) -> None:
        return None


class Front:
    """The service of a daemon, over all of its runs.

    Args:
        observe: Is told of mistakes in the service.
        tell: Called with the address whenever a service has begun to listen.
    """

    def __init__(self, observe: Observer, tell: Callable[[Address], None]) -> None:
        self._observe = observe
        self._tell = tell
        self._shown: Shown = _Nothing()
        self._service: Service | None = None
        self._address: Address | None = None

    def show(self, shown: Shown) -> None:
        """Show another run from now on."""
        self._shown = shown
        if self._service is not None:
            self._service.shown = shown

    async def open(self, address: Address | None) -> None:
        """Listen; ``None``: nowhere.

        Raises:
            ConfigError: It can't listen there.
        """
        if address is not None:
            service = Service(address, self._shown, self._observe)
            self._tell(await service.open())
            self._service = service
        self._address = address

    async def close(self) -> None:
        """Stop listening; a second call does nothing."""
        service, self._service, self._address = self._service, None, None
        if service is not None:
            await service.close()

    @asynccontextmanager
    async def moved(self, address: Address | None) -> AsyncIterator[None]:
        """Listen at another address; if it can't, or an error leaves the context, at the former one again.

        The former is left first: often the two differ in the host alone, and a port is taken once.

        Raises:
            ConfigError: It can't listen there.
        """
        former = self._address
        if address == former:
            yield
            return
        await self.close()
        try:
            await self.open(address)
            yield
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.close()
                await self._return_to(former)
            raise

    async def _return_to(self, address: Address | None) -> None:
        try:
            await self.open(address)
        except ConfigError as error:  # somebody was quick; the daemon works without it
            self._observe(ServiceLost(str(error)))
