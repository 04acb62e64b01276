"""Menu, manual, surveys, observatories: pages that only show."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.registry import SURVEYS
from server_stub.dependencies import TheDatabase, TheSettings
from server_stub.pages.render import page
from server_stub.points import last_upload
from server_stub.tables import ObservatoryRow

router = APIRouter()


@router.get("/")
def menu(request: Request, database: TheDatabase) -> Response:
    """Show the menu."""
    with database.reading() as session:
        return page(request, "menu.html", last=last_upload(session))


@router.get("/manual")
def manual(request: Request) -> Response:
    """Show the manual."""
    return page(request, "manual.html", site=str(request.base_url).rstrip("/"))


@router.get("/observatories")
def observatories(request: Request, database: TheDatabase) -> Response:
    """List the observatories."""
    with database.reading() as session:
        rows = session.scalars(select(ObservatoryRow).order_by(ObservatoryRow.id)).all()
    return page(request, "observatories.html", observatories=rows)


@router.get("/surveys")
def surveys(request: Request, settings: TheSettings) -> Response:
    """Show which catalogue serves each band, what is cached here, and whom to cite."""
    cache = SurveyCache(settings.survey_cache)
    cached: dict[str, Any] = {key: cache.coverage(key) for key in cache.keys()}  # noqa: SIM118
    return page(request, "surveys.html", surveys=SURVEYS, cached=cached)
