"""Amazon Bedrock's Converse and ConverseStream, spoken to the vendor only (Bedrock API reference, "Converse").

The model stands in the path, not in the body; streams come as AWS binary events; answers name neither an id nor a
model.
"""

from __future__ import annotations

from headgate.dialects.bedrock_converse.dialect import BedrockConverse

DIALECT = BedrockConverse()
