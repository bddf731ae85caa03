"""`/dashboard/playground`: asking a model by hand, with the rights of whoever looks."""

from __future__ import annotations

from headgate.dashboard.looking import Look, Template

PATH = "/dashboard/playground"

ASKED_AT = "/dashboard/v1/chat/completions"
"""What its calls go to: the same as below `/v1`, but by session in place of a key."""


async def page(look: Look) -> Template:
    look.need("call")
    models = list(look.house.models(look.viewer.identity.models))
    chosen = look.asked.get("model")
    values = {
        "models": models,
        "chosen": chosen if chosen in models or not models else chosen or models[0],
        "ask": ASKED_AT,
        "calls": "/dashboard/calls/" if look.viewer.may("ledger.read") else "",
    }
    return Template(name="playground.html", title="Playground", values=values)
