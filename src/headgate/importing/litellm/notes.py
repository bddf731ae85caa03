"""What becomes of LiteLLM's settings that have no member of their own here (https://docs.litellm.ai/docs/proxy)."""

from __future__ import annotations

from headgate.importing.notes import ALERTS, CACHE, LOGGING, NEEDLESS, TOOLS
from headgate.importing.section import Note

_NO_BUDGET = Note(
    "cannot", "is left out", "keys are made with what they may do", "say it in 'headgate keys create', or on team:…"
)
_SECRETS = Note(
    "cannot",
    "is left out",
    "secrets come from the environment and from files",
    "have its agent write files, and refer to them as ${file:/run/secrets/…}",
)
_ACCESS = Note("cannot", "is left out", "access is by keys and signed tokens", "see docs/access.md")

ROUTER = {
    **dict.fromkeys(("redis_host", "redis_port", "redis_password", "redis_url", "redis_db", "redis_ssl"), Note(
        "changes",
        "is not taken over",
        "one worker counts in memory; several workers need PostgreSQL and Redis",
        "for several workers or machines set storage: {database: postgresql://…, shared: redis://…}",
    )),
    "allowed_fails": Note(
        "changes",
        "targets rest by their share of failures",
        "a number of failures per minute says little of a busy target",
        "look at models.<name>.breaker; its own settings are 50 % of at least 50 attempts in 30 s",
    ),
    "allowed_fails_policy": Note(
        "changes", "targets rest by their share of failures", "what kind they are does not matter", "see breaker"
    ),
    "disable_cooldowns": Note(
        "changes", "targets rest all the same", "a target that fails is not asked as often", "raise breaker.min_calls"
    ),
    "enable_pre_call_checks": Note(
        "changes",
        "a prompt that is too long is found out by the vendor",
        "only vendors count their tokens exactly",
        "the fallback of context_too_long catches it",
    ),
    "routing_strategy_args": Note("changes", "is left out", "balancing has no settings of that kind", "see balance"),
    "provider_budget_config": Note(
        "cannot", "is left out", "providers have no budgets", "give the models budgets: model:<name>"
    ),
    "max_fallbacks": Note("carries", "is not needed: fallbacks end by themselves"),
    "default_max_parallel_requests": Note(
        "changes", "is left out", "it is a target's own setting", "set max_concurrent of the targets"
    ),
    "enable_tag_filtering": Note("cannot", "is left out", "routes do not go by tags", "make models for those calls"),
    "ignore_invalid_deployments": Note("carries", "is not needed: 'headgate check' names what is wrong"),
    "set_verbose": NEEDLESS,
    "debug_level": NEEDLESS,
    "cache_responses": CACHE,
    "caching_groups": CACHE,
    "client_ttl": NEEDLESS,
    "cache_kwargs": CACHE,
    "fallback_access_group": Note("cannot", "is left out", "fallbacks name models", "write them out"),
}  # fmt: skip

