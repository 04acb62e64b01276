"""The access key: from the keyring, else the environment, else a file only its owner can read.

Never in settings, logs or messages. A keyring without a backend is not an error. A kept key belongs
to the server it was given for and is not shown to another.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Literal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import ENV_ACCESS_KEY, Profile
from cpcs_desktop.settings import load_settings
from cpcs_desktop.sync.client import CpcsClient, normal_address

SERVICE = "cpcs-desktop"
ENV_BHTOM_TOKEN = "CPCS_BHTOM_TOKEN"  # noqa: S105 - a variable's name
KeptIn = Literal["keyring", "file"]


def read_key(profile: Profile, server_url: str | None = None) -> str | None:
    """Return the access key for a server, None when there is none.

    Parameters
    ----------
    profile : Profile
    server_url : str, optional
        Default the profile's own server.
    """
    server = server_url or load_settings(profile).server_url
    kept = _from_keyring(profile, server) if server else None
    if kept:
        return kept
    given = os.environ.get(ENV_ACCESS_KEY, "").strip()
    if given:
        return given
    return _from_file(profile, server) if server else None


def save_key(
    profile: Profile, key: str, server_url: str | None = None, *, file_allowed: bool = False
) -> KeptIn:
    """Keep the access key; return where.

    Parameters
    ----------
    file_allowed : bool
        The observer was asked and agreed to a file, mode 0600, where there is no keyring.

    Raises
    ------
    CpcsError
        ``no_server`` without an address, ``no_keyring`` when a file was not allowed.
    """
    server = server_url or load_settings(profile).server_url
    if not server:
        raise CpcsError("no_server", "No server is set.", "Run cpcs login SERVER_URL.")
    if _to_keyring(profile, server, key):
        profile.key_file.unlink(missing_ok=True)
        return "keyring"
    if not file_allowed:
        raise CpcsError(
            "no_keyring",
            "This computer has no keyring to keep the access key in.",
            f"Allow a file that only you can read, or set {ENV_ACCESS_KEY}.",
        )
    _to_file(profile, server, key)
    return "file"


def keyring_works() -> bool:
    """Say whether this computer has a keyring that keeps anything at all."""
    import keyring
    from keyring.backends import fail, null

    return not isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring)


def forget_key(profile: Profile, server_url: str) -> None:
    """Remove a kept key."""
    import keyring
    from keyring.errors import KeyringError

    with contextlib.suppress(KeyringError):  # nothing kept there, or no keyring
        keyring.delete_password(SERVICE, _account(profile, server_url))
    if _from_file(profile, server_url) is not None:
        profile.key_file.unlink(missing_ok=True)


def read_bhtom_token(profile: Profile, upload_url: str) -> str | None:
    """Return the token of the BHTOM bridge: from the keyring, else ``CPCS_BHTOM_TOKEN``."""
    return _from_keyring(profile, upload_url) or os.environ.get(ENV_BHTOM_TOKEN, "").strip() or None


def save_bhtom_token(profile: Profile, token: str, upload_url: str) -> None:
    """Keep the token of the BHTOM bridge in the keyring; it is written nowhere else.

    Raises
    ------
    CpcsError
        ``no_keyring``.
    """
    if not _to_keyring(profile, upload_url, token):
        raise CpcsError(
            "no_keyring",
            "This computer has no keyring to keep BHTOM's token in.",
            f"Set {ENV_BHTOM_TOKEN} before the program is started.",
        )


def connect(profile: Profile) -> CpcsClient | None:
    """Return a client for the profile's server and key; None when no server is set.

    Raises
    ------
    CpcsError
        ``bad_address``, ``bad_settings``.
    """
    url = load_settings(profile).server_url
    return None if not url else CpcsClient(url, read_key(profile, url))


def _account(profile: Profile, server: str) -> str:
    return f"{normal_address(server)} {profile.folder.resolve()}"


def _from_keyring(profile: Profile, server: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(SERVICE, _account(profile, server))
    except KeyringError:
        return None


def _to_keyring(profile: Profile, server: str, key: str) -> bool:
    """Keep the key and read it back: some backends take everything and keep nothing."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, _account(profile, server), key)
    except KeyringError:
        return False
    return _from_keyring(profile, server) == key


def _from_file(profile: Profile, server: str) -> str | None:
    try:
        kept = json.loads(profile.key_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CpcsError(
            "bad_key_file",
            f"The key file {profile.key_file} cannot be read.",
            "Remove it and run cpcs login again.",
        ) from error
    if not isinstance(kept, dict) or kept.get("server") != normal_address(server):
        return None
    key = kept.get("key")
    return key if isinstance(key, str) else None


def _to_file(profile: Profile, server: str, key: str) -> None:
    profile.folder.mkdir(parents=True, exist_ok=True)
    temporary = profile.key_file.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    # The mode is set at creation: there is no moment at which others could read it.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"server": normal_address(server), "key": key}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(profile.key_file)
