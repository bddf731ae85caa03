"""What each route of the admin API does: hand the request to administration."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import msgspec

import headgate
from headgate.access.roles import SCOPES
from headgate.administration import configuration
from headgate.administration.acting import ANYWHERE
from headgate.administration.alerts import (
    AlertRuleView,
    AlertView,
    ChannelView,
    IncidentView,
    NoticeView,
    SilenceView,
)
from headgate.administration.auditing import OPERATORS, AuditView
from headgate.administration.contents import ContentView, ErasedView
from headgate.administration.errors import ErrorsView
from headgate.administration.importing import ImportMade
from headgate.administration.ledger import CorrectionsMade, TotalsView
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
from headgate.administration.shadows import VerdictView
from headgate.administration.traffic import CallDetail, CallView, TrafficView
from headgate.administration.values import Usd
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
from headgate.errors import Forbidden
from headgate.reports.document import html, markdown
from headgate.reports.review import Review
from headgate.reports.writing import document, title
from headgate.server.admin.asking import Ask, File

# ── prompts ──


async def list_prompts(ask: Ask) -> Page[ListedView]:
    return await ask.administration.prompts.list(ask.actor, ask.query)


async def publish_prompts(ask: Ask) -> Page[PublishedView]:
    return await ask.administration.prompts.publish(ask.actor, ask.body)


async def list_prompt_versions(ask: Ask) -> Page[VersionView]:
    return await ask.administration.prompts.versions(ask.actor, ask.query)


async def show_prompt(ask: Ask) -> PromptView:
    return await ask.administration.prompts.show(ask.actor, ask.query)


async def compare_prompts(ask: Ask) -> DiffView:
    return await ask.administration.prompts.diff(ask.actor, ask.query)


async def list_prompt_tests(ask: Ask) -> Page[TestView]:
    return await ask.administration.prompt_tests.list(ask.actor, ask.query)


async def keep_prompt_test(ask: Ask) -> TestView:
    return await ask.administration.prompt_tests.keep(ask.actor, ask.body)


async def accept_prompt_test(ask: Ask) -> TestView:
    return await ask.administration.prompt_tests.accept(ask.actor, ask.params["id"])


async def list_prompt_suites(ask: Ask) -> Page[SuiteView]:
    return await ask.administration.prompt_suites.list(ask.actor, ask.query)


async def publish_prompt_suite(ask: Ask) -> SuitePublishedView:
    return await ask.administration.prompt_suites.publish(ask.actor, ask.body)


async def withdraw_prompt_suite(ask: Ask) -> SuiteView:
    return await ask.administration.prompt_suites.withdraw(ask.actor, ask.params["id"])


async def list_prompt_moves(ask: Ask) -> Page[MoveView]:
    return await ask.administration.prompts.moves(ask.actor, ask.query)


async def move_prompt_label(ask: Ask) -> MoveView:
    return await ask.administration.prompts.move(ask.actor, ask.body)


async def roll_prompt_back(ask: Ask) -> MoveView:
    return await ask.administration.prompts.rollback(ask.actor, ask.body)


async def withdraw_prompt(ask: Ask) -> WithdrawalView:
    return await ask.administration.prompts.withdraw(ask.actor, ask.body)


async def restore_prompt(ask: Ask) -> WithdrawalView:
    return await ask.administration.prompts.restore(ask.actor, ask.body)


async def approve_prompt_move(ask: Ask) -> MoveView:
    return await ask.administration.prompts.approve(ask.actor, ask.params["id"], ask.body)


async def refuse_prompt_move(ask: Ask) -> MoveView:
    return await ask.administration.prompts.refuse(ask.actor, ask.params["id"], ask.body)


# ── organisations, teams, projects, users ──


async def list_organisations(ask: Ask) -> Page[OrganisationView]:
    return await ask.administration.organisations.list(ask.actor, ask.query)


async def create_organisation(ask: Ask) -> OrganisationView:
    return await ask.administration.organisations.create(ask.actor, ask.body)


async def get_organisation(ask: Ask) -> OrganisationView:
    return await ask.administration.organisations.get(ask.actor, ask.params["id"])


async def change_organisation(ask: Ask) -> OrganisationView:
    return await ask.administration.organisations.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_organisation(ask: Ask) -> OrganisationView:
    return await ask.administration.organisations.archive(ask.actor, ask.params["id"], ask.version)


async def list_teams(ask: Ask) -> Page[TeamView]:
    return await ask.administration.teams.list(ask.actor, ask.query)


async def create_team(ask: Ask) -> TeamView:
    return await ask.administration.teams.create(ask.actor, ask.body)


async def get_team(ask: Ask) -> TeamView:
    return await ask.administration.teams.get(ask.actor, ask.params["id"])


async def change_team(ask: Ask) -> TeamView:
    return await ask.administration.teams.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_team(ask: Ask) -> TeamView:
    return await ask.administration.teams.archive(ask.actor, ask.params["id"], ask.version)


async def list_projects(ask: Ask) -> Page[ProjectView]:
    return await ask.administration.projects.list(ask.actor, ask.query)


async def create_project(ask: Ask) -> ProjectView:
    return await ask.administration.projects.create(ask.actor, ask.body)


async def get_project(ask: Ask) -> ProjectView:
    return await ask.administration.projects.get(ask.actor, ask.params["id"])


async def change_project(ask: Ask) -> ProjectView:
    return await ask.administration.projects.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_project(ask: Ask) -> ProjectView:
    return await ask.administration.projects.archive(ask.actor, ask.params["id"], ask.version)


async def list_users(ask: Ask) -> Page[UserView]:
    return await ask.administration.users.list(ask.actor, ask.query)


async def create_user(ask: Ask) -> UserView:
    return await ask.administration.users.create(ask.actor, ask.body)


async def get_user(ask: Ask) -> UserView:
    return await ask.administration.users.get(ask.actor, ask.params["id"])


async def change_user(ask: Ask) -> UserView:
    return await ask.administration.users.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_user(ask: Ask) -> UserView:
    return await ask.administration.users.archive(ask.actor, ask.params["id"], ask.version)


async def list_provider_keys(ask: Ask) -> Page[ProviderKeyView]:
    return await ask.administration.provider_keys.list(ask.actor, ask.params["id"], ask.query)


async def put_provider_key(ask: Ask) -> ProviderKeyView:
    team, provider = ask.params["id"], ask.params["provider"]
    return await ask.administration.provider_keys.put(ask.actor, team, provider, ask.body, ask.version)


async def delete_provider_key(ask: Ask) -> ProviderKeyView:
    team, provider = ask.params["id"], ask.params["provider"]
    return await ask.administration.provider_keys.delete(ask.actor, team, provider, ask.version)


# ── keys ──


async def list_keys(ask: Ask) -> Page[KeyView]:
    return await ask.administration.keys.list(ask.actor, ask.query)


async def create_key(ask: Ask) -> KeyMade:
    actor = await ask.within(ask.body.organisation)
    return await ask.administration.keys.create(actor, ask.body)


async def get_key(ask: Ask) -> KeyView:
    return await ask.administration.keys.get(ask.actor, ask.params["id"])


async def change_key(ask: Ask) -> KeyView:
    return await ask.administration.keys.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def revoke_key(ask: Ask) -> KeyView:
    return await ask.administration.keys.revoke(ask.actor, ask.params["id"], ask.version)


async def rotate_key(ask: Ask) -> KeyMade:
    return await ask.administration.keys.rotate(ask.actor, ask.params["id"], ask.body, ask.version)


# ── limits and budgets ──


async def list_limits(ask: Ask) -> Page[LimitView]:
    return await ask.administration.limits.list(ask.actor, ask.query)


async def create_limit(ask: Ask) -> LimitView:
    return await ask.administration.limits.create(ask.actor, ask.body)


async def get_limit(ask: Ask) -> LimitView:
    return await ask.administration.limits.get(ask.actor, ask.params["id"])


async def change_limit(ask: Ask) -> LimitView:
    return await ask.administration.limits.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_limit(ask: Ask) -> LimitView:
    return await ask.administration.limits.archive(ask.actor, ask.params["id"], ask.version)


async def list_budgets(ask: Ask) -> Page[BudgetView]:
    return await ask.administration.budgets.list(ask.actor, ask.query)


async def create_budget(ask: Ask) -> BudgetView:
    return await ask.administration.budgets.create(ask.actor, ask.body)


async def get_budget(ask: Ask) -> BudgetView:
    return await ask.administration.budgets.get(ask.actor, ask.params["id"])


async def change_budget(ask: Ask) -> BudgetView:
    return await ask.administration.budgets.change(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_budget(ask: Ask) -> BudgetView:
    return await ask.administration.budgets.archive(ask.actor, ask.params["id"], ask.version)


# ── the ledger ──


class SumsView(msgspec.Struct, frozen=True, kw_only=True):
    """What some attempts of a statement come to."""

    calls: int
    attempts: int
    failed: int
    """Attempts that ended in an error."""
    cache_hits: int
    estimated: int
    """Attempts whose vendor did not report what they used."""
    unpriced: int
    """Attempts whose cost is not known; it is in none of the amounts."""
    tokens: dict[str, int]
    cost_usd: Usd
    failed_usd: Usd
    """Of the cost, what attempts took that ended in an error."""
    estimated_usd: Usd
    """Of the cost, what is an upper estimate."""
    correction_usd: Usd
    """Of the cost, what corrections added or took off."""
    saving_usd: Usd
    """What answers from the cache would have cost."""


class GroupView(SumsView, frozen=True, kw_only=True):
    id: str
    name: str


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """What one team used in one month."""

    organisation: str
    team: str | None
    name: str
    month: str
    timezone: str
    from_: datetime = msgspec.field(name="from")
    to: datetime
    total: SumsView
    internal: SumsView
    """What Headgate did for itself, which nobody is charged for."""
    clients: SumsView
    """What clients paid for with credentials of their own."""
    by: dict[str, list[GroupView]]


async def list_ledger(ask: Ask) -> Page[dict[str, Any]]:
    return await ask.administration.ledger.list(ask.actor, ask.query)


async def export_ledger(ask: Ask) -> File:
    return File(*await ask.administration.ledger.export(ask.actor, ask.query))


async def total_ledger(ask: Ask) -> Page[TotalsView]:
    return await ask.administration.ledger.totals(ask.actor, ask.query)


async def correct_ledger(ask: Ask) -> CorrectionsMade:
    return await ask.administration.ledger.correct(ask.actor, ask.body)


async def create_import(ask: Ask) -> ImportMade:
    return await ask.administration.imports.create(ask.actor, ask.body)


async def get_statement(ask: Ask) -> msgspec.Raw | File:
    statement = await ask.administration.ledger.statement(ask.actor, ask.params["team"], ask.params["month"])
    name = f"statement-{statement.month}"
    match ask.query.format:
        case "csv":
            return File(f"{name}.csv", "text/csv; charset=utf-8; header=present", _whole(statement.csv()))
        case "text":
            return File(f"{name}.txt", "text/plain; charset=utf-8", _whole(statement.text().encode()))
        case _:
            return msgspec.Raw(statement.json())


async def _whole(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


async def get_verdict(ask: Ask) -> VerdictView:
    return await ask.administration.shadows.verdict(ask.actor, ask.query)


async def list_calls(ask: Ask) -> Page[CallView]:
    return await ask.administration.traffic.list(ask.actor, ask.query)


async def get_call(ask: Ask) -> CallDetail:
    return await ask.administration.traffic.get(ask.actor, ask.params["id"])


async def get_content(ask: Ask) -> ContentView:
    return await ask.administration.contents.get(ask.actor, ask.params["id"])


async def erase_content(ask: Ask) -> ErasedView:
    return await ask.administration.contents.erase_call(ask.actor, ask.params["id"])


async def export_contents(ask: Ask) -> File:
    return File("contents.jsonl", "application/jsonl", await ask.administration.contents.export(ask.actor, ask.query))


async def erase_contents(ask: Ask) -> ErasedView:
    return await ask.administration.contents.erase(ask.actor, ask.body)


async def list_feedback(ask: Ask) -> Page[FeedbackView]:
    return await ask.administration.quality.feedback(ask.actor, ask.query)


async def list_evaluations(ask: Ask) -> Page[EvaluationView]:
    return await ask.administration.quality.evaluations(ask.actor, ask.query)


async def get_traffic(ask: Ask) -> TrafficView:
    return await ask.administration.traffic.sums(ask.actor, ask.query)


async def get_errors(ask: Ask) -> ErrorsView:
    return await ask.administration.errors.patterns(ask.actor, ask.query)


async def get_review(ask: Ask) -> Review | File:
    review = await ask.administration.reviews.review(ask.actor, ask.query)
    name = f"{review.period}-{review.from_:%Y-%m-%d}"
    match ask.query.format:
        case "markdown":
            return File(f"{name}.md", "text/markdown; charset=utf-8", _whole(markdown(document(review)).encode()))
        case "html":
            page = html(document(review), title(review))
            return File(f"{name}.html", "text/html; charset=utf-8", _whole(page.encode()))
        case _:
            return review


async def get_usage(ask: Ask) -> UsageView:
    return await ask.administration.ledger.usage(ask.actor, ask.params["id"], ask.query)


# ── alerts and objectives ──


async def list_alerts(ask: Ask) -> Page[AlertView]:
    return await ask.administration.alerts.list(ask.actor, ask.query)


async def list_incidents(ask: Ask) -> Page[IncidentView]:
    return await ask.administration.alerts.incidents(ask.actor, ask.query)


async def list_channels(ask: Ask) -> Page[ChannelView]:
    return await ask.administration.alerts.channels(ask.actor)


async def list_alert_rules(ask: Ask) -> Page[AlertRuleView]:
    return await ask.administration.alerts.rules(ask.actor, ask.query)


async def create_alert_rule(ask: Ask) -> AlertRuleView:
    return await ask.administration.alerts.create_rule(ask.actor, ask.body)


async def get_alert_rule(ask: Ask) -> AlertRuleView:
    return await ask.administration.alerts.rule(ask.actor, ask.params["id"])


async def change_alert_rule(ask: Ask) -> AlertRuleView:
    return await ask.administration.alerts.change_rule(ask.actor, ask.params["id"], ask.body, ask.version)


async def archive_alert_rule(ask: Ask) -> AlertRuleView:
    return await ask.administration.alerts.archive_rule(ask.actor, ask.params["id"], ask.version)


async def list_silences(ask: Ask) -> Page[SilenceView]:
    return await ask.administration.alerts.silences(ask.actor, ask.query)


async def create_silence(ask: Ask) -> SilenceView:
    return await ask.administration.alerts.create_silence(ask.actor, ask.body)


async def archive_silence(ask: Ask) -> SilenceView:
    return await ask.administration.alerts.archive_silence(ask.actor, ask.params["id"], ask.version)


async def list_notices(ask: Ask) -> Page[NoticeView]:
    return await ask.administration.alerts.notices(ask.actor)


async def get_notice(ask: Ask) -> NoticeView:
    return await ask.administration.alerts.notice(ask.actor, ask.params["id"])


async def send_test_notice(ask: Ask) -> NoticeView:
    return await ask.administration.alerts.test(ask.actor, ask.body)


async def list_objectives(ask: Ask) -> Page[ObjectiveStanding]:
    return await ask.administration.alerts.objectives(ask.actor)


# ── the audit log, and what there is to know ──


async def list_audit(ask: Ask) -> Page[AuditView]:
    return await ask.administration.audit.list(ask.actor, ask.query)


async def export_audit(ask: Ask) -> File:
    pieces = await ask.administration.audit.export(ask.actor, ask.query)
    return File("audit.jsonl", "application/jsonl", pieces)


class Named(msgspec.Struct, frozen=True):
    """A scope."""

    name: str
    description: str


class RoleView(msgspec.Struct, frozen=True):
    name: str
    scopes: list[str]


class Myself(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what he may do."""

    actor: str
    organisation: str
    acting_in: str
    team: str | None
    project: str | None
    user: str | None
    roles: list[str]
    scopes: list[str]
    organisations: bool
    """Whether he may act in any organisation."""


