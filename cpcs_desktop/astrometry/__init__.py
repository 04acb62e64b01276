"""Plate solving against cached surveys, without a network; checks of the WCS a frame came with."""
