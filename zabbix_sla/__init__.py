"""Typed Python client, sync and async, for Zabbix SLAs and services."""
