"""The list of calls and the ledger, as the database has them, against those who made the calls and the vendor's bill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from decimal import Decimal

from accuracy.figures import Figure, exact, same
from accuracy.run import Sent, Truth
from accuracy.sums import Record
from billing import Billed
from headgate.errors import error_of

OVERLOADED = 503


def made(truth: Truth, calls: Sequence[Record], shed: int, bill: Sequence[Billed]) -> Iterator[Figure]:
    """The list of calls against those who made them. A server that is overloaded sheds some before they are calls: those
    its clients were told 503 of.
    """
    sent, ours = [s for s in truth.sent if s.status != OVERLOADED], [c for c in calls if _status(c) != OVERLOADED]
    refused, listed = len(truth.sent) - len(sent), len(calls) - len(ours)
    yield Figure(
        "refused for overload: list and /metrics = clients", 1, abs(refused - listed - shed), "", 0, f"{shed} shed"
    )
    yield exact(
        "calls by model, key, stream and tags: list = clients",
        Counter((c["model"], c["key_id"], bool(c["streamed"]), *sorted(c["tags"].values())) for c in ours),
        Counter((s.model, s.key, s.stream, *sorted(s.tags)) for s in sent),
    )
    cut = {each.mark for each in bill if each.outcome == "cut"}
    yield from one_by_one(sent, {c["id"]: c for c in ours}, cut)


def one_by_one(sent: Sequence[Sent], calls: dict[str, Record], cut: AbstractSet[str]) -> Iterator[Figure]:
    """Each call as its client knows it against its line of the list, by the id the client was told."""
    named = [s for s in sent if s.id]
    yield Figure("calls whose clients were told an id", len(sent), len(sent) - len({s.id for s in named}), "", 0)
    amiss: list[str] = []
    told = 0
    costs: list[str] = []
    for each in named:
        call = calls.get(each.id)
        if call is None:
            amiss.append(f"{each.id} is in no list")
            continue
        own = (each.model, each.key, each.stream, {"feature": each.tags[0], "tier": each.tags[1]})
        if own != (call["model"], call["key_id"], bool(call["streamed"]), call["tags"]) or not _ended(each, call, cut):
            amiss.append(f"{each.id} was {each.fate} ({each.status}), and is listed as {call['code']}")
        if each.cost_usd is not None:
            told += 1
            if Decimal(each.cost_usd) * 10**12 != (call["cost_picodollars"] or 0):
                costs.append(f"{each.id} was told {each.cost_usd}")
    unknown = sorted(calls.keys() - {s.id for s in named})[len(sent) - len(named) :]
    amiss += [f"{name} was made by no client" for name in unknown]
    yield same("each call: model, key, tags, stream and how it ended: list = client", len(named), amiss)
    yield same("each call: the cost its client was told = list", told, costs)


def _ended(sent: Sent, call: Record, cut: AbstractSet[str]) -> bool:
    """Whether a call is listed as having ended the way its client saw it end. Of one whose client left, the server may have
    been done before it saw that, or the vendor have `cut` the stream at that very moment.
    """
    code = call["code"]
    if sent.fate == "left":
        return code in (None, "cancelled") or (code == "connection_failed" and sent.mark in cut)
    if sent.stream and sent.status == 200:
        return (code is None) == (sent.fate == "ok")
    return sent.status == _status(call)


def _status(call: Record) -> int:
    return 200 if call["code"] is None else error_of(call["code"]).status


def billed(truth: Truth, bill: Sequence[Billed], attempts: Sequence[Record]) -> Iterator[Figure]:
    """The ledger against the vendor's own bill, line by line: attempts have the vendor's id. One that was given up has none
    where the vendor's answer had not come by then, nor has one that never reached it. What was under way in a server that
    died is known in part.
    """
    lines = {each.id: each for each in bill}
    known = {a["vendor_request_id"]: a for a in attempts if a["vendor_request_id"] is not None}
    doubled = sum(a["vendor_request_id"] is not None for a in attempts) - len(known)
    yield Figure("attempts with an id of the vendor's: twice in the ledger", len(known), doubled, "", 0)
    yield Figure("attempts the vendor knows nothing of", len(known), sum(name not in lines for name in known), "", 0)
    ids = {s.mark: s.id for s in truth.sent if s.id and s.fate != "lost"}
    ours = set(ids.values())
    unseen = Counter(ids[each.mark] for name, each in lines.items() if name not in known and each.mark in ids)
    given_up = Counter(a["call_id"] for a in attempts if a["vendor_request_id"] is None and a["code"] == "cancelled")
    missing = [f"{call}: {count - given_up[call]}" for call, count in unseen.items() if count > given_up[call]]
    more = (given_up - unseen).total()
    figure = same("requests that reached the vendor: each has its row", len(lines), missing)
    note = f"{unseen.total()} were given up before their answer came, {more} before they reached it"
    yield replace(figure, note=figure.note or note)
    ended = [a for a in attempts if a["call_id"] in ours]
    nameless = [a["id"] for a in ended if a["vendor_request_id"] is None and a["code"] != "cancelled"]
    yield same("attempts without an id of the vendor's: given up", len(ended), nameless)
    yield from money([(a, lines[name]) for name, a in known.items() if name in lines])


def money(joined: Sequence[tuple[Record, Billed]]) -> Iterator[Figure]:
    """What each attempt used and cost. Where an answer broke off the vendor reports nothing: the ledger has a bound then,
    which is never less than what the vendor billed.
    """
    reported = [(a, each) for a, each in joined if a["usage_source"] == "reported"]
    cost = [f"{each.id}" for a, each in reported if a["cost_picodollars"] != each.picodollars]
    yield same("cost of an attempt: ledger = bill, to the picodollar", len(reported), cost)
    total = sum(a["cost_picodollars"] for a, _ in reported) - sum(each.picodollars for _, each in reported)
    yield Figure("cost of all of these: ledger = bill, in picodollars", len(reported), abs(total), "", 0)
    tokens = [each.id for a, each in reported if (a["input_tokens"], a["output_tokens"]) != (each.prompt, each.output)]
    yield same("tokens of an attempt: ledger = bill", len(reported), tokens)
    ended = [
        f"{each.id} was {each.outcome} {each.status}, and is {a['code']}"
        for a, each in joined
        if each.outcome in ("complete", "refused", "cut") and (a["code"] is None) != (each.outcome == "complete")
    ]
    ended = [each for each in ended if "complete" not in each or "cancelled" not in each]
    yield same("each attempt: failed or not: ledger = vendor", len(joined), ended)
    whole = [(a, each) for a, each in reported if each.outcome == "complete"]
    unreported = [
        e.id for a, e in joined if e.outcome == "complete" and a["usage_source"] != "reported" and not a["code"]
    ]
    yield same("answers that came whole: with the usage the vendor reported", len(whole), unreported)
    estimated = [(a, each) for a, each in joined if a["usage_source"] != "reported"]
    under = [
        f"{each.id}: {a['input_tokens']} and {a['output_tokens']} tokens, of {each.prompt} and {each.output}"
        for a, each in estimated
        if (a["cost_picodollars"] or 0) < each.picodollars
    ]
    yield same("attempts that broke off: at least what the vendor billed", len(estimated), under)


def each_call(calls: Sequence[Record], attempts: Sequence[Record]) -> Figure:
    """How many attempts there were at each call, and what they cost: the list against the ledger."""
    costs: dict[str, list[int | None]] = {}
    for attempt in attempts:
        costs.setdefault(attempt["call_id"], []).append(attempt["cost_picodollars"])
    amiss: list[str] = []
    for call in calls:
        its = costs.pop(call["id"], [])
        known = [cost for cost in its if cost is not None]
        cost = sum(known) if its and len(known) == len(its) else None
        if call["attempts"] != len(its) or (call["cost_picodollars"] or 0) != (cost or 0):
            amiss.append(call["id"])
    amiss += [f"{name} is in the ledger alone" for name in costs]
    return same("attempts and cost of each call: list = ledger", len(calls), amiss)
