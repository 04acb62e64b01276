"""The option ``--cone RA,DEC,RADIUS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Cone = tuple[float, float, float]


def parse_cone(ctx: click.Context, param: click.Parameter, value: str | None) -> Cone | None:
    """Read ``RA,DEC,RADIUS`` in degrees; the radius is larger than 0 and at most 180."""
    del ctx, param
    if value is None:
        return None
    try:
        ra, dec, radius = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"“{value}” is not RA,DEC,RADIUS in degrees.") from None
    if not (-360 <= ra <= 360 and -90 <= dec <= 90 and 0 < radius <= 180):
        raise click.BadParameter(f"“{value}” is not a cone on the sky.")
    return ra % 360.0, dec, radius


def cones_option(help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``--cone``, which may be repeated; the verb receives a list ``cones``."""
    return click.option(
        "--cone",
        "cones",
        multiple=True,
        metavar="RA,DEC,RADIUS",
        callback=parse_cones,
        help=help_text,
    )


def parse_cones(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[Cone]:
    """Read an option that may be repeated."""
    cones = (parse_cone(ctx, param, value) for value in values)
    return [cone for cone in cones if cone is not None]
