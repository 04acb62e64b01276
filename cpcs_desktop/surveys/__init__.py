"""Reference surveys: registry, HATS cache, cone, import."""
