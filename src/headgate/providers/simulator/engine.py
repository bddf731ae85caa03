"""The simulator: a request in, a response out, the same for the same seed, request and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from headgate import dialects
from headgate.clock import Clock, SystemClock
from headgate.errors import HeadgateError, NotFound
from headgate.providers.simulator import media, models, vectors
from headgate.providers.simulator.chats import Chats
from headgate.providers.simulator.control import control
from headgate.providers.simulator.dice import Dice, digest
from headgate.providers.simulator.endpoints import Endpoint, find, unversioned
from headgate.providers.simulator.faults import INTERRUPTIONS, REFUSALS, Fault, fault_in_header
from headgate.providers.simulator.interruptions import ENDS, broken_off, interrupted
from headgate.providers.simulator.made import JSON_TYPE, Arrival, Asked, Made
from headgate.providers.simulator.record import Record, Row, shown_key
from headgate.providers.simulator.response import Piece, Response
from headgate.providers.simulator.script import Facts, Rule, Script, ScriptedReply
from headgate.providers.simulator.timing import Latency, Pace, latency_of
from headgate.types import JSON, parse_object

MAX_SEEN = 100_000
"""Different requests whose number of repetitions is known."""

CONTROL = "/_sim/"
_NO_REPLY = ScriptedReply()
_NOWHERE = Endpoint("unknown")
_NOWHERE_ANTHROPIC = Endpoint("unknown", "anthropic_messages")
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1><p>Simulated fault.</p></body></html>\n"


class Simulator:
    """One simulated vendor with everything it remembers."""

    def __init__(
        self, *, seed: int = 0, script: Script | None = None, latency: Latency = "none", clock: Clock | None = None
    ) -> None:
        self.script = script or Script()
        self.record = Record()
        self._seed = str(seed).encode()
        self._latency: Latency = latency
        self._clock = clock or SystemClock()
        self._chats = Chats()
        self._seen: dict[bytes, int] = {}

    def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The response to a request, recorded. Header names are lower-case; `path` may have a query.

        Whatever the request holds, it is answered: what is wrong with it is told in its dialect.
        """
        if path.startswith(CONTROL):
            return control(self, method, path, body)
        arrival = Arrival(method, unversioned(path), headers, body)
        dice = self._dice(arrival)
        endpoint = find(method, arrival.path)
        if endpoint is None:
            endpoint = _NOWHERE_ANTHROPIC if "anthropic-version" in headers else _NOWHERE
        row = Row(
            id=f"req_{dice.seed.hex()[:24]}",
            path=path,
            dialect=endpoint.dialect,
            operation=endpoint.operation,
            model="",
            key=shown_key(arrival.key),
            stream=False,
        )
        self.record.add(row)
        try:
            return self._answered(arrival, endpoint, dice, row)
        except HeadgateError as error:
            return self._refused(row, endpoint, error.status, error, "refused")

    def _dice(self, arrival: Arrival) -> Dice:
        request = digest(self._seed, arrival.method.encode(), arrival.path.encode("utf-8", "replace"), arrival.body)
        seen = self._seen.pop(request, 0)
        self._seen[request] = seen + 1
        if len(self._seen) > MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        return Dice(digest(request, b"%d" % seen) if seen else request)

    def _answered(self, arrival: Arrival, endpoint: Endpoint, dice: Dice, row: Row) -> Response:
        headers = arrival.headers
        asked = self._asked(arrival, endpoint)
        row.model = asked.model
        row.stream = asked.stream
        fault: Fault | None = None
        rule: Rule | None = None
        if (header := headers.get("x-sim-fault")) is not None:
            fault = fault_in_header(header)
        elif self.script.rules and (found := self.script.take(_facts(arrival, endpoint, asked), dice)):
            rule, fault, row.rule = found
        latency: Latency | None = rule.latency if rule else None
        if (header := headers.get("x-sim-latency-ms")) is not None:
            latency = latency_of(header)
        if fault is not None:
            row.fault = fault.kind
            if response := self._failed(fault, endpoint, row, Pace(0.0 if latency is None else latency, dice)):
                return response
        reply = (rule.reply if rule else None) or _NO_REPLY
        if reply.body is not None:
            made = Made(content_type=reply.content_type, body=reply.body.encode())
        else:
            made = asked.make(dice, reply)
        pace = Pace(self._latency if latency is None else latency, dice)
        return self._played(made, reply.status, fault, pace, endpoint, row)

    def _asked(self, arrival: Arrival, endpoint: Endpoint) -> Asked:
        """The request understood.

        Raises:
            BadRequest: it is malformed.
            NotFound: there is nothing at its path.
        """
        match endpoint.operation:
            case "chat" | "complete":
                dialect = dialects.get(endpoint.dialect)
                return self._chats.ask(dialect, parse_object(arrival.body), arrival.key, self._now())
            case "count_tokens":
                return self._chats.count(dialects.get(endpoint.dialect), parse_object(arrival.body))
            case "embed":
                return vectors.ask_embeddings(dialects.get(endpoint.dialect), parse_object(arrival.body))
            case "rerank":
                return vectors.ask_ranking(dialects.get(endpoint.dialect), parse_object(arrival.body))
            case "moderate":
                return media.ask_moderation(arrival)
            case "image":
                return media.ask_image(arrival, self._now())
            case "speech":
                return media.ask_speech(arrival)
            case "transcribe":
                return media.ask_transcription(arrival)
            case "responses":
                return self._stored(arrival)
            case "models":
                return _fixed(models.models(arrival))
            case "health":
                return _fixed(b"{}")
            case _:
                raise NotFound(f"The simulator has nothing at {arrival.method} {arrival.path[:200]}.")

    def _stored(self, arrival: Arrival) -> Asked:
        name = arrival.path.removeprefix("/responses/")
        stored = self._chats.stored
        return _fixed(stored.delete(name) if arrival.method == "DELETE" else stored.get(name))

    def _now(self) -> int:
        return self._clock.now_us() // 1_000_000

    # ── faults instead of an answer ──

    def _failed(self, fault: Fault, endpoint: Endpoint, row: Row, pace: Pace) -> Response | None:
        """The response of a fault that leaves no room for an answer; None for the others."""
        if fault.kind == "timeout":
            return Response(start="never", row=row)
        if fault.kind == "reset":
            row.interrupt("reset")
            return Response(start="reset", wait_s=pace.first_s, row=row)
        if fault.kind == "html":
            row.status = fault.status or 502
            row.interrupt("html")
            page = _PAGE.format(fault.message or f"{row.status} Simulated Error").encode()
            headers = _headers(row, "text/html; charset=utf-8")
            return Response(status=row.status, headers=headers, body=page, wait_s=pace.first_s, row=row)
        refusal = REFUSALS.get(fault.kind)
        if fault.kind == "error_in_stream" and not row.stream:
            refusal = REFUSALS["overloaded"]
        if refusal is None:
            return None
        status = fault.status or refusal.status
        if status == 529 and fault.status is None and endpoint.dialect != "anthropic_messages":
            status = 503
        retry_after_s = fault.retry_after_s
        if retry_after_s is None and fault.kind == "rate_limit":
            retry_after_s = 1.0
        error = refusal.kind(fault.message or f"Simulated fault: {refusal.message}.", retry_after_s=retry_after_s)
        return self._refused(row, endpoint, status, error, fault.kind, pace.first_s)

    def _refused(
        self, row: Row, endpoint: Endpoint, status: int, error: HeadgateError, outcome: str, wait_s: float = 0.0
    ) -> Response:
        row.status = status
        row.interrupt(outcome)
        tree = dialects.get(endpoint.dialect).encode_error(error)
        _say(tree, error.message)
        headers = _headers(row, JSON_TYPE)
        if error.retry_after_s is not None:
            headers = (*headers, ("retry-after", f"{error.retry_after_s:g}"))
        return Response(status=status, headers=headers, body=msgspec.json.encode(tree), wait_s=wait_s, row=row)

    # ── answers, with their faults and their timing ──

    def _played(
        self, made: Made, status: int, fault: Fault | None, pace: Pace, endpoint: Endpoint, row: Row
    ) -> Response:
        row.status = status
        row.usage = made.usage
        headers = _headers(row, made.content_type)
        kind = fault.kind if fault else None
        if kind == "empty":
            row.interrupt("empty")
            return Response(headers=headers, wait_s=pace.first_s, row=row)
        if fault is not None and kind == "slow_first_token":
            pace.first_s += fault.delay_s
        pieces = made.pieces
        if pieces is None:
            return self._whole(made, headers, fault, pace, row)
        if fault is not None and kind in INTERRUPTIONS:
            pieces = interrupted(pieces, fault, made.tokens, dialects.get(endpoint.dialect))
        if not pace.instant or pace.first_s:
            pieces = _paced(pieces, pace)
        return Response(status=status, headers=headers, pieces=pieces, end=ENDS.get(kind or "", "whole"), row=row)

    def _whole(
        self, made: Made, headers: tuple[tuple[str, str], ...], fault: Fault | None, pace: Pace, row: Row
    ) -> Response:
        wait_s = pace.total_s(made.tokens)
        if fault is not None and fault.kind in INTERRUPTIONS:
            pieces = iter((broken_off(made.body, fault, made.tokens),))
            end = ENDS.get(fault.kind, "whole")
            return Response(status=row.status, headers=headers, pieces=pieces, wait_s=wait_s, end=end, row=row)
        if wait_s:
            pieces = iter((Piece(made.body, made.tokens),))
            return Response(status=row.status, headers=headers, pieces=pieces, wait_s=wait_s, row=row)
        row.delivered_tokens = made.tokens
        row.complete()
        return Response(status=row.status, headers=headers, body=made.body, row=row)


