"""The kinds of template of this deployment, from the catalogue and the deployment's own file over it."""

from __future__ import annotations

from config.settings import Settings
from harkara.catalogue import Catalogue


def catalogue(settings: Settings) -> Catalogue:
    """Raises Invalid, which names the file, the entry and what is wrong with it."""
    return Catalogue.load(*settings.template_files)
