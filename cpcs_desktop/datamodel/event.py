"""Events (transients) and observatories."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """A transient with a shared light curve.

    Parameters
    ----------
    ivorn : str
        Name, may contain ``/ # +`` and blanks; never put into a URL path.
    ra, dec : float or None
        Degrees, ICRS; None for an archived event of unknown position.
    """

    ivorn: str
    ra: float | None
    dec: float | None
    published: str | None = None
    url: str | None = None
    priority: int | None = None
    wanted_bands: tuple[str, ...] = ()
    n_followup: int = 0


@dataclass(frozen=True)
class Observatory:
    """A place with a telescope; unknown is None, never 0, 0.

    Parameters
    ----------
    longitude, latitude : float or None
        Degrees, east and north positive.
    altitude_m, aperture_m : float or None
    """

    name: str
    longitude: float | None = None
    latitude: float | None = None
    altitude_m: float | None = None
    aperture_m: float | None = None
    contact: str | None = None
