"""``cpcs extract``: the sources of a frame, as a list."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cpcs_desktop.cli.options import chat, fail, json_option, print_json

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.sources import Exposure
    from cpcs_desktop.profile import Profile
    from cpcs_desktop.settings import CameraSettings

FORMATS = ("ascii-head", "fits", "fits-ldac", "ecsv", "votable", "parquet")
_HDU_SUFFIX = re.compile(r"^(.*)\[(\d+)\]$")


@click.command("extract")
@click.argument("frame")
@click.option("-o", "--output", metavar="FILE", help="Write the list to FILE, not to stdout.")
@click.option(
    "--format",
    "list_format",
    type=click.Choice(FORMATS),
    default="ascii-head",
    show_default=True,
    help="ascii-head, fits and fits-ldac are SExtractor's.",
)
@click.option("--threshold", type=click.FloatRange(0.1, 1000), default=3.0, show_default=True)
@click.option(
    "--aperture",
    "apertures",
    type=click.FloatRange(min=0.5, max=1000),
    multiple=True,
    metavar="DIAMETER_PIX",
    help="Diameter in pixels; may be repeated. Default: one that suits the seeing.",
)
@click.option("--growth", is_flag=True, help="Tell the curve of growth of the frame's stars.")
@click.option("--hdu", type=click.IntRange(min=0), help="Number of the image's HDU.")
@click.option("--profile", metavar="DIR", help="Keep settings and caches in DIR.")
@click.option("--cache", metavar="DIR", expose_value=False, help="Survey cache; not used here.")
@json_option
def command(
    frame: str,
    output: str | None,
    list_format: str,
    threshold: float,
    apertures: tuple[float, ...],
    growth: bool,
    hdu: int | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Extract the sources of FRAME and write them as a list."""
    from typing import cast

    from cpcs_desktop.datamodel.errors import CpcsError
    from cpcs_desktop.datamodel.settings import ExtractionSettings
    from cpcs_desktop.extract.sources import extract_all
    from cpcs_desktop.io.write_lists import ListFormat, write_sources
    from cpcs_desktop.profile import open_profile

    path = frame
    if hdu is None and not Path(frame).exists() and (match := _HDU_SUFFIX.match(frame)):
        path, hdu = match.group(1), int(match.group(2))
    settings = ExtractionSettings(threshold=threshold, aperture_diameters_pix=apertures)
    try:
        camera = _camera(open_profile(profile), path, hdu)
        extraction = extract_all(path, hdu, settings, camera)
    except CpcsError as error:
        error.found.setdefault("path", frame)
        fail(error, as_json)
    exposure = extraction.exposure
    if output is None and not as_json:
        if list_format != "ascii-head" and sys.stdout.isatty():
            raise click.UsageError(f"{list_format} is not for the terminal: add -o FILE.")
        stream = sys.stdout.buffer
        write_sources(exposure, stream, cast("ListFormat", list_format), extraction.apertures)
        stream.flush()
    elif output is not None:
        try:
            with Path(output).open("wb") as file:
                write_sources(exposure, file, cast("ListFormat", list_format), extraction.apertures)
        except OSError as error:
            sentence = f"{output} cannot be written ({error.strerror})."
            fail(
                CpcsError("unwritable", sentence, "Choose another place.", {"path": frame}), as_json
            )
    stars = exposure.catalogs["AUTO"]
    chat(f"{frame}: {len(stars)} sources, seeing {extraction.seeing_pix:.2f} pixels")
    curve = _growth(path, exposure) if growth else None
    if as_json:
        known = exposure.frame
        print_json(
            {
                "path": frame,
                "status": "ok",
                "sha256": known.sha256,
                "hdu": known.hdu,
                "n_sources": len(stars),
                "output": output,
                "format": list_format,
                "mjd": known.mjd,
                "exposure_s": known.exposure_s,
                "filter_header": known.filter_header,
                "has_wcs": known.wcs is not None,
                "guessed": sorted(known.guessed),
                "sky_adu": extraction.sky_level,
                "sky_rms_adu": extraction.sky_rms,
                "seeing_pix": extraction.seeing_pix if len(stars) else None,
                "aperture_diameters_pix": [c.aperture_diameter_pix for c in extraction.apertures],
                **({"curve_of_growth": curve} if growth else {}),
            }
        )


def _growth(path: str, exposure: Exposure) -> dict[str, Any] | None:
    """Say and return the curve of growth; None when too few stars are fit for it."""
    import numpy as np

    from cpcs_desktop.extract.growth import curve_of_growth
    from cpcs_desktop.io.frames import read_pixels

    curve = curve_of_growth(read_pixels(path, exposure.frame.hdu), exposure)
    if curve is None:
        chat("no curve of growth: fewer than three clean bright stars without neighbours")
        return None
    chat(f"curve of growth of {curve.stars} stars, FWHM {curve.fwhm_pix:.2f} pixels")
    for factor in (0.5, 0.7, 1.0, 1.5, 2.0, 3.0):
        share = np.interp(factor * curve.fwhm_pix, curve.radius_pix, curve.share)
        chat(f"  {2 * factor * curve.fwhm_pix:6.1f} pixels wide: {100 * share:5.1f} % of the light")
    return {
        "stars": curve.stars,
        "fwhm_pix": curve.fwhm_pix,
        "radius_pix": curve.radius_pix.tolist(),
        "share": curve.share.tolist(),
        "aperture_radius_pix": curve.aperture_radius_pix,
        "aperture_share": curve.aperture_share,
        "faint_radius_pix": curve.faint_radius_pix,
    }


def _camera(profile: Profile, path: str, hdu: int | None) -> CameraSettings | None:
    """Return what the settings say of the frame's camera; without a file they are not loaded."""
    if not profile.settings_file.exists():
        return None
    from cpcs_desktop.io.reading import Reading
    from cpcs_desktop.settings import load_settings

    return Reading.of(load_settings(profile)).camera_of(path, hdu)
