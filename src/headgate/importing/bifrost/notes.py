"""What becomes of Bifrost's settings that have no member of their own here
(https://docs.getbifrost.ai/deployment-guides/config-json).
"""

from __future__ import annotations

from headgate.importing.notes import ALERTS, CACHE, GUARDRAIL, LOGGING, NEEDLESS, PROMETHEUS, TOOLS
from headgate.importing.section import Note

_RAW = Note(
    "cannot", "is left out", "vendors' raw answers are not kept or added", "nothing: same dialects pass untouched"
)
_NO_LOGS = Note("carries", "what calls say is in no log")
_ACCESS = Note("cannot", "is left out", "access is by keys, signed tokens and sign-in", "see docs/access.md")
_STORE = Note(
    "changes",
    "stays Bifrost's own",
    "the tables are others; records are in headgate.db beside the file unless told otherwise",
    "what was made in Bifrost's pages is there and not in config.json: export it into that, or make it anew",
)
_CERTIFICATE = Note(
    "changes", "is left out", "certificates are in files here", "write it to a file, and set ca_file of the provider"
)

CLIENT = {
    "drop_excess_requests": Note(
        "changes", "calls wait in a queue of bounded length, then are refused", "a queue that is never left is worse",
        "set queue of the models",
    ),
    "initial_pool_size": NEEDLESS,
    "prometheus_labels": Note(
        "cannot", "is left out", "metrics have a bounded set of labels", "group by tag in the ledger"
    ),
    "allowed_origins": Note(
        "cannot", "is left out", "browsers on other sites may not call", "have the site's own server call"
    ),
    "allowed_headers": Note("cannot", "is left out", "browsers on other sites may not call", "see server.hosts"),
    "enable_logging": _NO_LOGS,
    "disable_content_logging": _NO_LOGS,
    "allow_per_request_content_storage_override": _NO_LOGS,
    "allow_per_request_raw_override": _RAW,
    "log_retention_days": Note(
        "cannot", "is left out", "rows of the ledger are not deleted", "plan 0.5 KB an attempt"
    ),
    "logging_headers": LOGGING,
    "hide_deleted_virtual_keys_in_filters": NEEDLESS,
    "disable_db_pings_in_health": Note("carries", "is not needed: calls go on without the database"),
    "dump_errors_in_console_logs": NEEDLESS,
    "webhook_config": Note("cannot", "is left out", "there are no jobs that call back", "wait for the answer"),
    "async_job_result_ttl": Note("cannot", "is left out", "there are no jobs in the background", "stream"),
    "dual_credential_conflict_behavior": _ACCESS,
    "enforce_scim_auth": _ACCESS,
    "whitelisted_routes": Note("cannot", "is left out", "nothing but health pages is open", "give callers a key"),
    "required_headers": Note("cannot", "is left out", "requests are taken without them", "write a stage"),
    "header_filter_config": Note(
        "cannot", "is left out", "a client's x-bf-eh-… headers are not passed on", "set headers of the provider"
    ),
    "allow_direct_keys": Note(
        "changes",
        "is accepts_client_credential of the providers that are to take them",
        "a client's own credential goes upstream where a provider allows it",
        "set it there, and have clients send Headgate's key as x-headgate-key",
    ),
    "routing_chain_max_depth": NEEDLESS,
    "enable_litellm_fallbacks": NEEDLESS,
    "enable_local_cache": CACHE,
    **dict.fromkeys(
        (
            "mcp_agent_depth", "mcp_tool_execution_timeout", "mcp_code_mode_binding_level", "mcp_tool_sync_interval",
            "mcp_disable_auto_tool_inject", "mcp_enable_temp_token_auth", "mcp_external_client_url",
            "mcp_server_auth_mode", "oauth2_server_config",
        ),
        TOOLS,
    ),
}  # fmt: skip

COMPAT = {
    "convert_text_to_chat": Note(
        "cannot", "is left out", "an operation is not made another", "have clients ask for chat"
    ),
    "convert_chat_to_responses": Note("carries", "requests are translated to what a target speaks"),
    "should_convert_params": Note("cannot", "is left out", "values are not mended", "send what the vendor takes"),
}

PROVIDER = {
    "send_back_raw_request": _RAW,
    "send_back_raw_response": _RAW,
    "store_raw_request_response": _RAW,
    "openai_config": Note(
        "cannot", "is left out", "a request is sent as the client made it", "have clients send store: false"
    ),
    "prompt_cache": Note(
        "cannot", "is left out", "requests are not rewritten", "mark what is to be cached in the request"
    ),
    "description": NEEDLESS,
}

NETWORK = {
    "enforce_http2": Note("cannot", "is left out", "vendors are called over HTTP/1.1", "nothing"),
    "insecure_skip_verify": Note(
        "cannot", "is left out", "certificates are always checked", "set ca_file of the provider to your authority"
    ),
    "ca_cert_pem": _CERTIFICATE,
    "keep_alive_timeout_in_seconds": NEEDLESS,
    "max_conns_per_host": NEEDLESS,
    "allow_private_network": Note("carries", "is not needed: an operator's base_url is taken as it is"),
    "beta_header_overrides": Note(
        "changes", "a client's beta headers go to vendors that know them", "there is no list to override", "try them"
    ),
    "stream_throughput_guard": Note(
        "cannot",
        "is left out",
        "a stream's speed is not guarded, its stalls are",
        "see timeout.stall_s and breaker.slow_s",
    ),
}