def _facts(arrival: Arrival, endpoint: Endpoint, asked: Asked) -> Facts:
    return Facts(
        model=asked.model,
        text=asked.text,
        body=arrival.body,
        dialect=endpoint.dialect,
        operation=endpoint.operation,
        stream=asked.stream,
        key=arrival.key,
        headers=arrival.headers,
        path=arrival.path,
    )


def _fixed(body: bytes) -> Asked:
    return Asked(make=lambda _dice, _reply: Made(body=body))


def _headers(row: Row, content_type: str) -> tuple[tuple[str, str], ...]:
    id_header = "request-id" if row.dialect == "anthropic_messages" else "x-request-id"
    return (("content-type", content_type), (id_header, row.id), ("x-simulated", "true"))


def _paced(pieces: Iterator[Piece], pace: Pace) -> Iterator[Piece]:
    """The pieces of a stream with the time before each."""
    wait_s = pace.first_s
    for piece in pieces:
        if not piece.tokens:
            yield piece
            continue
        if not pace.instant:
            wait_s += sum(pace.gap_s() for _ in range(piece.tokens))
        yield Piece(piece.data, piece.tokens, wait_s)
        wait_s = 0.0


def _say(tree: JSON, message: str) -> None:
    """Put a message into an error document, also where the error's class is one that clients are told less of."""
    place = tree.get("error")
    if isinstance(place, dict):
        place["message"] = message
    else:
        tree["message"] = message
