"""What operators read of other people's mail: all of it but links that stand in for a password.

Whoever has such a link is whoever it was sent to, and so reaches their data. `holdfast mail show` shows it, to those
who have the machine.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from django.urls import reverse

SECRET_PAGES: Final = {
    "login_link": ("secret",),
    "invitation_link": ("secret",),
    "account_confirm_email": ("key",),
    "account_reset_password_from_key": ("uidb36", "key"),
}
"""The pages that a link with a secret leads to, by the name of their URL, with all of its arguments.

A test finds them in the URL map, so that none is forgotten here.
"""
IN_ITS_PLACE: Final = "(a one-time link that only the addressee sees)"


def veiled(text: str) -> str:
    """Return the text of a mail with words in the place of each link that has a secret."""
    return _secret_links().sub(IN_ITS_PLACE, text)


@cache
def _secret_links() -> re.Pattern[str]:
    """All that stands together with the path of such a page: rather a word too many than a letter of a secret."""
    mark = "MARK"
    paths = [reverse(name, kwargs=dict.fromkeys(names, mark)) for name, names in SECRET_PAGES.items()]
    begins = "|".join(re.escape(path.partition(mark)[0]) for path in paths)
    return re.compile(rf"\S*(?:{begins})\S*", re.IGNORECASE)
