"""Amazon Bedrock's runtime (https://docs.aws.amazon.com/bedrock/latest/APIReference)."""

from headgate.providers.row import Row

ROW = Row(
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    auth="aws",
    key_variable="AWS_BEARER_TOKEN_BEDROCK",
    needs=("region",),
    dialects={
        "chat": ("bedrock_converse",),
        "embed": ("titan_embed",),
        "count_tokens": ("bedrock_count_tokens",),
    },
    request_id="x-amzn-requestid",
    catalog="aws",
)
