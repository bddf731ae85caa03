"""What keys say of the clouds they are on: Azure, Bedrock, Vertex AI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headgate.importing import machine
from headgate.importing.bifrost import notes
from headgate.importing.places import azure_base
from headgate.importing.references import References
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import NOT_GOOGLES

Tree = dict[str, Any]


class Clouds:
    """Reads them into the settings of providers."""

    def __init__(self, report: Report, references: References) -> None:
        self._report = report
        self._references = references

    def read(self, kind: str, settings: Tree, config: Section) -> None:
        """The settings of one kind."""
        if kind == "azure":
            self._azure(settings, config)
        elif kind == "bedrock":
            self._bedrock(settings, config)
        else:
            self._vertex(settings, config)

    def _azure(self, settings: Tree, config: Section) -> None:
        base = self._references.address(config.take("endpoint"), config.at("endpoint"), "AZURE_ENDPOINT")
        if base:
            settings["base_url"] = azure_base(base)
        elif "base_url" not in settings:
            settings["base_url"] = self._references.variable("AZURE_ENDPOINT")
        if _taken(config, ("client_id", "client_secret", "tenant_id")):
            settings["auth"] = "entra"
            machine.entra(self._report, config.place)
        config.close(notes.AZURE)

    def _bedrock(self, settings: Tree, config: Section) -> None:
        region = self._references.text(config.take("region"), config.at("region"))
        settings["region"] = region or self._references.variable("AWS_REGION")
        keys = ("access_key", "secret_key", "session_token", "secret_access_key")
        if _taken(config, keys):
            machine.aws_keys(self._report, config.place, "name a profile as the provider's profile")
        if _taken(config, ("role_arn", "external_id", "session_name")):
            machine.aws_role(self._report, config.at("role_arn"))
        config.close(notes.BEDROCK)

    def _vertex(self, settings: Tree, config: Section) -> None:
        project = self._references.text(config.take("project_id"), config.at("project_id"))
        settings["project"] = project or self._references.variable("VERTEX_PROJECT_ID")
        location = self._references.text(config.take("region"), config.at("region"))
        if location:
            settings["location"] = location
        if config.take("auth_credentials") is not None:
            machine.google_account(self._report, config.at("auth_credentials"))
        config.close(notes.VERTEX)


def _taken(section: Section, names: Sequence[str]) -> bool:
    """Whether there is one of some members; all of them are dealt with."""
    return bool([name for name in names if section.take(name) is not None])


def vertex_model(model: str) -> str | None:
    """A model's id on Vertex AI as it is here; None where it is not Google's own."""
    plain = model.removeprefix("google/")
    return None if plain.startswith(NOT_GOOGLES) else plain
