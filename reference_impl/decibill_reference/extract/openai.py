"""OpenAI's HTTP endpoints and sessions (spec/providers/openai.md).

https://github.com/openai/openai-openapi and recorded traffic; the transcription object has a usage type and
details, the speech stream has flat usage, chat completions have details in both directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract.chat import read_chat
from decibill_reference.extract.realtime import read_realtime
from decibill_reference.extract.speech import read_speech
from decibill_reference.extract.transcription import read_transcription, read_translation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.extract.draft import Reader

__all__ = ["OPERATIONS"]

OPERATIONS: Mapping[str, Reader] = {
    "transcription": read_transcription,  # POST /v1/audio/transcriptions
    "translation": read_translation,  # POST /v1/audio/translations
    "speech": read_speech,  # POST /v1/audio/speech
    "chat": read_chat,  # POST /v1/chat/completions, or a line of a batch of them
    "realtime": read_realtime,  # /v1/realtime, /v1/realtime/translations, /v1/live/sessions
}
