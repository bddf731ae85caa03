"""Making the admin API over what a process has opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headgate.access import Roles
from headgate.administration import Administration, Ports
from headgate.config import Config
from headgate.config.retirements import Retiring
from headgate.keeping import keeping
from headgate.server.admin.admin import Admin
from headgate.services import Services, in_memory
from headgate.store import Store


def administration_of(
    services: Services, config: Callable[[], Config], environ: Mapping[str, str]
) -> Administration | None:
    """What administrators do; None where nothing is kept, so that there is nothing to administer."""
    store = services.store
    if not isinstance(store, Store):
        return None
    ports = Ports(
        database=store.database,
        audit=store.audit,
        directory=store.directory,
        roles=lambda: Roles(config().access.roles),
        clock=services.clock,
        caught_up=store.caught_up,
        ledger=store.ledger_sink,
        summed_up=store.calls.summed_up,
        deliver=store.alerting.courier.send,
        contents=store.contents.table,
        captured=store.contents.desk.flush,
    )
    secret = environ.get("HEADGATE_SECRET")
    return Administration(ports, config, secret=secret, counters=services.counters)


def admin_of(services: Services, administration: Administration | None) -> Admin | None:
    """The admin API over administration; None where there is nothing to administer."""
    store = services.store
    if administration is None or not isinstance(store, Store):
        return None
    return Admin(administration, store.recorder.refused)


async def opened(config: Config, environ: Mapping[str, str]) -> tuple[Services, Admin]:
    """Services and the admin API over them, for who administers without serving.

    Raises:
        ConfigError: the configuration cannot be used.
        StoreUnavailable: the database is in use, or cannot be.
    """
    services = await keeping(config, environ, in_memory(environ))
    admin = admin_of(services, administration_of(services, lambda: config, environ))
    assert admin is not None, "who keeps something has a store"
    if services.store is not None:
        services.store.alerting.use(config.alerts, config.models, Retiring(config))
    return services, admin
