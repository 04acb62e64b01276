"""Finding the map from pixels to the sky: quads propose, all stars decide."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import binom

from cpcs_desktop.astrometry.quads import Complex, Quads, make_quads, match_quads

#: Stars of the image, brightest first, that make quads, and that are asked for their opinion.
IMAGE_QUAD_STARS, IMAGE_VOTERS = 80, 200
SKY_QUAD_STARS = 4000
#: Chance that a wrong map fits as well, over all maps tried, below which it is believed (log10).
LOG_CHANCE = -12.0
#: How far predicted and found stars may lie apart before the map is refined: pixels, and share of
#: the distance from the image's centre (distortion).
LOOSE_PIXELS, LOOSE_SHARE = 3.0, 0.004
_MOST_VERIFIED = 100


@dataclass(frozen=True)
class FoundMap:
    """A believed map from centred pixels to the tangent plane (arcsec).

    Parameters
    ----------
    slope, offset : complex
        ``xi' + i eta = slope * z + offset`` with ``xi' = -xi`` (so that an image with east to the
        left is not mirrored), ``z = x + iy`` from the image's centre, conjugated when mirrored.
    mirrored : bool
    matched : int
        Stars that agree.
    log_chance : float
        log10 of the chance that a wrong map has so many.
    """

    slope: complex
    offset: complex
    mirrored: bool
    matched: int
    log_chance: float

    @property
    def scale(self) -> float:
        """Arcsec per pixel."""
        return abs(self.slope)

    def sky_of(self, pixels: Complex) -> Complex:
        """Map centred pixels to the (east-flipped) tangent plane, arcsec."""
        return self.slope * (np.conj(pixels) if self.mirrored else pixels) + self.offset


def find_map(
    image: Complex,
    sky: Complex,
    shape: tuple[int, int],
    scales: tuple[float, float],
) -> FoundMap | None:
    """Find the map between an image and a patch of sky.

    Parameters
    ----------
    image : ndarray of complex128, shape (n,)
        Sources, pixels from the image's centre, brightest first.
    sky : ndarray of complex128, shape (m,)
        Stars, arcsec on the (east-flipped) tangent plane, brightest first.
    shape : (int, int)
        Rows and columns of the image.
    scales : (float, float)
        Smallest and largest scale, arcsec per pixel.

    Returns
    -------
    FoundMap or None
    """
    patch = math.pi * float(np.abs(sky).max()) ** 2 if len(sky) else 0.0
    typical = math.sqrt(scales[0] * scales[1])
    frame = shape[0] * shape[1] * typical**2
    image_stars = image[:IMAGE_QUAD_STARS]
    image_quads = make_quads(image_stars)
    best: FoundMap | None = None
    for depth in (1.0, 2.5, 0.4):
        wanted = round(depth * len(image_stars) * max(patch / frame, 0.3))
        stars = sky[: min(max(wanted, 20), SKY_QUAD_STARS)]
        for found in _tries(image, image_quads, sky, stars, shape, scales, wanted):
            if best is None or found.log_chance < best.log_chance:
                best = found
        if best is not None and best.log_chance < LOG_CHANCE:
            return best
    return None


def _tries(
    image: Complex,
    image_quads: Quads,
    sky: Complex,
    stars: Complex,
    shape: tuple[int, int],
    scales: tuple[float, float],
    wanted: int,
) -> list[FoundMap]:
    sky_quads = make_quads(stars)
    depth = max(3 * wanted, 60)
    tree = cKDTree(np.column_stack([sky[:depth].real, sky[:depth].imag]))
    found = []
    for mirrored in (False, True):
        maps = match_quads(image, image_quads, stars, sky_quads, mirrored=mirrored)
        size = np.abs(maps.slope)
        fits = (size > scales[0]) & (size < scales[1])
        slope, offset, distance = maps.slope[fits], maps.offset[fits], maps.code_distance[fits]
        votes = _votes(slope, offset, shape)
        for n in np.lexsort([distance, -votes])[:_MOST_VERIFIED]:
            candidate = (complex(slope[n]), complex(offset[n]), mirrored)
            verdict = _verified(image, tree, *candidate)
            found.append(verdict)
            if verdict.log_chance < LOG_CHANCE - 10:
                return [verdict]
    return found


def _votes(slope: Complex, offset: Complex, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Count how many maps say nearly the same: scale, rotation and place of the centre."""
    if len(slope) == 0:
        return np.empty(0, dtype=np.int64)
    reach = max(shape) / 50 * np.abs(slope)
    features = np.column_stack(
        [
            np.log(np.abs(slope)) / 0.02,
            slope.real / np.abs(slope) / 0.02,
            slope.imag / np.abs(slope) / 0.02,
            offset.real / np.median(reach),
            offset.imag / np.median(reach),
        ]
    )
    return np.asarray(
        cKDTree(features).query_ball_point(features, 1.5, return_length=True), dtype=np.int64
    )


def _verified(
    image: Complex,
    tree: cKDTree,
    slope: complex,
    offset: complex,
    mirrored: bool,
) -> FoundMap:
    """Count agreeing stars and say how likely so many are by chance."""
    voters = image[:IMAGE_VOTERS]
    candidate = FoundMap(slope, offset, mirrored, 0, 0.0)
    predicted = candidate.sky_of(voters)
    loose = (LOOSE_PIXELS + LOOSE_SHARE * np.abs(voters)) * abs(slope)
    distance, _ = tree.query(np.column_stack([predicted.real, predicted.imag]))
    matched = int((distance < loose).sum())
    area = float(np.prod(tree.maxes - tree.mins))
    chance = min(0.9, tree.n * math.pi * float(np.mean(loose**2)) / max(area, 1e-9))
    log_chance = float(binom.logsf(matched - 1, len(voters), chance) / math.log(10))
    return FoundMap(slope, offset, mirrored, matched, log_chance)
