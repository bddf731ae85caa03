"""A budget that is used up is told in each client dialect's own words, so that SDKs neither mistake nor repeat it."""

from __future__ import annotations

import pytest

from headgate import dialects
from headgate.errors import BudgetExceeded, HeadgateError, QuotaExhausted, RateLimited

OPENAI = ("openai_chat", "openai_responses", "openai_completions", "openai_embeddings", "openai_input_tokens")


@pytest.mark.parametrize("dialect", OPENAI)
@pytest.mark.parametrize("kind", [QuotaExhausted, BudgetExceeded])
def test_openais_clients_are_told_of_a_quota(dialect: str, kind: type[HeadgateError]):
    told = dialects.get(dialect).encode_error(kind("The budget is used up."))["error"]
    assert (told["type"], told["code"]) == ("insufficient_quota", "insufficient_quota")


@pytest.mark.parametrize("dialect", OPENAI)
def test_a_limit_that_passes_is_no_quota(dialect: str):
    told = dialects.get(dialect).encode_error(RateLimited("Too many."))["error"]
    assert (told["type"], told["code"]) == ("rate_limit_error", "rate_limit_exceeded")


@pytest.mark.parametrize("dialect", ["anthropic_messages", "anthropic_count_tokens"])
def test_anthropics_are_told_as_of_its_own_spend_limits(dialect: str):
    """Which are of the type `rate_limit_error` too, with a code in `details` ("Rate limits", spend limits)."""
    told = dialects.get(dialect).encode_error(BudgetExceeded("The budget is used up."))["error"]
    assert (told["type"], told["details"]) == ("rate_limit_error", {"error_code": "insufficient_quota"})


@pytest.mark.parametrize("dialect", ["cohere_rerank"])
def test_coheres_documents_have_no_types(dialect: str):
    assert dialects.get(dialect).encode_error(BudgetExceeded("Used up.")) == {"message": "Used up."}
