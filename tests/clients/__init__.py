"""Twelve clients that people use, each against a running Headgate: `make clients`."""
