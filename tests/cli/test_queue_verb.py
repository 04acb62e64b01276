"""``cpcs queue`` without a network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.sync.outbox import Outbox

MakePoint = Callable[..., PhotometricPoint]


def run(*words: str, profile: Path) -> Result:
    return CliRunner().invoke(cpcs, [*words, "--profile", str(profile)], catch_exceptions=False)


def test_list_push_and_withdraw_without_a_server(tmp_path: Path, make_point: MakePoint) -> None:
    assert run("queue", "list", "--json", profile=tmp_path / "none").exit_code == 0
    assert run("queue", "push", profile=tmp_path / "none").exit_code == 0
    assert not (tmp_path / "none").exists()

    outbox = Outbox(tmp_path / "outbox.sqlite")
    row = outbox.add(make_point())
    outbox.close()
    listed = json.loads(run("queue", "list", "--json", profile=tmp_path).stdout)
    assert listed["point_id"] == row.point_id
    assert listed["state"] == "WAITING"
    for key in ("revision", "message", "attempts", "not_before"):
        assert key in listed

    pushed = run("queue", "push", profile=tmp_path)
    assert pushed.exit_code == 1
    assert "No server is set" in pushed.stderr

    assert run("queue", "withdraw", row.point_id, profile=tmp_path).exit_code == 2
    gone = run("queue", "withdraw", row.point_id, "--reason", "cloud", "--json", profile=tmp_path)
    assert json.loads(gone.stdout)["state"] == "WITHDRAWN"
    assert run("queue", "push", profile=tmp_path).exit_code == 0


def test_unknown_points_are_named(tmp_path: Path) -> None:
    for words in (["withdraw", "x", "--reason", "r"], ["retry", "x"]):
        result = run("queue", *words, "--json", profile=tmp_path)
        assert result.exit_code == 1
        assert json.loads(result.stdout)["error"]["code"] == "no_such_point"
    result = run("queue", "resolve", "x", "--keep", "mine", "--json", profile=tmp_path)
    assert json.loads(result.stdout)["error"]["code"] == "no_conflict"


def test_a_refused_point_can_be_queued_anew(tmp_path: Path, make_point: MakePoint) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    row = outbox.add(make_point(mag=50.0))
    outbox.close()
    assert "magnitude 50" in run("queue", "list", profile=tmp_path).stdout
    anew = run("queue", "retry", row.point_id, "--json", profile=tmp_path)
    assert json.loads(anew.stdout)["state"] == "WAITING"
