"""A user's own stages, and the order of all stages in a fold."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import msgspec

from headgate.config import StageConfig
from headgate.errors import ConfigError, Unsupported
from headgate.registry import load
from headgate.stage import EVERY_OPERATION, Next, Stage
from headgate.types import Call, Reply


class OwnStage(msgspec.Struct, frozen=True):
    """A stage from the configuration, loaded and checked."""

    config: StageConfig
    stage: Stage

    @classmethod
    def load(cls, config: StageConfig) -> OwnStage:
        """Import a stage and make it.

        Raises:
            ConfigError: it cannot be imported or made, or it is not a stage.
        """
        kind = load(config.use)
        try:
            stage = kind(**config.with_)
        except (Exception, SystemExit) as error:  # somebody's code runs here, and may do anything
            raise ConfigError([f"stage '{config.use}' cannot be made: {type(error).__name__}: {error}"]) from error
        call = getattr(stage, "__call__", None)  # noqa: B004  # its parameters are looked at, not whether it has one
        names = list(inspect.signature(call).parameters) if call else []
        if names != ["call", "next"] or not inspect.iscoroutinefunction(call):
            raise ConfigError([f"'{config.use}' is not a stage: it needs 'async def __call__(self, call, next)'"])
        operations = getattr(stage, "operations", None)
        if not isinstance(operations, frozenset) or not operations <= EVERY_OPERATION:
            known = ", ".join(sorted(EVERY_OPERATION))
            raise ConfigError([f"stage '{config.use}' needs 'operations', a frozenset out of: {known}"])
        return cls(config, stage if operations == EVERY_OPERATION else _Limited(config.use, stage))


class _Limited:
    """Refuses the operations a stage cannot do its work on, instead of letting them past it."""

    operations = EVERY_OPERATION

    def __init__(self, name: str, stage: Stage) -> None:
        self._name = name
        self._stage = stage

    async def __call__(self, call: Call, next: Next) -> Reply:
        if call.operation not in self._stage.operations:
            raise Unsupported(f"'{call.operation}' is not possible here: the stage '{self._name}' does not handle it.")
        return await self._stage(call, next)


def arranged(places: Mapping[str, Stage | None], own: Sequence[OwnStage]) -> list[Stage]:
    """The stages of one fold in their order: what stands at each place, and a user's own before and after it."""
    stages: list[Stage] = []
    for place, stage in places.items():
        stages += [each.stage for each in own if each.config.before == place]
        if stage is not None:
            stages.append(stage)
        stages += [each.stage for each in own if each.config.after == place]
    return stages
