"""``cpcs solve``: the plate solution of a frame, from cached surveys."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cpcs_desktop.cli.options import (
    Profile,
    chat,
    fail,
    json_option,
    parse_position,
    print_json,
    profile_options,
)

if TYPE_CHECKING:
    from cpcs_desktop.astrometry.cached import SolvedExposure

_HDU_SUFFIX = re.compile(r"^(.*)\[(\d+)\]$")


@click.command("solve")
@click.argument("frame")
@click.option("--center", metavar="RA,DEC", help="Degrees; default the header's pointing.")
@click.option("--radius", type=click.FloatRange(0, 20), metavar="DEG", help="Doubt of the center.")
@click.option(
    "--scale",
    type=click.FloatRange(0.005, 600),
    metavar="ARCSEC_PER_PIX",
    help="Right within a factor of two; default the header's, else 0.2 to 60 are searched.",
)
@click.option("--hdu", type=click.IntRange(min=0), help="Number of the image's HDU.")
@click.option("-o", "--output", metavar="FILE", help="Write a copy of the frame with the WCS.")
@profile_options
@json_option
def command(
    frame: str,
    center: str | None,
    radius: float | None,
    scale: float | None,
    hdu: int | None,
    output: str | None,
    profile: Profile,
    as_json: bool,
) -> None:
    """Find out where on the sky FRAME lies, without a network."""
    from cpcs_desktop.astrometry.cached import solve_with_cache
    from cpcs_desktop.datamodel.errors import CpcsError
    from cpcs_desktop.extract.sources import extract_sources
    from cpcs_desktop.io.write_wcs import write_with_wcs
    from cpcs_desktop.surveys.cache import SurveyCache

    path = frame
    if hdu is None and not Path(frame).exists() and (match := _HDU_SUFFIX.match(frame)):
        path, hdu = match.group(1), int(match.group(2))
    position = parse_position(center) if center is not None else None
    try:
        exposure = extract_sources(path, hdu)
        cache = SurveyCache(profile.survey_cache)
        solved = solve_with_cache(exposure, cache, position, radius, scale)
        if output is not None:
            write_with_wcs(path, exposure.frame.hdu, solved.solution.wcs, output)
    except CpcsError as error:
        error.found.setdefault("path", frame)
        fail(error, as_json)
    _show(frame, solved, output, as_json)


def _show(frame: str, solved: SolvedExposure, output: str | None, as_json: bool) -> None:
    solution = solved.solution
    header = solution.wcs.to_header(relax=True)
    stars = "" if solution.matched is None else f"{solution.matched} stars, "
    words = f"{stars}by {solved.survey}"
    if solution.rms_pix is not None:
        words += f", residual {solution.rms_pix:.2f} pixel ({solution.rms_arcsec:.2f} arcsec)"
    chat(f"{frame}: {words}, {solution.scale_arcsec:.4g} arcsec per pixel")
    if as_json:
        known = solved.exposure.frame
        ra, dec = (float(value) for value in solution.wcs.wcs.crval)
        print_json(
            {
                "path": frame,
                "status": "ok",
                "sha256": known.sha256,
                "hdu": known.hdu,
                "output": output,
                "survey": solved.survey,
                "n_matched": solution.matched,
                "residual_pix": solution.rms_pix,
                "residual_arcsec": solution.rms_arcsec,
                "scale_arcsec": solution.scale_arcsec,
                "mirrored": solution.mirrored,
                "sip_degree": solution.degree if solution.degree > 1 else None,
                "center": {"ra": ra, "dec": dec},
                "wcs": {card.keyword: card.value for card in header.cards if card.keyword},
            }
        )
    elif output is None:
        sys.stdout.write(header.tostring(sep="\n", endcard=False, padding=False).rstrip() + "\n")
        sys.stdout.flush()
