"""Every page in headless Chromium: without JavaScript, on a phone, and the interactive plot."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select, WebDriverWait

from cpcs_desktop.surveys.cache import SurveyCache
from server_stub.admin import add_event, opened
from server_stub.archive import import_archive
from tests.serving import LiveServer, live_server, make_key

QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
NASTY = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[LiveServer]:
    """Run a server with a rich event of the archive, a field to upload to, and strange names."""
    folder = tmp_path_factory.mktemp("site")
    field = shared_data / "pairs" / "grb210605a-08"
    columns = json.loads((field / "apass.columns.json").read_text())
    SurveyCache(folder / "surveys").import_files("APASS", [field / "apass.csv"], columns)
    database = str(folder / "server.sqlite")
    for name in ("alert-25726.json", "alert-25384.json"):
        shutil.copy(shared_data / "cpcs-archive" / name, folder)
    keys = {
        "observer": make_key(database, f"Ostrowik {NASTY}"),
        "admin": make_key(database, "Cambridge", admin=True),
    }
    with opened(database) as store:
        import_archive(store, folder)
        add_event(store, "ivo://110610", 24.599474, -48.744703, "https://example.org/a?b=1&c=2")
        add_event(store, f"ivo://{NASTY}", 1.0, 2.0, None)
    with live_server(database, folder, "--cache", str(folder / "surveys")) as server:
        server.keys = keys
        yield server
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Callable[..., WebDriver]]:
    """Start Chromium: ``script=False`` turns JavaScript off, ``phone=True`` is 390 pixels wide."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    started: list[WebDriver] = []

    def start(*, script: bool = True, phone: bool = False) -> WebDriver:
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for word in (*QUIET, f"--user-data-dir={tmp_path / str(len(started))}"):
            options.add_argument(word)
        options.add_argument("--window-size=1100,800")
        allowed = 1 if script else 2
        options.add_experimental_option(
            "prefs", {"profile.managed_default_content_settings.javascript": allowed}
        )
        if phone:
            metrics = {"width": 390, "height": 780, "pixelRatio": 1.0}
            options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        started.append(window)
        window.set_page_load_timeout(60)
        return window

    yield start
    for window in started:
        window.quit()


def press(window: WebDriver, within: str = "main form") -> None:
    """Submit the form and wait until its page is gone: the next words are the answer's."""
    before = window.find_element(By.TAG_NAME, "html")
    window.find_element(By.CSS_SELECTOR, f"{within} button[type=submit]").click()

    def gone(_: WebDriver) -> bool:
        try:
            before.is_enabled()
        except WebDriverException:  # stale, or between two documents: several names for it
            return True
        return False

    WebDriverWait(window, 60, 0.1).until(gone)


def text(window: WebDriver) -> str:
    """Return the words of the page; between two pages Chromium has no body, or loses it."""

    def words(driver: WebDriver) -> str | None:
        ready = driver.execute_script("return document.readyState")  # type: ignore[no-untyped-call]
        return driver.find_element(By.TAG_NAME, "body").text if ready == "complete" else None

    wait = WebDriverWait(window, 30, 0.1, ignored_exceptions=[WebDriverException])
    return str(wait.until(words))


def fill(window: WebDriver, **fields: str) -> None:
    for name, value in fields.items():
        window.find_element(By.CSS_SELECTOR, f"main [name={name}]").send_keys(value)


def login(window: WebDriver, site: LiveServer, who: str) -> None:
    window.get(site.url + "/followup/")
    window.find_element(By.LINK_TEXT, "Login").click()
    fill(window, hashtag=site.keys[who])
    press(window)
    assert "Logged as" in text(window)


def complaints(window: WebDriver) -> list[str]:
    """Return what Chromium's console says of scripts, styles and missing files."""
    lines = [entry["message"] for entry in window.get_log("browser")]
    return [line for line in lines if "[DOM]" not in line]


