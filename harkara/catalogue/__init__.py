"""The catalogue of a deployment: kinds of template, each filled by named values."""

from __future__ import annotations

from harkara.catalogue.approved_text import Preview
from harkara.catalogue.catalogue import Catalogue
from harkara.catalogue.kind import OPTIONS, Kind

__all__ = ["OPTIONS", "Catalogue", "Kind", "Preview"]
