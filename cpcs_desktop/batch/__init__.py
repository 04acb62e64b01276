"""Many frames: worker processes, journal, outputs, night report, watched folders, clusters."""
