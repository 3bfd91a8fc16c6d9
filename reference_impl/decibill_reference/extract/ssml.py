"""The characters of a text or SSML that Azure AI Speech bills (rule `azure_ssml`).

Every code point of what was sent counts once, markup included, and an ideograph twice; kana and hangul are no
ideographs. The tags of `speak` and `voice` are free, with their attributes.

https://github.com/MicrosoftDocs/azure-ai-docs (text-to-speech.md): "each Chinese character counts as two".
"""

from __future__ import annotations

import re

__all__ = ["billed_characters"]

_HAN = re.compile("[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MARKUP = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"  # in which a tag is no tag
    r"|(?P<free></?(?:speak|voice)(?=[\s/>])(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>)",
    re.DOTALL,
)


def billed_characters(text: str) -> int:
    """Return how many characters of *text* are billed."""
    billed = _MARKUP.sub(lambda found: "" if found["free"] else found[0], text)
    return len(billed) + len(_HAN.findall(billed))
