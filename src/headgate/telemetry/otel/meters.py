"""What calls and attempts come to, by the metrics of the GenAI conventions.

Headgate is a client of its vendors (`gen_ai.client.*`, once per attempt) and a server to its callers
(`gen_ai.server.*`, once per call). The conventions write the latter for model servers; for a gateway it is our reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from headgate.telemetry.calls import Timing
from headgate.telemetry.otel import names
from headgate.telemetry.otel.instruments import Histogram, Labels, Sum
from headgate.telemetry.otel.names import DURATION_BUCKETS_S, Names
from headgate.telemetry.otel.rhythm import Rhythm
from headgate.telemetry.otel.vendors import UNKNOWN, Vendor
from headgate.types import Attempt, Call, Usage

_PICO = 1e-12


class Meters:
    """All instruments of one process."""

    def __init__(self, called: Names) -> None:
        seconds = DURATION_BUCKETS_S
        self._client = Histogram(called.client_duration, "s", "GenAI operation duration.", seconds)
        self._client_first = Histogram(called.client_first_chunk, "s", "Time to the first chunk of a stream.", seconds)
        self._chunk = Histogram(called.client_chunk, "s", "Time between chunks of a stream.", seconds)
        self._server = Histogram(called.server_duration, "s", "Generative AI server request duration.", seconds)
        self._server_first = Histogram(
            called.server_first_token,
            "s",
            "Time to the first token of a successful answer.",
            names.FIRST_TOKEN_BUCKETS_S,
        )
        self._server_token = Histogram(
            called.server_token, "s", "Time per output token after the first.", names.PER_TOKEN_BUCKETS_S
        )
        self._overhead = Histogram(
            called.overhead, "s", "What Headgate adds before an answer begins.", names.OVERHEAD_BUCKETS_S
        )
        self._cost = Sum(called.cost, "{USD}", "Cost of attempts, as far as their price is known.", _PICO)
        self._tokens = _Tokens(called)

    @property
    def instruments(self) -> Sequence[Histogram | Sum]:
        return (
            self._client, self._client_first, self._chunk, self._server, self._server_first, self._server_token,
            self._overhead, self._cost, *self._tokens.instruments,
        )  # fmt: skip

    def call(self, call: Call, code: str | None, timing: Timing, vendor: Vendor) -> None:
        """Count a call that is over; `vendor` is whose answer it got, or nearly got."""
        operation = names.OPERATIONS.get(call.operation, call.operation)
        labels = _labels(operation, vendor, call.label or call.model)
        self._server.record(labels if code is None else (*labels, (names.ERROR_TYPE, code)), timing.seconds)
        self._overhead.record(labels, timing.overhead_s)
        attempt = call.account.answering
        if code is not None or attempt is None or attempt.first_token_s is None:
            return
        first_s = attempt.started + attempt.first_token_s - timing.started
        self._server_first.record(labels, first_s)
        tokens = 0 if attempt.usage is None else attempt.usage.total_output_tokens
        if tokens > 1:
            self._server_token.record(labels, max(0.0, timing.seconds - first_s) / (tokens - 1))

    def attempt(self, attempt: Attempt, operation: str, vendor: Vendor, rhythm: Rhythm | None) -> None:
        """Count an attempt; `rhythm` is that of its stream, if the client had one of it."""
        labels = _labels(operation, vendor, (attempt.label or attempt.target).partition("/")[2])
        code = attempt.code
        self._client.record(labels if code is None else (*labels, (names.ERROR_TYPE, code)), attempt.duration_s)
        if attempt.first_token_s is not None:
            self._client_first.record(labels, attempt.first_token_s)
        if attempt.usage is not None and attempt.usage_source == "reported":
            self._tokens.count(labels, attempt.usage)
        if attempt.cost_picodollars:
            self._cost.add(labels, attempt.cost_picodollars)
        if rhythm is not None and rhythm.total:
            points = self._chunk.points(labels)
            points.counts = [mine + theirs for mine, theirs in zip(points.counts, rhythm.counts, strict=True)]
            points.total += rhythm.total
            points.lowest, points.highest = min(points.lowest, rhythm.lowest), max(points.highest, rhythm.highest)


class _Tokens:
    """Tokens, in the one histogram or in the several instruments that a version of the conventions has for them."""

    def __init__(self, called: Names) -> None:
        what = "Number of input and output tokens used."
        self._both = self._input = self._output = None
        if called.client_tokens is not None:
            self._both = Histogram(called.client_tokens, "{token}", what, names.TOKEN_BUCKETS)
        if called.client_input_tokens is not None:
            self._input = Histogram(called.client_input_tokens, "{token}", "Input tokens used.", names.TOKEN_BUCKETS)
        if called.client_output_tokens is not None:
            self._output = Histogram(called.client_output_tokens, "{token}", "Output tokens used.", names.TOKEN_BUCKETS)
        kinds = ("input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens",
                 "reasoning.output_tokens") if called.usage is not None else ()  # fmt: skip
        self._sums = [Sum(f"{called.usage}{kind}", "{token}", f"Tokens used: {kind}.") for kind in kinds]
        self.instruments: list[Histogram | Sum] = [
            each for each in (self._both, self._input, self._output, *self._sums) if each is not None
        ]

    def count(self, labels: Labels, usage: Usage) -> None:
        given, made = usage.total_input_tokens, usage.total_output_tokens
        if self._both is not None:
            self._both.record((*labels, _INPUT), given)
            if made:
                self._both.record((*labels, _OUTPUT), made)
        if self._input is not None:
            self._input.record(labels, given)
        if self._output is not None and made:
            self._output.record(labels, made)
        if self._sums:
            counts = (
                given, made, usage.cached_tokens + usage.audio_cached_tokens, written_tokens(usage),
                usage.reasoning_tokens,
            )  # fmt: skip
            for each, tokens in zip(self._sums, counts, strict=True):
                if tokens:
                    each.add(labels, tokens)


_INPUT, _OUTPUT = (names.TOKEN_TYPE, "input"), (names.TOKEN_TYPE, "output")


def written_tokens(usage: Usage) -> int:
    """Tokens written to a vendor's cache, for however long."""
    return usage.cache_write_5m_tokens + usage.cache_write_1h_tokens


@lru_cache(8_192)
def _labels(operation: str, vendor: Vendor, model: str) -> Labels:
    labels: list[tuple[str, str | int]] = [
        (names.OPERATION, operation),
        (names.PROVIDER, vendor.name),
        (names.REQUEST_MODEL, model),
    ]
    if vendor.address:
        labels += [(names.SERVER_ADDRESS, vendor.address), (names.SERVER_PORT, vendor.port)]
    return tuple(labels)


def vendor_of(vendors: dict[str, Vendor], attempt: Attempt | None) -> Vendor:
    """Whom an attempt went to."""
    return UNKNOWN if attempt is None else vendors.get(attempt.target.partition("/")[0], UNKNOWN)
