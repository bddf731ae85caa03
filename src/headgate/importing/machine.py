"""What is the machine's own here, and was the configuration's elsewhere: credentials of the clouds, and the address."""

from __future__ import annotations

from headgate.importing.report import Report


def aws_keys(report: Report, place: str, or_else: str) -> None:
    """Tell of AWS keys in a configuration. `or_else` is what else can be done."""
    report.changes(
        "models",
        place,
        "its AWS keys are taken from AWS's own places",
        why="credentials of AWS come from the environment, the profile or the role of the machine",
        do=f"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or {or_else}",
    )


def aws_role(report: Report, place: str) -> None:
    """Tell of a role of AWS."""
    report.changes(
        "models",
        place,
        "is left to AWS's own configuration",
        why="roles are taken on by the AWS SDK",
        do="write a profile with role_arn and external_id, and name it as the provider's profile",
    )


def entra(report: Report, place: str) -> None:
    """Tell of a sign-in by Entra."""
    report.changes(
        "models",
        place,
        "signs in by Entra",
        why="tokens are fetched with the credentials of the machine, not with those of the configuration",
        do="set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET; pip install 'headgate[azure]'",
    )


def google_account(report: Report, place: str) -> None:
    """Tell of a Google service account that is written out."""
    report.changes(
        "models",
        place,
        "application default credentials are taken instead",
        why="a service account is read from a file here, and none is copied",
        do="write it to a file, and name that as credentials_file of the provider",
    )


def address(report: Report, port: int, why: str) -> None:
    """Tell where the server listens."""
    report.changes(
        "server",
        "address",
        f"is http://127.0.0.1:{port}",
        why=f"{why}, and a new server begins on loopback",
        do="set server.host and server.port; another port while both run, and server.hosts for your own host name",
    )
