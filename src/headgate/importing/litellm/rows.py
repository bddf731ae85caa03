"""Rows of LiteLLM's tables, as its `schema.prisma` has them, with the columns that are looked at."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row; columns that are not named are not looked at."""


class Limited(Row, frozen=True, kw_only=True):
    """What may be limited."""

    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None
    budget_duration: str | None = None
    budget_reset_at: datetime | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    tpd_limit: int | None = None
    max_parallel_requests: int | None = None
    model_max_budget: Any = None
    budget_limits: Any = None


class BudgetRow(Limited, frozen=True, kw_only=True):
    budget_id: str
    allowed_models: list[str] | None = None
    """Of a member of a team: what of the team's models."""
    temp_budget_increase: Decimal | None = None


class TeamRow(Limited, frozen=True, kw_only=True):
    team_id: str
    team_alias: str | None = None
    organization_id: str | None = None
    spend: Decimal = Decimal(0)
    models: list[str] | None = None
    blocked: bool | None = None
    model_id: int | None = None
    access_group_ids: list[str] | None = None
    metadata: Any = None
    router_settings: Any = None
    policies: Any = None
    object_permission_id: Any = None


class UserRow(Limited, frozen=True, kw_only=True):
    user_id: str
    user_alias: str | None = None
    user_email: str | None = None
    user_role: str | None = None
    sso_user_id: str | None = None
    spend: Decimal = Decimal(0)
    models: list[str] | None = None
    metadata: Any = None
    policies: Any = None
    object_permission_id: Any = None


class KeyRow(Limited, frozen=True, kw_only=True):
    token: str
    key_name: str | None = None
    key_alias: str | None = None
    spend: Decimal = Decimal(0)
    expires: datetime | None = None
    models: list[str] | None = None
    aliases: Any = None
    user_id: str | None = None
    team_id: str | None = None
    project_id: str | None = None
    organization_id: str | None = None
    metadata: Any = None
    blocked: bool | None = None
    allowed_routes: list[str] | None = None
    budget_id: str | None = None
    access_group_ids: list[str] | None = None
    auto_rotate: bool | None = None
    permissions: Any = None
    config: Any = None
    router_settings: Any = None
    policies: Any = None
    object_permission_id: Any = None
    budget_fallbacks: Any = None
    allowed_cache_controls: Any = None


class OrganisationRow(Row, frozen=True, kw_only=True):
    organization_id: str
    organization_alias: str | None = None
    budget_id: str | None = None
    models: list[str] | None = None
    spend: Decimal = Decimal(0)
    metadata: Any = None
    object_permission_id: Any = None


class ProjectRow(Row, frozen=True, kw_only=True):
    project_id: str
    project_alias: str | None = None
    team_id: str | None = None
    budget_id: str | None = None
    models: list[str] | None = None
    spend: Decimal = Decimal(0)
    blocked: bool | None = None
    metadata: Any = None
    model_rpm_limit: Any = None
    model_tpm_limit: Any = None
    object_permission_id: Any = None


class MemberRow(Row, frozen=True, kw_only=True):
    user_id: str
    team_id: str
    spend: Decimal = Decimal(0)
    budget_id: str | None = None


class CustomerRow(Row, frozen=True, kw_only=True):
    user_id: str
    alias: str | None = None
    spend: Decimal = Decimal(0)
    budget_id: str | None = None
    blocked: bool | None = None
    allowed_model_region: str | None = None
    default_model: str | None = None
    models: Any = None
    object_permission_id: Any = None


class TagRow(Row, frozen=True, kw_only=True):
    tag_name: str
    models: Any = None
    spend: Decimal = Decimal(0)
    budget_id: str | None = None


class AliasesRow(Row, frozen=True, kw_only=True):
    """Names a team has for models."""

    id: int
    aliases: Any = None


class ModelRow(Row, frozen=True, kw_only=True):
    """A model made in LiteLLM's pages; what it is, is encrypted under LiteLLM's own key."""

    model_id: str
    model_name: str


class GroupRow(Row, frozen=True, kw_only=True):
    access_group_id: str
    access_model_names: list[str] | None = None


class RotatedRow(Row, frozen=True, kw_only=True):
    """A key that has been rotated, and still opens for a while."""

    token: str
    active_token_id: str
    revoke_at: datetime


class SettingRow(Row, frozen=True, kw_only=True):
    """A setting made in LiteLLM's pages, or kept by LiteLLM for itself."""

    param_name: str
