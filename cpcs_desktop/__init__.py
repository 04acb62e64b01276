"""CPCS Desktop: photometric calibration of frames and lists, offline until the sending."""

__version__ = "0.1.0"
