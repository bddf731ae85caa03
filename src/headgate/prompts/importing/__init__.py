"""Prompts of other tools made into Dotprompt files, with what could not be taken over told by its line."""

from headgate.prompts.importing.importer import KINDS, import_prompt
from headgate.prompts.importing.jinja import BadTemplate, handlebars
from headgate.prompts.importing.written import Field, Imported, Note

__all__ = ["KINDS", "BadTemplate", "Field", "Imported", "Note", "handlebars", "import_prompt"]
