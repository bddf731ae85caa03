"""Reading what `/metrics` says."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


class Exposed:
    """The figures of one scrape."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self.names: set[str] = set()
        """As queries have them, of metrics without any value too."""
        for name, family in self.families.items():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            self.names |= {name + suffix for suffix in suffixes}
            for sample in family.samples:
                self._values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value

    def of(self, name: str, **labels: str) -> float:
        """The sum of all that have these labels."""
        return sum(value for (each, has), value in self._values.items() if each == name and labels.items() <= set(has))

    def by(self, name: str, label: str) -> Mapping[str, float]:
        """Sums by a label."""
        found: dict[str, float] = {}
        for (each, labels), value in self._values.items():
            if each == name:
                found[dict(labels)[label]] = found.get(dict(labels)[label], 0.0) + value
        return found

    def went_back(self, before: Exposed) -> list[str]:
        """Counters and buckets that are lower than they were, or gone."""
        lasting = {name for name, family in before.families.items() if family.type in ("counter", "histogram")}
        counted = {name + suffix for name in lasting for suffix in ("_total", "_bucket", "_sum", "_count")}
        return [
            f"{key}: {value} -> {self._values.get(key)}"
            for key, value in before._values.items()
            if key[0] in counted and self._values.get(key, -1.0) < value - 1e-9
        ]