LITELLM = {
    "cache": CACHE,
    "cache_params": CACHE,
    "enable_redis_auth_cache": NEEDLESS,
    "set_verbose": NEEDLESS,
    "json_logs": NEEDLESS,
    "telemetry": Note("carries", "nothing is told to anybody"),
    "turn_off_message_logging": Note("carries", "what calls say is in no log"),
    "redact_user_api_key_info": Note("carries", "keys are in no log"),
    "redact_messages_in_exceptions": Note("carries", "what calls say is in no error"),
    "log_raw_request_response": Note("cannot", "is left out", "what calls say is in no log", "log in your clients"),
    "modify_params": Note(
        "cannot", "is left out", "requests are not mended", "have clients send what the vendor takes"
    ),
    "ssl_verify": Note(
        "cannot", "is left out", "certificates are always checked", "set ca_file of the provider to your authority"
    ),
    "ssl_certificate": Note("changes", "is left out", "it is a provider's setting", "set client_cert of the provider"),
    "force_ipv4": Note("cannot", "is left out", "both kinds of addresses are tried", "use a resolver without IPv6"),
    "upperbound_key_generate_params": _NO_BUDGET,
    "default_internal_user_params": _NO_BUDGET,
    "default_key_generate_params": _NO_BUDGET,
    "default_team_params": _NO_BUDGET,
    "default_team_settings": _NO_BUDGET,
    "max_internal_user_budget": _NO_BUDGET,
    "internal_user_budget_duration": _NO_BUDGET,
    "key_generation_settings": _NO_BUDGET,
    "max_user_budget": _NO_BUDGET,
    "s3_callback_params": LOGGING,
    "datadog_params": LOGGING,
    "langfuse_default_tags": LOGGING,
    "default_vertex_config": Note("changes", "is left out", "project and location are a provider's", "set them there"),
    "callback_settings": LOGGING,
    "prometheus_initialize_budget_metrics": Note(
        "changes", "metrics have other names", "they are Headgate's own", "change dashboards: /metrics lists them"
    ),
    "custom_prometheus_metadata_labels": Note(
        "cannot", "is left out", "metrics have a bounded set of labels", "group by tag in the ledger"
    ),
    "disable_end_user_cost_tracking": Note(
        "changes", "end users are counted", "they are kept as a hash only", "do not send 'user'"
    ),
    "public_model_groups": NEEDLESS,
    "enable_json_schema_validation": Note("carries", "answers are checked against the JSON Schema asked for"),
    "allowed_fails": ROUTER["allowed_fails"],
    "default_in_memory_ttl": NEEDLESS,
    "default_redis_ttl": NEEDLESS,
    "user_url_validation": NEEDLESS,
    "return_response_headers": NEEDLESS,
    "require_auth_for_metrics_endpoint": Note("carries", "/metrics needs the scope 'metrics'"),
    "always_include_stream_usage": Note("carries", "usage is always asked for upstream"),
}

