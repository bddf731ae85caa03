"""Every error Headgate raises on purpose.

    HeadgateError
    ├── ConfigError                   the configuration cannot be used (one line per mistake)
    ├── BadRequest                    400  the caller's request is wrong
    │   ├── Unsupported               400  the target cannot do what the request asks
    │   ├── ContextTooLong            400  more tokens than the model, or the account at once, takes
    │   └── ContentFiltered           400  the vendor's own filter refused
    ├── Unauthenticated               401  no or wrong key for Headgate
    ├── Forbidden                     403  the key lacks a scope, Host or Origin is foreign
    ├── NotFound                      404  unknown model, route or id
    ├── MethodNotAllowed              405
    ├── RequestTimeout                408  the client stopped sending its request
    ├── Conflict                      409
    ├── PayloadTooLarge               413
    ├── UnsupportedMediaType          415
    ├── UpgradeRequired               426  a WebSocket attempt where there is only HTTP
    ├── RateLimited                   429  too many requests, here or at the vendor
    ├── QuotaExhausted                429  money or credit is gone; waiting does not help
    │   └── BudgetExceeded            429  one of our own budgets has not enough left
    ├── Cancelled                     499  the client went away
    ├── InternalError                 500  a defect of Headgate
    ├── Overloaded                    503  no capacity now
    ├── StoreUnavailable              503  Headgate's own database or counters cannot be reached
    └── UpstreamError                 502  the vendor's side failed
        ├── ConnectionFailed          502  (DnsFailed, TlsFailed)
        ├── ServerError               502  the vendor answered 5xx
        ├── UpstreamAuth              502  the vendor refused Headgate's credential
        ├── MalformedOutput           502  the vendor's answer cannot be understood
        └── Timeout                   504  connect, first token, stall or total

`status`, `code`, `retryable` and `safe` are class attributes; the default is not retryable and not shown. An error
that is not `safe` reaches a client with its class's `public_message` only. Events and ledger rows carry `code`,
never the exception.
"""

from __future__ import annotations

from typing import ClassVar


class HeadgateError(Exception):
    """Base of all errors. `message` says what happened, on what, and what to do."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False
    safe: ClassVar[bool] = False
    public_message: ClassVar[str] = "Headgate failed to handle this request. The operator's log has the details."

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        upstream_status: int | None = None,
        upstream_body: UpstreamBody | None = None,
        may_be_billed: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        """The request's field at fault, as the client would write it: `messages[2].content`."""
        self.retry_after_s = retry_after_s
        self.upstream_status = upstream_status
        self.upstream_body = upstream_body
        self.may_be_billed = may_be_billed
        """The vendor was given the whole request and did not say no: it may have done the work."""
        self.note = ""
        """What else a client is told of it."""
        self.tried = ""
        """What a client is told of the attempts there were."""
        self.fresh_key = False
        """The provider has another key that was not refused: worth trying at once."""

    @property
    def shown(self) -> str:
        """The text a client may see."""
        text = self.message if self.safe else self.public_message
        return " ".join([part for part in (text, self.note, self.tried) if part])


class UpstreamBody:
    """A vendor's own error document, kept so that a client of the same dialect can be given it as it came."""

    __slots__ = ("dialect", "raw")

    def __init__(self, dialect: str, raw: bytes) -> None:
        self.dialect = dialect
        self.raw = raw


class ConfigError(HeadgateError):
    """The configuration cannot be used. `problems` holds one `file:line: path: what, what to write` each."""

    code = "config_error"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class BadRequest(HeadgateError):
    status = 400
    code = "invalid_request"
    safe = True


class Unsupported(BadRequest):
    """The request asks for what the target's dialect or model cannot do; `param` names the field."""

    code = "unsupported"


class ContextTooLong(BadRequest):
    code = "context_length_exceeded"


class ContentFiltered(BadRequest):
    code = "content_filter"


class Unauthenticated(HeadgateError):
    status = 401
    code = "invalid_api_key"
    safe = True


class Forbidden(HeadgateError):
    status = 403
    code = "permission_denied"
    safe = True


class NotFound(HeadgateError):
    status = 404
    code = "not_found"
    safe = True


class ModelNotFound(NotFound):
    """The model is unknown, or not this key's to use: a client cannot tell which."""

    code = "model_not_found"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model '{model}' does not exist or you do not have access to it. GET /v1/models lists yours.",
            param="model",
        )


class MethodNotAllowed(HeadgateError):
    status = 405
    code = "method_not_allowed"
    safe = True


class RequestTimeout(HeadgateError):
    status = 408
    code = "request_timeout"
    safe = True


class Conflict(HeadgateError):
    status = 409
    code = "conflict"
    safe = True


class PayloadTooLarge(HeadgateError):
    status = 413
    code = "request_too_large"
    safe = True


class UnsupportedMediaType(HeadgateError):
    status = 415
    code = "unsupported_media_type"
    safe = True


class UpgradeRequired(HeadgateError):
    status = 426
    code = "upgrade_required"
    safe = True


class RateLimited(HeadgateError):
    status = 429
    code = "rate_limit_exceeded"
    retryable = True
    safe = True


class QuotaExhausted(HeadgateError):
    status = 429
    code = "insufficient_quota"
    safe = True


class BudgetExceeded(QuotaExhausted):
    """One of our own budgets has not enough left for an attempt at this target."""


class Cancelled(HeadgateError):
    status = 499
    code = "cancelled"
    safe = True


class InternalError(HeadgateError):
    pass


class Overloaded(HeadgateError):
    status = 503
    code = "overloaded"
    retryable = True
    safe = True


class StoreUnavailable(HeadgateError):
    """The database or the counters cannot be reached, and what was asked for cannot be done without."""

    status = 503
    code = "store_unavailable"
    retryable = True
    public_message = "The gateway's own storage cannot be reached; try again."


class UpstreamError(HeadgateError):
    status = 502
    code = "upstream_error"
    public_message = "The model's provider failed to answer."


class ConnectionFailed(UpstreamError):
    code = "connection_failed"
    retryable = True
    public_message = "The model's provider cannot be reached."


class DnsFailed(ConnectionFailed):
    code = "dns_failed"


class TlsFailed(ConnectionFailed):
    code = "tls_failed"


class ServerError(UpstreamError):
    code = "server_error"
    retryable = True
    public_message = "The model's provider answered with a server error."


class UpstreamAuth(UpstreamError):
    """The vendor refused Headgate's own credential: the operator's to mend, so never a 401 for the client."""

    code = "upstream_auth"
    public_message = "The model's provider refused the gateway's credential. The operator has to mend it."


class MalformedOutput(UpstreamError):
    code = "malformed_output"
    retryable = True
    public_message = "The model's provider sent an answer that cannot be understood."


class Timeout(UpstreamError):
    status = 504
    code = "timeout"
    retryable = True
    public_message = "The model's provider did not answer in time."


def error_of(code: str) -> type[HeadgateError]:
    """The class of errors with that code; `ServerError` where there is none."""
    return _by_code(HeadgateError).get(code, ServerError)


def _by_code(kind: type[HeadgateError]) -> dict[str, type[HeadgateError]]:
    found: dict[str, type[HeadgateError]] = {}
    for each in kind.__subclasses__():
        found |= _by_code(each)
        if each not in (ModelNotFound, BudgetExceeded):  # made from no message; of the code of its base
            found[each.code] = each
    return found
