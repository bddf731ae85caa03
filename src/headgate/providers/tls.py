"""How a provider's server is told to be the right one, and how we show who we are."""

from __future__ import annotations

import ssl

from headgate.errors import ConfigError
from headgate.providers.transport import TransportOptions


def tls_context(options: TransportOptions) -> ssl.SSLContext:
    """A client's TLS context: the system's authorities, and those of `ca_file` beside them.

    Raises:
        ConfigError: a file cannot be read or is not what it should be. Its name is not told: in its place there may be
            the key itself.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if options.ca_file:
        try:
            context.load_verify_locations(options.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError([f"ca_file cannot be used: {error}"]) from error
    if options.client_key and not options.client_cert:
        raise ConfigError(["client_key needs client_cert beside it"])
    if options.client_cert:
        try:
            context.load_cert_chain(options.client_cert, options.client_key)
        except OSError as error:
            raise ConfigError([f"client_cert cannot be used: {error}"]) from error
    return context