GENERAL = {
    "database_connection_pool_limit": NEEDLESS,
    "database_connection_timeout": NEEDLESS,
    "database_type": NEEDLESS,
    "allow_requests_on_db_unavailable": Note("carries", "calls go on without the database: keys are in memory"),
    "disable_spend_logs": Note("changes", "every attempt is a row of the ledger", "budgets stand on it", "nothing"),
    "disable_error_logs": NEEDLESS,
    "disable_prisma_schema_update": NEEDLESS,
    "store_prompts_in_spend_logs": Note(
        "cannot", "is left out", "what calls say is not kept", "keep it in your application"
    ),
    "maximum_spend_logs_retention_period": Note(
        "cannot", "is left out", "rows of the ledger are not deleted", "plan 0.5 KB an attempt"
    ),
    "proxy_batch_write_at": NEEDLESS,
    "proxy_budget_rescheduler_min_time": Note("carries", "is not needed: periods begin on time"),
    "proxy_budget_rescheduler_max_time": Note("carries", "is not needed: periods begin on time"),
    "use_redis_transaction_buffer": NEEDLESS,
    "background_health_checks": Note(
        "changes", "is left out", "how calls go tells how a target is", "set health of your own servers' providers"
    ),
    "health_check_interval": NEEDLESS,
    "health_check_details": NEEDLESS,
    "alerting": ALERTS,
    "alerting_args": ALERTS,
    "alerting_threshold": ALERTS,
    "alert_types": ALERTS,
    "alert_to_webhook_url": ALERTS,
    "spend_report_frequency": ALERTS,
    "key_management_system": _SECRETS,
    "key_management_settings": _SECRETS,
    "enable_jwt_auth": _ACCESS,
    "litellm_jwtauth": Note(
        "cannot", "is left out", "its claims are named otherwise", "write access.issuers by hand: docs/access.md"
    ),
    "enable_oauth2_auth": _ACCESS,
    "custom_auth": Note("cannot", "is left out", "code does not decide who comes in", "give callers keys or tokens"),
    "custom_key_generate": _ACCESS,
    "custom_sso": _ACCESS,
    "ui_access_mode": NEEDLESS,
    "allow_user_auth": _ACCESS,
    "allowed_ips": Note(
        "cannot", "is left out", "networks are a key's own here", "close the port; or give keys networks"
    ),
    "use_x_forwarded_for": Note(
        "changes", "is left out", "only proxies that are listed are believed", "set server.trusted_proxies"
    ),
    "public_routes": Note("cannot", "is left out", "nothing but health pages is open", "give its callers a key"),
    "admin_only_routes": Note("carries", "administration takes scopes that callers' keys have not"),
    "allowed_routes": Note("cannot", "is left out", "endpoints are a key's own here", "give keys endpoints"),
    "pass_through_endpoints": Note(
        "cannot", "is left out", "there are no pass-through routes", "leave these at LiteLLM, or call the vendor"
    ),
    "store_model_in_db": Note(
        "changes",
        "models are in headgate.yaml only",
        "what the system is, is declared in one file",
        "add what was made in LiteLLM's pages to headgate.yaml; what the database has is in this report",
    ),
    "store_model_in_db_encrypted": NEEDLESS,
    "litellm_key_header_name": Note(
        "cannot",
        "is left out",
        "keys come as 'Authorization: Bearer', 'x-api-key' or 'x-headgate-key'",
        "have the proxy in front copy that header to x-headgate-key",
    ),
    "user_header_name": Note(
        "cannot", "is left out", "the end user is in the body", "send 'user' or 'safety_identifier'"
    ),
    "enforce_user_param": Note("cannot", "is left out", "calls without an end user are taken", "check it in clients"),
    "infer_model_from_keys": NEEDLESS,
    "completion_model": Note("cannot", "is left out", "a request's model is the client's choice", "have clients ask"),
    "disable_master_key_return": NEEDLESS,
    "disable_retry_on_max_parallel_request_limit_error": Note(
        "carries", "is not needed: such calls wait in a queue or are refused"
    ),
    "disable_reset_budget": Note(
        "changes", "periods begin anew", "a budget has the period it says", "use budgets of the period total"
    ),
    "forward_client_headers_to_llm_api": Note(
        "changes", "headers the vendor knows are passed on", "others stay here", "set headers of the provider"
    ),
    "max_response_size_mb": NEEDLESS,
    "role_permissions": _ACCESS,
    "service_account_settings": _ACCESS,
    "control_plane_url": NEEDLESS,
    "default_team_disabled": NEEDLESS,
    "always_include_stream_usage": LITELLM["always_include_stream_usage"],
}

TOP = {
    "mcp_servers": TOOLS,
    "mcp_tools": TOOLS,
    "vector_store_registry": Note(
        "cannot", "is left out", "vector stores are the vendor's", "use the vendor's own API"
    ),
    "search_tools": Note("cannot", "is left out", "search is the vendor's tool", "use the vendor's own tool"),
    "files_settings": Note("cannot", "is left out", "files are not served yet", "use the vendor's own API"),
    "finetune_settings": Note("cannot", "is left out", "fine-tuning is not served", "use the vendor's own API"),
    "assistant_settings": Note("cannot", "is left out", "assistants are not served", "use the vendor's own API"),
    "prompts": Note("cannot", "is left out", "prompts are not kept here", "keep them in your application"),
    "policies": Note("cannot", "is left out", "guardrails are not configured by policies", "write a stage"),
    "policy_attachments": Note("cannot", "is left out", "guardrails are not configured by policies", "write a stage"),
    "agent_list": Note("cannot", "is left out", "agents are not served", "call them from your application"),
    "callback_settings": LOGGING,
    "default_vertex_config": LITELLM["default_vertex_config"],
    "cache_params": CACHE,
}
