"""The old wire driven by the clients that use it: curl, requests, mechanize, an importer."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mechanize
import pytest
import requests

from cpcs_desktop.surveys.cache import SurveyCache
from server_stub.admin import add_event, opened
from tests.serving import LiveServer, live_server, make_key, quoted

PREFIXES = ["", "/followup"]
KEYS = {
    "image_link",
    "mag",
    "mag_err",
    "ra",
    "dec",
    "zeropoint",
    "outlier_fraction",
    "scatter",
    "npoints",
    "followup_id",
    "filter",
    "survey",
}


@pytest.fixture(scope="module")
def field(shared_data: Path) -> Path:
    """Give a real list of a real field with its reference stars."""
    return shared_data / "pairs" / "grb210605a-08"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, field: Path) -> Iterator[LiveServer]:
    """Run the program with the field's survey in its cache and one event in it."""
    folder = tmp_path_factory.mktemp("old-wire")
    columns = json.loads((field / "apass.columns.json").read_text())
    SurveyCache(folder / "surveys").import_files("APASS", [field / "apass.csv"], columns)
    database = str(folder / "server.sqlite")
    keys = {
        "observer": make_key(database, "Ostrowik 0.6m. Michal"),
        "other": make_key(database, "Loiano"),
        "admin": make_key(database, "Cambridge", admin=True),
        "reader": make_key(database, "Readers", upload=False),
    }
    with opened(database) as store:
        add_event(store, "ivo://110610", 24.599474, -48.744703, None)
    with live_server(database, folder, "--cache", str(folder / "surveys")) as server:
        server.keys = keys
        yield server
    log = server.log.read_text()
    assert "Traceback" not in log
    assert not any(key in log for key in keys.values())


