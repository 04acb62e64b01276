"""Uploads of the old wire keep their lists, and are calibrated again with a diff."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cpcs_desktop.io.stored_list import exposure_of_text
from cpcs_desktop.surveys.cache import SurveyCache
from server_stub.cli import cpcs_server
from server_stub.points import newest_row
from server_stub.settings import ServerSettings
from server_stub.tables import PointDetailRow
from tests.dask_cluster import Cluster, cluster
from tests.practice import practice, practice_truth
from tests.server.conftest import Bench

__all__ = ["cluster", "practice", "practice_truth"]


@pytest.fixture
def uploaded(
    settings: ServerSettings, bench: Bench, practice: Path, practice_truth: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Two uploads: one against SDSS, one against the survey beside it."""
    shutil.copytree(practice / "cache", settings.survey_cache)
    event = {"ivorn": practice_truth["event"], "ra": practice_truth["ra"],
             "dec": practice_truth["dec"]}  # fmt: skip
    assert bench.client.post("/api/v1/events", json=event, headers=bench.auth()).is_success
    others = sorted(k for k in SurveyCache(settings.survey_cache).keys() if k != "SDSS")  # noqa: SIM118
    found = {}
    content = (practice / "lists" / "practice-02-r.cat").read_bytes()
    for who, band in (("observer", "SDSS/r"), ("other", f"{others[0]}/any")):
        answer = bench.client.post(
            "/cgi/upload",
            data={"EventID": event["ivorn"], "MJD": str(practice_truth["mjd"]), "expTime": "60",
                  "forceFilter": band, "outputFormat": "json", "comment": f"by {who}",
                  "hashtag": bench.keys[who]},
            # one more line: another file, hence another point
            files={"sexCat": ("test.cat", content + (b"\n" if who == "other" else b""))},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        found[who] = answer.json()
    return found


def told(settings: ServerSettings, *words: str, status: int = 0) -> list[dict[str, Any]]:
    done = CliRunner().invoke(
        cpcs_server,
        ["recalibrate", *words, "--json", "--database", settings.database_url,
         "--cache", str(settings.survey_cache)],
    )  # fmt: skip
    assert done.exit_code == status, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def brighter(settings: ServerSettings, practice: Path, tmp_path: Path) -> None:
    """Plant an error of 0.2 mag into the server's copy of SDSS."""
    with (practice / "surveys" / "SDSS.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["r_mag"] = str(float(row["r_mag"]) + 0.2) if row["r_mag"] else ""
    with (tmp_path / "SDSS.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    cache = SurveyCache(settings.survey_cache)
    cache.remove("SDSS")
    cache.import_files("SDSS", [tmp_path / "SDSS.csv"], None)


def test_an_upload_keeps_its_list_as_the_desktop_does(
    bench: Bench, uploaded: dict[str, Any], practice_truth: dict[str, Any]
) -> None:
    rows = bench.curve(event=practice_truth["event"]).json()["rows"]
    evidence = bench.client.get(
        f"/api/v1/points/{rows[0]['id']}/evidence", headers=bench.auth()
    ).json()
    exposure = exposure_of_text(evidence["source_list"])
    assert exposure.frame.mjd == practice_truth["mjd"]
    assert len(exposure.sources()) > 50
    assert exposure.frame.path == "test.cat"


def test_nothing_changes_with_unchanged_surveys(
    settings: ServerSettings, uploaded: dict[str, Any]
) -> None:
    first, second = told(settings), told(settings)
    assert first == second, "deterministic"
    assert [line["status"] for line in first] == ["same", "same"]
    assert [line["new"]["mag"] for line in first] == [a["mag"] for a in uploaded.values()]
    assert [line["followup_id"] for line in first] == [a["followup_id"] for a in uploaded.values()]
    assert told(settings, "--since", "99999") == []
    assert told(settings, "--event", "ivo://nowhere", status=1)[0]["error"]["code"]


def test_a_cluster_calibrates_the_same_though_a_worker_is_killed(
    settings: ServerSettings, bench: Bench, uploaded: dict[str, Any], cluster: Cluster,
    practice: Path, practice_truth: dict[str, Any], tmp_path: Path,
) -> None:  # fmt: skip
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    content = (practice / "lists" / "practice-02-r.cat").read_bytes()
    for n in range(2, 8):
        answer = bench.client.post(
            "/cgi/upload",
            data={"EventID": practice_truth["event"], "MJD": str(practice_truth["mjd"]),
                  "expTime": "60", "forceFilter": "SDSS/r", "outputFormat": "json",
                  "hashtag": bench.keys["observer"]},
            files={"sexCat": ("test.cat", content + b"\n" * n)},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
    brighter(settings, practice, tmp_path)
    alone = told(settings)
    workers = [cluster.worker() for _ in range(3)]
    cluster.wait_for_workers(3)
    process = subprocess.Popen(
        [sys.executable, "-c", "from server_stub.cli import main; main()", "recalibrate", "--json",
         "--database", settings.database_url, "--cache", str(settings.survey_cache),
         "--scheduler", cluster.address],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    os.kill(workers[0].pid, signal.SIGKILL)
    lines += process.stdout.read().splitlines()
    process.stdout.close()
    assert process.wait(60) == 0
    assert [json.loads(line) for line in lines] == alone
    assert len(alone) == 8


def test_a_planted_error_shows_the_affected_uploads_and_is_applied_to_the_chosen(
    settings: ServerSettings, bench: Bench, uploaded: dict[str, Any], practice: Path,
    practice_truth: dict[str, Any], tmp_path: Path,
) -> None:  # fmt: skip
    brighter(settings, practice, tmp_path)
    moved, still = told(settings)
    assert (moved["moves"], still["moves"]) == (True, False)
    assert moved["delta_mag"] == pytest.approx(0.2, abs=0.02)
    assert still["delta_mag"] == 0.0
    before = bench.curve(event=practice_truth["event"]).json()
    assert {row["revision"] for row in before["rows"]} == {1}, "nothing applied without --apply"

    assert [line["applied"] for line in told(settings, "--apply", "--point", "none")] == [None] * 2
    done = told(settings, "--apply", "--point", moved["point_id"])
    assert [line["applied"] for line in done] == [2, None]
    after = {r["id"]: r for r in bench.curve(event=practice_truth["event"]).json()["rows"]}
    assert after[moved["point_id"]]["mag"] == moved["new"]["mag"]
    assert after[moved["point_id"]]["observatory"] == "Ostrowik 0.6m", "its owner's still"
    old = bench.client.get(
        f"/api/v1/points/{moved['point_id']}", params={"revision": 1}, headers=bench.auth()
    )
    assert (old.json()["mag"], old.headers["CPCS-State"]) == (moved["old"]["mag"], "superseded")
    assert {line["status"] for line in told(settings)} == {"same"}
    new = bench.client.get(f"/api/v1/points/{moved['point_id']}", headers=bench.auth()).json()
    assert new["comment"].startswith("by observer")
    file = bench.client.get(
        "/followup_data", params={"followupid": told(settings)[1]["followup_id"]},
        headers=bench.auth(),
    )  # fmt: skip
    assert file.content == (practice / "lists" / "practice-02-r.cat").read_bytes()


def test_uploads_from_before_lists_were_kept_are_read_from_their_files(
    settings: ServerSettings, bench: Bench, uploaded: dict[str, Any],
    practice_truth: dict[str, Any],
) -> None:  # fmt: skip
    with_lists = told(settings)
    with bench.database.writing() as session:
        for line in with_lists:
            row = newest_row(session, line["point_id"])
            assert row is not None
            session.get_one(PointDetailRow, row.id).source_file = None
    assert told(settings) == with_lists


def test_a_withdrawn_upload_is_left_alone(
    settings: ServerSettings, bench: Bench, uploaded: dict[str, Any], practice: Path, tmp_path: Path
) -> None:
    point = told(settings)[0]["point_id"]
    gone = bench.client.delete(
        f"/api/v1/points/{point}", params={"reason": "clouds"}, headers=bench.auth()
    )
    assert gone.status_code == 200
    brighter(settings, practice, tmp_path)
    assert point not in [line["point_id"] for line in told(settings, "--apply")]
