"""From Bifrost's providers to ours."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.importing.bifrost import notes
from headgate.importing.bifrost.keys import ALL, Group, Keys
from headgate.importing.bifrost.network import Network
from headgate.importing.bifrost.vendors import VENDORS
from headgate.importing.references import References
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE

Tree = dict[str, Any]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of Bifrost's."""

    name: str
    vendor: str
    groups: list[Group]
    settings: Tree
    """Of the models that go there: retry, timeout, queue."""
    most: int | None
    """Calls under way there at a time."""


class Providers:
    """Reads the providers of a configuration."""

    def __init__(self, report: Report, references: References, older: bool) -> None:
        self._report = report
        self._references = references
        self._network = Network(report, references)
        self._older = older
        """Whether empty lists allow everything, as before release 1.5."""

    def read(self, name: str, section: Section) -> Entry | None:
        """One provider; None where there is none of its kind here, which is then in the report."""
        custom = section.section("custom_provider_config")
        vendor_name = str(custom.take("base_provider_type", name))
        keyless = custom.take("is_key_less") is True
        custom.close(notes.CUSTOM)
        vendor = VENDORS.get(vendor_name)
        if vendor is None or "/" in name or ALL in name or not name.strip() or " " in name:
            why = f"there is no provider of Bifrost's kind '{vendor_name}' here"
            if vendor is not None:
                why = "its name cannot be one here"
            do = f"if it speaks OpenAI's dialect, add a provider of kind {COMPATIBLE} with its base_url"
            self._report.cannot("models", section.place, "this provider is left out", why=why, do=do)
            return None
        network = section.section("network_config")
        common = self._network.provider(network, section.section("proxy_config"), vendor, vendor_name, name)
        settings = self._network.models(network)
        most, length = self._network.concurrency(section.section("concurrency_and_buffer_size"))
        if length is not None:
            settings["queue"] = {"length": length}
        meta = section.section("meta_config")
        listed = section.sections("keys")
        if not listed and (keyless or vendor.kind in ("ollama", "vllm") or meta):
            keyless, listed = True, [Section({}, section.at("keys"), "models", self._report)]
        open_lists = self._older or keyless
        keys = Keys(self._report, self._references, name, vendor, vendor_name, open_lists=open_lists)
        for key in listed:
            keys.read(key, common, meta)
        meta.close({**notes.AZURE, **notes.BEDROCK, **notes.VERTEX})
        section.close(notes.PROVIDER)
        groups = keys.groups()
        if not groups:
            self._report.cannot(
                "models", section.place, "this provider is left out", why="none of its keys may be used",
                do="see its keys",
            )  # fmt: skip
            return None
        return Entry(name=name, vendor=vendor_name, groups=groups, settings=settings, most=most)
