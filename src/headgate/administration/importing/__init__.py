"""Taking over what another gateway administered: who there is, their keys by digest, rules, and what was spent.

Everything has the id it had there, from which ours follows: importing the same again changes nothing. What is there
already stays as it is, except that a key, a team or a project that was blocked there since is out of use here too, and
that what was spent is brought up to what it is there now.
"""

from __future__ import annotations

from headgate.administration.importing.ids import Ids
from headgate.administration.importing.imports import Imports
from headgate.administration.importing.requests import (
    KINDS,
    ImportedBudget,
    ImportedKey,
    ImportedLimit,
    ImportedProject,
    ImportedSpend,
    ImportedTeam,
    ImportedUser,
    ImportMade,
    NewImport,
)

__all__ = [
    "KINDS",
    "Ids",
    "ImportMade",
    "ImportedBudget",
    "ImportedKey",
    "ImportedLimit",
    "ImportedProject",
    "ImportedSpend",
    "ImportedTeam",
    "ImportedUser",
    "Imports",
    "NewImport",
]
