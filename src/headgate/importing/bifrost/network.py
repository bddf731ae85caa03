"""How Bifrost's providers are reached: addresses, headers, proxies, times, how many calls at once."""

from __future__ import annotations

from typing import Any

from headgate.importing.bifrost import notes
from headgate.importing.bifrost.vendors import base_url
from headgate.importing.places import azure_base, host_of
from headgate.importing.references import References, variable_of
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE, Vendor

Tree = dict[str, Any]

_LONGEST_S = 86_400.0


class Network:
    """Reads that."""

    def __init__(self, report: Report, references: References) -> None:
        self._report = report
        self._references = references

    def provider(self, network: Section, proxy: Section, vendor: Vendor, vendor_name: str, name: str) -> Tree:
        """Settings of the provider `name`."""
        kind = vendor.kind
        variable = variable_of(name, "PROVIDER")
        base = self._references.address(network.take("base_url"), network.at("base_url"), f"{variable}_BASE_URL")
        elsewhere = base is not None and host_of(base) != "api.openai.com"
        settings: Tree = {"kind": COMPATIBLE if kind == "openai" and elsewhere else kind}
        if kind not in ("azure", "bedrock", "vertex") and (base or vendor.base_url):
            settings["base_url"] = base_url(vendor_name, base) if base else vendor.base_url
        elif base:
            settings["base_url"] = azure_base(base)
        headers = {header: str(value) for header, value in network.mapping("extra_headers").items()}
        if headers:
            settings["headers"] = self._references.settings(headers, network.at("extra_headers"))
        self._proxy(proxy, settings, variable)
        return settings

    def models(self, network: Section) -> Tree:
        """Settings of the models that go there: retry, timeout."""
        settings: Tree = {}
        if retry := self._retries(network):
            settings["retry"] = retry
        if times := self._times(network):
            settings["timeout"] = times
        network.close(notes.NETWORK)
        return settings

    def concurrency(self, section: Section) -> tuple[int | None, int | None]:
        """How many calls are under way at one target at a time, and how many wait for it."""
        most, length = section.count("concurrency"), section.count("buffer_size")
        if most and most > 0:
            self._report.changes(
                "models", section.at("concurrency"), "is max_concurrent of its targets",
                why="it is for one target, and in one process",
            )  # fmt: skip
        if length and length > 0:
            self._report.changes(
                "models", section.at("buffer_size"), "is queue.length of its models", why="calls wait for one target"
            )
        section.close()
        return (
            min(most, 1_000_000) if most and most > 0 else None,
            min(length, 100_000) if length and length > 0 else None,
        )

    def _times(self, network: Section) -> Tree:
        whole = network.positive("default_request_timeout_in_seconds")
        idle = network.positive("stream_idle_timeout_in_seconds")
        times: Tree = {}
        if whole:
            times["attempt_s"] = min(whole, _LONGEST_S)
            if whole > 600:
                times["total_s"] = min(whole, _LONGEST_S)
            self._report.changes(
                "models", network.at("default_request_timeout_in_seconds"), "is timeout.attempt_s of its models",
                why="it is for one attempt; the whole call, retries included, has total_s",
            )  # fmt: skip
        if idle:
            times["stall_s"] = min(idle, _LONGEST_S)
            self._report.carries(
                "models", network.at("stream_idle_timeout_in_seconds"), "is timeout.stall_s of its models"
            )
        return times

    def _retries(self, network: Section) -> Tree:
        retry: Tree = {}
        retries = network.count("max_retries")
        if retries is not None:
            retry["attempts"] = min(10, max(0, retries) + 1)
            self._report.changes(
                "models", network.at("max_retries"), f"is retry.attempts: {retry['attempts']}",
                why="the first is counted too, and all retries together are at most a fifth of a model's calls",
                do="raise retry.budget if you want more in an outage",
            )  # fmt: skip
        for there, ours in (("retry_backoff_initial", "base_s"), ("retry_backoff_max", "max_s")):
            newer, older = network.positive(there), network.positive(f"{there}_ms")
            if value_ms := newer or older:
                retry[ours] = min(value_ms / 1000, _LONGEST_S)
                self._report.carries("models", network.at(there), f"is retry.{ours} of its models")
        if retry.get("base_s", 0.25) > retry.get("max_s", 8.0):
            retry["base_s"] = retry["max_s"] = retry.get("max_s", retry.get("base_s"))
        return retry

    def _proxy(self, proxy: Section, settings: Tree, variable: str) -> None:
        kind = proxy.take("type")
        url = self._references.address(proxy.take("url"), proxy.at("url"), f"{variable}_PROXY")
        signed = [name for name in ("username", "password") if proxy.take(name) is not None]
        if kind == "http" and url:
            settings["proxy"] = self._references.variable(f"{variable}_PROXY") if signed else url
            self._report.carries("models", proxy.place, "is proxy of the provider")
            if signed:
                self._report.changes(
                    "models", proxy.at(signed[0]), f"is a part of the environment variable {variable}_PROXY",
                    why="a proxy's address has user and password in it, and those are secrets",
                    do=f"set {variable}_PROXY to http://user:password@host:port, special characters percent-encoded",
                )  # fmt: skip
        elif kind not in (None, "none"):
            self._report.cannot(
                "models", proxy.place, "is left out", why="only HTTP proxies are known, and none from the environment",
                do="set proxy of the provider: http://host:port",
            )  # fmt: skip
        proxy.close({"ca_cert_pem": notes.NETWORK["ca_cert_pem"]})
