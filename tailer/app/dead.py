"""Dead letters from the outside: which ones are meant, and how they are written again, by whoever may."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from hashlib import blake2b

import anyio
import msgspec

from tailer.app.control.replies import Retried
from tailer.app.run.run import Run
from tailer.clock import Clock
from tailer.config.options import Config
from tailer.config.words import nearest_of, quoted
from tailer.errors import ConfigError, SinkError
from tailer.interfaces import DeadLetter, DeadLetters, Journal, ReaderState, Resume
from tailer.pipeline.delivery import CLOSE_LIMIT
from tailer.pipeline.handover import Handover
from tailer.pipeline.redrive import redrive
from tailer.sinks.dead_letters import DeadLetterFile
from tailer.sinks.options import SinkContext
from tailer.sinks.registry import SinkPlan


def make_dead_letters(config: Config) -> DeadLetters | None:
    """Make the place for what sinks reject; ``None`` where the journal is in memory and no file is named."""
    path = config.journal.dead_letters_path
    return None if path is None else DeadLetterFile(path)


def handle_of(letter: DeadLetter) -> str:
    """Give a short name that people can type: eight hexadecimal digits, lasting as long as the letter."""
    return blake2b(f"{letter.sink}\n{letter.event.id}".encode(), digest_size=4).hexdigest()


def choose(letters: Sequence[DeadLetter], sink: str | None, ids: Collection[str]) -> list[DeadLetter]:
    """Pick dead letters.

    Args:
        letters: All there are.
        sink: Name of the one sink that is meant; ``None``: any.
        ids: Handles or ids of events; empty: all.

    Raises:
        ConfigError: Something that is asked for is not there.
    """
    sinks = sorted({letter.sink for letter in letters})
    if sink is not None and letters and sink not in sinks:
        raise ConfigError(f"sink {quoted(sink)} has no dead letters; {nearest_of(sink, sinks)}")
    chosen = [letter for letter in letters if sink in {None, letter.sink}]
    if not ids:
        return chosen
    named = [letter for letter in chosen if not {handle_of(letter), letter.event.id}.isdisjoint(ids)]
    missing = {*ids} - {name for letter in named for name in (handle_of(letter), letter.event.id)}
    if missing:
        raise ConfigError(
            [f"{quoted(one)} is no dead letter's id; tailer dead list gives them" for one in sorted(missing)]
        )
    return named


async def retry_within(run: Run, sink: str, ids: Collection[str] | None) -> Retried:
    """Write dead letters of one sink again, between two batches of a run that delivers to it.

    Args:
        run: Being served.
        sink: The sink's name.
        ids: Of the events; ``None``: all of this sink.
    """
    delivery = next((one for one in run.deliveries if one.reader.options.name == sink), None)
    if delivery is None:
        return Retried(sink=sink, error="the daemon has no sink of this name")
    try:
        redriven = await delivery.redrive(ids)
    except SinkError as error:
        return Retried(sink=sink, error=str(error))
    return Retried(sink=sink, accepted=len(redriven.accepted), rejected=redriven.rejected)


async def retry(
    plan: SinkPlan,
    ids: Collection[str],
    *,
    journal: Journal,
    dead: DeadLetters,
    context: SinkContext,
    clock: Clock,
) -> Retried:
    """Write dead letters of one sink again, as its owner: no daemon has it.

    Args:
        plan: The sink.
        ids: Of the events.
        journal: Open; it keeps the sink's state.
        dead: Where the letters lie.
        context: For the sink; its observer is told what happens.
        clock: For the waits.

    Raises:
        JournalError: The sink's state could not be committed.
    """
    stored = await journal.load_reader(plan.name) or ReaderState()

    async def commit(state: bytes | None) -> None:
        # What is the highest has been stored; only a change of it would be told.
        await journal.commit_reader(plan.name, msgspec.structs.replace(stored, highest={}, sink=state))

    handover = Handover(
        name=plan.name,
        sink=plan.build(context),
        commit=commit,
        dead=dead,
        is_ending=lambda: True,
        clock=clock,
        observe=context.observer,
        random=random.random,
    )
    try:
        await commit(await handover.open(Resume(stored.offset, stored.sink)))
        redriven = await redrive(handover, ids, max_events=plan.options.max_events)
    except SinkError as error:
        return Retried(sink=plan.name, accepted=handover.accepted, error=str(error))
    finally:
        with anyio.move_on_after(CLOSE_LIMIT, shield=True):
            await handover.sink.close()
    return Retried(sink=plan.name, accepted=len(redriven.accepted), rejected=redriven.rejected)
