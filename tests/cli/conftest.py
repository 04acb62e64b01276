"""Fixtures for sending."""

from tests.sending import client, make_point, outbox, server

__all__ = ["client", "make_point", "outbox", "server"]
