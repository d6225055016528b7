"""The attributes of an SLA that a request may carry, in the vendor's order, and how the vendor names them to people."""

from __future__ import annotations

from typing import Final

ATTRIBUTES: Final = (
    "name",
    "description",
    "position",
    "condition_match_type",
    "manager_role_id",
    "manager_user_id",
    "assignment_deadline_days",
    "assignment_deadline_parent_status",
    "assignment_deadline_sub_status_id",
    "assignment_skip_weekends",
    "completion_deadline_days",
    "completion_deadline_parent_status",
    "completion_deadline_sub_status_id",
    "completion_skip_weekends",
    "conditions",
    "notification_configurations",
)

REQUIRED: Final = (
    "name",
    "assignment_deadline_days",
    "assignment_deadline_parent_status",
    "completion_deadline_days",
    "completion_deadline_parent_status",
)
"""What a create must have."""

NULLABLE: Final = frozenset(
    (
        "description",
        "position",
        "manager_role_id",
        "manager_user_id",
        "assignment_deadline_sub_status_id",
        "completion_deadline_sub_status_id",
    )
)
"""What may be sent as null."""


def human(name: str) -> str:
    """An attribute as Rails, in which Rootly is written, names it in a message: ``Assignment deadline days``; ``_id`` is dropped."""
    return name.removesuffix("_id").replace("_", " ").capitalize()


_BY_LENGTH: Final = tuple(sorted(ATTRIBUTES, key=len, reverse=True))


def attribute_in(text: str) -> str | None:
    """The attribute that a message of the vendor begins with, or None.

    >>> attribute_in("Name has already been taken")
    'name'
    """
    return next((name for name in _BY_LENGTH if text.startswith(human(name) + " ")), None)
