"""The way to the server, for verbs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import Profile

if TYPE_CHECKING:
    from cpcs_desktop.sync.client import CpcsClient


@contextmanager
def required_client(profile: Profile) -> Iterator[CpcsClient]:
    """Give a client of the profile's server and close it afterwards.

    Raises
    ------
    CpcsError
        ``no_server`` when none is set.
    """
    with optional_client(profile) as client:
        if client is None:
            raise CpcsError(
                "no_server",
                "No server is set.",
                "Run cpcs login SERVER_URL, or set CPCS_SERVER_URL and CPCS_ACCESS_KEY.",
            )
        yield client


@contextmanager
def optional_client(profile: Profile) -> Iterator[CpcsClient | None]:
    """Give a client of the profile's server, or None when none is set."""
    from cpcs_desktop.sync.credentials import connect

    client = connect(profile)
    try:
        yield client
    finally:
        if client is not None:
            client.close()
