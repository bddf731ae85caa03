"""Which models LiteLLM's lists of them let ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.importing.litellm.names import NONE, allowed, covered
from headgate.importing.litellm.rows import GroupRow
from headgate.importing.report import Report

MOST = 500
"""Models in one list."""


class Grants:
    def __init__(
        self,
        groups: Mapping[str, Sequence[str]],
        rows: Sequence[GroupRow],
        aliases: Mapping[str, str],
        report: Report,
    ) -> None:
        """`groups` are the configuration's access groups, `rows` the database's, `aliases` further names of models."""
        self._groups = groups
        self._by_id = {row.access_group_id: row.access_model_names or [] for row in rows}
        self._aliases = aliases
        self._report = report

    def of(
        self,
        models: Sequence[str] | None,
        place: str,
        of_team: Sequence[str] | None = None,
        group_ids: Sequence[str] | None = None,
    ) -> list[str] | None:
        """What a list of models, and access groups beside it, let ask for; None for all. `of_team` is what
        `all-team-models` stands for.
        """
        found, strange = allowed(models, self._groups, of_team)
        if strange:
            self._report.cannot(
                "models",
                place,
                f"may not ask for {', '.join(strange)}",
                why="a pattern here is the beginning of a name and '*'",
                do="name these models for the key",
            )
        if found is None:
            return None
        more = [each for group in group_ids or () for each in self._by_id.get(group, ())]
        found = list(dict.fromkeys((*found, *more)))
        # Who may ask for a model may ask for it by its other names.
        found += [alias for alias, model in self._aliases.items() if alias not in found and covered(model, found)]
        return self._few(found, place)

    def of_person(self, models: Sequence[str] | None, place: str) -> list[str] | None:
        """The same of a person's own list, in which `no-default-models` leaves nothing."""
        return [] if NONE in (models or ()) else self.of(models, place)

    def _few(self, found: list[str], place: str) -> list[str]:
        if len(found) > MOST:
            self._report.cannot(
                "models",
                place,
                f"may ask for the first {MOST} of its {len(found):,} models",
                why=f"a list of models has at most {MOST}",
                do="name patterns there, such as gpt-*, and import after that",
            )
        return found[:MOST]
