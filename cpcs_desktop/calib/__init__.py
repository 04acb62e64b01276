"""Matching, the zero-point fit, the choice of band, target, limits and checks."""
