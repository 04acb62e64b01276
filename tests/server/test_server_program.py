"""The program itself: its commands, its first line, its end, its refusals; the archive."""

from __future__ import annotations

import json
import select
import shutil
import socket
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub.admin import opened
from server_stub.archive import import_archive
from server_stub.cli import cpcs_server
from server_stub.cpcs.alerts import old_wire_light_curve
from server_stub.event_import import import_events
from server_stub.events import event_of_id, event_of_name
from server_stub.serve import refuse_unsafe
from server_stub.settings import ServerSettings
from tests.serving import live_server, make_key, server_program


def test_commands_tell_json(sqlite_url: str, tmp_path: Path) -> None:
    def told(*words: str) -> Any:
        done = CliRunner().invoke(cpcs_server, [*words, "--database", sqlite_url, "--json"])
        assert done.exit_code == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert told("init")[0]["status"] == "ok"
    made = told("key", "new", "--observatory", "Ostrowik", "--lon", "21.4", "--lat", "52.1")[0]
    assert set(made) == {"key", "prefix", "observatory"}
    assert made["key"].startswith(f"cpcs_{made['prefix']}_")
    assert told("event", "add", "ivo://x y", "--ra", "10", "--dec", "-5")[0]["is_new"]
    assert not told("event", "add", "ivo://x y", "--ra", "10", "--dec", "-5")[0]["is_new"]
    answer = told("observatory", "add", "Loiano", "--lon", "348.6", "--aperture", "1.5")[0]
    assert answer["longitude"] == pytest.approx(-11.4)
    assert told("key", "revoke", made["prefix"])[0]["observatory"] == "Ostrowik"
    assert [k["revoked_at"] is None for k in told("key", "list")] == [False]
    assert told("check")[0] == {"status": "ok", "points": 0, "problems": []}
    assert told("export", str(tmp_path / "out.zip"))[0]["events"] == 1
    everything = (tmp_path / "out.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        everything += b"".join(archive.read(name) for name in archive.namelist())
    assert made["key"].encode() not in everything
    failed = server_program("key", "revoke", "nobody00", "--database", sqlite_url, "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["code"] == "no_such_key"
    assert server_program("key").returncode == 2


def test_listens_answers_and_ends(sqlite_url: str, tmp_path: Path) -> None:
    key = make_key(sqlite_url, "Ostrowik")
    with live_server(sqlite_url, tmp_path) as server:
        server.keys["me"] = key
        assert server.get("/api/v1/me", "me").json()["observatory"] == "Ostrowik"
        assert server.get(f"/list_of_alerts?format=json&hashtag={key}").json() == []
        assert server.stop() < 5
        assert server.process.returncode == 0
        log = server.log.read_text()
        assert "list_of_alerts" in log
        assert key not in log


def test_a_body_that_is_too_long_is_heard_out_before_the_refusal(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Who is cut off in the middle of sending, a proxy above all, may never read the sentence."""
    size = 40 * 2**20  # what the guide's proxy lets through
    head = f"POST /cgi/upload HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    with live_server(sqlite_url, tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(head.encode() + b"x" * 2**20)
            assert select.select([client], [], [], 0.5)[0] == []  # no answer yet
            client.sendall(b"x" * (size - 2**20))
            assert client.recv(200).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("host", "change", "words"),
    [
        ("0.0.0.0", {}, "unencrypted"),
        ("192.168.1.5", {"behind_https": True, "trusted_proxies": "*"}, "forge"),
        ("::", {"database_url": "postgresql://cpcs:postgres@db.example/c"}, "well-known"),
    ],
)
def test_refuses_unsafe_defaults_off_loopback(
    tmp_path: Path, host: str, change: dict[str, Any], words: str
) -> None:
    settings = ServerSettings(**{"database_url": "x.sqlite", "survey_cache": tmp_path, **change})
    with pytest.raises(CpcsError, match=words):
        refuse_unsafe(settings, host, plain_http=False)
    refuse_unsafe(settings, "127.0.0.1", plain_http=False)


def test_refuses_a_database_that_others_can_read(sqlite_url: str, tmp_path: Path) -> None:
    Path(sqlite_url).chmod(0o644)
    settings = ServerSettings(f"sqlite:///{sqlite_url}", tmp_path, behind_https=True)
    with pytest.raises(CpcsError, match="others on this machine"):
        refuse_unsafe(settings, "0.0.0.0", plain_http=False)
    done = server_program("run", "--host", "0.0.0.0", "--port", "0", "--database", sqlite_url)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Refusing" in done.stderr


def test_a_taken_port_is_one_sentence(sqlite_url: str, tmp_path: Path) -> None:
    with live_server(sqlite_url, tmp_path) as server:
        port = server.url.rpartition(":")[2]
        done = server_program("run", "--port", port, "--database", sqlite_url)
    assert done.returncode == 1
    assert "Cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


def same_numbers(database: Any, file: Path) -> int:
    found = json.loads(file.read_text())
    with database.reading() as session:
        event = event_of_id(session, int(file.stem.split("-")[1]))
        back = old_wire_light_curve(session, event)
    assert len(back["id"]) == len(set(back["id"])) == len(back["mjd"])
    assert found["alert_name"] in {None, back["alert_name"]}
    columns = sorted(set(found) - {"alert_name"})
    if "id" not in found:  # then the order is that of the file
        assert all(back[column] == found[column] for column in columns)
    rows = [sorted(zip(*(d[c] for c in columns), strict=True)) for d in (found, back)]
    assert rows[0] == rows[1]
    return len(back["mjd"])


def test_archive_comes_back_with_the_same_numbers(sqlite_url: str, shared_data: Path) -> None:
    folder = shared_data / "cpcs-archive"
    with opened(sqlite_url) as database:
        counts = import_archive(database, folder)
        assert counts == {
            "files": 258,
            "events": 258,
            "points": 16542,
            "limits": 2986,
            "already_there": 0,
        }
        again = import_archive(database, folder)
        assert (again["points"], again["already_there"]) == (0, 16542)
        assert sum(same_numbers(database, file) for file in folder.glob("*.json")) == 16542


def test_a_slice_of_the_archive_on_either_database(
    database_url: str, shared_data: Path, tmp_path: Path
) -> None:
    later = shared_data / "cpcs-json-later"
    names = ["alert-25478.json", "alert-25706.json", "alert-27165.json"]
    for name in names:
        shutil.copy(later / name, tmp_path)
    for name in ("alert-25320.json", "alert-25384.json"):  # implausible rows
        shutil.copy(shared_data / "cpcs-archive" / name, tmp_path)
    with opened(database_url) as database:
        import_archive(database, tmp_path)
        for file in tmp_path.glob("alert-*.json"):
            same_numbers(database, file)
        import_events(database, later / "index-excerpt.json")
        with database.reading() as session:
            event = event_of_name(session, "ivo://Gaia18cnm")
            assert (event.id, event.ra, event.n_followup) == (27165, 275.87885, 24)
            assert old_wire_light_curve(session, event)["alert_name"] == "ivo://Gaia18cnm"
        again = import_archive(database, tmp_path)
        assert again["points"] == 0
        assert import_events(database, later / "index-excerpt.json")["unchanged"] > 0
        from server_stub.checking import check

        assert check(database)["problems"] == []


def test_a_name_that_is_here_already_takes_the_archived_points(
    database_url: str, shared_data: Path, tmp_path: Path
) -> None:
    from server_stub.admin import add_event

    shutil.copy(shared_data / "cpcs-json-later" / "alert-27165.json", tmp_path)
    with opened(database_url) as database:
        import_archive(database, tmp_path)
        mine = add_event(database, "ivo://Gaia18cnm", 275.8, -7.3, None)
        import_events(database, shared_data / "cpcs-json-later" / "index-excerpt.json")
        with database.reading() as session:
            for event in (event_of_id(session, 27165), event_of_name(session, "ivo://Gaia18cnm")):
                assert (event.id, event.n_followup) == (mine["id"], 24)
                assert len(old_wire_light_curve(session, event)["mjd"]) == 24
        assert import_archive(database, tmp_path)["points"] == 0


def test_broken_archives_are_refused_whole(sqlite_url: str, tmp_path: Path) -> None:
    with opened(sqlite_url) as database:
        with pytest.raises(CpcsError, match="no alert-ID"):
            import_archive(database, tmp_path)
        for text in ("[]", "{}", "x", '{"mjd": [1], "mag": [1, 2]}'):
            (tmp_path / "alert-1.json").write_text(text)
            with pytest.raises(CpcsError, match="not an answer"):
                import_archive(database, tmp_path)
