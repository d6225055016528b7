"""Datadog service level objectives: a typed client, sync and async."""
