"""The access key: where it is kept, and where it never appears."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.profile import open_profile
from cpcs_desktop.settings import AppSettings, save_settings
from cpcs_desktop.sync.client import CpcsClient
from cpcs_desktop.sync.credentials import connect, forget_key, read_key, save_key

URL = "https://cpcs.example.org/followup"
KEY = "cpcs_abcdefgh_" + "x" * 43


class MemoryKeyring(KeyringBackend):
    """A keyring that lives as long as the test."""

    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("nothing there")


@pytest.fixture
def memory_keyring() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


def test_keyring_first_then_environment_then_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_keyring: MemoryKeyring
) -> None:
    profile = open_profile(tmp_path)
    save_settings(profile, AppSettings(server_url=URL))
    assert read_key(profile) is None
    profile.key_file.write_text(json.dumps({"server": URL, "key": "from-file"}))
    assert read_key(profile) == "from-file"
    monkeypatch.setenv("CPCS_ACCESS_KEY", "from-environment")
    assert read_key(profile) == "from-environment"
    assert save_key(profile, KEY) == "keyring"
    assert read_key(profile) == KEY
    assert not profile.key_file.exists(), "one key, one place"
    forget_key(profile, URL)
    forget_key(profile, URL)
    assert read_key(profile) == "from-environment"


def test_a_key_is_shown_to_its_own_server_only(
    tmp_path: Path, memory_keyring: MemoryKeyring
) -> None:
    profile = open_profile(tmp_path)
    save_key(profile, KEY, URL)
    assert read_key(profile, "https://other.example.org") is None
    assert read_key(profile, URL + "/") == KEY
    assert read_key(open_profile(tmp_path / "other"), URL) is None


def test_without_a_keyring_a_file_only_after_asking(tmp_path: Path) -> None:
    profile = open_profile(tmp_path / "fresh")
    with pytest.raises(CpcsError) as error:
        save_key(profile, KEY, URL)
    assert error.value.code == "no_keyring"
    assert not profile.key_file.exists()
    assert save_key(profile, KEY, URL, file_allowed=True) == "file"
    if os.name != "nt":
        assert stat.S_IMODE(profile.key_file.stat().st_mode) == 0o600
    assert read_key(profile, URL) == KEY
    assert read_key(profile, "https://other.example.org") is None
    profile.key_file.write_text("nonsense")
    with pytest.raises(CpcsError, match="cannot be read"):
        read_key(profile, URL)


def test_the_key_is_in_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPCS_ACCESS_KEY", KEY)
    monkeypatch.setenv("CPCS_SERVER_URL", "http://127.0.0.1:1")
    client = connect(open_profile(tmp_path))
    assert isinstance(client, CpcsClient)
    with pytest.raises(CpcsError) as error:
        client.me()
    assert KEY not in f"{client!r} {error.value!r} {error.value} {vars(error.value)}"
    client.close()
    for bad in ("with blank", "zeile\n", "schlüssel"):
        with pytest.raises(CpcsError) as wrong:
            CpcsClient(URL, bad)
        assert bad not in str(wrong.value)
    for address in ("ftp://x", "cpcs.example.org", "https://me:secret@host"):
        with pytest.raises(CpcsError) as wrong:
            CpcsClient(address, None)
        assert "secret" not in str(wrong.value)


def test_no_server_is_no_error(tmp_path: Path) -> None:
    assert connect(open_profile(tmp_path)) is None
