"""Rootly SLAs: typed clients, sync and async."""