CUSTOM = {
    "request_path_overrides": Note(
        "cannot", "is left out", "paths follow from the dialect", "put a proxy before that server that maps them"
    ),
    "allowed_requests": Note(
        "cannot", "is left out", "operations are a key's own here", "'headgate keys create --endpoint …'"
    ),
}

KEY = {
    "use_for_batch_api": Note("cannot", "is left out", "batches are not served yet", "use the vendor's own API"),
    "config_hash": NEEDLESS,
    "status": NEEDLESS,
    "description": NEEDLESS,
    "replicate_key_config": NEEDLESS,
}

AZURE = {
    "scopes": Note("carries", "is not needed: Entra's scope follows from the address"),
    "api_version": Note("carries", "is not needed: Azure's v1 API has no dated versions"),
    "anthropic_version": NEEDLESS,
}

BEDROCK = {
    "arn": Note(
        "changes", "is left out", "an inference profile is named as the model", "write its ARN as the target's model"
    ),
    "project_id": Note("cannot", "is left out", "Bedrock is called at its runtime", "nothing, for Converse"),
    "batch_s3_config": KEY["use_for_batch_api"],
}

VERTEX = {
    "project_number": NEEDLESS,
    "force_single_region": Note("carries", "is not needed: the location is called as it is written"),
}

PLUGINS = {
    "semantic_cache": CACHE,
    "semanticcache": CACHE,
    "telemetry": PROMETHEUS,
    "logging": LOGGING,
    "otel": LOGGING,
    "maxim": LOGGING,
    "datadog": LOGGING,
    "bigquery": LOGGING,
    "kafka": LOGGING,
    "pubsub": LOGGING,
    "splunk": LOGGING,
    "prompts": Note("cannot", "is left out", "prompts are not kept here", "keep them in your application"),
    "mocker": Note("cannot", "is left out", "answers are not made up by a plug-in", "use a provider of kind simulator"),
    "jsonparser": Note("carries", "answers that are to be JSON are checked, and mended where they nearly are"),
    "litellmcompat": NEEDLESS,
    "compat": NEEDLESS,
}
"""By a plug-in's name."""

PLUGIN = Note(
    "cannot", "is left out", "Bifrost's plug-ins are Go, and are not loaded", "write a stage: CONTRIBUTING.md"
)

GOVERNANCE = {
    "business_units": Note("cannot", "is left out", "there are teams, and no units of them", "tag keys: --tag unit=…"),
    "roles": Note("cannot", "is left out", "roles are sets of scopes here", "write access.roles: docs/access.md"),
    "complexity_analyzer_config": Note(
        "cannot", "is left out", "routes do not go by what a request says", "have clients ask for the model they need"
    ),
    "providers": Note(
        "cannot",
        "is left out",
        "providers have no budgets and limits",
        "budget the models: 'headgate budgets set model:…'",
    ),
}

TEAM = {
    "source_id": NEEDLESS,
    "business_unit_id": GOVERNANCE["business_units"],
    "profile": NEEDLESS,
    "config": NEEDLESS,
    "claims": _ACCESS,
    "virtual_key_count": NEEDLESS,
}

VIRTUAL_KEY = {
    "description": NEEDLESS,
    "mcp_configs": TOOLS,
    "access_profile_id": _ACCESS,
    "disable_content_logging": _NO_LOGS,
    "created_by": NEEDLESS,
    "config_hash": NEEDLESS,
}

TOP = {
    "$schema": NEEDLESS,
    "server": NEEDLESS,
    "source_of_truth": Note("carries", "is not needed: headgate.yaml alone says what the system is"),
    "encryption_key": Note("carries", "is not needed: keys are kept as their SHA-256, vendors' keys not at all"),
    "env_label": NEEDLESS,
    "framework": Note(
        "changes", "prices are Headgate's own list", "budgets stand on them", "'headgate prices update'"
    ),
    "alerting": ALERTS,
    "webhooks": ALERTS,
    "mcp": TOOLS,
    "vector_store": CACHE,
    "local_cache": CACHE,
    "config_store": _STORE,
    "logs_store": Note("changes", "stays Bifrost's own", "attempts are rows of the ledger", "'headgate ledger list'"),
    "vault_store": Note(
        "cannot", "is left out", "secrets come from the environment and from files",
        "have its agent write files, and refer to them as ${file:/run/secrets/…}",
    ),
    "skills_registry": Note("cannot", "is left out", "skills are not served", "keep them in your application"),
    "websocket": Note("cannot", "is left out", "there are no web sockets", "stream over HTTP"),
    "guardrails_config": GUARDRAIL,
    "audit_logs": Note("carries", "every act of an administrator is in the audit log"),
    "cluster_config": Note(
        "changes", "is left out", "replicas share PostgreSQL and Redis",
        "for several workers or machines set storage: {database: postgresql://…, shared: redis://…}",
    ),
    "load_balancer_config": Note(
        "changes", "is left out", "targets are chosen by weight, latency or cost", "see models.<name>.balance"
    ),
    "large_payload_optimization": NEEDLESS,
    "scim_config": _ACCESS,
    "access_profiles": _ACCESS,
    "feature_flags": NEEDLESS,
    "circuit_breaker_config": Note(
        "changes", "every target has a breaker of its own", "a target rests by its share of failures", "see breaker"
    ),
}  # fmt: skip
