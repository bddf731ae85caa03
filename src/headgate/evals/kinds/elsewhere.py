"""Kinds of assertions that others have and there are not here: why, and what to write in their place."""

from __future__ import annotations

from collections.abc import Mapping

_PYTHON = "write it in Python, as 'python: file.py:function'"
_CODE = f"it runs a language this does not; {_PYTHON}"
_TRACES = f"it looks at a trace, and this at answers; 'tool-called' and 'tool-sequence' look at calls, or {_PYTHON}"
_PARSED = f"it needs a parser of that language; {_PYTHON}"
_LIKE = f"'rouge-n', 'rouge-l', 'bleu' and 'levenshtein' compare words, or {_PYTHON}"
_JUDGED = "ask a judge, as 'rubric: what it has to meet'"
_PROBABILITIES = "it needs the probabilities of tokens, which most vendors do not give; leave it out"
_CONTEXT = "it looks at what was found for an answer; 'faithfulness' looks whether the answer keeps to that"
_SEVERAL = "it chooses among answers of several models; 'headgate eval compare' holds their runs against each other"

ELSEWHERE: Mapping[str, str] = {
    "javascript": _CODE,
    "ruby": _CODE,
    "webhook": f"it would send answers to an address; {_PYTHON}",
    "perplexity": _PROBABILITIES,
    "perplexity-score": _PROBABILITIES,
    "is-sql": _PARSED,
    "contains-sql": _PARSED,
    "is-xml": _PARSED,
    "contains-xml": _PARSED,
    "is-html": _PARSED,
    "contains-html": _PARSED,
    "gleu": _LIKE,
    "meteor": _LIKE,
    "f-score": f"it is of several answers together; {_PYTHON}",
    "classifier": _JUDGED,
    "moderation": _JUDGED,
    "pi": _JUDGED,
    "search-rubric": _JUDGED,
    "agent-rubric": _JUDGED,
    "conversation-relevance": "'relevance' looks at the answer to the last question",
    "context-recall": _CONTEXT,
    "context-relevance": _CONTEXT,
    "select-best": _SEVERAL,
    "max-score": _SEVERAL,
    "guardrails": "what a vendor held back ends with 'finish-reason: content_filter'",
    "skill-used": _TRACES,
    "trace-span-count": _TRACES,
    "trace-span-duration": _TRACES,
    "trace-error-spans": _TRACES,
    "trajectory:tool-used": "it is called 'tool-called'",
    "trajectory:tool-sequence": "it is called 'tool-sequence'",
    "trajectory:tool-args-match": "it is called 'tool-called', with a JSON Schema of the arguments",
    "trajectory:step-count": _TRACES,
    "trajectory:goal-success": _JUDGED,
}
