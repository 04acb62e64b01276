"""The old wire: what ten years of scripts rely on; nothing of it leaks into the rest."""
