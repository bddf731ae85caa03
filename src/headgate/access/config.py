"""The `access:` block of `headgate.yaml`: roles of one's own, and who else may vouch for callers and people."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures (RFC 7518, RFC 8037) whose verifying key is no secret. `none` and the `HS…` are not to be had."""

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""A string that is never shown: not in a repr, a log or an error."""

Seconds = Annotated[int, msgspec.Meta(ge=60, le=31_536_000)]


class ClaimsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which claims say whom a token's calls are for. A claim inside another is written `outer/inner`."""

    team: str | None = None
    """Claim that holds the id or the name of a team. A token without it, or with an unknown team, is refused."""
    project: str | None = None
    """Claim that holds the id or the name of a project; likewise."""
    roles: str | None = None
    """Claim that holds a name or a list of names, which `grants` turns into roles."""


class IssuerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who signs tokens for workloads, to be taken as keys are. Either `jwks_url` or `keys_file` is given."""

    issuer: Annotated[str, msgspec.Meta(pattern=r"^[^#\s]{1,512}$")]
    """What the token's `iss` has to be, to the letter: `https://token.actions.githubusercontent.com`."""
    audience: Annotated[list[str], msgspec.Meta(min_length=1)]
    """What its `aud` may be: names for this gateway, agreed on with the issuer."""
    jwks_url: str | None = None
    """Where its keys are, as https: fetched at the start, every few minutes, and when a new one turns up."""
    keys_file: str | None = None
    """File of its keys: a JSON Web Key Set, or one public key or certificate as PEM."""
    ca_file: str | None = None
    """PEM file of authorities trusted beside the system's, for `jwks_url`."""
    algorithms: Annotated[list[Algorithm], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["RS256", "ES256"]
    )
    """Signatures that are taken."""
    organisation: str = "default"
    """Whose callers these are."""
    require: dict[str, list[str]] = {}
    """Claims that have to be there with one of these values: `{repository_owner: [acme]}`. An issuer that signs for
    others too vouches for all of them otherwise."""
    claims: ClaimsConfig = ClaimsConfig()
    """Which claims say whom calls are for."""
    roles: list[str] = msgspec.field(default_factory=lambda: ["caller"])
    """What every token of this issuer may do."""
    grants: dict[str, list[str]] = {}
    """Further roles by a value of the claim `claims.roles` names."""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["call"])
    """The most any of its tokens may do, whatever its roles."""
    models: list[str] | None = None
    """Models its tokens may use: names, or patterns that end in `*`. All by default."""
    max_age_s: Seconds = 86_400
    """How long after its issue a token is taken at the most, whatever its `exp` says."""


class SignInConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People signing in by OpenID Connect."""

    issuer: str
    """The identity provider, as https: `https://login.example.com/realms/acme`."""
    client_id: str
    """What it calls this gateway."""
    client_secret: Secret | None = None
    """What the gateway shows it; none for a public client."""
    redirect_uri: Annotated[str, msgspec.Meta(pattern=r"^https?://[^/?#]+/auth/callback$")]
    """Where it sends people back to, exactly as registered there: `https://gate.example.com/auth/callback`."""
    ca_file: str | None = None
    """PEM file of authorities trusted beside the system's."""
    algorithms: Annotated[list[Algorithm], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["RS256", "ES256"]
    )
    """Signatures of its id tokens that are taken."""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "profile", "email"])
    """What it is asked for."""
    groups: str = "groups"
    """Claim of the id token that holds the names of a person's groups."""
    grants: dict[str, list[str]] = {}
    """Roles by group."""
    roles: list[str] = []
    """Roles of everybody who can sign in there. Who ends up without any is turned away."""
    organisation: str = "default"
    """Whose people these are."""
    idle_s: Seconds = 3600
    """A session ends that long after it was last used."""
    absolute_s: Seconds = 43_200
    """And that long after the sign-in at the latest."""

    def __repr__(self) -> str:
        return f"SignInConfig(issuer={self.issuer!r}, client_id={self.client_id!r}, client_secret=***)"


class AccessConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what, beside the keys made through the admin API."""

    roles: dict[str, list[str]] = {}
    """Roles of one's own: a name, and the scopes it stands for."""
    issuers: list[IssuerConfig] = []
    """Whose signed tokens are taken from workloads in place of keys."""
    sign_in: SignInConfig | None = None
    """Where people sign in. None by default: administration is by keys."""
