"""Rootly SLAs: typed clients, sync and async.

:class:`RootlySLA` and :class:`AsyncRootlySLA` do everything; names are loaded when they are used. ``rootly_sla.sandbox`` has a Rootly to
try things on.

>>> with RootlySLA() as rootly:  # doctest: +SKIP
...     rootly.slas.ensure(name="Sev1 follow-ups", ...)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from slo_common._lazy import lazy

if TYPE_CHECKING:
    from rootly_sla._changes import FieldChange as FieldChange
    from rootly_sla._client import AsyncRootlySLA as AsyncRootlySLA
    from rootly_sla._client import RootlySLA as RootlySLA
    from rootly_sla._flows import Action as Action
    from rootly_sla._flows import Ensured as Ensured
    from rootly_sla._planning import Applied as Applied
    from rootly_sla._planning import AppliedChange as AppliedChange
    from rootly_sla._planning import Plan as Plan
    from rootly_sla._planning import PlannedChange as PlannedChange
    from rootly_sla._planning import Step as Step
    from rootly_sla.errors import AmbiguousName as AmbiguousName
    from rootly_sla.errors import ApplyFailed as ApplyFailed
    from rootly_sla.errors import NameTaken as NameTaken
    from rootly_sla.errors import SlaRefused as SlaRefused
    from rootly_sla.models import Condition as Condition
    from rootly_sla.models import ConditionDict as ConditionDict
    from rootly_sla.models import ConditionProperty as ConditionProperty
    from rootly_sla.models import ConditionType as ConditionType
    from rootly_sla.models import EntityType as EntityType
    from rootly_sla.models import MatchType as MatchType
    from rootly_sla.models import NotificationConfiguration as NotificationConfiguration
    from rootly_sla.models import NotificationConfigurationDict as NotificationConfigurationDict
    from rootly_sla.models import OffsetType as OffsetType
    from rootly_sla.models import Operator as Operator
    from rootly_sla.models import ParentStatus as ParentStatus
    from rootly_sla.models import Sla as Sla
    from rootly_sla.models import SlaSpec as SlaSpec

_MODELS = """Condition ConditionDict ConditionProperty ConditionType EntityType MatchType NotificationConfiguration
NotificationConfigurationDict OffsetType Operator ParentStatus Sla SlaSpec"""

_HOME: Final[dict[str, str]] = {
    **dict.fromkeys(("AsyncRootlySLA", "RootlySLA"), "_client"),
    **dict.fromkeys(("Action", "Ensured"), "_flows"),
    **dict.fromkeys(("Applied", "AppliedChange", "Plan", "PlannedChange", "Step"), "_planning"),
    **dict.fromkeys(("AmbiguousName", "ApplyFailed", "NameTaken", "SlaRefused"), "errors"),
    **dict.fromkeys(_MODELS.split(), "models"),
    "FieldChange": "_changes",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  # the names above, loaded when used
__getattr__, __dir__ = lazy(__name__, _HOME)
