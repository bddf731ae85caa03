"""Reaching vendors: vendors as rows, credentials, transports, and the exchange that ends every attempt."""