class ConfigView(msgspec.Struct, frozen=True):
    release: str
    config: dict[str, Any]
    """`headgate.yaml` as it is in force, with `***` where something secret is."""


async def list_scopes(_: Ask) -> Page[Named]:
    return Page([Named(name, description) for name, description in SCOPES.items()], None)


async def list_roles(ask: Ask) -> Page[RoleView]:
    roles = ask.administration.ports.roles()
    return Page([RoleView(name, sorted(roles.scopes([name]))) for name in roles.names], None)


async def whoami(ask: Ask) -> Myself:
    identity = ask.actor.identity
    return Myself(
        actor=ask.actor.name,
        organisation=identity.organisation,
        acting_in=ask.actor.organisation,
        team=identity.team_id,
        project=identity.project_id,
        user=identity.user_id,
        roles=sorted(identity.roles),
        scopes=sorted(identity.scopes),
        organisations=ANYWHERE in identity.scopes and identity.team_id is None,
    )


async def get_config(ask: Ask) -> ConfigView:
    operates = OPERATORS in (ask.actor.identity.organisation, ask.actor.organisation)
    if not operates or ask.actor.team_id is not None:
        raise Forbidden("The configuration is that of the whole gateway, and not your organisation's or team's alone.")
    return ConfigView(headgate.__version__, configuration.shown(ask.administration.config()))
