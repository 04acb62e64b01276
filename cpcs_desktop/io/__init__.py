"""Frames, source lists and exports: files in, vocabulary out."""
