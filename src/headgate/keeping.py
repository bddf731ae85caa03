"""Services that keep what they are told: on a database, and on Redis where replicas share it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from headgate.access import Directory
from headgate.administration.sealing import Sealer, owner_of
from headgate.config import Config
from headgate.ledger.seeds import LedgerSeeds
from headgate.limits import Seeder
from headgate.providers.own import Credential
from headgate.quality.evaluating import Evaluations
from headgate.services import Services
from headgate.shadow.mirror import Shadows
from headgate.store import Store
from headgate.types import Identity


async def keeping(config: Config, environ: Mapping[str, str], services: Services) -> Services:
    """The services with what `storage:` names in the place of memory.

    Raises:
        ConfigError: what it names needs something that is not installed, or is not what it should be.
        StoreUnavailable: a store cannot be reached, is in use, or is newer than this release.
    """
    store = await Store.open(config, services.clock)
    services = replace(
        services,
        ledger=store.ledger,
        rules=store.directory,
        credentials=_TeamKeys(store.directory, environ.get("HEADGATE_SECRET")),
        shadows=Shadows(services.clock, store.compared),
        evaluations=Evaluations(services.clock, services.metrics.evaluated, store.quality.evaluated),
        shelf=store.shelf,
        store=store,
    )
    try:
        if config.storage.shared != "memory":
            return await _shared(config.storage.shared, services, store)
    except BaseException:
        await store.close()
        raise
    store.begin()
    return replace(services, seeder=Seeder(services.counters, LedgerSeeds(store.database, store.caught_up)))


async def _shared(url: str, services: Services, store: Store) -> Services:
    """The services with their counters in Redis."""
    from headgate.rebuilding import Rebuild
    from headgate.storage.redis_counters import RedisCounters
    from headgate.storage.redis_state import RedisState

    counters = RedisCounters(url, services.clock, store.id)
    rebuild = Rebuild(store, counters)
    store.begin(rebuild)
    return replace(services, counters=counters, shared=RedisState(counters.link), seeder=Seeder(counters, rebuild))


class _TeamKeys:
    """What teams have brought, opened."""

    def __init__(self, directory: Directory, secret: str | None) -> None:
        self._directory = directory
        self._sealer = Sealer(secret)

    def of(self, identity: Identity, provider: str) -> Credential | None:
        key = self._directory.provider_key(identity.team_id, provider)
        if key is None:
            return None
        secret = self._sealer.open(key.sealed, owner_of(key.organisation, key.team_id, provider))
        return Credential(f"{key.id}.{key.version}", secret)
