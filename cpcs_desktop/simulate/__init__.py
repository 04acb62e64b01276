"""Practice skies with known truth: frames, lists, survey slices."""
