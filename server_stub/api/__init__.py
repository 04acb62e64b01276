"""The new wire, ``/api/v1``."""
