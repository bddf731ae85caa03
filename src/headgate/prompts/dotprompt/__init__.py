"""Dotprompt files (https://google.github.io/dotprompt): read, checked, compiled, and rendered to typed messages.

Pure: it reads files, and knows nothing of configurations, storage or servers.
"""

from headgate.prompts.dotprompt.library import Library, load_folder, load_package, load_sources
from headgate.prompts.dotprompt.messages import Media, Message, Other, Part, Section, Text
from headgate.prompts.dotprompt.problem import (
    InputInvalid,
    Problem,
    PromptNotFound,
    PromptsInvalid,
    RenderRefused,
    RenderTooDeep,
    RenderTooLarge,
    RenderTooLong,
)
from headgate.prompts.dotprompt.prompt import Prompt, Rendered
from headgate.prompts.dotprompt.running import BOUNDS, Bounds

__all__ = [
    "BOUNDS",
    "Bounds",
    "InputInvalid",
    "Library",
    "Media",
    "Message",
    "Other",
    "Part",
    "Problem",
    "Prompt",
    "PromptNotFound",
    "PromptsInvalid",
    "RenderRefused",
    "RenderTooDeep",
    "RenderTooLarge",
    "RenderTooLong",
    "Rendered",
    "Section",
    "Text",
    "load_folder",
    "load_package",
    "load_sources",
]