def test_an_observers_visit_without_javascript(
    site: LiveServer, chromium: Any, shared_data: Path
) -> None:
    window = chromium(script=False)
    login(window, site, "observer")
    assert f"Logged as Ostrowik {NASTY}" in text(window)
    window.find_element(By.LINK_TEXT, "List of alerts (observed only)").click()
    assert "2 alerts" in text(window)
    window.find_element(By.LINK_TEXT, "LC").click()
    assert window.find_element(By.CSS_SELECTOR, "#picture img").get_attribute("naturalWidth")
    window.get(site.url + "/list_of_alerts?search=img")
    assert NASTY in text(window)
    assert "1 alerts" in text(window)
    window.get(site.url + "/followup/")
    window.find_element(By.LINK_TEXT, "Upload new followup data").click()
    fill(window, EventID="ivo://110610", MJD="59373.4", expTime="600", comment=NASTY)
    file = shared_data / "pairs" / "grb210605a-08" / "sources.cat"
    fill(window, sexCat=str(file))
    Select(window.find_element(By.NAME, "matchDist")).select_by_value("4")
    window.find_element(By.NAME, "dryRun").click()
    press(window)
    page = text(window)
    for words in ("Hi Ostrowik", "nothing was stored", "Filter: APASS / g", "Dry run: True"):
        assert words in page
    assert "Matching radius[arcsec]: 4.0" in page
    assert len(window.find_elements(By.CSS_SELECTOR, "figure img")) >= 1
    press(window)  # submit it for real
    assert "The point was stored with the number" in text(window)
    window.get(site.url + "/list_of_followup")
    assert "ivo://110610" in text(window)
    number = window.find_element(By.CSS_SELECTOR, "tbody td").text
    window.get(site.url + f"/delete_point?followupid={number}")
    fill(window, reason=NASTY)
    press(window)
    assert f"The followup point {number} was deleted" in text(window)
    window.get(site.url + "/new_event")
    fill(window, EventID="ivo://new one", ra="10", dec="20")
    press(window)
    assert "ivo://new one was entered" in text(window)
    window.get(site.url + "/add_user")
    assert "Only an admin may do this." in text(window)
    assert complaints(window) == [] or all("403" in line for line in complaints(window))
    press(window, "footer")
    assert "Login" in text(window)
    window.get(site.url + "/uploader")
    assert "needs an access key" in text(window)


def test_an_admins_visit_and_a_request_for_access(site: LiveServer, chromium: Any) -> None:
    window = chromium(script=False)
    window.get(site.url + "/request_access")
    fill(window, obsName=f"Nowe {NASTY}", contact="a@b.example", lon="348.5", lat="44")
    press(window)
    assert "Thank you" in text(window)
    login(window, site, "admin")
    window.find_element(By.LINK_TEXT, "Add a new user").click()
    assert f"Nowe {NASTY}" in text(window)
    press(window, ".request")
    key = window.find_element(By.CSS_SELECTOR, ".key").text
    assert key.startswith("cpcs_")
    window.get(site.url + "/add_user")
    assert "None is waiting" in text(window)
    fill(window, obsName="Another", prefix="ano")
    press(window)
    assert window.find_element(By.CSS_SELECTOR, ".key").text.startswith("cpcs_ano")
    window.get(site.url + "/update_alert")
    fill(window, EventID="ivo://110610", ra="24.6", dec="-48.7")
    press(window)
    assert "were updated" in text(window)
    window.get(site.url + "/audit")
    assert "place_event" in text(window)
    window.get(site.url + "/observatories")
    assert "-11.5000" in text(window)
    fresh = chromium(script=False)
    fresh.get(site.url + "/login")
    fill(fresh, hashtag=key)
    press(fresh)
    assert f"Logged as Nowe {NASTY}" in text(fresh)


def test_pages_fit_a_phone_and_complain_of_nothing(
    site: LiveServer, chromium: Any, shared_data: Path
) -> None:
    window = chromium(phone=True)
    login(window, site, "admin")
    for path in (
        "/",
        "/manual",
        "/surveys",
        "/observatories",
        "/list_of_alerts",
        "/list_of_followup?page=2",
        "/uploader/",
        "/new_event",
        "/delete_point",
        "/add_user",
        "/update_alert",
        "/audit",
        "/request_access",
        "/login",
        "/get_alert_lc?alert_id=25384",
    ):
        window.get(site.url + path)
        width = window.execute_script("return document.documentElement.scrollWidth")
        assert width <= 390, path
        assert window.title != "owned"
        assert complaints(window) == [], path
    window.get(site.url + "/uploader")
    fill(window, EventID="ivo://110610", MJD="59373.4", expTime="600")
    fill(window, sexCat=str(shared_data / "pairs" / "grb210605a-08" / "sources.cat"))
    window.find_element(By.NAME, "dryRun").click()
    press(window)
    assert "nothing was stored" in text(window)
    assert window.execute_script("return document.documentElement.scrollWidth") <= 390
    assert complaints(window) == []


def test_the_interactive_plot_is_ours_and_holds_all_points(site: LiveServer, chromium: Any) -> None:
    window = chromium()
    window.get(site.url + "/get_alert_lc?alert_id=25726")
    assert "interactive plot" in text(window)
    assert window.find_elements(By.ID, "plot") == []  # numbers are for key holders
    login(window, site, "observer")
    window.get(site.url + "/followup/get_alert_lc?alert_id=25726")
    wait = WebDriverWait(window, 30)
    wait.until(lambda w: w.find_elements(By.CSS_SELECTOR, "#plot .main-svg"))
    drawn = window.execute_script(
        "return document.getElementById('plot').data.reduce((n, t) => n + t.x.length, 0)"
    )
    assert drawn == 1503
    assert not window.find_element(By.ID, "picture").is_displayed()
    loaded = window.execute_script(
        "return performance.getEntriesByType('resource').map((e) => e.name)"
    )
    assert all(name.startswith(site.url) for name in loaded)
    assert complaints(window) == []
    pictures = os.environ.get("CPCS_PICTURES")
    if pictures:
        window.save_screenshot(str(Path(pictures) / "server-light-curve.png"))
