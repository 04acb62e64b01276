"""The operator's guide behind real proxies: its nginx and Caddy files, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from cpcs_desktop.surveys.cache import SurveyCache
from server_stub.admin import add_event, opened
from tests.serving import LiveServer, free_port, live_server, make_key

GUIDE = Path(__file__).parents[2] / "docs" / "operators-guide.md"


@dataclass
class Proxy:
    """A proxy with TLS in front of the program."""

    url: str
    certificate: Path
    server: LiveServer
    logs: Path

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.certificate)
        return session


def snippet(first: str) -> str:
    """Return the indented block of the guide that begins with some words."""
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", GUIDE.read_text(), re.MULTILINE)
    found = [b for b in blocks if b.strip().startswith(first) and "cpcs.example.org" in b]
    assert len(found) == 1
    return re.sub(r"^ {4}", "", found[0], flags=re.MULTILINE)


def certificate(folder: Path) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    cert, key = folder / "fullchain.pem", folder / "privkey.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def nginx(folder: Path, port: int, server: str, cert: Path, key: Path) -> list[str]:
    text = snippet("log_format")
    for written, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("cpcs.example.org;", "localhost;"),
        ("/etc/letsencrypt/live/cpcs.example.org/fullchain.pem", str(cert)),
        ("/etc/letsencrypt/live/cpcs.example.org/privkey.pem", str(key)),
        ("/var/log/nginx", str(folder)),
        ("127.0.0.1:8000", server),
    ):
        assert written in text
        text = text.replace(written, here)
    whole = (
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log notice; events {{}}\n"
        f"http {{ access_log off;\n"
        + "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + text
        + "}\n"
    )
    if os.geteuid() == 0:
        whole = "user root;\n" + whole  # the folders of tests are not for others
    (folder / "nginx.conf").write_text(whole)
    return ["-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, server: str, cert: Path, key: Path) -> list[str]:
    text = snippet("{")
    for written, here in (
        ("{\n    log {", "{\n    admin off\n    auto_https disable_redirects\n    log {"),
        ("cpcs.example.org {", f"https://localhost:{port} {{\n    tls {cert} {key}"),
        ("127.0.0.1:8000", server),
    ):
        assert written in text
        text = text.replace(written, here)
    (folder / "Caddyfile").write_text(text)
    return ["run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


COMMANDS = {"nginx": nginx, "caddy": caddy}


@contextmanager
def behind(name: str, folder: Path, surveys: Path) -> Iterator[Proxy]:
    """Run the program behind a proxy with the guide's file and a certificate of our own."""
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    cert, key = certificate(folder)
    database = str(folder / "server.sqlite")
    keys = {"observer": make_key(database, "Ostrowik 0.6m")}
    with opened(database) as store:
        add_event(store, "ivo://110610", 24.599474, -48.744703, None)
    port = free_port()
    with live_server(database, folder, "--behind-https", "--cache", str(surveys)) as server:
        server.keys = keys
        words = COMMANDS[name](folder, port, server.url.removeprefix("http://"), cert, key)
        environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        with (folder / "proxy.log").open("w") as log:
            process = subprocess.Popen([program, *words], stdout=log, stderr=log, env=environment)
        try:
            made = Proxy(f"https://localhost:{port}", cert, server, folder)
            wait_for(made, process)
            yield made
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module", params=COMMANDS)
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_data: Path
) -> Iterator[Proxy]:
    """Give a server that can calibrate one real list, behind each proxy in turn."""
    folder = tmp_path_factory.mktemp(request.param)
    field = shared_data / "pairs" / "grb210605a-08"
    columns = json.loads((field / "apass.columns.json").read_text())
    SurveyCache(folder / "surveys").import_files("APASS", [field / "apass.csv"], columns)
    with behind(request.param, folder, folder / "surveys") as running:
        yield running


