"""The checklist of attacks on a gateway, learnt from what befell others, and where each is tried here: the files below
`tests/` and the names of their tests. What has nothing to be tried on yet says so; who builds that puts its tests here.

 1. SQL in keys and parameters: CVE-2026-42208, CVE-2025-45809, PYSEC-2026-1550
    server/test_attacks_on_keys: sql_instead_of_a_key, sql_in_every_parameter_of_every_list,
        sql_in_every_text_that_is_written, a_key_is_looked_up_without_asking_the_database
    unit/access/test_keys: sql_and_format_characters_in_a_token_reach_nothing
    server/test_admin_security: a_name_is_a_text_and_nothing_else, an_id_is_looked_up_and_nothing_else
 2. Host, Origin and targets that move the path: CVE-2026-49468, CVE-2026-34525
    server/test_attacks_on_paths: a_crafted_host, two_hosts, headers_that_name_another_host_or_path,
        an_absolute_target, a_crafted_target, a_method_that_is_another_in_lower_case
    server/test_who_may: no_way_of_writing_a_path_goes_around_its_scope,
        a_crafted_host_is_refused_before_anybody_is_looked_up, a_header_that_decides_who_calls_is_there_once
    server/test_admin_socket: a_crafted_path_reaches_nothing_else
    unit/server/test_guard: a_foreign_host_is_refused_however_it_is_written
 3. junk keys on another protocol, method or path: CVE-2026-59822
    server/test_attacks_on_keys: junk_where_a_key_should_be_on_every_route, without_authentication_nobody_administers,
        a_key_in_a_target_is_none, an_address_that_a_client_makes_up
    unit/access/test_keys: a_junk_bearer_is_nobody_rather_than_anonymous
    server/test_bad_input: a_websocket_attempt_is_answered_426_at_once
 4. keys that begin alike: CVE-2026-35030
    server/test_attacks_on_keys: two_keys_with_the_same_beginning, a_key_beside_another_key
    unit/access/test_workload_tokens: two_tokens_with_the_same_beginning_are_two_callers, forged_tokens
 5. admin routes, and keys that do more than their makers: CVE-2026-35029, CVE-2026-47101, CVE-2026-12795
    server/test_attacks_on_keys: every_admin_route_by_every_lesser_role, every_list_and_file_is_asked_for_its_head,
        a_configuration_is_changed_through_no_route, members_that_are_the_servers_to_set,
        a_key_minted_with_more_than_its_maker_has, a_key_is_used_on_after_it_was_revoked,
        keys_that_are_over_for_any_reason, a_request_is_held_open_until_its_key_is_revoked
    server/test_admin_routes: every_route_by_every_role, all_scopes_but_the_routes_own_are_not_enough
    server/test_admin_keys: a_lesser_key_makes_no_greater_one, a_limited_key_makes_limited_keys_only,
        a_rotation_gives_no_fresh_budget, nobody_gives_a_user_what_he_has_not, nobody_changes_their_own_roles
    server/test_admin_security: another_organisations_things_are_not_there, custom_roles_are_scopes_and_nothing_more
    unit/access/test_grants: the_first_thing_beyond_the_creator_is_named
    unit/access/test_sign_in: a_session_ends_however_much_it_is_used, a_session_that_was_ended_stays_ended
    unit/access/test_directory: a_revocation_holds_at_another_replica_within_a_second
 6. timing, and what others' calls leave behind: CVE-2022-31142, CVE-2026-85725, CVE-2025-46570
    server/test_attacks_on_keys: another_callers_answer_is_not_had_by_its_idempotency_key
    unit/access/test_keys: keys_are_compared_by_their_hash_alone, whatever_is_wrong_a_client_is_told_the_same
    unit/routing/test_once: keys_of_two_callers_have_nothing_to_do_with_each_other
    not here: cached answers: none are kept but by idempotency-key
 7. requests that say where the gateway goes: CVE-2024-6587, CVE-2026-108719, CVE-2025-56520
    server/test_attacks_on_egress: a_body_that_says_where_to_go, headers_that_say_where_to_go,
        a_form_that_says_where_to_go, a_form_in_which_the_vendor_finds_another_model,
        the_callers_key_goes_to_no_vendor, a_model_that_is_an_address, nothing_that_is_administered_is_asked,
        what_a_request_refers_to_is_not_fetched
    unit/checks/test_json_schema: a_schema_that_cannot_be_used_says_why
 8. ways around a guard: redirects, rebinding, crafted addresses: CVE-2026-43995, CVE-2026-47265
    server/test_attacks_on_egress: a_vendor_sends_us_elsewhere, a_token_that_says_where_its_keys_are,
        an_identity_provider_sends_us_elsewhere, an_identity_provider_at_a_crafted_address,
        a_provider_at_a_crafted_address, nobody_else_touches_the_network
    conformance/test_transport: a_redirect_is_an_answer_and_no_key_follows_it, cookies_are_not_kept,
        the_environment_names_no_proxy, a_foreign_name_is_a_tls_failure
    unit/access/test_fetch: nothing_else_is_asked, a_redirect_is_not_followed,
        whose_certificate_is_not_vouched_for_is_not_believed
    unit/access/test_sign_in: a_provider_that_misleads_is_not_used,
        what_a_provider_elsewhere_says_does_not_have_us_ask_this_machine
 9. vendors that attack: bombs, endless streams, huge heads: CVE-2025-66471, CVE-2026-22815, CVE-2026-34520
    conformance/test_transport: a_bomb_is_refused_at_the_limit, a_streamed_bomb_comes_in_small_pieces,
        endless_headers_are_refused, an_endless_body_is_refused_at_the_limit, broken_chunk_sizes_are_malformed
    server/test_hostile_vendor: a_stream_that_never_says_anything_is_given_up,
        control_characters_of_a_vendor_do_not_break_the_answer, what_a_browser_would_run_is_not_passed_on
    unit/providers/test_provider: what_a_vendor_cannot_have_meant_to_tell_is_left_out
10. templates: CVE-2026-42203, CVE-2025-27516
    not here: there are no templates: prompts are what clients send
11. code that a request brings: CVE-2026-40217, CVE-2026-42271
    unit/config/test_secrets: commands_are_refused_unless_the_configuration_allows_them, a_reload_cannot_allow_commands,
        a_command_gets_words_and_no_shell, a_list_of_prices_runs_nothing
    not here: no request brings code, and a user's own stages and commands are named by the operator's file alone
12. smuggled requests: CVE-2025-43859, CVE-2026-69216
    server/test_attacks_on_framing: a_request_hidden_behind_another, a_request_behind_one_that_ends_where_it_says,
        a_coding_told_twice, a_request_in_a_body_nobody_reads, many_requests_in_one_go_are_each_their_own_callers
    unit/providers/http1/test_messages: framing_that_contradicts_itself_is_malformed, broken_chunks_are_malformed
13. line ends and control characters: CVE-2026-34514, CVE-2026-50269
    server/test_attacks_on_texts: a_model_that_ends_a_line, a_member_that_ends_a_line,
        a_name_of_a_member_that_ends_a_line, a_header_that_ends_a_line, a_path_or_a_query_that_ends_a_line,
        a_text_of_the_admin_api_that_cannot_be_seen, what_calls_say_is_one_line_of_every_log_and_file
    conformance/test_transport: line_breaks_in_header_values_are_refused_and_not_shown
    unit/audit/test_attacks: a_log_line_is_injected, a_checkpoint_is_forged_by_a_newline_in_the_origin
14. bodies without bound, and such as two read in two ways: CVE-2024-47874, CVE-2024-27454, PYSEC-2026-1545
    server/test_attacks_on_framing: a_value_two_could_read_in_two_ways, a_body_two_could_read_in_two_ways,
        a_value_the_admin_api_chokes_on, a_body_with_very_many_members, a_compressed_bomb,
        a_coding_told_twice_hides_no_bomb, a_body_that_is_too_long, heads_that_are_too_long,
        a_form_that_takes_long_to_read, a_body_that_stops, a_body_that_drips, a_head_that_drips, many_bodies_at_once
    unit/dialects/test_multipart: what_two_could_read_in_two_ways_is_refused, a_boundary_is_told_once
    server/test_bad_input: a_bad_body_is_a_4xx_that_says_what,
        a_body_over_the_limit_is_413_by_its_length_and_by_its_bytes
    server/test_admin_security: a_body_two_could_read_in_two_ways_is_refused,
        a_query_two_could_read_in_two_ways_is_refused
15. patterns that take for ever: CVE-2025-53539, CVE-2024-24762, CVE-2025-62727
    server/test_attacks_on_framing: a_content_type_that_takes_long_to_read
    not here: no request brings a pattern, and there are no detectors yet
16. other sites' pages: CVE-2025-66416, CVE-2026-11624
    server/test_bad_input: a_foreign_host_or_origin_is_refused, what_a_browsers_form_can_send_is_refused
    server/test_admin_socket: a_browser_that_was_tricked_is_refused
    not here: there are no pages and no cookies
17. scripts, formulas and escape sequences in what is stored: CVE-2026-109288
    server/test_admin_security: a_statement_and_an_export_hold_no_formulas, a_name_in_json_can_hurt_no_reader
    unit/cli/test_admin_commands: a_name_does_nothing_to_a_terminal, an_export_does_nothing_to_a_terminal
    not here: there are no pages: everything is JSON, CSV or text, and never sniffed
18. what a page loads by itself: CVE-2025-32711
    not here: there are no pages
19. secrets in logs, errors, metrics, lists, traces: CVE-2024-9606, CVE-2025-11203
    server/test_attacks_on_secrets: a_secret_is_looked_for_everywhere, what_probes_see_without_a_key,
        the_only_answer_that_holds_a_key_is_the_one_that_makes_it, what_is_written_is_the_owners_to_read,
        a_stack_trace_is_for_the_log, a_stack_trace_in_the_middle_of_a_stream, every_command_is_asked_for_a_secret,
        a_mistake_in_the_configuration_does_not_tell_a_secret
    e2e/test_rotating_secrets: secrets_are_told_to_nobody
    unit/config/test_secrets: a_command_that_gives_nothing_is_told_without_what_it_printed
    server/test_attacks_on_keys: a_stored_hash_or_hint_is_no_key
    server/test_hostile_vendor: a_credential_in_an_error_document_stays_here_however_spelt,
        a_credential_in_a_streams_error_stays_here
    server/test_admin_security: no_secret_is_in_an_answer_a_log_or_the_audit_log,
        a_database_that_is_away_is_told_without_its_address
    unit/cli/test_storing: every_command_works_on_postgres_and_shows_no_password
20. ids that are paths: CVE-2024-37032
    server/test_attacks_on_paths: an_id_that_is_a_path_of_the_admin_api, a_month_that_is_something_else,
        an_id_of_a_response_that_is_a_path, what_follows_the_id_of_a_response_climbs, a_model_that_is_a_path,
        the_list_of_models_is_no_list_of_files
    server/test_account_ids: a_bare_or_made_up_id_is_not_found, another_organisations_id_is_not_found
    unit/providers/test_provider: a_path_that_climbs_out_is_refused
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

ABOUT_THE_TESTS = {"who_touches_the_network_is_seen", "what_does_not_is_not"}


def listed() -> dict[int, dict[str, set[str]]]:
    """The names of tests by item and file, as this file's own text has them."""
    found: dict[int, dict[str, set[str]]] = {}
    assert __doc__ is not None
    for number, text in re.findall(r"^ *(\d+)\. (.*?)(?=^ *\d+\. |\Z)", __doc__, re.MULTILINE | re.DOTALL):
        lines = re.findall(r"^    (\S.*?): (.*?)(?=^    \S|\Z)", text, re.MULTILINE | re.DOTALL)
        found[int(number)] = {file: set(re.split(r",\s+", names.strip())) for file, names in lines}
    return found


def tried_in(file: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def test_(\w+)", (TESTS / f"{file}.py").read_text(), re.MULTILINE))


def test_the_list_is_whole():
    assert [*listed()] == [*range(1, 21)]
    assert all(listed().values())


@pytest.mark.parametrize("item", listed())
def test_what_is_listed_is_tried(item: int):
    for file, names in listed()[item].items():
        assert file == "not here" or names <= tried_in(file), file


@pytest.mark.parametrize("file", sorted(path.stem for path in Path(__file__).parent.glob("test_attacks_on_*.py")))
def test_what_is_tried_is_listed(file: str):
    names = {name for item in listed().values() for name in item.get(f"server/{file}", ())}
    assert tried_in(f"server/{file}") - names <= ABOUT_THE_TESTS
