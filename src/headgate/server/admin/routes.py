"""The admin API as a table: what there is, which scope it takes, what it is given and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from headgate.access.roles import SCOPES
from headgate.administration.alerts import (
    AlertRuleView,
    AlertView,
    ChannelView,
    IncidentView,
    NoticeView,
    SilenceView,
)
from headgate.administration.auditing import AuditView
from headgate.administration.contents import ContentView, ErasedView
from headgate.administration.errors import ErrorsView
from headgate.administration.importing import ImportMade, NewImport
from headgate.administration.ledger import CorrectionsMade, LedgerView, TotalsView
from headgate.administration.prompt_diffs import DiffView
from headgate.administration.prompt_suites import SuitePublishedView, SuiteView
from headgate.administration.prompt_tests import TestView
from headgate.administration.prompts import (
    ListedView,
    MoveView,
    PromptView,
    PublishedView,
    VersionView,
    WithdrawalView,
)
from headgate.administration.quality import EvaluationView, FeedbackView
from headgate.administration.requests import (
    AlertListing,
    AlertRuleChange,
    AuditAsked,
    AuditListing,
    BudgetChange,
    CallListing,
    ContentsAsked,
    DiffAsked,
    Empty,
    ErrorsAsked,
    EvaluationListing,
    FeedbackListing,
    IncidentListing,
    KeyChange,
    KeyListing,
    LedgerExport,
    LedgerListing,
    LimitChange,
    Listing,
    MoveListing,
    NewAlertRule,
    NewBudget,
    NewCorrections,
    NewDecision,
    NewErasure,
    NewKey,
    NewLimit,
    NewMove,
    NewOrganisation,
    NewProject,
    NewPrompts,
    NewProviderKey,
    NewRestoring,
    NewRollback,
    NewSilence,
    NewSuite,
    NewTeam,
    NewTest,
    NewTestNotice,
    NewUser,
    NewWithdrawal,
    OrganisationChange,
    OwnedListing,
    Paged,
    ProjectChange,
    PromptAsked,
    PromptListing,
    Request,
    ReviewAsked,
    Rotation,
    RuleListing,
    StatementAsked,
    SuiteListing,
    TeamChange,
    TestListing,
    TotalsAsked,
    TrafficAsked,
    UsageAsked,
    UserChange,
    VerdictAsked,
)
from headgate.administration.shadows import VerdictView
from headgate.administration.traffic import CallDetail, CallView, TrafficView
from headgate.administration.views import (
    BudgetView,
    KeyMade,
    KeyView,
    LimitView,
    OrganisationView,
    Page,
    ProjectView,
    ProviderKeyView,
    TeamView,
    UsageView,
    UserView,
)
from headgate.alerts.objectives import ObjectiveStanding
from headgate.reports.review import Review
from headgate.server.admin import handlers
from headgate.server.admin.asking import Ask, File

PREFIX = "/admin"

ANY_SCOPE = "(any)"
"""In place of a scope: whoever has a key, whatever it may do."""


class Route(msgspec.Struct, frozen=True):
    """One thing that can be asked for. There is none without a scope."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Below `/admin`, with `{…}` for what stands there."""
    scope: str
    handler: Callable[[Ask], Awaitable[Any]]
    response: Any
    summary: str
    body: type[Request] | None = None
    query: type[Request] = Empty
    status: int = 200
    versioned: bool = False
    """Whether `If-Match` says which version was seen."""

    def __post_init__(self) -> None:
        if self.scope not in SCOPES and self.scope != ANY_SCOPE:
            raise ValueError(f"{self.method} {self.path} takes the scope '{self.scope}', which there is not")


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/organisations",
        "teams.read",
        handlers.list_organisations,
        Page[OrganisationView],
        "List organisations",
        query=Listing,
    ),
    Route(
        "POST",
        "/organisations",
        "organisations.write",
        handlers.create_organisation,
        OrganisationView,
        "Make an organisation",
        NewOrganisation,
        status=201,
    ),
    Route("GET", "/organisations/{id}", "teams.read", handlers.get_organisation, OrganisationView, "One organisation"),
    Route(
        "PATCH",
        "/organisations/{id}",
        "organisations.write",
        handlers.change_organisation,
        OrganisationView,
        "Change an organisation",
        OrganisationChange,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/organisations/{id}",
        "organisations.write",
        handlers.archive_organisation,
        OrganisationView,
        "Take an organisation out of use",
        versioned=True,
    ),
    Route("GET", "/teams", "teams.read", handlers.list_teams, Page[TeamView], "List teams", query=Listing),
    Route("POST", "/teams", "teams.write", handlers.create_team, TeamView, "Make a team", NewTeam, status=201),
    Route("GET", "/teams/{id}", "teams.read", handlers.get_team, TeamView, "One team"),
    Route(
        "PATCH",
        "/teams/{id}",
        "teams.write",
        handlers.change_team,
        TeamView,
        "Change a team",
        TeamChange,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/teams/{id}",
        "teams.write",
        handlers.archive_team,
        TeamView,
        "Take a team out of use",
        versioned=True,
    ),
    Route(
        "GET",
        "/teams/{id}/provider-keys",
        "teams.read",
        handlers.list_provider_keys,
        Page[ProviderKeyView],
        "List a team's own credentials at providers",
        query=Listing,
    ),
    Route(
        "PUT",
        "/teams/{id}/provider-keys/{provider}",
        "teams.write",
        handlers.put_provider_key,
        ProviderKeyView,
        "Give a team its own credential at a provider",
        NewProviderKey,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/teams/{id}/provider-keys/{provider}",
        "teams.write",
        handlers.delete_provider_key,
        ProviderKeyView,
        "Forget a team's credential at a provider",
        versioned=True,
    ),
    Route(
        "GET", "/projects", "teams.read", handlers.list_projects, Page[ProjectView], "List projects", query=OwnedListing
    ),
    Route(
        "POST",
        "/projects",
        "teams.write",
        handlers.create_project,
        ProjectView,
        "Make a project",
        NewProject,
        status=201,
    ),
    Route("GET", "/projects/{id}", "teams.read", handlers.get_project, ProjectView, "One project"),
    Route(
        "PATCH",
        "/projects/{id}",
        "teams.write",
        handlers.change_project,
        ProjectView,
        "Change a project",
        ProjectChange,
        Request,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/projects/{id}",
        "teams.write",
        handlers.archive_project,
        ProjectView,
        "Take a project out of use",
        versioned=True,
    ),
    Route("GET", "/users", "teams.read", handlers.list_users, Page[UserView], "List users", query=OwnedListing),
    Route("POST", "/users", "teams.write", handlers.create_user, UserView, "Make a user", NewUser, status=201),
    Route("GET", "/users/{id}", "teams.read", handlers.get_user, UserView, "One user"),
    Route(
        "PATCH",
        "/users/{id}",
        "teams.write",
        handlers.change_user,
        UserView,
        "Change a user",
        UserChange,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/users/{id}",
        "teams.write",
        handlers.archive_user,
        UserView,
        "Take a user out of use",
        versioned=True,
    ),
    Route("GET", "/keys", "keys.read", handlers.list_keys, Page[KeyView], "List keys", query=KeyListing),
    Route(
        "POST", "/keys", "keys.write", handlers.create_key, KeyMade, "Make a key, and tell it once", NewKey, status=201
    ),
    Route("GET", "/keys/{id}", "keys.read", handlers.get_key, KeyView, "One key"),
    Route(
        "PATCH",
        "/keys/{id}",
        "keys.write",
        handlers.change_key,
        KeyView,
        "Change what a key may do",
        KeyChange,
        versioned=True,
    ),
    Route(
        "POST",
        "/keys/{id}/revoke",
        "keys.write",
        handlers.revoke_key,
        KeyView,
        "Revoke a key, at once and for good",
        versioned=True,
    ),
    Route(
        "POST",
        "/keys/{id}/rotate",
        "keys.write",
        handlers.rotate_key,
        KeyMade,
        "Put another key in a key's place, and tell it once",
        Rotation,
        status=201,
        versioned=True,
    ),
    Route("GET", "/limits", "limits.read", handlers.list_limits, Page[LimitView], "List limits", query=RuleListing),
    Route("POST", "/limits", "limits.write", handlers.create_limit, LimitView, "Make a limit", NewLimit, status=201),
    Route("GET", "/limits/{id}", "limits.read", handlers.get_limit, LimitView, "One limit"),
    Route(
        "PATCH",
        "/limits/{id}",
        "limits.write",
        handlers.change_limit,
        LimitView,
        "Change a limit",
        LimitChange,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/limits/{id}",
        "limits.write",
        handlers.archive_limit,
        LimitView,
        "Take a limit out of use",
        versioned=True,
    ),
    Route(
        "GET", "/budgets", "budgets.read", handlers.list_budgets, Page[BudgetView], "List budgets", query=RuleListing
    ),
    Route(
        "POST", "/budgets", "budgets.write", handlers.create_budget, BudgetView, "Make a budget", NewBudget, status=201
    ),
    Route("GET", "/budgets/{id}", "budgets.read", handlers.get_budget, BudgetView, "One budget"),
    Route(
        "PATCH",
        "/budgets/{id}",
        "budgets.write",
        handlers.change_budget,
        BudgetView,
        "Change a budget",
        BudgetChange,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/budgets/{id}",
        "budgets.write",
        handlers.archive_budget,
        BudgetView,
        "Take a budget out of use",
        versioned=True,
    ),
    Route("GET", "/keys/{id}/usage", "ledger.read", handlers.get_usage, UsageView, "What a key used", query=UsageAsked),
    Route(
        "GET",
        "/ledger",
        "ledger.read",
        handlers.list_ledger,
        Page[LedgerView],
        "List attempts, the newest first",
        query=LedgerListing,
    ),
    Route(
        "GET", "/ledger/export", "ledger.read", handlers.export_ledger, File, "Attempts as a file", query=LedgerExport
    ),
    Route(
        "GET",
        "/ledger/totals",
        "ledger.read",
        handlers.total_ledger,
        Page[TotalsView],
        "What attempts add up to",
        query=TotalsAsked,
    ),
    Route(
        "POST",
        "/ledger/corrections",
        "ledger.write",
        handlers.correct_ledger,
        CorrectionsMade,
        "Correct the ledger by a vendor's account",
        NewCorrections,
        status=201,
    ),
    Route(
        "POST",
        "/imports",
        "organisations.write",
        handlers.create_import,
        ImportMade,
        "Take over what another gateway administered",
        NewImport,
        status=201,
    ),
    Route(
        "GET",
        "/statements/{team}/{month}",
        "ledger.read",
        handlers.get_statement,
        handlers.StatementView,
        "A team's statement of a month",
        query=StatementAsked,
    ),
    Route(
        "GET",
        "/calls",
        "ledger.read",
        handlers.list_calls,
        Page[CallView],
        "List calls, the newest first",
        query=CallListing,
    ),
    Route("GET", "/calls/{id}", "ledger.read", handlers.get_call, CallDetail, "One call, by its id or its trace's"),
    Route(
        "GET",
        "/calls/{id}/content",
        "content.read",
        handlers.get_content,
        ContentView,
        "What was asked and answered in one call",
    ),
    Route(
        "DELETE",
        "/calls/{id}/content",
        "content.write",
        handlers.erase_content,
        ErasedView,
        "Erase what was asked and answered in one call",
    ),
    Route(
        "GET",
        "/contents",
        "content.read",
        handlers.export_contents,
        File,
        "What was asked and answered as JSON Lines, for data sets",
        query=ContentsAsked,
    ),
    Route(
        "POST",
        "/contents/erasures",
        "content.write",
        handlers.erase_contents,
        ErasedView,
        "Erase what was asked and answered for an end user, by a key, or before a time",
        NewErasure,
    ),
    Route(
        "GET",
        "/traffic",
        "ledger.read",
        handlers.get_traffic,
        TrafficView,
        "What calls come to over time",
        query=TrafficAsked,
    ),
    Route(
        "GET",
        "/errors",
        "ledger.read",
        handlers.get_errors,
        ErrorsView,
        "What failing calls share that others do not",
        query=ErrorsAsked,
    ),
    Route(
        "GET",
        "/reviews",
        "ledger.read",
        handlers.get_review,
        Review,
        "A day, a week or a month held against the one before it",
        query=ReviewAsked,
    ),
    Route(
        "GET",
        "/feedback",
        "ledger.read",
        handlers.list_feedback,
        Page[FeedbackView],
        "List what users said of answers, the newest first",
        query=FeedbackListing,
    ),
    Route(
        "GET",
        "/evaluations",
        "ledger.read",
        handlers.list_evaluations,
        Page[EvaluationView],
        "List what evaluators found in answers, the newest first",
        query=EvaluationListing,
    ),
    Route(
        "GET",
        "/shadows/verdict",
        "ledger.read",
        handlers.get_verdict,
        VerdictView,
        "What mirrored calls say of moving a model",
        query=VerdictAsked,
    ),
    Route(
        "GET", "/alerts", "alerts.read", handlers.list_alerts, Page[AlertView], "Where alerts stand", query=AlertListing
    ),
    Route(
        "GET",
        "/alerts/incidents",
        "alerts.read",
        handlers.list_incidents,
        Page[IncidentView],
        "Alerts that fired, the newest first",
        query=IncidentListing,
    ),
    Route("GET", "/alerts/channels", "alerts.read", handlers.list_channels, Page[ChannelView], "Where alerts are told"),
    Route(
        "GET",
        "/alerts/rules",
        "alerts.read",
        handlers.list_alert_rules,
        Page[AlertRuleView],
        "List alert rules, those of the configuration included",
        query=Listing,
    ),
    Route(
        "POST",
        "/alerts/rules",
        "alerts.write",
        handlers.create_alert_rule,
        AlertRuleView,
        "Make an alert rule",
        NewAlertRule,
        status=201,
    ),
    Route("GET", "/alerts/rules/{id}", "alerts.read", handlers.get_alert_rule, AlertRuleView, "One alert rule"),
    Route(
        "PATCH",
        "/alerts/rules/{id}",
        "alerts.write",
        handlers.change_alert_rule,
        AlertRuleView,
        "Change an alert rule",
        AlertRuleChange,
        versioned=True,
    ),
    Route(
        "DELETE",
        "/alerts/rules/{id}",
        "alerts.write",
        handlers.archive_alert_rule,
        AlertRuleView,
        "Take an alert rule out of use",
        versioned=True,
    ),
    Route(
        "GET",
        "/alerts/silences",
        "alerts.read",
        handlers.list_silences,
        Page[SilenceView],
        "List silences",
        query=Paged,
    ),
    Route(
        "POST",
        "/alerts/silences",
        "alerts.write",
        handlers.create_silence,
        SilenceView,
        "Keep alerts from being told, once or as a maintenance window",
        NewSilence,
        status=201,
    ),
    Route(
        "DELETE",
        "/alerts/silences/{id}",
        "alerts.write",
        handlers.archive_silence,
        SilenceView,
        "Have silenced alerts told again",
        versioned=True,
    ),
    Route("GET", "/alerts/notices", "alerts.read", handlers.list_notices, Page[NoticeView], "The latest notices"),
    Route("GET", "/alerts/notices/{id}", "alerts.read", handlers.get_notice, NoticeView, "One notice"),
    Route(
        "POST",
        "/alerts/test",
        "alerts.write",
        handlers.send_test_notice,
        NoticeView,
        "Send a test notice to a channel",
        NewTestNotice,
        status=201,
    ),
    Route(
        "GET",
        "/objectives",
        "alerts.read",
        handlers.list_objectives,
        Page[ObjectiveStanding],
        "How models stand to their objectives",
    ),
    Route(
        "GET", "/prompts", "prompts.read", handlers.list_prompts, Page[ListedView], "List prompts", query=PromptListing
    ),
    Route(
        "POST",
        "/prompts",
        "prompts.publish",
        handlers.publish_prompts,
        Page[PublishedView],
        "Publish versions of prompts",
        NewPrompts,
        status=201,
    ),
    Route(
        "GET",
        "/prompts/versions",
        "prompts.read",
        handlers.list_prompt_versions,
        Page[VersionView],
        "List versions, the oldest first",
        query=PromptListing,
    ),
    Route(
        "GET",
        "/prompts/show",
        "prompts.read",
        handlers.show_prompt,
        PromptView,
        "One version with its sources",
        query=PromptAsked,
    ),
    Route(
        "GET",
        "/prompts/diff",
        "prompts.read",
        handlers.compare_prompts,
        DiffView,
        "What is different in another version",
        query=DiffAsked,
    ),
    Route(
        "GET",
        "/prompts/tests",
        "prompts.read",
        handlers.list_prompt_tests,
        Page[TestView],
        "List what came of tests, the oldest first",
        query=TestListing,
    ),
    Route(
        "POST",
        "/prompts/tests",
        "prompts.publish",
        handlers.keep_prompt_test,
        TestView,
        "Keep what came of tests, and hold it against the baseline",
        NewTest,
        status=201,
    ),
    Route(
        "POST",
        "/prompts/tests/{id}/accept",
        "prompts.publish",
        handlers.accept_prompt_test,
        TestView,
        "Hold later tests against this one",
    ),
    Route(
        "GET",
        "/prompts/suites",
        "prompts.read",
        handlers.list_prompt_suites,
        Page[SuiteView],
        "List the suites that the server runs by itself, and how they stand",
        query=SuiteListing,
    ),
    Route(
        "POST",
        "/prompts/suites",
        "prompts.publish",
        handlers.publish_prompt_suite,
        SuitePublishedView,
        "Publish a suite for the server to run",
        NewSuite,
        status=201,
    ),
    Route(
        "DELETE",
        "/prompts/suites/{id}",
        "prompts.publish",
        handlers.withdraw_prompt_suite,
        SuiteView,
        "Have a suite run no more",
    ),
    Route(
        "GET",
        "/prompts/moves",
        "prompts.read",
        handlers.list_prompt_moves,
        Page[MoveView],
        "The history of labels, the oldest first",
        query=MoveListing,
    ),
    Route(
        "POST",
        "/prompts/moves",
        "prompts.label",
        handlers.move_prompt_label,
        MoveView,
        "Move a label, or take it away, or ask for that where it is protected",
        NewMove,
        status=201,
    ),
    Route(
        "POST",
        "/prompts/rollback",
        "prompts.label",
        handlers.roll_prompt_back,
        MoveView,
        "Have a label stand for what it stood for before",
        NewRollback,
        status=201,
    ),
    Route(
        "POST",
        "/prompts/withdraw",
        "prompts.label",
        handlers.withdraw_prompt,
        WithdrawalView,
        "Have a version be served to nobody",
        NewWithdrawal,
    ),
    Route(
        "POST",
        "/prompts/restore",
        "prompts.label",
        handlers.restore_prompt,
        WithdrawalView,
        "Bring a version back that was withdrawn",
        NewRestoring,
    ),
    Route(
        "POST",
        "/prompts/moves/{id}/approve",
        "prompts.approve",
        handlers.approve_prompt_move,
        MoveView,
        "Approve what somebody else asked of a protected label",
        NewDecision,
    ),
    Route(
        "POST",
        "/prompts/moves/{id}/refuse",
        "prompts.approve",
        handlers.refuse_prompt_move,
        MoveView,
        "Refuse, or take back, what was asked of a protected label",
        NewDecision,
    ),
    Route(
        "GET",
        "/audit",
        "audit.read",
        handlers.list_audit,
        Page[AuditView],
        "List the audit log, the newest first",
        query=AuditListing,
    ),
    Route(
        "GET",
        "/audit/export",
        "audit.read",
        handlers.export_audit,
        File,
        "The audit log as JSON Lines",
        query=AuditAsked,
    ),
    Route("GET", "/scopes", "keys.read", handlers.list_scopes, Page[handlers.Named], "List the scopes there are"),
    Route("GET", "/roles", "keys.read", handlers.list_roles, Page[handlers.RoleView], "List the roles there are"),
    Route(
        "GET",
        "/config",
        "config.read",
        handlers.get_config,
        handlers.ConfigView,
        "The configuration in force, without its secrets",
    ),
    Route("GET", "/whoami", ANY_SCOPE, handlers.whoami, handlers.Myself, "Who asks, and what the key may do"),
)
"""Everything there is. What is not here is not there."""


class Found(msgspec.Struct, frozen=True):
    """What a path leads to."""

    routes: Mapping[str, Route]
    """By method."""
    params: Mapping[str, str]


def _tree() -> dict[str, dict[str, Route]]:
    """By path, the methods there are."""
    tree: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        tree.setdefault(route.path, {})[route.method] = route
    return tree


_PATHS = [(path.split("/"), methods) for path, methods in _tree().items()]

_PARAM_CHARACTERS = 256


def find(path: str) -> Found | None:
    """What stands at a path below `/admin`, a literal segment before one that may be anything; None for nothing."""
    segments = path.split("/")
    best: Found | None = None
    for template, methods in _PATHS:
        params = _match(template, segments)
        if params is not None and (best is None or len(params) < len(best.params)):
            best = Found(methods, params)
    return best


def _match(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    params: dict[str, str] = {}
    for part, segment in zip(template, segments, strict=True):
        if part.startswith("{"):
            if not segment or len(segment) > _PARAM_CHARACTERS or not segment.isprintable():
                return None
            params[part[1:-1]] = segment
        elif part != segment:
            return None
    return params
