"""The vocabulary every layer shares: a call on its way, the reply to it, and what it used."""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, Literal, Protocol, Self, TypeVarTuple

import jiter
import msgspec

from headgate.errors import BadRequest, MalformedOutput
from headgate.events import Event
from headgate.trace import Trace

Given = TypeVarTuple("Given")

JSON = dict[str, Any]
"""A parsed JSON object."""

Path = tuple[str | int, ...]
"""Where a value stands in a JSON tree: `("messages", 0, "content")`."""

Operation = Literal[
    "chat",
    "complete",
    "embed",
    "rerank",
    "moderate",
    "image",
    "speech",
    "transcribe",
    "count_tokens",
    "responses",
    "files",
    "batches",
]
"""What a request asks for. `responses` is the management of stored responses: get, delete, compact."""


GENERATES: frozenset[Operation] = frozenset({"chat", "complete"})
"""Operations whose answers are made of the model's tokens."""

OPAQUE = "opaque"
"""The dialect of bodies that are passed on without a codec."""


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Tokens of one attempt in disjoint categories: adding up what is billed never counts a token twice.

    `output_tokens` includes reasoning, `reasoning_tokens` says how much of it that was. Audio and images have
    categories of their own and are in none of the others.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_cached_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    web_searches: int = 0
    search_units: int = 0
    """How many requests a ranking is billed as, where the vendor says so (Cohere); 0 for one, as everything else is."""

    @property
    def total_input_tokens(self) -> int:
        """All tokens of the prompt, cached or not, of any kind."""
        return (
            self.input_tokens
            + self.cached_tokens
            + self.cache_write_5m_tokens
            + self.cache_write_1h_tokens
            + self.audio_input_tokens
            + self.audio_cached_tokens
            + self.image_input_tokens
        )

    @property
    def total_output_tokens(self) -> int:
        """All tokens the model made, reasoning included."""
        return self.output_tokens + self.audio_output_tokens + self.image_output_tokens


class Payload:
    """A body in one dialect: the client's request, or the answer to it.

    Holds the bytes as they came for as long as nobody changes anything, and the parsed tree once somebody asked.
    Treat both as immutable: `with_members` and `with_tree` make changed copies.
    """

    __slots__ = ("_raw", "_tree", "content_type", "dialect")

    def __init__(
        self,
        dialect: str,
        raw: bytes | None = None,
        tree: JSON | None = None,
        content_type: str = "application/json",
    ) -> None:
        self.dialect = dialect
        self._raw = raw
        self._tree = tree
        self.content_type = content_type

    @property
    def tree(self) -> JSON:
        """The body parsed.

        Raises:
            BadRequest: not one JSON object, nested deeper than 200, a duplicate key, bad UTF-8, a lone surrogate.
        """
        if self._tree is None:
            self._tree = parse_object(self._raw or b"")
        return self._tree

    @property
    def answer_tree(self) -> JSON:
        """The body of a vendor's answer parsed, duplicate keys notwithstanding.

        Raises:
            MalformedOutput: not a JSON object.
        """
        if self._tree is None:
            try:
                tree = jiter.from_json(self._raw or b"")
            except ValueError as error:
                raise MalformedOutput(f"the vendor's answer is not JSON: {error}") from None
            if type(tree) is not dict:
                raise MalformedOutput(f"the vendor's answer is {json_type(tree)}, not an object")
            self._tree = tree
        return self._tree

    def encode(self) -> bytes:
        """The bytes to send: those that came in, or the changed tree written anew."""
        if self._raw is None:
            self._raw = msgspec.json.encode(self._tree)
        return self._raw

    @property
    def size(self) -> int:
        """Bytes as it came; 0 where it never was in bytes."""
        return len(self._raw) if self._raw is not None else 0

    def parsed(self, name: str) -> Any:
        """A top-level member, where somebody has asked for the tree; else None."""
        return self._tree.get(name) if self._tree is not None else None

    def with_members(self, **members: Any) -> Payload:
        """A copy with top-level members set."""
        return Payload(self.dialect, tree={**self.tree, **members}, content_type=self.content_type)

    def without_members(self, *names: str) -> Payload:
        """A copy without some top-level members; this payload itself if it has none of them."""
        tree = self.tree
        if not any(name in tree for name in names):
            return self
        kept = {name: value for name, value in tree.items() if name not in names}
        return Payload(self.dialect, tree=kept, content_type=self.content_type)

    def with_tree(self, tree: JSON) -> Payload:
        """A copy with another tree in the same dialect."""
        return Payload(self.dialect, tree=tree, content_type=self.content_type)


