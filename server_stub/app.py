"""The app factory: everything is made here, nothing at import."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, FastAPI, Request

from cpcs_desktop import __version__
from cpcs_desktop.wire import PROTOCOL_HEADER, protocol_refusal
from server_stub.access_keys import FailureLimit
from server_stub.api import about, events, light_curve, points
from server_stub.calibrator import Calibrator
from server_stub.cpcs import admin_posts, alerts, new_event, upload
from server_stub.database import Database
from server_stub.errors import add_error_answers
from server_stub.light_curves import AnswerCache
from server_stub.middleware import BodyLimits, OldPrefix, TrustHeaders
from server_stub.pages import admin_forms, followup, login, menu, static_files
from server_stub.pages import light_curve as light_curve_pages
from server_stub.refusals import Refused
from server_stub.settings import ServerSettings

NEW_WIRE = (points, events, light_curve, about)
OLD_WIRE = (alerts, new_event, upload, admin_posts)
PAGES = (menu, login, light_curve_pages, followup, admin_forms, static_files)


async def speak_protocol(request: Request) -> None:
    """Refuse clients whose protocol is too far from ours, in a sentence.

    Raises
    ------
    Refused
        426.
    """
    if request.url.path.endswith("/version"):
        return
    sentence = protocol_refusal(request.headers.get(PROTOCOL_HEADER))
    if sentence:
        raise Refused(426, "protocol", sentence)


def create_app(settings: ServerSettings) -> FastAPI:
    """Return the server as an ASGI app; the tables must be up to date."""
    database = Database(settings.database_url)
    calibrator = Calibrator(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        try:
            yield
        finally:
            calibrator.close()
            database.close()

    app = FastAPI(
        title="CPCS server",
        version=__version__,
        description="Photometric points of transients, shared.",
        lifespan=lifespan,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.calibrator = calibrator
    app.state.failures = FailureLimit()
    app.state.requests = FailureLimit(allowed=5, window_s=3600.0)
    app.state.answers = AnswerCache()
    new_wire = APIRouter(prefix="/api/v1", dependencies=[Depends(speak_protocol)])
    for module in NEW_WIRE:
        new_wire.include_router(module.router)
    app.include_router(new_wire)
    for module in (*OLD_WIRE, *PAGES):
        app.include_router(module.router, include_in_schema=False)
    add_error_answers(app)
    app.add_middleware(
        BodyLimits, largest=settings.largest_body, largest_unpacked=settings.largest_unpacked
    )
    app.add_middleware(OldPrefix)
    app.add_middleware(TrustHeaders, behind_https=settings.behind_https)
    return app


def worker_app() -> FastAPI:
    """Return the app of a worker process, with the settings its parent left."""
    return create_app(ServerSettings.from_environment())
