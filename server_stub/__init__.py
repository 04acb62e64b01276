"""The central server: shared light curves, the old wire and the new one."""
