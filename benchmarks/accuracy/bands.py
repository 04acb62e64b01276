"""Is the right passband named? Practice skies in all 59 bands, without a word from the header."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from cpcs_desktop.calib.solution import fit_and_measure
from cpcs_desktop.surveys.registry import SURVEYS, band
from tests.calib.skies import matched_sky


@dataclass(frozen=True)
class BandTally:
    """Skies in one band: how many, how many right; ``wrong`` names what was said instead."""

    band: str
    skies: int
    group: int
    within_one: int
    letter: int
    ambiguous: int
    wrong: tuple[str, ...]


def tally(band_id: str, numbers: tuple[int, ...], trials: int) -> BandTally:
    """Calibrate practice skies in one band and count."""
    truth = band(band_id)
    skies = group = within_one = letter = ambiguous = 0
    wrong: list[str] = []
    for n in numbers:
        for trial in range(trials):
            rng = np.random.default_rng([trial, n, sum(map(ord, band_id))])
            choice = fit_and_measure(matched_sky(band_id, n, rng)).choice
            named = [band(choice.band)]
            if choice.ambiguous and choice.runner_up is not None:
                named.append(band(choice.runner_up))
            skies += 1
            ambiguous += choice.ambiguous
            group += any(b.group == truth.group for b in named)
            within_one += abs(named[0].group - truth.group) <= 1
            letter += any(b.letter == truth.letter for b in named)
            if not any(b.letter == truth.letter for b in named):
                wrong.append(f"{choice.band} ({n} stars)")
    return BandTally(band_id, skies, group, within_one, letter, ambiguous, tuple(wrong))


def all_bands(numbers: tuple[int, ...], trials: int, jobs: int) -> list[BandTally]:
    """Tally all 59 bands."""
    ids = [b.id for key, survey in SURVEYS.items() if key != "USER" for b in survey.all_bands]
    with ProcessPoolExecutor(jobs) as pool:
        work = [pool.submit(tally, name, numbers, trials) for name in ids]
        return [task.result() for task in work]
