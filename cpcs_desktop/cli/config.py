"""``cpcs config``: read and change settings."""

from __future__ import annotations

import tomllib
from typing import Any

import click
from pydantic import ValidationError

from cpcs_desktop.cli.options import Profile, fail, json_option, print_json, profile_options
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.settings import AppSettings, load_settings, save_settings
from cpcs_desktop.wire import validation_reasons


@click.group()
def command() -> None:
    """Read and change settings; names are dotted, such as observatory.name."""


@command.command("path")
@profile_options
def path(profile: Profile) -> None:
    """Print where the settings file is, or would be."""
    click.echo(str(profile.settings_file))


@command.command("get")
@click.argument("name", required=False)
@profile_options
@json_option
def get(profile: Profile, name: str | None, as_json: bool) -> None:
    """Print one setting, or all of them."""
    import tomli_w

    try:
        value: Any = load_settings(profile).model_dump(mode="json")
        for part in name.split(".") if name else ():
            if not isinstance(value, dict) or part not in value:
                raise _unknown(str(name))
            value = value[part]
    except CpcsError as error:
        fail(error, as_json)
    if as_json:
        print_json(value)
    elif isinstance(value, dict):
        click.echo(tomli_w.dumps(_without_none(value)), nl=False)
    elif isinstance(value, list):
        for element in value:
            click.echo(element)
    else:
        click.echo("" if value is None else value)


@command.command("set")
@click.argument("name")
@click.argument("value", nargs=-1)
@profile_options
@json_option
def set_value(profile: Profile, name: str, value: tuple[str, ...], as_json: bool) -> None:
    """Change one setting; several values make a list, none goes back to the default."""
    try:
        change_setting(profile, name, *value)
    except CpcsError as error:
        fail(error, as_json)


def change_setting(profile: Profile, name: str, *values: str) -> None:
    """Change one setting in the profile's file; what the environment says is not written.

    Raises
    ------
    CpcsError
        ``bad_settings`` for a damaged file, ``bad_setting`` for an unknown name or wrong value.
    """
    load_settings(profile)  # the sentence for a damaged file
    try:
        stored = tomllib.loads(profile.settings_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        stored = {}
    place = stored
    *parents, last = name.split(".")
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise _unknown(name)
    if values:
        place[last] = list(values) if name in _LISTS else _one(name, values)
    else:
        place.pop(last, None)
    try:
        settings = AppSettings.model_validate(stored)
    except ValidationError as error:
        raise CpcsError(
            "bad_setting",
            f"{name} cannot be set so: {'; '.join(validation_reasons(error))}.",
            "See cpcs config get for the names and what they hold.",
        ) from error
    save_settings(profile, settings)


_LISTS = frozenset({"observers"})


def _one(name: str, values: tuple[str, ...]) -> Any:
    """Return one value as TOML reads it, else as text."""
    if len(values) > 1:
        raise CpcsError("bad_setting", f"{name} takes one value, not {len(values)}.")
    try:
        return tomllib.loads(f"value = {values[0]}")["value"]
    except tomllib.TOMLDecodeError:
        return values[0]


def _unknown(name: str) -> CpcsError:
    return CpcsError(
        "bad_setting", f"There is no setting “{name}”.", "cpcs config get lists all of them."
    )


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(inner) if isinstance(inner, dict) else inner
        for name, inner in value.items()
        if inner is not None
    }
