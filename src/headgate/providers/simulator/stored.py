"""The responses that clients of the Responses API may come back for."""

from __future__ import annotations

import msgspec

from headgate.errors import NotFound
from headgate.types import JSON

MAX_STORED = 1000


class Stored:
    """The newest responses by id."""

    def __init__(self) -> None:
        self._bodies: dict[str, bytes] = {}

    def add(self, tree: JSON) -> None:
        self._bodies[str(tree["id"])] = msgspec.json.encode(tree)
        if len(self._bodies) > MAX_STORED:
            del self._bodies[next(iter(self._bodies))]

    def get(self, id: str) -> bytes:
        """A response as it was given.

        Raises:
            NotFound: there is none of that id, or no longer.
        """
        try:
            return self._bodies[id]
        except KeyError:
            raise NotFound(f"There is no response '{id}'. The simulator keeps the newest {MAX_STORED}.") from None

    def delete(self, id: str) -> bytes:
        """Forget a response; what the API answers to that.

        Raises:
            NotFound: there is none of that id.
        """
        self.get(id)
        del self._bodies[id]
        return msgspec.json.encode({"id": id, "object": "response", "deleted": True})
