"""What an attempt can cost at most, before it is made.

The theorem: a usage of no more than so many prompt tokens, output tokens, web searches and search units costs no more
than the bound, whatever its tokens turn out to be. It takes for granted that the vendor charges by the price at hand,
counts each token of the prompt in one category, and counts reasoning among the output.
"""

from __future__ import annotations

from headgate.catalog.cost import Price, Table


def upper_bound(
    price: Price, prompt_tokens: int, output_tokens: int, web_searches: int = 0, search_units: int = 0
) -> int | None:
    """Picodollars no usage within these counts can exceed; None where a price that is needed for it is not known.

    Every token of the prompt is taken for the dearest kind there is a price for, cached, written, sound and images
    included; so is every token of the output, and of the tiers the prompt can reach the dearest counts.
    """
    most = _at(price.flat, prompt_tokens, output_tokens, web_searches, search_units)
    for start, table in price.tables:
        if most is None:
            return None
        if prompt_tokens > start:
            here = _at(table, prompt_tokens, output_tokens, web_searches, search_units)
            most = None if here is None else max(most, here)
    return most


def _at(table: Table, prompt_tokens: int, output_tokens: int, web_searches: int, search_units: int) -> int | None:
    total = table.per_request * (search_units or 1)
    if prompt_tokens:
        if table.dearest_input is None:
            return None
        total += prompt_tokens * table.dearest_input
    if output_tokens:
        if table.dearest_output is None:
            return None
        total += output_tokens * table.dearest_output
    if web_searches:
        if table.web_search is None:
            return None
        total += web_searches * table.web_search
    return -(-total // table.denominator)
