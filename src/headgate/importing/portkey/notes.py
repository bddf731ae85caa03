"""What becomes of the members of a Portkey config that have no place of their own here
(https://portkey.ai/docs/api-reference/inference-api/config-object, `src/types/requestBody.ts` of Portkey-AI/gateway).
"""

from __future__ import annotations

from headgate.importing.notes import CACHE, NEEDLESS
from headgate.importing.section import Note

FORWARDED = Note(
    "changes",
    "headers the vendor knows are passed on, others stay here",
    "what a client sends to a vendor is the operator's to say",
    "set headers of the provider; for a client's own credential accepts_client_credential, and x-headgate-key",
)

_ELSEWHERE = Note(
    "cannot", "is left out", "it belongs to a service that is not served from here", "call that service yourself"
)

_ENTRA = Note("carries", "is not needed: Entra's own variables of the environment have it")

TARGET = {
    "cache": CACHE,
    "cache_force_refresh": CACHE,
    "cache_namespace": CACHE,
    "forward_headers": FORWARDED,
    "metadata": Note(
        "cannot", "is left out", "a route puts no tags on calls", "tag keys, or have clients send x-headgate-tags"
    ),
    "trace_id": Note("cannot", "is left out", "calls have ids of their own", "send x-headgate-session to join calls"),
    "strict_open_ai_compliance": Note(
        "changes",
        "members beyond OpenAI's dialect stay in answers where the vendor sends them",
        "answers in the client's own dialect pass untouched",
        "nothing, unless a client refuses members it does not know",
    ),
    "url_to_fetch": Note("cannot", "is left out", "paths are a provider's", "set base_url of the provider"),
    "transform_to_form_data": NEEDLESS,
    "mistral_fim_completion": Note("cannot", "is left out", "there is no fill-in-the-middle", "call the vendor"),
    "model_pricing_config": Note(
        "cannot", "is left out", "prices are written otherwise", "write them under prices: docs/prices.md"
    ),
    "index": NEEDLESS,
    "original_index": NEEDLESS,
    "id": NEEDLESS,
    "filename": NEEDLESS,
    "aws_auth_type": NEEDLESS,
    "azure_ad_token": _ENTRA,
    "azure_entra_scope": _ENTRA,
    "azure_extra_parameters": NEEDLESS,
    **dict.fromkeys(
        (
            "aws_s3_bucket", "aws_s3_object_key", "aws_bedrock_model", "aws_server_side_encryption",
            "aws_server_side_encryption_kms_key_id", "aws_service", "foundation_model", "vertex_storage_bucket_name",
            "vertex_model_name", "vertex_batch_endpoint", "workers_ai_account_id", "snowflake_account",
            "fireworks_account_id", "fireworks_file_length", "stability_client_id", "stability_client_user_id",
            "stability_client_version", "amzn_sagemaker_custom_attributes", "amzn_sagemaker_target_model",
            "amzn_sagemaker_target_variant", "amzn_sagemaker_target_container_hostname", "amzn_sagemaker_inference_id",
            "amzn_sagemaker_enable_explanations", "amzn_sagemaker_inference_component", "amzn_sagemaker_session_id",
            "amzn_sagemaker_model_name",
        ),
        _ELSEWHERE,
    ),
}  # fmt: skip
"""Of a target, or of a group of them."""

SETTINGS = {
    "plugins_enabled": Note(
        "cannot", "is left out: its checks are not made", "guardrails are no plug-ins here", "write a stage"
    ),
    "plugins": Note(
        "cannot", "is left out: its checks are not made", "guardrails are no plug-ins here", "write a stage"
    ),
    "credentials": Note("carries", "is not needed: they are of guardrail plug-ins"),
    "cache": CACHE,
    "ga_tracking_id": NEEDLESS,
    "enable_metrics": Note("carries", "is not needed: /metrics is always there"),
}
"""Of the open-source gateway's own conf.json."""

GUARDRAILS = (
    "input_guardrails", "output_guardrails", "before_request_hooks", "after_request_hooks",
    "default_input_guardrails", "default_output_guardrails", "default_before_request_hooks",
    "default_after_request_hooks",
)  # fmt: skip
"""Members that list checks, newer and older."""
