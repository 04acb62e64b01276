"""One survey's slice of the practice sky as a CSV file that needs no column map."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from cpcs_desktop.simulate.sky import Sky
from cpcs_desktop.simulate.survey_view import NOISE_OF_SURVEY, observe_survey
from cpcs_desktop.surveys.registry import survey


def write_survey(
    sky: Sky, key: str, rng: np.random.Generator, path: Path, *, outliers: float = 0.02
) -> int:
    """Write what one survey knows of a sky.

    Positions stand at the survey's own epoch with its own errors; proper motions where the survey
    has them. Absent values are empty fields.

    Parameters
    ----------
    sky : Sky
    key : str
    rng : numpy.random.Generator
    path : Path
    outliers : float
        Share of stars measured together with a neighbour.

    Returns
    -------
    int
        Number of stars written.
    """
    declared = survey(key)
    view = observe_survey(sky.stars, key, rng, outliers=outliers)
    ra, dec = sky.position_at(declared.epoch)
    noise = NOISE_OF_SURVEY[key].position_err / 3600.0
    ra = (ra + rng.normal(0.0, noise, len(sky)) / np.cos(np.radians(dec))) % 360.0
    dec = dec + rng.normal(0.0, noise, len(sky))
    header = ["source_id", "ra", "dec"]
    header += ["pmra", "pmdec"] if declared.has_proper_motion else []
    for letter in view.letters:
        header += [f"{letter}_mag", f"{letter}_mag_err"]
    rows = np.flatnonzero(view.seen)
    with path.open("w", newline="", encoding="ascii") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for row in rows:
            line = [str(row + 1), f"{ra[row]:.7f}", f"{dec[row]:.7f}"]
            if declared.has_proper_motion:
                line += [f"{sky.pmra[row]:.3f}", f"{sky.pmdec[row]:.3f}"]
            for mag, err in zip(view.mag[row], view.mag_err[row], strict=True):
                line += [f"{mag:.4f}", f"{err:.4f}"] if np.isfinite(mag) else ["", ""]
            out.writerow(line)
    return len(rows)