def wait_for(proxy: Proxy, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    with proxy.session() as session:
        while True:
            try:
                session.get(f"{proxy.url}/api/v1/version", timeout=10)
            except requests.RequestException:
                assert process.poll() is None, (proxy.logs / "proxy.log").read_text()
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return


def test_a_browsers_login_is_secure_and_ends(proxy: Proxy) -> None:
    with proxy.session() as session:
        page = session.get(f"{proxy.url}/followup/login", timeout=20)
        assert page.headers["Strict-Transport-Security"].startswith("max-age=")
        fields = dict(re.findall(r'name="(form_token)" value="([^"]+)"', page.text))
        form = session.post(
            f"{proxy.url}/followup/login",
            data={**fields, "hashtag": proxy.server.keys["observer"]},
            headers={"Origin": proxy.url, "Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
            timeout=20,
        )
        assert (form.status_code, form.headers["Location"]) == (303, "/followup/")
        assert all(cookie.secure for cookie in session.cookies)
        assert {c.name for c in session.cookies} >= {"cpcs_login"}
        menu = session.get(f"{proxy.url}/followup/", timeout=20).text
        assert "Logged as Ostrowik 0.6m" in menu
        foreign = session.post(
            f"{proxy.url}/login", data=fields, headers={"Origin": "https://evil"}, timeout=20
        )
        assert foreign.status_code == 403


@pytest.mark.parametrize("prefix", ["", "/followup"])
def test_a_real_list_is_uploaded_and_its_picture_comes_back(
    proxy: Proxy, shared_data: Path, prefix: str
) -> None:
    file = shared_data / "pairs" / "grb210605a-08" / "sources.cat"
    fields = ["hashtag=" + proxy.server.keys["observer"], "EventID=ivo://110610", "MJD=59373.4"]
    fields += ["expTime=600", "dryRun=0", "outputFormat=json", f"sexCat=@{file};filename=test.cat"]
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--cacert", str(proxy.certificate), "--max-time", "100",
         *(word for field in fields for word in ("-F", field)), f"{proxy.url}{prefix}/cgi/upload"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["zeropoint"] == pytest.approx(-28.798, abs=0.03)
    assert answer["image_link"].startswith(f"{proxy.url}{prefix}/")
    with proxy.session() as session:
        key = {"hashtag": proxy.server.keys["observer"]}
        picture = session.get(answer["image_link"], params=key, timeout=20)
    assert picture.content.startswith(b"\x89PNG")


def test_refusals_of_the_server_pass_unchanged(proxy: Proxy) -> None:
    with proxy.session() as session:
        fields = {"hashtag": proxy.server.keys["observer"], "EventID": "ivo://110610", "MJD": "1"}
        files = {"sexCat": ("test.cat", b"x" * (39 * 2**20))}
        for _ in range(3):
            answer = session.post(f"{proxy.url}/cgi/upload", data=fields, files=files, timeout=60)
            assert (answer.status_code, len(answer.text) <= 100) == (413, True)
            assert "<" not in answer.text


def test_a_forged_address_does_not_evade_the_limit_on_wrong_keys(proxy: Proxy) -> None:
    with proxy.session() as session:
        wrong = f"Bearer cpcs_{'a' * 8}_{'A' * 43}"
        codes = [
            session.get(
                f"{proxy.url}/api/v1/me",
                headers={"Authorization": wrong, "X-Forwarded-For": f"10.1.1.{n}"},
                timeout=20,
            ).status_code
            for n in range(22)
        ]
    assert codes == [401] * 20 + [429] * 2


@pytest.mark.parametrize("name", COMMANDS)
def test_no_key_reaches_a_log_even_when_the_server_is_down(name: str, tmp_path: Path) -> None:
    with behind(name, tmp_path, tmp_path) as proxy, proxy.session() as session:
        key = proxy.server.keys["observer"]
        address = f"{proxy.url}/list_of_alerts?format=json&hashtag={key}&num=5"
        assert session.get(address, headers={"Referer": address}, timeout=20).status_code == 200
        proxy.server.stop()
        assert session.get(address, headers={"Referer": address}, timeout=20).status_code == 502
    written = "".join(file.read_text() for file in tmp_path.glob("*.log"))
    assert "list_of_alerts" in written
    assert key not in written
