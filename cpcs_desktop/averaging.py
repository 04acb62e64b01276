"""Several exposures of one event averaged into one point, with an error that is honest.

The points are averaged as fluxes with the inverse squares of their own (photon) errors. Only that
part of the error becomes smaller: zero points come from the same reference stars on every frame, so
that what is off in them is off in the average, too; these parts are averaged, never divided by the
root of the number. Where the exposures scatter more than their photon errors allow, the photon part
grows with them (the scale factor of the Particle Data Group).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import ErrorBudget, PhotometricPoint, average_id
from cpcs_desktop.results import SOFTWARE, number
from cpcs_desktop.wire import Evidence

MOST_FRAMES = 100
#: Exposures farther apart belong into the light curve as points of their own, days.
LONGEST_DAYS = 0.6
_MAG_OF_RELATIVE_FLUX = 2.5 / math.log(10.0)
_SMALLEST_ERR = 0.001  # mag; nobody measures better
_CHANCE = 0.01  # below which the exposures are said to disagree
_LEVELS = ("green", "unavailable", "amber", "red")


@dataclass(frozen=True)
class Averaged:
    """Numbers of an average; magnitudes.

    Parameters
    ----------
    mag : float
    weights : ndarray of float64, shape (n,)
        Of the fluxes, relative to their sum: what a small change of each magnitude counts.
    err : float
        Photon part, with the scale factor.
    scale : float
        Factor by which the exposures' scatter enlarged it, at least 1.
    chance : float
        Probability of such a scatter from photon errors alone.
    """

    mag: float
    weights: NDArray[np.float64]
    err: float
    scale: float
    chance: float


def weighted(mag: NDArray[np.float64], err: NDArray[np.float64]) -> Averaged:
    """Average magnitudes as fluxes.

    Parameters
    ----------
    mag, err : ndarray of float64, shape (n,)
        Magnitudes and their own errors, n at least 2.
    """
    err = np.maximum(err, _SMALLEST_ERR)
    zero = float(mag.min())
    flux = 10.0 ** (-0.4 * (mag - zero))
    flux_err = flux * err / _MAG_OF_RELATIVE_FLUX
    inverse = flux_err**-2.0
    mean = float((inverse * flux).sum() / inverse.sum())
    formal = float(inverse.sum() ** -0.5)
    chi2, free = float((inverse * (flux - mean) ** 2).sum()), len(mag) - 1
    scale = max(1.0, math.sqrt(chi2 / free))
    return Averaged(
        mag=zero - 2.5 * math.log10(mean),
        weights=inverse * flux / (inverse * flux).sum(),
        err=_MAG_OF_RELATIVE_FLUX * formal / mean * scale,
        scale=scale,
        chance=float(gammaincc(free / 2.0, chi2 / 2.0)),
    )


def average_points(points: Sequence[PhotometricPoint]) -> PhotometricPoint:
    """Return one point for several exposures.

    Parameters
    ----------
    points : sequence of PhotometricPoint
        Of one event, band, kind of magnitudes, instrument and night; any order.

    Raises
    ------
    CpcsError
        ``not_to_average`` with a sentence about what does not belong together.
    """
    _require_alike(points)
    points = sorted(points, key=lambda p: (p.mjd, str(p.provenance["frame_sha256"])))
    first = points[0]
    frames = [(str(p.provenance["frame_sha256"]), int(p.provenance["hdu"])) for p in points]
    made = weighted(_column(points, "mag"), _column(points, "mag_err"))

    def mean(name: str) -> float:
        return float(made.weights @ _column(points, name))

    def shared(part: str) -> float | None:
        parts = [getattr(p.error_budget, part) for p in points]
        known = [float(v) for v in parts if v is not None]
        return (
            float(made.weights @ np.array(known))
            if len(known) == len(parts)
            else (max(known, default=None))
        )

    budget = ErrorBudget(
        photon=made.err,
        zero_point=float(shared("zero_point") or 0.0),
        scatter=float(shared("scatter") or 0.0),
        colour=shared("colour"),
        survey=float(shared("survey") or 0.0),
    )
    exposures = [p.exposure_s for p in points]
    return replace(
        first,
        id=average_id(first.event, frames),
        revision=1,
        mjd=mean("mjd"),
        exposure_s=None if None in exposures else float(sum(e for e in exposures if e)),
        mag=made.mag,
        mag_err=made.err,
        mag_err_total=budget.total,
        error_budget=budget,
        calib_err=mean("calib_err"),
        match_radius_arcsec=max(p.match_radius_arcsec for p in points),
        ra=_mean_ra(points, made.weights),
        dec=mean("dec"),
        offset_arcsec=mean("offset_arcsec"),
        zero_point=mean("zero_point"),
        zero_point_err=mean("zero_point_err"),
        outlier_fraction=mean("outlier_fraction"),
        n_matched=min(p.n_matched for p in points),
        n_used=min(p.n_used for p in points),
        file_name=f"{first.file_name} and {len(points) - 1} more",
        comment="; ".join(dict.fromkeys(p.comment for p in points if p.comment)),
        provenance={
            **{k: first.provenance[k] for k in _SHARED_WORDS if k in first.provenance},
            "software": SOFTWARE,
            "average": {"scale": made.scale, "chance": made.chance},
            "frames": [_frame(p, w) for p, w in zip(points, made.weights, strict=True)],
        },
    )


_SHARED_WORDS = ("settings_digest", "filter_header", "request", "choice", "surveys", "guessed")


def _frame(point: PhotometricPoint, weight: float) -> dict[str, Any]:
    """Return what an average keeps of one exposure."""
    return {
        "frame_sha256": point.provenance["frame_sha256"],
        "hdu": point.provenance["hdu"],
        "file_name": point.file_name,
        "mjd": point.mjd,
        "exposure_s": point.exposure_s,
        "mag": point.mag,
        "mag_err": point.mag_err,
        "zero_point": point.zero_point,
        "weight": float(weight),
    }


def _column(points: Sequence[PhotometricPoint], name: str) -> NDArray[np.float64]:
    return np.array([getattr(p, name) for p in points], dtype=np.float64)


def _mean_ra(points: Sequence[PhotometricPoint], weights: NDArray[np.float64]) -> float:
    ra = _column(points, "ra")
    away = (ra - ra[0] + 180.0) % 360.0 - 180.0
    return float((ra[0] + weights @ away) % 360.0)


def _require_alike(points: Sequence[PhotometricPoint]) -> None:
    def refuse(sentence: str, hint: str) -> None:
        raise CpcsError("not_to_average", sentence, hint)

    if not 2 <= len(points) <= MOST_FRAMES:
        refuse(
            f"An average takes 2 to {MOST_FRAMES} exposures, not {len(points)}.",
            "Select several rows on the night board first (Shift or Ctrl with the mouse or keys).",
        )
    for name, word in (
        ("event", "events"),
        ("band", "bands"),
        ("magnitude_kind", "kinds of magnitudes"),
        ("instrument", "instruments"),
        ("observatory", "observatories"),
    ):
        found = sorted({str(getattr(p, name)) for p in points})
        if len(found) > 1:
            refuse(
                f"The exposures have different {word}: {', '.join(found)}.",
                "Select rows that belong together; f asks for one band.",
            )
    limits = [p.file_name for p in points if p.kind != "DETECTION" or p.mag_err is None]
    if limits:
        refuse(
            f"{limits[0]} has only a limit, and a limit cannot be averaged.",
            "Leave it out, or stack the frames themselves.",
        )
    times = _column(points, "mjd")
    if float(np.ptp(times)) > LONGEST_DAYS:
        refuse(
            f"The exposures lie {np.ptp(times):.1f} days apart.",
            "Only exposures of one night are averaged.",
        )
    frames = [(p.provenance["frame_sha256"], p.provenance["hdu"]) for p in points]
    if len(set(frames)) < len(frames):
        refuse("The same frame was chosen twice.", "Take one of the two rows off the board.")


def average_evidence(
    point: PhotometricPoint, parts: Sequence[tuple[PhotometricPoint, Evidence]]
) -> Evidence:
    """Return how an average came about: the stars of every exposure, one column names which.

    Instrumental magnitudes are brought to the average's zero point, so that the stars of all
    exposures lie on one line.

    Parameters
    ----------
    point : PhotometricPoint
        Of :func:`average_points`.
    parts : sequence of (PhotometricPoint, Evidence)
        Its exposures.
    """
    order = {(f["frame_sha256"], f["hdu"]): n for n, f in enumerate(point.provenance["frames"])}
    parts = sorted(
        parts,
        key=lambda part: order[part[0].provenance["frame_sha256"], part[0].provenance["hdu"]],
    )
    stars: dict[str, list[Any]] = {name: [] for name in ("frame", *parts[0][1].stars)}
    for place, (single, evidence) in enumerate(parts):
        shift = single.zero_point - point.zero_point
        for name, values in evidence.stars.items():
            moved = [None if v is None else float(v) + shift for v in values]
            stars[name] += moved if name == "mag_inst" else values
        stars["frame"] += [place] * len(evidence.stars["mag_inst"])
    first = parts[0][1]
    fit = next(f for f in first.fits if f["band"] == point.band)
    words = f"average of {len(parts)} exposures"
    return Evidence(
        stars=stars,
        fits=[
            {
                **fit,
                "zero_point": point.zero_point,
                "zero_point_err": point.zero_point_err,
                "n_matched": point.n_matched,
                "n_used": number(point.n_used),
                "reason": words,
            }
        ],
        choice={**first.choice, "reason": f"{words}: {first.choice['reason']}"},
        checks=[_agreement(point), *_worst_checks([evidence for _, evidence in parts])],
        settings={
            **first.settings,
            "excluded": [],
            "excluded_of_frames": [evidence.settings["excluded"] for _, evidence in parts],
        },
    )


def _agreement(point: PhotometricPoint) -> dict[str, Any]:
    made = point.provenance["average"]
    fine = made["chance"] >= _CHANCE
    n = len(point.provenance["frames"])
    sentence = (
        f"The {n} exposures agree within their errors."
        if fine
        else f"The {n} exposures scatter {made['scale']:.1f} times more than their photon errors "
        "allow; the error was enlarged."
    )
    level = "green" if fine else "amber"
    return {"code": "agreement", "level": level, "value": made["chance"], "message": sentence}


def _worst_checks(evidences: Sequence[Evidence]) -> list[dict[str, Any]]:
    worst: dict[str, dict[str, Any]] = {}
    for evidence in evidences:
        for check in evidence.checks:
            before = worst.get(str(check["code"]))
            if before is None or _LEVELS.index(check["level"]) > _LEVELS.index(before["level"]):
                worst[str(check["code"])] = check
    return list(worst.values())
