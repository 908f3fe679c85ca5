"""Django's settings for tools that read the code: the type checker and `makemigrations`. Never for serving."""

from __future__ import annotations

import tempfile
from pathlib import Path

from holdfast.assemble import Home
from holdfast.config import Settings

from .django_settings import values

_HOME = Path(tempfile.mkdtemp(prefix="holdfast-typed-"))
globals().update(values(Settings(home=_HOME), Home(_HOME)))
