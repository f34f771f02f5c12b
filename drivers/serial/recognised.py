"""Waiting on a console for a prompt that nobody declared: its shape is in `drivers/prompts.py`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.prompts import Prompt, PromptKind, prompt_in
from drivers.serial.port import Awaited

_WHOLE_LINE = re.compile(r"[^\n]+")


def any_opens(prompt: Prompt) -> bool:
    """Accept each prompt at which commands can be given."""
    return prompt.opens


def is_of_system(prompt: Prompt) -> bool:
    """Accept the prompt of a shell that shows a folder or a host: no bootloader has such a prompt."""
    return prompt.kind is PromptKind.SHELL and prompt.text.strip() not in ("#", "$", "%", "->")


@dataclass(frozen=True)
class RecognisedPrompt(Awaited):
    """A prompt by its shape, as the last thing printed, quiet for `settle` seconds."""

    accepts: Callable[[Prompt], bool] = field(default=any_opens)

    def find(self, text: str) -> re.Match[str] | None:
        """Return the last line, where it has the shape of an accepted prompt."""
        start = text.rfind("\n") + 1
        prompt = prompt_in(text[start:])
        return _WHOLE_LINE.match(text, start) if prompt is not None and self.accepts(prompt) else None


def recognised(settle: float, accepts: Callable[[Prompt], bool] = any_opens) -> RecognisedPrompt:
    """Wait for a prompt of any device."""
    return RecognisedPrompt(_WHOLE_LINE, settle, accepts)
