"""The evidence behind a point, and everything calibrated again with a diff."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.record_zip import read_record, write_record
from cpcs_desktop.profile import open_profile
from cpcs_desktop.sync.outbox import Outbox


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def prepared(
    night: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    """A profile with three points: a limit and a detection against SDSS, one against APASS."""
    profile = tmp_path_factory.mktemp("prepared")
    places = ["--profile", str(profile), "--cache", str(night.folder / "cache")]

    def call(*words: str) -> Result:
        return CliRunner().invoke(cpcs, [*words, *places], catch_exceptions=False)

    event = night.event
    call("event", "add", event["event"], "--ra", str(event["ra"]), "--dec", str(event["dec"]))
    found = []
    for frame, band in zip(night.files("frames"), ("SDSS/r", "SDSS/r", "APASS/r"), strict=True):
        found += lines(call("submit", frame, "--event", "auto", "--force-filter", band,
                            "--accept-red", "--json"))  # fmt: skip
    assert [line["status"] for line in found] == ["ok"] * 3
    return profile, found


@pytest.fixture
def accepted(prepared: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> list[dict[str, Any]]:
    """A copy of the prepared profile, and what was said when its points were accepted."""
    shutil.copytree(prepared[0], tmp_path / "mine")
    return prepared[1]


def test_nothing_changes_with_unchanged_code_and_surveys(accepted: Any, run: Any) -> None:
    again = run("recalibrate", "--json")
    assert again.exit_code == 0
    for line, before in zip(lines(again), accepted, strict=True):
        assert line["status"] == "same"
        assert line["new"]["mag"] == before["mag"], "bit for bit"
        assert line["new"]["zero_point"] == before["zero_point"]
    assert run("recalibrate", "--since", "99999", "--json").stdout == ""
    assert run("recalibrate", "--event", "ivo://other", "--json").stdout == ""


def test_a_planted_error_in_a_survey_shows_the_affected_points(
    accepted: Any, night: Any, run: Any, tmp_path: Path
) -> None:
    cache = tmp_path / "shifted"
    shutil.copytree(night.folder / "cache", cache)
    text = (night.folder / "surveys" / "SDSS.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        row["r_mag"] = str(float(row["r_mag"]) + 0.2) if row["r_mag"] else ""
    shifted = tmp_path / "SDSS.csv"
    with shifted.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    run("survey", "remove", "SDSS", "--cache", str(cache))
    imported = run("survey", "import", "SDSS", str(shifted), "--cache", str(cache))
    assert imported.exit_code == 0, imported.output

    words = ["recalibrate", "--cache", str(cache), "--accept-doubtful", "--json"]
    moves = lines(run(*words))
    assert [m["moves"] for m in moves][1:] == [True, False]
    for move in moves[:2]:
        assert move["delta_mag"] == pytest.approx(0.2, abs=0.02)
    assert moves[2]["delta_mag"] == 0.0
    assert {m["applied"] for m in moves} == {None}

    applied = lines(run(*words, "--apply", "--point", moves[1]["point_id"]))
    assert [m["applied"] for m in applied] == [None, 2, None]
    after = {m["point_id"]: m["status"] for m in lines(run(*words))}
    assert after[moves[1]["point_id"]] == "same"
    assert after[moves[0]["point_id"]] == "changed"
    revisions = [r["revision"] for r in lines(run("queue", "list", "--json"))]
    assert sorted(revisions) == [1, 1, 2]


def test_a_record_opens_anywhere_and_gives_the_number_again(
    accepted: Any, run: Any, tmp_path: Path
) -> None:
    for line in accepted:
        point_id = line["submission"]["point_id"]
        file = tmp_path / f"{point_id}.zip"
        assert run("record", "export", point_id, "-o", str(file)).exit_code == 0
        first = file.read_bytes()
        run("record", "export", point_id, "-o", str(file))
        assert file.read_bytes() == first, "the same record gives the same bytes"
        elsewhere = run("record", "rerun", str(file), "--json", profile="elsewhere")
        assert elsewhere.exit_code == 0
        [again] = lines(elsewhere)
        assert again["same"]
        assert again["mag_rerun"] == pytest.approx(line["mag"], abs=1e-9)
        [opened] = lines(run("record", "open", str(file), "--json", profile="elsewhere"))
        assert opened["provenance.frame_sha256"] == line["sha256"]
        assert opened["n_stars"] == line["n_matched"]
    assert not (tmp_path / "elsewhere").exists()


def test_a_changed_record_is_refused(accepted: Any, tmp_path: Path, run: Any) -> None:
    point_id = accepted[1]["submission"]["point_id"]
    outbox = Outbox(open_profile(tmp_path / "mine").outbox_file)
    kept = outbox.current(point_id).submission
    outbox.close()
    file = tmp_path / "record.zip"
    write_record(kept, file)
    assert read_record(file) == kept
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["record.json"] = parts["record.json"].replace(b'"mag":', b'"mag": ', 1)
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    with pytest.raises(CpcsError, match="was changed"):
        read_record(file)
    file.write_bytes(b"PK no")
    with pytest.raises(CpcsError, match="no zip file"):
        read_record(file)
    missing = run("record", "open", str(tmp_path / "none.zip"), "--json")
    assert json.loads(missing.stdout)["error"]["code"] == "unreadable"
    unknown = run("record", "rerun", "no-such-id", "--json")
    assert json.loads(unknown.stdout)["error"]["code"] == "no_such_point"
