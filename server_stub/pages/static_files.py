"""Style sheet, plot script: from the packages, never from elsewhere."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter, Response

from server_stub.refusals import Refused

router = APIRouter()

#: Address -> (package, file in it, media type); nothing else can be asked for.
FILES = {
    "cpcs.css": ("server_stub", "static/cpcs.css", "text/css"),
    "cpcs.svg": ("server_stub", "static/cpcs.svg", "image/svg+xml"),
    "light-curve.js": ("server_stub", "static/light-curve.js", "text/javascript"),
    "plotly.min.js": ("plotly", "package_data/plotly.min.js", "text/javascript"),
}


@router.get("/favicon.ico")
def favicon() -> Response:
    """Return the icon to those who look where icons always were."""
    return static_file("cpcs.svg")


@router.get("/static/{name}")
def static_file(name: str) -> Response:
    """Return one of our few static files."""
    if name not in FILES:
        raise Refused(404, "not_found", "There is nothing at this address.")
    package, path, media_type = FILES[name]
    content = (resources.files(package) / path).read_bytes()
    return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=86400"})