def curl(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["curl", "-s", "--max-time", "100", "-w", "\n%{http_code}", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "no_proxy": "127.0.0.1"},
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def manual_line(live: LiveServer, prefix: str, file: Path, **changes: str) -> tuple[int, str]:
    """Send the manual's line; only the address and the fields named are changed."""
    fields = [
        ("matchDist", "2"),
        ("EventID", "ivo://110610"),
        ("sexCat", f"@{file};filename=test.cat"),
        ("hashtag", live.keys["observer"]),
        ("MJD", "2"),
        ("matchDist", "2"),
        ("EventID", "ivo://110610"),
        ("expTime", "1"),
        ("noPlot", "1"),
        ("forceFilter", "no"),
        ("dryRun", "1"),
        ("outputFormat", "json"),
    ]
    words = []
    for name, value in fields:
        if changes.get(name, value) != "-":
            words += ["-F", f"{name}={changes.get(name, value)}"]
    return curl(*words, f"{live.url}{prefix}/cgi/upload")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_manuals_line_works_unchanged(live: LiveServer, field: Path, prefix: str) -> None:
    status, body = manual_line(live, prefix, field / "sources.cat")
    assert status == 200, body
    answer = json.loads(body)
    assert set(answer) >= KEYS
    assert answer["zeropoint"] == pytest.approx(-28.798, abs=0.03)
    assert (answer["survey"], answer["filter"]) == ("APASS", "g")
    assert answer["followup_id"] is None
    assert isinstance(answer["npoints"], int)
    assert answer["npoints"] >= 150
    assert (answer["ra"], answer["dec"]) == pytest.approx((24.599474, -48.744703), abs=1e-3)
    assert "not plausible" in answer["warnings"][0]


def test_upload_stores_once_and_makes_revisions(live: LiveServer, field: Path) -> None:
    wish = {"MJD": "59373.4", "dryRun": "0", "noPlot": "0", "comment": 'seeing <1" & clear'}
    status, body = manual_line(live, "/followup", field / "sources.cat", **wish)
    assert status == 200, body
    first = json.loads(body)
    again = json.loads(manual_line(live, "", field / "sources.cat", **wish)[1])
    assert first["followup_id"] == again["followup_id"]
    better = json.loads(
        manual_line(live, "", field / "sources.cat", **{**wish, "MJD": "59373.5"})[1]
    )
    assert better["followup_id"] > first["followup_id"]
    stranger = manual_line(
        live, "", field / "sources.cat", **{**wish, "hashtag": live.keys["other"]}
    )
    assert stranger == (409, "This point belongs to Ostrowik 0.6m. Michal.")
    curve = live.get("/get_alert_lc_data", "other", alert_name="ivo://110610").json()
    assert curve["id"] == [better["followup_id"]]
    assert (curve["mjd"], curve["filter"], curve["catalog"]) == ([59373.5], ["g"], ["APASS"])
    assert curve["observatory"] == ["Ostrowik 0.6m. Michal"]
    link = better["image_link"]
    assert link.startswith(live.url)
    assert requests.get(link, timeout=20).status_code == 401
    picture = requests.get(link, params={"hashtag": live.keys["other"]}, timeout=20)
    assert picture.content.startswith(b"\x89PNG")
    file = live.get("/followup_data", "other", followupid=better["followup_id"])
    assert file.content == (field / "sources.cat").read_bytes()
    new_wire = live.get("/api/v1/light-curve", "other", ivorn="ivo://110610").json()
    uuid = new_wire["rows"][0]["id"]
    evidence = live.get(f"/api/v1/points/{uuid}/evidence", "other").json()
    assert len(evidence["stars"]["ra"]) >= 100


def test_dry_runs_show_the_plot_and_store_nothing(live: LiveServer, field: Path) -> None:
    before = live.get("/get_alert_lc_data", "observer", alert_name="ivo://110610").json()
    status, body = manual_line(live, "", field / "sources.cat", noPlot="0", forceFilter="any/g")
    head, _, code = json.loads(body)["image_link"].partition(",")
    assert (status, head) == (200, "data:image/png;base64")
    assert base64.b64decode(code).startswith(b"\x89PNG")
    after = live.get("/get_alert_lc_data", "observer", alert_name="ivo://110610").json()
    assert before == after
    reader = {"hashtag": live.keys["reader"]}
    assert manual_line(live, "", field / "sources.cat", **reader)[0] == 200
    refused = manual_line(live, "", field / "sources.cat", dryRun="0", MJD="59373.4", **reader)
    assert refused[0] == 403


def test_upload_refusals_are_one_sentence(live: LiveServer, field: Path, tmp_path: Path) -> None:
    good = field / "sources.cat"
    empty, text, four = tmp_path / "empty", tmp_path / "x.fits", tmp_path / "no-dec.cat"
    empty.write_bytes(b"")
    text.write_text("this is not a catalogue\n")
    four.write_text(
        "#   1 ALPHA_J2000  ra [deg]\n#   2 MAG_AUTO  m [mag]\n 24.6 12.0\n 24.7 13.0\n"
    )
    bad: list[tuple[Path, dict[str, str], int, str]] = [
        (good, {"EventID": "ivo://nowhere"}, 404, "unknown"),
        (good, {"EventID": "-"}, 400, "EventID"),
        (good, {"hashtag": "wrong"}, 401, "key"),
        (good, {"hashtag": "-"}, 401, "key"),
        (good, {"sexCat": "-"}, 400, "sexCat"),
        (good, {"MJD": "abc"}, 400, "MJD"),
        (good, {"MJD": "nan"}, 400, "MJD"),
        (good, {"MJD": "-"}, 400, "MJD"),
        (good, {"dryRun": "0"}, 400, "not plausible"),
        (good, {"forceFilter": "nonsense"}, 400, "band"),
        (empty, {}, 400, "empty"),
        (text, {}, 400, ""),
        (four, {}, 400, ""),
    ]
    for file, changes, wanted, words in bad:
        status, body = manual_line(live, "/followup", file, **changes)
        assert status == wanted, (changes, body)
        assert words in body
        assert 0 < len(body) <= 100, body
        assert "\n" not in body
    missing = manual_line(live, "", four)[1]
    assert re.search("DEC|DELTA|position", missing), missing


@pytest.mark.parametrize("prefix", PREFIXES)
def test_mechanize_logs_in_by_link_and_form(live: LiveServer, prefix: str) -> None:
    browser = mechanize.Browser()
    browser.set_handle_robots(False)
    browser.open(f"{live.url}{prefix}/")
    browser.follow_link(text="Login")
    browser.select_form(nr=0)
    browser["hashtag"] = live.keys["observer"]
    page = browser.submit().read().decode()
    assert "Logged as Ostrowik 0.6m. Michal" in page
    data = browser.open(f"{live.url}{prefix}/get_alert_lc_data?alert_name=ivo:%2F%2F110610")
    assert json.loads(data.read())["alert_name"] == "ivo://110610"
    browser.open(f"{live.url}{prefix}/new_event")
    browser.select_form(nr=0)
    browser["EventID"] = f"ivo://mechanize{prefix.strip('/')}"
    browser["ra"], browser["dec"] = "10.5", "-5"
    assert b"was entered" in browser.submit().read()
    browser.close()


@pytest.mark.parametrize("prefix", PREFIXES)
def test_requests_logs_in_with_the_field_alone(live: LiveServer, prefix: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        menu = session.get(f"{live.url}{prefix}/", timeout=20).text
        link = re.search(r'<a href="([^"]+)">Login</a>', menu)
        assert link is not None
        page = session.get(live.url + link[1], timeout=20).text
        action = re.search(r'<form method="post" action="([^"]+)"', page)
        assert action is not None
        done = session.post(
            live.url + action[1], data={"hashtag": live.keys["observer"]}, timeout=20
        )
        assert done.status_code == 200
        cookie = next(c for c in session.cookies if c.name == "cpcs_login")
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert live.keys["observer"] not in cookie.value
        path = f"{live.url}{prefix}/get_alert_lc_data"
        name = session.get(f"{path}?alert_name={quoted('ivo://110610')}", timeout=20)
        assert name.json()["alert_name"] == "ivo://110610"
        data = session.get(f"{path}?alert_name={quoted(quoted('ivo://110610'))}", timeout=20)
        assert data.json() == name.json()
    for who in ({"cookies": {"hashtag": live.keys["other"]}}, {"params": {"hashtag": "nobody"}}):
        answer = requests.get(f"{path}?alert_id=1", timeout=20, **who)
        assert answer.status_code == (200 if "cookies" in who else 401)
    bare = requests.get(f"{path}?alert_id=1", timeout=20, allow_redirects=False)
    assert (bare.status_code, bare.headers["Content-Type"][:10]) == (401, "text/plain")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_catalogue_importer_reads_everything(live: LiveServer, prefix: str) -> None:
    key = live.keys["other"]
    url = f"{live.url}{prefix}"
    listed = requests.get(
        f"{url}/list_of_alerts?format=json&num=100000&published=1&observed_only=0&hashtag={key}",
        timeout=20,
    ).json()
    assert {"ivo://110610"} <= {alert["ivorn"] for alert in listed}
    observed = requests.get(
        f"{url}/list_of_alerts?format=json&num=100000&published=1&observed_only=1&hashtag={key}",
        timeout=20,
    ).json()
    assert all(alert["nfollowup"] > 0 for alert in observed)
    for alert in listed:
        assert set(alert) == {"id", "ivorn", "published", "ra", "dec", "nfollowup"}
        assert isinstance(alert["id"], int)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", alert["published"])
        curve = requests.get(
            f"{url}/get_alert_lc_data?alert_id={alert['id']}&hashtag={key}", timeout=20
        ).json()
        assert curve["alert_name"] == alert["ivorn"]
        columns = [v for k, v in curve.items() if k != "alert_name"]
        assert {len(c) for c in columns} == {alert["nfollowup"]}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_other_posts(live: LiveServer, field: Path, prefix: str) -> None:
    url = f"{live.url}{prefix}"
    name = f"ivo://Gaia 16+aye#{prefix.strip('/')}"

    def post(path: str, who: str, **fields: Any) -> requests.Response:
        data = {"hashtag": live.keys[who], **fields}
        return requests.post(f"{url}/cgi/{path}", data=data, timeout=60)

    place = {"ra": "24.599474", "dec": "-48.744703"}
    answers = [post("newevent", "observer", EventID=name, **place) for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 200]
    assert answers[0].json()["ivorn"] == name
    assert post("newevent", "observer", EventID=name, ra="400", dec="0").status_code == 400
    assert post("newevent", "reader", EventID="x", **place).status_code == 403

    wish = {"EventID": name, "MJD": "59373.4", "dryRun": "0"}
    stored = json.loads(manual_line(live, prefix, field / "sources.cat", **wish)[1])
    number = stored["followup_id"]
    refused = post("delpoint", "other", followupid=number)
    assert (refused.status_code, "belongs to" in refused.text) == (403, True)
    assert post("delpoint", "observer", followupid="99999999").status_code == 404
    assert post("delpoint", "observer", followupid="1; drop").status_code == 400
    done = post("delpoint", "observer", followupid=number)
    assert done.status_code == 200
    assert live.get("/get_alert_lc_data", "other", alert_name=name).json()["id"] == []
    restored = json.loads(
        manual_line(live, prefix, field / "sources.cat", **wish, comment="again")[1]
    )
    assert post("delpoint", "admin", followupid=restored["followup_id"]).status_code == 200

    user = {"obsName": f"New{prefix}", "lon": "-10", "lat": "40", "allow_upload": "1"}
    assert post("newuser", "observer", **user).status_code == 403
    made = post("newuser", "admin", prefix="new", **user)
    key = made.text.rpartition(": ")[2]
    assert re.fullmatch(r"cpcs_new[a-z0-9]{5}_[\w-]{43}", key)
    me = requests.get(
        f"{url}/api/v1/me", headers={"Authorization": f"Bearer {key}"}, timeout=20
    ).json()
    assert (me["observatory"], me["is_admin"], me["allow_upload"]) == (f"New{prefix}", False, True)
    assert post("updatealert", "observer", EventID=name, ra="1", dec="2").status_code == 403
    assert post("updatealert", "admin", EventID=name, ra="1", dec="2").status_code == 200
    events = live.get("/api/v1/events", "other", ivorn=name).json()["events"]
    assert (events[0]["ra"], events[0]["dec"]) == (1.0, 2.0)
