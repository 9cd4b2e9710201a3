"""The kinds of template of this deployment: the catalogue, and the deployment's own file over it."""

from __future__ import annotations

from config.settings import Settings
from harkara.catalogue import Catalogue
from harkara.errors import Invalid


def catalogue(settings: Settings) -> Catalogue:
    """Return the catalogue. Raises SystemExit that names the file, the entry and the broken rule."""
    try:
        return Catalogue.load(*settings.template_files)
    except Invalid as error:
        raise SystemExit(str(error)) from error
