"""``cpcs login``: remember the server's address and the access key."""

from __future__ import annotations

import os
import sys

import click

from cpcs_desktop.cli.config import change_setting
from cpcs_desktop.cli.options import Profile, chat, fail, json_option, print_json, profile_options
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import ENV_ACCESS_KEY


@click.command()
@click.argument("server_url")
@click.option(
    "--keep-in-file",
    is_flag=True,
    help="Where there is no keyring, keep the key in a file only you can read; do not ask.",
)
@profile_options
@json_option
def command(profile: Profile, server_url: str, keep_in_file: bool, as_json: bool) -> None:
    """Remember the server's address and the access key.

    The key is asked for, or read from a pipe; an empty line keeps the one there is. It is kept in
    the computer's keyring, else in a file that only you can read.
    """
    from cpcs_desktop.sync.answers import RefusalError
    from cpcs_desktop.sync.client import CpcsClient, normal_address
    from cpcs_desktop.sync.credentials import read_key, save_key
    from cpcs_desktop.sync.outbox import Outbox

    try:
        address = normal_address(server_url)
        given = _ask_for_key()
        key = given or read_key(profile, address)
        answer: dict[str, str | None] = {"server": address, "observatory": None, "kept": None}
        client = CpcsClient(address, key)
        try:
            me = client.me()
        except RefusalError:
            raise
        except CpcsError as error:
            chat(f"{error.message} The key could not be tried out.")
        else:
            answer["observatory"] = str(me.get("observatory"))
            chat(f"Logged in as {answer['observatory']}.")
        finally:
            client.close()
        change_setting(profile, "server_url", address)
        if given:
            answer["kept"] = save_key(
                profile, given, address, file_allowed=keep_in_file or _may_use_file(profile)
            )
        elif os.environ.get(ENV_ACCESS_KEY):
            answer["kept"] = "environment"
        if profile.outbox_file.exists():
            Outbox(profile.outbox_file).retry()
    except CpcsError as error:
        fail(error, as_json)
    if as_json:
        print_json(answer)


def _ask_for_key() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        key: str = click.prompt(
            "Access key", hide_input=True, default="", show_default=False, err=True
        )
        return key.strip()
    return (sys.stdin.readline() if sys.stdin is not None else "").strip()


def _may_use_file(profile: Profile) -> bool:
    """Ask before the key goes into a file; without somebody to answer it is no."""
    from cpcs_desktop.sync.credentials import keyring_works

    if keyring_works():
        return False
    try:
        return click.confirm(
            f"There is no keyring here. Keep the key in {profile.key_file}, readable by you only?",
            err=True,
        )
    except click.Abort:
        return False
