"""Field types that several requests share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import StringConstraints, WithJsonSchema

from harkara.messages.fields import Time

Word = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
"""1 to 200 characters without control characters."""

JobId = Annotated[Word, Path(alias="jobId", description="The jobId, or the Idempotency-Key")]
UtcTime = Annotated[Time, WithJsonSchema({"type": "string", "format": "date-time"})]
