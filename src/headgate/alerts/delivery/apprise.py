"""Notices through Apprise: e-mail, chats, pagers (https://github.com/caronc/apprise)."""

from __future__ import annotations

import asyncio
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec

from headgate.alerts.config import ChannelConfig
from headgate.alerts.delivery.webhook import NotDelivered
from headgate.errors import ConfigError

INSTALL = "pip install 'headgate[alerts]'"

TIME_S = 30.0
"""How long is waited for it; what is under way then goes on in its thread, whose own time limits end it."""

NO_MENTION = "@\N{WORD JOINER}"
"""What stands for an @: names come from clients, and chats call everybody there is where `@everyone` is written."""

_MARKS = {"firing": "failure", "still_firing": "warning", "resolved": "success", "test": "info"}


def check_installed(name: str) -> None:
    """Raise ConfigError where a channel needs what is not there."""
    if find_spec("apprise") is None:
        raise ConfigError([f"alerts.channels.{name}.kind: apprise needs a package; {INSTALL}"])


class AppriseChannel:
    """One Apprise URL. The library blocks, so it has a thread for each notice, one at a time."""

    def __init__(self, config: ChannelConfig) -> None:
        self._url = config.url
        self._turn = asyncio.Lock()

    async def send(self, id_: str, body: str, now_s: int) -> None:
        told = msgspec.json.decode(body)
        title, _, text = str(told["text"]).replace("@", NO_MENTION).partition("\n")
        mark = _MARKS.get(str(told["event"]), "info")
        async with self._turn:
            try:
                async with asyncio.timeout(TIME_S):
                    done = await asyncio.to_thread(_notify, self._url, title, f"{text}\n{id_}".strip(), mark)
            except TimeoutError:
                raise NotDelivered(f"Apprise did not answer within {TIME_S:g} s") from None
            except Exception as error:  # noqa: BLE001  # plug-ins of many hands; whatever they raise, it was not told
                raise NotDelivered(f"Apprise failed: {type(error).__name__}") from None
        if not done:
            raise NotDelivered("Apprise could not deliver it; its log says why")

    async def close(self) -> None:
        return


def _notify(url: str, title: str, body: str, mark: str) -> bool:
    apprise: Any = import_module("apprise")  # an extra
    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False, storage_mode="memory", app_id="Headgate")
    told = apprise.Apprise(asset=asset)
    if not told.add(url):
        raise NotDelivered("Apprise does not know such a URL")
    return bool(told.notify(title=title, body=body, notify_type=mark, body_format="text"))
