"""The observer's night: frames, verdicts, exclusions, undo."""
