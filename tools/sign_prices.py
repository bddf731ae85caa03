"""Make and sign price lists for `headgate prices update`.

    python tools/sign_prices.py key NAME KEY.pem             make a key, and print what goes under price_list.keys
    python tools/sign_prices.py sign KEY.pem NAME LIST.json  print the signed list: > headgate.prices

LIST.json has the form of src/headgate/catalog/prices.json. `--date` and `--revision` say which list it is, in place of
what it says itself; servers take no list that is not newer than theirs. `--revision 1` is a second list of one day.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from headgate.audit.keys import read_signer
from headgate.catalog import read_price_list


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("key", help="make a key")
    making.add_argument("name")
    making.add_argument("key", type=Path)
    making.set_defaults(run=lambda given: make_key(given.name, given.key))
    signing = commands.add_parser("sign", help="sign a list")
    signing.add_argument("key", type=Path)
    signing.add_argument("name")
    signing.add_argument("list", type=Path)
    signing.add_argument("--date")
    signing.add_argument("--revision", type=int)
    signing.set_defaults(run=lambda given: signed(given.key, given.name, given.list, given.date, given.revision))
    given = parser.parse_args(arguments)
    try:
        print(given.run(given), end="")
    except (OSError, ValueError) as error:
        print(f"sign_prices: {error}", file=sys.stderr)
        return 1
    return 0


def make_key(name: str, path: Path) -> str:
    """A new private key in a file of its own; the public one as text."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return f"{read_signer(pem.decode(), name).verifier}\n"


def signed(key: Path, name: str, listed: Path, date: str | None = None, revision: int | None = None) -> str:
    """The signed note of a list."""
    text = listed.read_text("utf-8")
    said = {"date": date, "revision": revision}
    changed = {member: value for member, value in said.items() if value is not None}
    if changed:
        text = written({**json.loads(text), **changed})
    read_price_list(text.encode())
    return read_signer(key.read_text("ascii"), name).sign(text)


def written(tree: dict[str, object]) -> str:
    """A list as text, a model a line so that a change can be read."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    return re.sub(r'\],\[(?=\[")', "],\n[", text) + "\n"


if __name__ == "__main__":
    sys.exit(main())
