"""The tamper-evident record of who did what, or tried."""

from __future__ import annotations

from headgate.audit.checkpoints import Checkpoint
from headgate.audit.errors import Disproved, Malformed, NotSigned, Tampered
from headgate.audit.keys import load_signer
from headgate.audit.listing import Listed, Query, listed
from headgate.audit.log import AuditLog
from headgate.audit.notes import Signer, Verifier
from headgate.audit.recorder import Recorder, audit_id
from headgate.audit.report import Finding, Report
from headgate.audit.sink import AuditSink
from headgate.audit.verify import verify, verify_export

__all__ = [
    "AuditLog",
    "AuditSink",
    "Checkpoint",
    "Disproved",
    "Finding",
    "Listed",
    "Malformed",
    "NotSigned",
    "Query",
    "Recorder",
    "Report",
    "Signer",
    "Tampered",
    "Verifier",
    "audit_id",
    "listed",
    "load_signer",
    "verify",
    "verify_export",
]
