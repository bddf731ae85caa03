"""The commands, and how a command line becomes one of them."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App
from cyclopts.exceptions import CycloptsError

from headgate import __version__
from headgate.cli.exits import CANNOT_RUN, USAGE, CannotRun
from headgate.cli.output import complain
from headgate.errors import ConfigError

app = App(
    name="headgate",
    help="The path between applications and large language models, made production-grade.",
    version=__version__,
    result_action="return_value",
)

prices = App(name="prices", help="What models cost.")
app.command(prices)

# Commands are imported when they run: 'headgate version' need not know how to serve.
for _group, _name, _where, _help in (
    (app, "init", "headgate.cli.configs:init", "Write a commented headgate.yaml to begin with."),
    (app, "check", "headgate.cli.configs:check", "Check a configuration, and say every mistake in it with its line."),
    (app, "serve", "headgate.cli.servers:serve", "Serve, by headgate.yaml or without one."),
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
    (app, "schema", "headgate.cli.configs:schema", "Print the JSON Schema of headgate.yaml, for editors."),
    (app, "version", "headgate.cli.about:version", "Say which version this is."),
    (prices, "list", "headgate.cli.pricing:list_", "List the models whose price is built in."),
    (prices, "show", "headgate.cli.pricing:show", "Show what one model costs, and how much it takes."),
):
    _group.command(_where, name=_name, help=_help)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code."""
    try:
        code = app(list(arguments), exit_on_error=False, print_error=False, help_on_error=False)
    except CycloptsError as error:
        complain(f"headgate: {error}")
        complain(f"Try 'headgate {_known(arguments)}--help'.")
        return USAGE
    except ConfigError as error:
        complain("\n".join(error.problems))
        complain("Try 'headgate check' once it is mended.")
        return CANNOT_RUN
    except CannotRun as error:
        complain(f"headgate: {error.message}")
        if error.hint:
            complain(error.hint)
        return CANNOT_RUN
    return code or 0


def _known(arguments: Sequence[str]) -> str:
    """The command a line begins with, if it is one."""
    return f"{arguments[0]} " if arguments and arguments[0] in list(app) else ""
