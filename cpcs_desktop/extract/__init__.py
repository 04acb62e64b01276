"""Sources of a frame: background, detection, apertures, FWHM, in a child process."""

from cpcs_desktop.extract.sources import extract_sources

__all__ = ["extract_sources"]
