-- A small database as LiteLLM's proxy has it, with the tables and columns that are looked at. All rows are made up.

CREATE TABLE "LiteLLM_BudgetTable" (
    budget_id text PRIMARY KEY, max_budget double precision, soft_budget double precision, max_parallel_requests integer,
    tpm_limit bigint, rpm_limit bigint, tpd_limit bigint, model_max_budget jsonb, budget_duration text,
    budget_reset_at timestamp(3), created_at timestamp(3) NOT NULL DEFAULT now(), created_by text NOT NULL DEFAULT 'x'
);
CREATE TABLE "LiteLLM_OrganizationTable" (
    organization_id text PRIMARY KEY, organization_alias text NOT NULL, budget_id text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}', models text[], spend double precision NOT NULL DEFAULT 0
);
CREATE TABLE "LiteLLM_TeamTable" (
    team_id text PRIMARY KEY, team_alias text, organization_id text, metadata jsonb NOT NULL DEFAULT '{}',
    max_budget double precision, soft_budget double precision, spend double precision NOT NULL DEFAULT 0, models text[],
    max_parallel_requests integer, tpm_limit bigint, rpm_limit bigint, budget_duration text, budget_reset_at timestamp(3),
    blocked boolean NOT NULL DEFAULT false, model_id integer, created_at timestamp(3) NOT NULL DEFAULT now()
);
CREATE TABLE "LiteLLM_UserTable" (
    user_id text PRIMARY KEY, user_alias text, user_email text, user_role text, sso_user_id text,
    teams text[] DEFAULT '{}', max_budget double precision, spend double precision NOT NULL DEFAULT 0, models text[],
    max_parallel_requests integer, tpm_limit bigint, rpm_limit bigint, budget_duration text, budget_reset_at timestamp(3)
);
CREATE TABLE "LiteLLM_VerificationToken" (
    token text PRIMARY KEY, key_name text, key_alias text, spend double precision NOT NULL DEFAULT 0,
    expires timestamp(3), models text[], aliases jsonb NOT NULL DEFAULT '{}', config jsonb NOT NULL DEFAULT '{}',
    user_id text, team_id text, permissions jsonb NOT NULL DEFAULT '{}', max_parallel_requests integer,
    metadata jsonb NOT NULL DEFAULT '{}', blocked boolean, tpm_limit bigint, rpm_limit bigint,
    max_budget double precision, budget_duration text, budget_reset_at timestamp(3), allowed_routes text[] DEFAULT '{}',
    model_max_budget jsonb NOT NULL DEFAULT '{}', budget_id text, organization_id text,
    created_at timestamp(3) DEFAULT now(), auto_rotate boolean DEFAULT false
);
CREATE TABLE "LiteLLM_TeamMembership" (
    user_id text, team_id text, spend double precision NOT NULL DEFAULT 0, budget_id text, PRIMARY KEY (user_id, team_id)
);
CREATE TABLE "LiteLLM_EndUserTable" (
    user_id text PRIMARY KEY, alias text, spend double precision NOT NULL DEFAULT 0, allowed_model_region text,
    default_model text, budget_id text, blocked boolean NOT NULL DEFAULT false
);
CREATE TABLE "LiteLLM_ModelTable" (id integer PRIMARY KEY, aliases jsonb);
CREATE TABLE "LiteLLM_ProxyModelTable" (model_id text PRIMARY KEY, model_name text NOT NULL, litellm_params jsonb);

INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, soft_budget, budget_duration, rpm_limit) VALUES
    ('soft', NULL, 3, NULL, NULL), ('org', 500, NULL, '30d', 1000), ('member', 20, NULL, '14d', NULL),
    ('customer', 9.99, NULL, '1mo', NULL);
INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id, models, spend) VALUES
    ('o-1', 'Acme', 'org', '{}', 12.5);
INSERT INTO "LiteLLM_TeamTable"
    (team_id, team_alias, organization_id, max_budget, spend, models, tpm_limit, budget_duration, blocked, model_id) VALUES
    ('t-research', 'Research', 'o-1', 100, 12.5, '{chat,"small-*"}', 100000, '30d', false, 7),
    ('t-apps', 'Apps', NULL, NULL, 0.75, '{}', NULL, NULL, false, NULL),
    ('t-gone', 'Gone', NULL, NULL, 0, '{}', NULL, NULL, true, NULL);
INSERT INTO "LiteLLM_UserTable" (user_id, user_alias, user_email, user_role, max_budget, spend, models, budget_duration) VALUES
    ('ada', 'Ada', 'ada@example.com', 'internal_user', 5, 1.25, '{}', '7d'),
    ('root', NULL, 'not an address', 'proxy_admin', NULL, 0, '{}', NULL);
-- The keys are sk-research, sk-ada, sk-apps, sk-blocked, sk-expired, sk-gone and, not hashed, plain-key.
INSERT INTO "LiteLLM_VerificationToken"
    (token, key_name, key_alias, spend, expires, models, user_id, team_id, max_budget, budget_duration, rpm_limit,
     max_parallel_requests, metadata, blocked, allowed_routes, budget_id, aliases) VALUES
    (encode(sha256('sk-research'), 'hex'), 'sk-...arch', 'research', 10.1 + 0.2, NULL, '{chat,other}', 'ada', 't-research',
     25, '1d', 60, NULL, '{"tags": ["batch"]}', NULL, '{}', NULL, '{}'),
    (encode(sha256('sk-ada'), 'hex'), 'sk-...-ada', 'ada', 0.5, NULL, '{}', 'ada', NULL, 2, '12h', NULL, 4, '{}', false,
     '{}', NULL, '{"gpt": "chat"}'),
    (encode(sha256('sk-apps'), 'hex'), 'sk-...apps', NULL, 0.75, '2099-01-01', '{all-team-models}', 'ada', 't-apps', NULL,
     NULL, NULL, NULL, '{"owner": "apps"}', false, '{/v1/embeddings,/key/info}', 'soft', '{}'),
    (encode(sha256('sk-blocked'), 'hex'), 'sk-...cked', 'blocked', 0, NULL, '{}', NULL, 't-apps', NULL, NULL, NULL, NULL,
     '{}', true, '{}', NULL, '{}'),
    (encode(sha256('sk-expired'), 'hex'), 'sk-...ired', 'expired', 0, '2020-01-01', '{}', NULL, NULL, NULL, NULL, NULL, NULL,
     '{}', NULL, '{}', NULL, '{}'),
    (encode(sha256('sk-gone'), 'hex'), 'sk-...gone', 'gone', 0, NULL, '{}', NULL, 't-gone', 0, NULL, NULL, NULL, '{}', NULL,
     '{}', NULL, '{}'),
    ('plain-key', 'plain-key', 'plain', 0, NULL, '{no-default-models}', NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL,
     '{}', NULL, '{}'),
    ('d41d8cd98f00', 'sk-...page', 'page session', 0, NULL, '{}', 'root', 'litellm-dashboard', NULL, NULL, NULL, NULL,
     '{}', NULL, '{}', NULL, '{}');
INSERT INTO "LiteLLM_TeamMembership" VALUES ('ada', 't-research', 10.3, 'member');
INSERT INTO "LiteLLM_EndUserTable" (user_id, spend, budget_id, blocked, default_model) VALUES
    ('jo', 4.2, 'customer', false, NULL), ('eve', 0, NULL, true, 'small-1');
INSERT INTO "LiteLLM_ModelTable" VALUES (7, '{"best": "chat"}');
INSERT INTO "LiteLLM_ProxyModelTable" VALUES ('0123456789', 'made-in-pages', '{"model": "c2VjcmV0"}');
