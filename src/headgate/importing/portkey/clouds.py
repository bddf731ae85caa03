"""What targets say of the clouds they are on: Azure, Bedrock, Vertex AI."""

from __future__ import annotations

from typing import Any

from headgate.importing import machine
from headgate.importing.places import azure_base
from headgate.importing.references import References, escaped
from headgate.importing.report import Report
from headgate.importing.section import Section

Tree = dict[str, Any]


class Clouds:
    """Reads them into the settings of providers."""

    def __init__(self, report: Report, references: References) -> None:
        self._report = report
        self._references = references

    def azure(
        self, settings: Tree, upper: str, model: str | None, base: str | None, target: Section
    ) -> tuple[str | None, str | None]:
        """The deployment, and the model behind it where that is known."""
        resource = first_of(target, "resource_name", "azure_resource_name")
        foundry = self._references.address(
            target.take("azure_foundry_url"), target.at("azure_foundry_url"), f"{upper}_BASE_URL"
        )
        if base is None and resource is not None:
            text = self._references.text(resource, target.at("resource_name")) or ""
            base = f"https://{text}.openai.azure.com"
        base = base or foundry
        settings["base_url"] = azure_base(base) if base else self._references.variable(f"{upper}_BASE_URL")
        if not base:
            self._report.changes(
                "models",
                shown(target),
                f"its address is the environment variable {upper}_BASE_URL",
                why="the resource of Azure is at Portkey",
                do=f"set {upper}_BASE_URL to https://<resource>.openai.azure.com",
            )
        if first_of(target, "api_version", "azure_api_version") is not None:
            self._report.carries(
                "models", target.at("api_version"), "is not needed: Azure's v1 API has no dated versions"
            )
        mode = target.take("azure_auth_mode")
        client = self._references.text(target.take("azure_managed_client_id"), target.at("azure_managed_client_id"))
        entra = [
            name
            for name in ("azure_entra_client_id", "azure_entra_client_secret", "azure_entra_tenant_id", "ad_auth")
            if target.take(name) is not None
        ]
        if mode == "managed" or client:
            settings["auth"] = "managed_identity"
            if client:
                settings["client_id"] = client
            self._report.changes(
                "models", shown(target), "signs in by its managed identity",
                why="tokens are fetched with the credentials of the machine", do="pip install 'headgate[azure]'",
            )  # fmt: skip
        elif mode == "entra" or entra:
            settings["auth"] = "entra"
            machine.entra(self._report, shown(target))
        deployment = first_of(target, "deployment_id", "azure_deployment_id", "azure_deployment_name")
        named = target.take("azure_model_name")
        base_model = str(named) if named else model
        if deployment is None:
            return model, str(named) if named else None
        return str(deployment), base_model if base_model != deployment else None

    def bedrock(self, settings: Tree, target: Section) -> None:
        region = self._references.text(target.take("aws_region"), target.at("aws_region"))
        settings["region"] = region or self._references.variable("AWS_REGION")
        keys = [
            name
            for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            if target.take(name) is not None
        ]
        if keys:
            machine.aws_keys(self._report, shown(target), "name a profile as the provider's profile")
        if first_of(target, "aws_role_arn", "aws_external_id") is not None:
            target.take("aws_external_id")
            machine.aws_role(self._report, target.at("aws_role_arn"))

    def vertex(self, settings: Tree, upper: str, target: Section) -> None:
        account = target.take("vertex_service_account_json")
        project = self._references.text(target.take("vertex_project_id"), target.at("vertex_project_id"))
        if not project and isinstance(account, dict) and isinstance(account.get("project_id"), str):
            project = escaped(account["project_id"])
        settings["project"] = project or self._references.variable(f"{upper}_PROJECT")
        location = self._references.text(target.take("vertex_region"), target.at("vertex_region"))
        if location:
            settings["location"] = location
        if account is not None:
            machine.google_account(self._report, target.at("vertex_service_account_json"))


def first_of(target: Section, *names: str) -> Any:
    """The first of some members that is there; all of them are dealt with."""
    found = [value for name in names if (value := target.take(name)) is not None]
    return found[0] if found else None


def shown(target: Section) -> str:
    """Where a target stands, as a report says it."""
    return target.place or "the config"
