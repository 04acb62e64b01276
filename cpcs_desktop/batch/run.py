"""The loop of a batch: inputs to workers, answers back in the order of the inputs."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.journal import Journal
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.batch.workers import Workers

#: So many inputs may be finished ahead of a slow one: memory stays the same however many there are.
AHEAD = 64


def run_batch(
    inputs: Iterable[Input], workers: Workers, journal: Journal | None = None
) -> Generator[tuple[Input, Finished], None, None]:
    """Finish every input; closing the workers is left to who made them.

    Parameters
    ----------
    inputs : iterable of Input
    workers : Workers
    journal : Journal, optional
        Asked before and told after each input.

    Yields
    ------
    (Input, Finished)
        In the order of the inputs.
    """
    source = iter(inputs)
    waiting: dict[int, tuple[Input, Finished]] = {}
    at_work: dict[int, Input] = {}
    taken = given = 0
    more = True
    while more or at_work or waiting:
        while more and workers.room > 0 and taken - given < AHEAD + len(at_work):
            item = next(source, None)
            if item is None:
                more = False
                break
            known = None if journal is None else journal.find(item)
            if known is not None:
                waiting[taken] = (item, known)
            else:
                at_work[taken] = item
                workers.submit(taken, item)
            taken += 1
        if at_work and given not in waiting:
            for number, finished in workers.collect():
                item = at_work.pop(number)
                if journal is not None:
                    journal.add(item, finished)
                waiting[number] = (item, finished)
        while given in waiting:
            yield waiting.pop(given)
            given += 1
