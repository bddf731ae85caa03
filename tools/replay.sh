#!/usr/bin/env bash
# Replay the recorded exchanges through the gateway and write what came of each vendor's into docs/recordings.md.
set -euo pipefail
cd "$(dirname "$0")/.."
table="$(mktemp)"
trap 'rm -f "$table"' EXIT
HEADGATE_REPLAY_REPORT="$table" .venv/bin/pytest -p no:randomly tests/conformance/test_replay.py
cat > docs/recordings.md <<'PAGE'
# Recorded exchanges, replayed

Real exchanges with vendors, answered by a local server in the vendors' place and asked for through the whole gateway
(`make replay`; the recordings are not part of this repository, `HEADGATE_DATA` says where they are).

- *same dialect*: the vendor's own request sent by a client of that dialect; the answer has to come back byte for byte, or
  event for event, with ids of the vendor's account wrapped.
- *to D*: a client of dialect D gets the vendor's answer translated; text, reasoning, tool names and parsed arguments, stop
  reason and usage have to be what the recording holds, read by means other than the codecs, and the ledger's usage too.
- *excepted*: cannot be equal, for the reason given. Anything else that differs fails the test.
- Recordings that are no generation (files, embeddings, counts, tokens) are counted and tested by their own suites.

PAGE
cat "$table" >> docs/recordings.md
echo "wrote docs/recordings.md"
