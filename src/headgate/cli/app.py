"""The commands, and how a command line becomes one of them."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App
from cyclopts.exceptions import CycloptsError, UnknownOptionError

from headgate import __version__
from headgate.cli.exits import CANNOT_RUN, USAGE, CannotRun
from headgate.cli.output import complain, printable
from headgate.errors import ConfigError
from headgate.registry import suggest

app = App(
    name="headgate",
    help="The path between applications and large language models, made production-grade.",
    version=__version__,
    result_action="return_value",
)

prices = App(name="prices", help="What models cost.")
storage = App(name="storage", help="The database of records: its shape, its copies.")
audit = App(name="audit", help="The tamper-evident record of who did what.")
organisations = App(name="organisations", help="The tenants of this gateway.")
teams = App(name="teams", help="Teams: whose keys, budgets and statements there are.")
projects = App(name="projects", help="What calls are made for.")
users = App(name="users", help="People, and what they may do.")
keys = App(name="keys", help="What callers come with.")
limits = App(name="limits", help="How much a subject may do in a time.")
budgets = App(name="budgets", help="How much a subject may spend in a period.")
ledger = App(name="ledger", help="What every attempt used and cost.")
alerts = App(name="alerts", help="What is told of, when and to whom.")
shadow = App(name="shadow", help="How another place does on a model's calls.")
quality = App(name="quality", help="Whether answers are good: what users say, what evaluators find.")
calls = App(name="calls", help="What was asked and answered in calls, where that is captured.")
prompts = App(name="prompts", help="Prompts as files: what they take, what they come to, what is doubtful in them.")
evals = App(name="eval", help="Tests of prompts and models.")
moving = App(name="import", help="Moving in from another gateway.")
for _of in (
    prices, storage, audit, organisations, teams, projects, users, keys, limits, budgets, ledger, alerts, shadow,
    quality, calls, moving, prompts, evals,
):  # fmt: skip
    app.command(_of)

# Commands are imported when they run: 'headgate version' need not know how to serve.
for _group, _name, _where, _help in (
    (app, "init", "headgate.cli.configs:init", "Write a commented headgate.yaml to begin with."),
    (app, "check", "headgate.cli.configs:check", "Check a configuration, and say every mistake in it with its line."),
    (app, "serve", "headgate.cli.servers:serve", "Serve, by headgate.yaml or without one."),
    (app, "demo", "headgate.cli.demo.command:demo", "Show a gateway at work: simulated traffic, an incident, alerts."),
    (app, "simulate", "headgate.cli.servers:simulate", "Serve a simulated vendor."),
    (app, "models", "headgate.cli.configs:models", "List the models clients can ask for, and where their calls go."),
    (
        app,
        "explain",
        "headgate.cli.explaining:explain",
        "Show where a model's calls go, and what it does about failures.",
    ),
    (
        app,
        "drill",
        "headgate.cli.drills:drill",
        "Let everything fail that can, on a simulator, and show what users see.",
    ),
    (app, "errors", "headgate.cli.failing:errors", "Show what failing calls share that others do not."),
    (app, "estimate", "headgate.cli.estimating:estimate_", "Estimate what a prompt will use and cost in a month."),
    (
        app,
        "report",
        "headgate.cli.reviewing:report",
        "Review a day, a week or a month: changes, costs, errors, advice.",
    ),
    (app, "top", "headgate.cli.watching:top", "Watch calls, errors, latency and cost as they happen."),
    (app, "schema", "headgate.cli.configs:schema", "Print the JSON Schema of headgate.yaml, for editors."),
    (app, "version", "headgate.cli.about:version", "Say which version this is."),
    (prices, "list", "headgate.cli.pricing:list_", "List the models whose price is known."),
    (prices, "update", "headgate.cli.pricing:update", "Install a signed price list."),
    (prices, "diff", "headgate.cli.pricing:diff", "Show what an update would change, or has changed."),
    (storage, "status", "headgate.cli.storing:status", "Show how the database stands to this release."),
    (storage, "migrate", "headgate.cli.storing:migrate", "Bring the database to the shape this release works with."),
    (storage, "backup", "headgate.cli.storing:backup", "Copy the database to a file, in use or not."),
    (storage, "restore", "headgate.cli.storing:restore", "Put a copy of the database in its place."),
    (prices, "show", "headgate.cli.pricing:show", "Show what one model costs, and how much it takes."),
    (app, "whoami", "headgate.cli.tenants:whoami", "Show who a key belongs to, and what it may do."),
    (keys, "list", "headgate.cli.keys:list_", "List keys."),
    (keys, "create", "headgate.cli.keys:create", "Make a key. It is printed once."),
    (keys, "show", "headgate.cli.keys:show", "Show one key."),
    (keys, "revoke", "headgate.cli.keys:revoke", "Revoke a key, at once and for good."),
    (keys, "rotate", "headgate.cli.keys:rotate", "Put another key in a key's place. It is printed once."),
    (keys, "usage", "headgate.cli.keys:usage", "Show what a key used."),
    (limits, "list", "headgate.cli.limiting:list_limits", "List limits."),
    (limits, "set", "headgate.cli.limiting:set_limits", "Limit a subject."),
    (limits, "remove", "headgate.cli.limiting:remove_limit", "Take a limit off."),
    (budgets, "list", "headgate.cli.limiting:list_budgets", "List budgets, and what is left of them."),
    (budgets, "set", "headgate.cli.limiting:set_budget", "Give a subject a budget."),
    (budgets, "remove", "headgate.cli.limiting:remove_budget", "Take a budget off."),
    (ledger, "list", "headgate.cli.ledgering:list_", "List attempts, the newest first."),
    (ledger, "totals", "headgate.cli.ledgering:totals", "Show what attempts add up to."),
    (ledger, "export", "headgate.cli.ledgering:export", "Write attempts to a file: CSV, JSON Lines, Parquet, FOCUS."),
    (ledger, "statement", "headgate.cli.ledgering:statement", "Show what a team used in a month."),
    (ledger, "reconcile", "headgate.cli.ledgering:reconcile", "Compare the ledger with a vendor's own account."),
    (app, "objectives", "headgate.cli.alerting:objectives", "Show how models stand to what their users count on."),
    (alerts, "list", "headgate.cli.alerting:list_", "List alerts, those that fire first."),
    (alerts, "rules", "headgate.cli.alerting:rules", "List alert rules, and where they are told."),
    (alerts, "test", "headgate.cli.alerting:try_", "Send a test notice to a channel."),
    (alerts, "silence", "headgate.cli.alerting:silence", "Keep alerts from being told for some time."),
    (alerts, "silences", "headgate.cli.alerting:silences", "List silences and maintenance windows."),
    (alerts, "unsilence", "headgate.cli.alerting:unsilence", "Have silenced alerts told again."),
    (shadow, "verdict", "headgate.cli.shadowing:verdict", "Say whether a model looks safe to move."),
    (shadow, "replay", "headgate.cli.shadowing:replay", "Make recorded calls at two places, and compare."),
    (evals, "run", "headgate.cli.evals.running:run", "Ask what tests ask, and look at the answers."),
    (
        evals,
        "compare",
        "headgate.cli.evals.comparing:compare",
        "Tell whether a run is worse than another, beyond noise.",
    ),
    (evals, "post", "headgate.cli.posting:post", "Have the server keep a run, and hold it against the baseline."),
    (evals, "publish", "headgate.cli.suites:publish", "Have the server run tests by itself."),
    (evals, "suites", "headgate.cli.suites:suites", "List the tests that the server runs, and how they stand."),
    (evals, "withdraw", "headgate.cli.suites:withdraw", "Have the server run tests no more."),
    (evals, "accept", "headgate.cli.suites:accept", "Hold later tests against one that is kept."),
    (evals, "report", "headgate.cli.evals.reporting:report", "Show a run, or write it as JUnit XML or a page."),
    (evals, "import", "headgate.cli.adopting:import_tests", "Make a test file of promptfoo's."),
    (evals, "judge", "headgate.cli.evals.judging:judge", "Tell how far the judges of tests agree with people."),
    (quality, "show", "headgate.cli.quality:show", "Show satisfaction and what evaluators found, with intervals."),
    (quality, "feedback", "headgate.cli.quality:feedback", "List what users said of answers, the newest first."),
    (quality, "evaluations", "headgate.cli.quality:evaluations", "List what evaluators found, the newest first."),
    (calls, "content", "headgate.cli.contents:content", "Show what was asked and answered in one call."),
    (calls, "export", "headgate.cli.contents:export", "Write what was asked and answered to a file, for a data set."),
    (calls, "erase", "headgate.cli.contents:erase", "Erase what was asked and answered: of a call, a user, a key."),
    (organisations, "list", "headgate.cli.tenants:list_organisations", "List organisations."),
    (organisations, "create", "headgate.cli.tenants:create_organisation", "Make an organisation."),
    (teams, "list", "headgate.cli.tenants:list_teams", "List teams."),
    (teams, "create", "headgate.cli.tenants:create_team", "Make a team."),
    (teams, "show", "headgate.cli.tenants:show_team", "Show one team."),
    (teams, "change", "headgate.cli.tenants:change_team", "Change a team."),
    (teams, "archive", "headgate.cli.tenants:archive_team", "Take a team out of use, and its keys with it."),
    (projects, "list", "headgate.cli.tenants:list_projects", "List projects."),
    (projects, "create", "headgate.cli.tenants:create_project", "Make a project."),
    (projects, "show", "headgate.cli.tenants:show_project", "Show one project."),
    (projects, "archive", "headgate.cli.tenants:archive_project", "Take a project out of use, and its keys with it."),
    (users, "list", "headgate.cli.tenants:list_users", "List users."),
    (users, "create", "headgate.cli.tenants:create_user", "Make a user."),
    (users, "show", "headgate.cli.tenants:show_user", "Show one user."),
    (users, "archive", "headgate.cli.tenants:archive_user", "Take a user out of use, and the user's keys."),
    (moving, "litellm", "headgate.cli.importing:litellm", "Move in from LiteLLM's proxy: a report, then its rows."),
    (moving, "portkey", "headgate.cli.importing:portkey", "Move in from Portkey's gateway configs, after a report."),
    (moving, "bifrost", "headgate.cli.importing:bifrost", "Move in from Bifrost: a report, then its rows."),
    (prompts, "list", "headgate.cli.prompting:list_", "List prompts, their variants and versions."),
    (prompts, "show", "headgate.cli.prompting:show", "Show what a prompt takes, makes and needs."),
    (prompts, "render", "headgate.cli.prompting:render", "Render a prompt to the messages a model is sent."),
    (prompts, "publish", "headgate.cli.releasing:publish", "Publish versions of prompts, which never change."),
    (prompts, "label", "headgate.cli.releasing:label", "Have a label stand for another version, or take it away."),
    (prompts, "approve", "headgate.cli.releasing:approve", "Approve what somebody else asked of a protected label."),
    (prompts, "refuse", "headgate.cli.releasing:refuse", "Refuse what was asked of a protected label."),
    (prompts, "rollback", "headgate.cli.releasing:rollback", "Have a label stand for what it stood for before."),
    (prompts, "withdraw", "headgate.cli.releasing:withdraw", "Have a version be served to nobody."),
    (prompts, "restore", "headgate.cli.releasing:restore", "Bring a version back that was withdrawn."),
    (prompts, "versions", "headgate.cli.releasing:versions", "List the versions that are published."),
    (prompts, "history", "headgate.cli.releasing:history", "List who moved labels, when and why."),
    (prompts, "export", "headgate.cli.exporting:export", "Write the files of what is released, or compare them."),
    (prompts, "import", "headgate.cli.adopting:import_", "Make files of prompts and tests of other tools."),
    (prompts, "diff", "headgate.cli.diffing:diff", "Show what a change of prompts comes to, and who would notice."),
    (prompts, "lint", "headgate.cli.prompting:lint", "Say what is wrong and what is doubtful in prompts."),
    (audit, "verify", "headgate.cli.proving:verify", "Check that the log is what was signed."),
    (audit, "list", "headgate.cli.auditing:list_", "List records, the newest first."),
    (audit, "prove", "headgate.cli.proving:prove", "Prove that a record is in the log, or that it has only grown."),
    (audit, "check-proof", "headgate.cli.proving:check_proof", "Check a proof, without the log."),
    (audit, "export", "headgate.cli.auditing:export", "Write the whole log to a file."),
    (audit, "key", "headgate.cli.auditing:key", "Print the public key that checks the log."),
):
    _group.command(_where, name=_name, help=_help)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code."""
    try:
        code = app(list(arguments), exit_on_error=False, print_error=False, help_on_error=False)
    except CycloptsError as error:
        command = _known(arguments)
        complain(f"headgate: {_unknown(error) if isinstance(error, UnknownOptionError) else error}")
        complain(f"Try '{' '.join(['headgate', *command])} --help'{_ALSO.get(' '.join(command), '')}.")
        return USAGE
    except ConfigError as error:
        complain("\n".join(error.problems))
        complain("Try 'headgate check' once it is mended.")
        return CANNOT_RUN
    except CannotRun as error:
        complain(f"headgate: {error.message}")
        if error.hint:
            complain(error.hint)
        return error.code
    return code or 0


def _known(arguments: Sequence[str]) -> list[str]:
    """The command a line begins with, as far as there is one."""
    here, words = app, list[str]()
    for word in arguments:
        if word.startswith("-") or word not in list(here):
            break
        here = here[word]
        words.append(word)
    return words


def _unknown(error: UnknownOptionError) -> str:
    """That there is no such option; cyclopts itself suggests what is not near: --url for --per."""
    option = error.token.keyword or error.token.value
    known = [name[2:] for each in error.argument_collection for name in each.names if name.startswith("--")]
    return f"there is no option {printable(option)} here{suggest(option.lstrip('-'), known)}"


_ALSO = {"limits set": "; a limit has its window in it: requests=100/minute"}
"""What else helps with some commands."""
