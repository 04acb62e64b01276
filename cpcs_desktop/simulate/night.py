"""A practice night on disk: frames, lists, survey slices, a ready cache, and the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.simulate.camera import Camera
from cpcs_desktop.simulate.frame import SimulatedFrame, expose, write_frame
from cpcs_desktop.simulate.passbands import SYSTEM_OF_BAND
from cpcs_desktop.simulate.sky import Sky, make_sky
from cpcs_desktop.simulate.source_list import measure, write_list
from cpcs_desktop.simulate.survey_slice import write_survey

#: Bands of the default night, in the order of the frames; the first comes before the outburst.
DEFAULT_PLAN = ("SDSS/r", "SDSS/r", "SDSS/g", "APASS/V", "SDSS/i", "SDSS/r", "SDSS/g", "SDSS/r")
#: Surveys that cover the default field, in the north.
DEFAULT_SURVEYS = ("SDSS", "APASS", "PS1", "REFCAT2", "GAIA", "GAIASP", "2MASS", "USNO", "TYCHO2")
#: Pointing, degrees.
DEFAULT_CENTER = (295.0047, 30.1315)
#: Start of the night, MJD UTC, and time between frames, days.
NIGHT_START = 60950.80
CADENCE_DAYS = 0.02


@dataclass(frozen=True)
class PracticeNight:
    """What was asked for.

    Parameters
    ----------
    bands : tuple of str
        Band of each frame.
    stars : int
        Stars on a frame, down to magnitude 20 in r; about two thirds of them are detected.
    seed : int
    camera : Camera
    surveys : tuple of str
    center : (float, float)
        Degrees.
    """

    bands: tuple[str, ...]
    stars: int
    seed: int
    camera: Camera
    surveys: tuple[str, ...]
    center: tuple[float, float]

    @property
    def event(self) -> str:
        """Name of the transient."""
        return f"ivo://practice.cpcs/night#{self.seed}"

    def mjd(self, number: int) -> float:
        """Return the mid-exposure of a frame, MJD UTC."""
        return NIGHT_START + number * CADENCE_DAYS + self.camera.exposure_s / 2.0 / 86400.0

    def sky(self) -> Sky:
        """Return the field; the same for the same seed, number of stars and camera."""
        # The survey slices and the field reach beyond the frame, so that its corners are covered.
        half = 0.7 * max(self.camera.shape) * self.camera.pixel_scale / 3600.0
        on_frame = np.prod(self.camera.shape) * (self.camera.pixel_scale / 3600.0) ** 2
        return make_sky(
            round(self.stars * (2.0 * half) ** 2 / on_frame),
            np.random.default_rng([self.seed, 0]),
            center=self.center,
            half_size_deg=half,
            event=self.event,
            outburst_mjd=self.mjd(0) + CADENCE_DAYS / 2.0,
        )


def write_practice_night(
    folder: str | Path,
    *,
    band: str | Sequence[str] | None = None,
    stars: int = 600,
    seed: int = 1,
    size: tuple[int, int] = (1024, 1024),
    n_frames: int | None = None,
    surveys: Sequence[str] = DEFAULT_SURVEYS,
    camera: Camera | None = None,
    center: tuple[float, float] = DEFAULT_CENTER,
    frames: bool = True,
    cache: bool = True,
) -> Path:
    """Write a practice night: ``frames``, ``lists``, ``surveys``, ``cache`` and ``truth.json``.

    The same arguments give the same bytes. A transient lies near the centre; on the first frame it
    has not yet begun and only a limit can be found, then it rises.

    Parameters
    ----------
    folder : path
        Made if absent; files of the same name are replaced.
    band : str or sequence of str, optional
        Band of every frame, or of each; default a night in r, g, V and i.
    stars : int
        Stars on a frame, detected or not.
    seed : int
    size : (int, int)
        Rows and columns.
    n_frames : int, optional
        Default 3 for one band, else the length of the plan; more frames repeat the plan.
    surveys : sequence of str
        Keys of the surveys to write; the band's own survey is added.
    camera : Camera, optional
        Overrides ``size``.
    center : (float, float)
        Pointing, degrees.
    frames, cache : bool
        Whether images are drawn, and whether the surveys are imported into a cache.

    Returns
    -------
    Path
        Of ``truth.json``: for each file (relative path) event, ra, dec, mjd, exposure_s, band,
        zero_point, mag, and ``mags`` in all 59 bands.

    Raises
    ------
    CpcsError
        Code ``bad_band`` for a band or survey outside the registry.
    """
    plan = (band,) if isinstance(band, str) else tuple(band or DEFAULT_PLAN)
    count = n_frames or (3 if isinstance(band, str) else len(plan))
    bands = tuple(plan[k % len(plan)] for k in range(count))
    unknown = [name for name in bands if name not in SYSTEM_OF_BAND]
    keys = tuple(dict.fromkeys((*surveys, *(name.partition("/")[0] for name in bands))))
    unknown += [key for key in keys if not any(b.startswith(f"{key}/") for b in SYSTEM_OF_BAND)]
    if unknown:
        raise CpcsError(
            "bad_band",
            f"The practice sky knows no {unknown[0]}.",
            "Bands are written SURVEY/band; cpcs survey list names them.",
        )
    night = PracticeNight(
        bands=bands,
        stars=stars,
        seed=seed,
        camera=camera or Camera(shape=size),
        surveys=keys,
        center=center,
    )
    return _write(night, Path(folder), with_frames=frames, with_cache=cache)


def _write(night: PracticeNight, folder: Path, *, with_frames: bool, with_cache: bool) -> Path:
    sky = night.sky()
    for name in ("lists", "surveys", *(["frames"] if with_frames else [])):
        (folder / name).mkdir(parents=True, exist_ok=True)
    slices: dict[str, Path] = {}
    for number, key in enumerate(night.surveys):
        rng = np.random.default_rng([night.seed, 1, number])
        path = folder / "surveys" / f"{key}.csv"
        if write_survey(sky, key, rng, path):
            slices[key] = path
        else:  # too faint a field for this survey: an empty table cannot say where it is empty
            path.unlink()
    truth: dict[str, dict[str, Any]] = {}
    for number, band in enumerate(night.bands):
        rng = np.random.default_rng([night.seed, 2, number])
        # Seeing and clouds wander: neighbouring frames have different zero points.
        fwhm = night.camera.fwhm * float(np.exp(0.08 * rng.standard_normal()))
        frame = expose(
            sky,
            replace(night.camera, fwhm=fwhm),
            band,
            night.mjd(number),
            rng,
            center=night.center,
            clouds=float(rng.exponential(0.05)),
            with_pixels=with_frames,
        )
        name = f"practice-{number + 1:02d}-{band.partition('/')[2]}"
        facts = _facts(sky, frame)
        if with_frames:
            path = folder / "frames" / f"{name}.fits"
            write_frame(frame, path, object_name="practice field", airmass=1.1 + 0.05 * number)
            truth[f"frames/{name}.fits"] = facts
        write_list(measure(frame, rng), folder / "lists" / f"{name}.cat")
        truth[f"lists/{name}.cat"] = facts
    if with_cache:
        from cpcs_desktop.surveys.cache import SurveyCache

        store = SurveyCache(folder / "cache")
        for key, path in slices.items():
            store.import_files(key, [path])
    path = folder / "truth.json"
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def _facts(sky: Sky, frame: SimulatedFrame) -> dict[str, Any]:
    transient = sky.transient
    return {
        "event": transient.ivorn,
        "ra": round(transient.ra, 7),
        "dec": round(transient.dec, 7),
        "mjd": round(frame.mjd, 8),
        "exposure_s": frame.camera.exposure_s,
        "band": frame.band,
        "zero_point": round(frame.zero_point, 6),
        "mag": round(frame.target_mag, 6),
        "mags": {band: round(transient.mag(band, frame.mjd), 6) for band in SYSTEM_OF_BAND},
    }
