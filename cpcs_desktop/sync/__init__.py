"""Durable submission queue, client, pusher, credentials."""
