"""Import the installed wheel where nothing but its own dependencies is installed: run by ``make wheel-check``."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version

NAMES = {
    "datadog_slo": ("DatadogSLO", "AsyncDatadogSLO"),
    "rootly_sla": ("RootlySLA", "AsyncRootlySLA"),
    "zabbix_sla": ("ZabbixSLA", "AsyncZabbixSLA"),
    "slo_common": ("RetryPolicy", "SloError", "UNSET"),
    "datadog_slo.sandbox": ("DatadogSandbox",),
    "rootly_sla.sandbox": ("RootlySandbox",),
    "zabbix_sla.sandbox": ("ZabbixSandbox",),
}

for module_name, names in NAMES.items():
    module = importlib.import_module(module_name)
    if "site-packages" not in (module.__file__ or ""):
        sys.exit(f"{module_name} was imported from {module.__file__}, not from the installed wheel")
    for name in names:
        if not hasattr(module, name):
            sys.exit(f"{module_name}.{name} is missing")
print(f"slo-sdk {version('slo-sdk')}: every public package imports with its own dependencies alone")
