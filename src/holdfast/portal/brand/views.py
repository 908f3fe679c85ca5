"""The site's logo and accent as files that a strict policy lets in, and the style guide."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from holdfast.portal.access import Need, page
from holdfast.portal.house import house

_THEME_S: Final = 365 * 86_400
_LOGO_TYPES: Final = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}


@page(Need.ANYBODY)
def brand_css(request: HttpRequest) -> HttpResponse:
    """Answer the one stylesheet that a site configures: the hue of its accent."""
    css = f":root{{--accent:hsl({house().settings.site.site_accent} 75% 35%)}}\n"
    return HttpResponse(css, content_type="text/css; charset=utf-8", headers={"Cache-Control": "max-age=300"})


@page(Need.ANYBODY)
def logo(request: HttpRequest) -> HttpResponseBase:
    """Answer the site's logo."""
    path = house().settings.site.site_logo
    kind = _LOGO_TYPES.get(path.suffix.lower()) if path is not None else None
    if path is None or kind is None or not path.is_file():
        raise Http404
    # An SVG that is opened by itself may run scripts.
    headers = {
        "Cache-Control": "max-age=300",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return FileResponse(path.open("rb"), content_type=kind, headers=headers)


@page(Need.ANYBODY)
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every component in every state."""
    return render(request, "styleguide.html")


@page(Need.ANYBODY)
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember whether a browser wants light, dark, or what its system says, and go back to where it was."""
    chosen = request.POST.get("theme", "")
    back = urlsplit(request.headers.get("Referer", "")).path or "/"
    answer = redirect(back if url_has_allowed_host_and_scheme(back, None) else "/")
    if chosen in ("light", "dark"):
        answer.set_cookie("theme", chosen, max_age=_THEME_S, secure=True, samesite="Lax")
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer


@page(Need.ANYBODY)
def accessibility(request: HttpRequest) -> HttpResponse:
    """Say how accessible the portal is, and whom to tell what is not."""
    return render(request, "accessibility.html")


@page(Need.ANYBODY)
def health(request: HttpRequest) -> HttpResponse:
    """Say that the portal answers, for monitoring."""
    return HttpResponse("ok\n", content_type="text/plain")
