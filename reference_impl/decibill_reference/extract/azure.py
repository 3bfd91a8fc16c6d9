"""Azure OpenAI and Voice Live (spec/providers/azure.md).

The bodies are OpenAI's, under `/openai/deployments/{deployment}/…`, and so are the events of a session. The
model of an exchange is the deployment's model, which whoever writes the exchange has resolved
(AUB-AZU-a1c6): the name of a deployment means nothing here. Usage that Azure leaves out is unknown like any
other (AUB-AZU-1c84).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decibill_reference.extract import openai

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decibill_reference.extract.draft import Reader

__all__ = ["OPERATIONS", "VOICE_LIVE"]

OPERATIONS: Mapping[str, Reader] = openai.OPERATIONS
VOICE_LIVE: Mapping[str, Reader] = {"realtime": openai.OPERATIONS["realtime"]}