def parse_object(raw: bytes) -> JSON:
    """Parse one JSON object in a single pass that also refuses what two parsers could read in two ways.

    Raises:
        BadRequest: malformed JSON, another type than object, nesting over 200, a duplicate key at any depth,
            invalid UTF-8, a lone surrogate, or a number too long to be one.
    """
    try:
        tree = jiter.from_json(raw, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    if type(tree) is not dict:
        raise BadRequest(f"The body must be a JSON object, not {json_type(tree)}.")
    return tree


def json_type(value: object) -> str:
    """What JSON calls the type of `value`, with its article: `an array`, `null`."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


class Frame:
    """One event of a stream in one dialect: its name where the dialect names events, and its data.

    `raw` holds the bytes as they came, the blank line included, while nobody changed anything.
    """

    __slots__ = ("data", "event", "raw")

    def __init__(self, data: bytes, event: str | None = None, raw: bytes | None = None) -> None:
        self.data = data
        self.event = event
        self.raw = raw

    @classmethod
    def of(cls, tree: Any, event: str | None = None) -> Frame:
        """A frame whose data is `tree` as JSON."""
        return cls(msgspec.json.encode(tree), event)

    def encode(self) -> bytes:
        """The frame as server-sent events put it on the wire (WHATWG HTML, section 9.2)."""
        if self.raw is None:
            name = f"event: {self.event}\n".encode() if self.event else b""
            data = self.data if b"\n" not in self.data else self.data.replace(b"\n", b"\ndata: ")
            self.raw = b"%sdata: %s\n\n" % (name, data)
        return self.raw

    def __repr__(self) -> str:
        return f"Frame(event={self.event!r}, data={self.data!r})"


Chunk = list[Frame]
"""The frames of a stream that arrived together. Never empty."""

Chunks = AsyncGenerator[Chunk, None]
"""A stream. Whoever holds one takes its first chunk before awaiting anything else, and reads on to its end or
closes it; a stage that wraps one closes the inner stream when its own is closed."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a call, whole or as a stream, in the dialect of its request.

    Exactly one of `payload` and `chunks` is set.
    """

    payload: Payload | None = None
    chunks: Chunks | None = None
    target: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Response headers of the vendor that may pass to the client."""


class Headers(Mapping[str, str]):
    """Request headers as the server has them, decoded when one is asked for: most of them never are.

    Names are lower-case; of a repeated header the last value.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Mapping[bytes, bytes]) -> None:
        self._raw = raw

    def __getitem__(self, name: str) -> str:
        return self._raw[name.encode("latin-1")].decode("latin-1")

    def get(self, name: str, default: Any = None) -> Any:
        value = self._raw.get(name.encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, and within what bounds."""

    organisation: str = "default"
    key_id: str = "anonymous"
    team_id: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    roles: frozenset[str] = frozenset({"caller"})
    scopes: frozenset[str] = frozenset()
    models: tuple[str, ...] | None = None
    """Names or patterns that end in `*`; None for all models."""
    endpoints: frozenset[str] | None = None
    """Operations; None for all."""
    tags: tuple[tuple[str, str], ...] = ()
    """What each of its calls is tagged with."""
    timezone: str = "UTC"
    """Where its days and months begin."""
    prompt_label: str | None = None
    policy: str | None = None

    @property
    def actor(self) -> str:
        """What the audit log calls it."""
        return f"user:{self.user_id}" if self.key_id.startswith("user:") else f"key:{self.key_id}"


ANONYMOUS = Identity(scopes=frozenset({"call"}))
"""Whoever reaches a server with `auth: none`."""


UsageSource = Literal["reported", "estimated"]


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """What is left until a vendor answers 429, and how long until all of it is there again."""

    requests: int | None = None
    tokens: int | None = None
    """Of the limit that is nearest, where there are several."""
    reset_requests_s: float | None = None
    """Seconds until the whole limit is there again: buckets fill all the time, so some is there sooner."""
    reset_tokens_s: float | None = None


class Remaining(msgspec.Struct, frozen=True, gc=False):
    """What is left of one of our own limits."""

    limit: int
    left: int
    reset_s: float
    """Seconds until all of it is there again, where its window slides; else 0."""
    ends_us: int = 0
    """When its period ends, where it has one."""


class Hold(Protocol):
    """What budgets have set aside for an attempt."""

    @property
    def charged(self) -> tuple[str, ...]:
        """The counters its cost counts for."""
        ...

    def settle(self, picodollars: int | None) -> None:
        """Say what it really cost; None keeps what was set aside. Never waits or raises; only the first word counts."""
        ...


class Attempt(msgspec.Struct, kw_only=True):
    """One upstream call: what it asked of whom, what it used, how it ended. Becomes one ledger row.

    Written only by the attempt fold that owns it. `cost_picodollars` is None when the price is unknown.
    """

    id: str
    target: str
    started_us: int
    started: float
    """Monotonic seconds, for durations."""
    label: str = ""
    """What metrics call the target where that is not its name: its pattern, behind a wildcard."""
    sent: bool = False
    """Whether anything went to the vendor. What did not is no attempt, and gets no row."""
    cause: str = "primary"
    prompt: str | None = None
    """The prompt its request was made by, as `name@version`; None for nearly every call."""
    vendor_dialect: str = ""
    status: int = 0
    code: str | None = None
    """The error's code, None where the attempt succeeded."""
    stop: str | None = None
    usage: Usage | None = None
    usage_source: UsageSource = "reported"
    tier: str | None = None
    """The way the vendor processed it, as the price list calls it: `flex`, `priority`; None for the ordinary one."""
    cost_picodollars: int | None = None
    first_token_s: float | None = None
    duration_s: float = 0.0
    vendor_request_id: str | None = None
    answer_id: str | None = None
    """What the vendor calls its answer, where that was read."""
    answer_model: str | None = None
    """What the vendor calls the model that answered, where that was read."""
    allowance: Allowance | None = None
    """What the vendor said it still takes."""
    reserved_picodollars: int | None = None
    """What budgets have set aside for it; None where none applies."""
    hold: Hold | None = None
    settled: bool = False


def number_of(attempt: Attempt) -> int:
    """Which of its call's attempts it is, from 0 on: its id ends in it."""
    return int(attempt.id[attempt.id.rindex("-") + 1 :])


class Brought(msgspec.Struct):
    """A client's own credential at a vendor, as it came beside the Headgate key. It goes to one provider at most."""

    scheme: str
    """How it was shown, and is shown to the vendor: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`."""
    secret: str
    provider: str | None = None
    """Which one it went to; None while it is still here."""

    def __repr__(self) -> str:
        return f"Brought({self.scheme!r})"


class Events(list[Event]):
    """What happened to a call, in order. Knows when each was told."""

    __slots__ = ("times",)

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []
        """Monotonic seconds."""

    def append(self, event: Event) -> None:
        self.times.append(monotonic())
        super().append(event)

    def extend(self, events: Iterable[Event]) -> None:
        for event in events:
            self.append(event)

    def __iadd__(self, events: Iterable[Event]) -> Self:
        self.extend(events)
        return self


class Prompting(msgspec.Struct, frozen=True, kw_only=True):
    """What a call says to a model that is a prompt, and which prompt it became."""

    inputs: JSON = {}
    """Values of the prompt's inputs, by name."""
    context: JSON | None = None
    """What `@name` stands for in a template."""
    docs: Sequence[JSON] = ()
    """Documents the application has found."""
    size: int = 0
    """Bytes of the request that said it; 0 where it never was in bytes."""
    version: str | None = None
    """The label or version that is asked for; None for the model's own."""
    found: Any = None
    """The prompt itself (`prompts.at_hand.Served`), where somebody has looked it up already."""
    reference: Any = None
    """What it was looked up by (`prompts.reference.Reference`)."""
    alone: bool = False
    """Whether it goes to the prompt's own model, whatever the call's model is configured as."""
    asked: Payload | None = None
    """The request as the client made it, once a prompt's messages are in its place."""
    used: str | None = None
    """The prompt that was rendered, as `support/triage@0123456789ab`; None before."""
    model: str | None = None
    """The prompt's own model, once it is rendered."""


class Account:
    """What a call did and cost: the only mutable thing a call carries. Append-only."""

    __slots__ = (
        "attempts", "begun", "brought", "end_user", "events", "going_on", "output_limit", "pots", "prompt", "remaining",
        "rendered", "sized", "trace", "upstream_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.begun = 0
        """How many attempts were ever begun, those that came to nothing included: the number of the next one."""
        self.brought: Brought | None = None
        """What the client brought to pay with; None for nearly every call."""
        self.events = Events()
        self.going_on: Future[Any] | None = None
        """What makes the answer where that may go on without the client: until it is over, so may attempts."""
        self.trace: Trace | None = None
        """Where the call stands in a trace; None where nobody traces."""
        self.upstream_s = 0.0
        """Seconds with an attempt in flight or in back-off: what is not Headgate's own overhead."""
        self.end_user: str | None = None
        """Whom the client calls for, hashed."""
        self.pots: Any = None
        """What pays for the attempts (`limits.pots.Pots`), as the limits stage found it; None for nothing."""
        self.prompt: str | None = None
        """The prompt the request was made by, as `name@version`; None for nearly every call."""
        self.rendered: Payload | None = None
        """The request as that prompt made it."""
        self.remaining: Mapping[str, Remaining] = {}
        """What is left of `requests` and `tokens` where they are limited."""
        self.sized: Any = None
        """A request, and the size it has: looked at once for limits and budgets."""
        self.output_limit: int | None = None
        """What the output was limited to for a budget's sake."""

    def when_over(self, end: Callable[[*Given], None], *given: *Given) -> None:
        """Do what ends the call: now, or once nothing of it goes on without its client."""
        if self.going_on is None or self.going_on.done():
            end(*given)
        else:
            self.going_on.add_done_callback(lambda _: end(*given))

    @property
    def answering(self) -> Attempt | None:
        """The attempt the client's answer came from: the last that did not fail, else the last; None before any."""
        answered = (attempt for attempt in reversed(self.attempts) if attempt.code is None)
        return next(answered, self.attempts[-1] if self.attempts else None)

    @property
    def cost_picodollars(self) -> int | None:
        """The cost of all attempts so far; None if the price of any is unknown, or nothing was settled."""
        total = 0
        known = False
        for attempt in self.attempts:
            if attempt.settled:
                if attempt.cost_picodollars is None:
                    return None
                total += attempt.cost_picodollars
                known = True
        return total if known else None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way. Immutable: a stage that wants it different passes on `msgspec.structs.replace`'s copy."""

    id: str
    operation: Operation
    model: str
    """The name the client asked for, or the target when a stage has chosen one."""
    request: Payload
    stream: bool
    identity: Identity
    account: Account
    headers: Mapping[str, str]
    """The client's request headers, lower-cased names; empty for in-process calls."""
    method: str = "POST"
    path: str = ""
    """The path below `/v1` as asked, with its query: what an operation without a translation forwards."""
    deadline: float = inf
    """Monotonic second at which the whole call has to be over."""
    label: str = ""
    """What metrics call the model where that is not its own name: its pattern, or that nobody knows it."""
    matched: str | None = None
    """What `*` stood for in the model's name, where the model is a wildcard."""
    tags: tuple[tuple[str, str], ...] = ()
    pinned: str | None = None
    """The one target that can serve this call, because it holds what the request refers to."""
    cause: str = "primary"
    """Why the next attempt is made: `primary`, `retry`, `fallback`, `hedge`, `reask`, `shadow`. Goes into its ledger
    row."""
    payer: str = "caller"
    """Who pays for its attempts, as their ledger rows say it."""
    parent: str | None = None
    """The attempt this call is made for, where it is not its caller's own."""
    prompt: Prompting | None = None
    """What it says to a prompt; None for a call that has nothing to do with one."""
    attempt: Attempt | None = None
    """The attempt under way; set below the settling stage only."""
