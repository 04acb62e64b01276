"""Options and answers that several verbs share."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import Profile, open_profile


def profile_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--profile`` and ``--cache``; the verb receives one argument ``profile``."""

    @click.option(
        "--profile", "profile_folder", metavar="DIR", help="Keep settings and caches in DIR."
    )
    @click.option("--cache", "cache_folder", metavar="DIR", help="Survey cache.")
    @functools.wraps(function)
    def wrapper(
        *args: Any, profile_folder: str | None, cache_folder: str | None, **kwargs: Any
    ) -> Any:
        try:
            profile = open_profile(profile_folder, cache_folder)
        except CpcsError as error:
            fail(error, bool(kwargs.get("as_json")))
        return function(*args, profile=profile, **kwargs)

    return wrapper


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")


def parse_position(text: str) -> tuple[float, float]:
    """Read ``RA,DEC`` in degrees.

    Raises
    ------
    click.BadParameter
        When it is not two numbers on the sphere.
    """
    try:
        ra, dec = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"“{text}” is not RA,DEC in degrees.") from None
    if not (-90 <= dec <= 90 and -360 <= ra <= 360):
        raise click.BadParameter(f"“{text}” is not a position on the sky.")
    return ra % 360.0, dec


def print_json(answer: Any) -> None:
    """Write one JSON object on one line of stdout."""
    sys.stdout.write(json.dumps(answer, allow_nan=False, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def chat(text: str) -> None:
    """Write a line for the person at the terminal on stderr."""
    click.echo(text, err=True)


def fail(error: CpcsError, as_json: bool = False) -> NoReturn:
    """Show a known error and end with status 1."""
    show_error(error, as_json)
    raise SystemExit(1)


def show_error(error: CpcsError, as_json: bool = False) -> None:
    """Show a known error."""
    if as_json:
        print_json({"status": "failed", "error": error.as_json(), **error.found})
    chat(f"{error.message} {error.hint}".strip())


__all__ = [
    "Profile",
    "chat",
    "fail",
    "json_option",
    "parse_position",
    "print_json",
    "profile_options",
    "show_error",
]
