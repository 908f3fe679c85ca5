"""Django's settings, made from a home and its settings: nothing of Django's is configured anywhere else."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from holdfast import __version__
from holdfast.assemble import Home
from holdfast.config import Settings

from .upstream import check_upstream, providers

HERE: Final = Path(__file__).parent
PASSWORD_LINK_S: Final = 3600
"""How long a link to set a password works."""
PASSWORD_LENGTH_MIN: Final = 12
CACHE_TABLE: Final = "portal_cache"
RATE_LIMITS: Final = {
    # Many people of one institution come from one address; log-ins that fail have a throttle of their own.
    "login": "120/m/ip",
    "login_failed": "60/m/ip,5/15m/key",  # codes of second factors alone
    "signup": "20/m/ip,100/d/ip",
    "reset_password": "20/m/ip,5/h/key",
    "reset_password_from_key": "60/m/ip",
    "change_password": "10/m/user",
    "manage_email": "20/m/user",
    "reauthenticate": "20/m/user",
    "confirm_email": "1/3m/key",
}
"""How often an address, an account or a person may ask for what. Above that, the answer is 429."""

_FORMS: Final = "holdfast.portal.people.forms"

SLICES: Final = ("people", "notices", "tenancies", "joining", "tokens", "data", "operating")


def secret_key(path: Path) -> str:
    """Return the key that signs sessions' contents and links, made when the home has none yet.

    Whoever loses it logs everybody out, and no more: it is not part of a backup.
    """
    if not path.exists():
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
                file.flush()
                os.fsync(file.fileno())
            # Unlike a rename, it fails where another process was first, and what is there is whole.
            with suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path.read_text(encoding="ascii").strip()


def values(settings: Settings, home: Home) -> dict[str, Any]:
    """Return all of Django's settings that are not its defaults. Raises SettingError."""
    check_upstream(settings)
    origin = urlsplit(settings.portal_origin or "https://localhost")
    host = origin.hostname or "localhost"
    site = settings.site
    return {
        "SECRET_KEY": secret_key(home.portal_key_file),
        "DEBUG": False,
        "ALLOWED_HOSTS": [host],
        "INSTALLED_APPS": [
            *(f"holdfast.portal.{name}" for name in SLICES),
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "allauth",
            "allauth.account",
            "allauth.mfa",
            "allauth.socialaccount",
            "allauth.socialaccount.providers.openid_connect",
            "csp",
        ],
        "MIDDLEWARE": [
            "holdfast.portal.middleware.Visit",
            "csp.middleware.CSPMiddleware",
            "django.middleware.security.SecurityMiddleware",
            "whitenoise.middleware.WhiteNoiseMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "holdfast.portal.middleware.OneCharset",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "holdfast.portal.middleware.LivePerson",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "allauth.account.middleware.AccountMiddleware",
            "holdfast.portal.middleware.OwnNames",
            "holdfast.portal.middleware.WrongMethod",
            "holdfast.portal.middleware.DefaultDeny",
        ],
        "ROOT_URLCONF": "holdfast.portal.urls",
        "ASGI_APPLICATION": "holdfast.portal.server.application",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [HERE / "templates"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "holdfast.portal.context.site",
                    ],
                    "builtins": ["holdfast.portal.people.templatetags.portal"],
                },
            }
        ],
        "DATABASES": {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": home.portal_file,
                "OPTIONS": {
                    # A transaction that reads before it writes would else fail where two meet.
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
                },
                "TEST": {"NAME": home.portal_file},
            }
        },
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        # Codes that were used and tries that were counted outlive a restart, and no flood of others pushes them out.
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": CACHE_TABLE,
                "OPTIONS": {"MAX_ENTRIES": 100_000},
            }
        },
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LANGUAGE_CODE": "en-gb",
        "USE_I18N": False,
        "STATIC_URL": f"/static/{__version__}/",
        "STATICFILES_DIRS": [HERE / "static"],
        "STATICFILES_FINDERS": ["django.contrib.staticfiles.finders.FileSystemFinder"],
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_MAX_AGE": 3600,
        "LOGGING_CONFIG": None,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1 << 20,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 2000,
        "FILE_UPLOAD_HANDLERS": [],
        # People
        "AUTH_USER_MODEL": "people.Person",
        "AUTHENTICATION_BACKENDS": [
            "holdfast.portal.people.backends.ByPassword",
            *(["holdfast.portal.people.from_directory.ByDirectory"] if site.ldap_server else []),
        ],
        "PASSWORD_HASHERS": ["holdfast.portal.people.hashing.Argon2id"],
        "AUTH_PASSWORD_VALIDATORS": [
            {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
            {
                "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
                "OPTIONS": {"min_length": PASSWORD_LENGTH_MIN},
            },
            {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        ],
        "PASSWORD_RESET_TIMEOUT": PASSWORD_LINK_S,
        "LOGIN_URL": "/account/login/",
        "LOGIN_REDIRECT_URL": "/",
        "LOGOUT_REDIRECT_URL": "/account/login/",
        "ACCOUNT_ADAPTER": "holdfast.portal.people.adapters.AccountAdapter",
        "SOCIALACCOUNT_ADAPTER": "holdfast.portal.people.oidc.ProviderAdapter",
        "SOCIALACCOUNT_PROVIDERS": providers(settings),
        "MFA_ADAPTER": "holdfast.portal.people.adapters.FactorAdapter",
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": "name",
        "ACCOUNT_USER_DISPLAY": "holdfast.portal.people.models.display_name",
        "ACCOUNT_LOGIN_METHODS": {"username", "email"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "email*", "password1*"],
        "ACCOUNT_FORMS": {
            "login": f"{_FORMS}.LoginForm",
            "signup": f"{_FORMS}.SignUpForm",
            "add_email": f"{_FORMS}.ChangeAddressForm",
            "change_password": f"{_FORMS}.ChangePasswordForm",
            "set_password": f"{_FORMS}.SetPasswordForm",
            "reset_password": f"{_FORMS}.ResetForm",
            "reset_password_from_key": f"{_FORMS}.ChoosePasswordForm",
            "reauthenticate": f"{_FORMS}.ProveForm",
        },
        "ACCOUNT_CHANGE_EMAIL": True,
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        "ACCOUNT_LOGIN_ON_PASSWORD_RESET": True,
        "ACCOUNT_PRESERVE_USERNAME_CASING": False,
        "ACCOUNT_RATE_LIMITS": RATE_LIMITS,
        "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
        "ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS": 1,
        "ACCOUNT_UNIQUE_EMAIL": True,
        "ACCOUNT_PREVENT_ENUMERATION": True,
        "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
        "ACCOUNT_REAUTHENTICATION_TIMEOUT": 900,
        "ACCOUNT_REAUTHENTICATION_METHODS": ["password", "mfa"],
        "ACCOUNT_SESSION_REMEMBER": True,
        "ACCOUNT_LOGOUT_ON_GET": False,
        "ACCOUNT_CONFIRM_EMAIL_ON_GET": False,
        "ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION": False,
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "",
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https",
        "ACCOUNT_USERNAME_BLACKLIST": [],
        "ACCOUNT_USERNAME_VALIDATORS": "holdfast.portal.people.models.NAME_VALIDATORS",
        "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_TOTP_ISSUER": site.site_name,
        # A code counts for 30 seconds more on either side, for clocks that are a little off.
        "MFA_TOTP_TOLERANCE": 1,
        "MFA_FORMS": {
            "authenticate": f"{_FORMS}.SecondStepForm",
            "reauthenticate": f"{_FORMS}.ProveCodeForm",
            "activate_totp": f"{_FORMS}.SetUpAppForm",
            "add_webauthn": f"{_FORMS}.PasskeyForm",
            "edit_webauthn": f"{_FORMS}.RenamePasskeyForm",
            "login_webauthn": f"{_FORMS}.LoginPasskeyForm",
            "authenticate_webauthn": f"{_FORMS}.SecondStepPasskeyForm",
            "reauthenticate_webauthn": f"{_FORMS}.ProvePasskeyForm",
        },
        "MFA_RATE_LIMITS": {"webauthn_login": "60/m/ip"},
        "SOCIALACCOUNT_EMAIL_AUTHENTICATION": False,
        "SOCIALACCOUNT_EMAIL_REQUIRED": False,
        "SOCIALACCOUNT_EMAIL_VERIFICATION": "none",
        "SOCIALACCOUNT_STORE_TOKENS": False,
        "SOCIALACCOUNT_LOGIN_ON_GET": False,
        # Cookies: of this host alone, for https alone. `__Host-` makes browsers refuse any other.
        "SESSION_ENGINE": "holdfast.portal.people.sessions",
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_AGE": site.session_hours * 3600,
        "SESSION_SAVE_EVERY_REQUEST": False,
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_USE_SESSIONS": False,
        "CSRF_TRUSTED_ORIGINS": [settings.portal_origin] if settings.portal_origin else [],
        "CSRF_FAILURE_VIEW": "holdfast.portal.errors.csrf_failure",
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
        # A browser that keeps HSTS for localhost would ask everything else on this machine by https, too.
        "SECURE_HSTS_SECONDS": 0 if host == "localhost" else 31_536_000,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "CONTENT_SECURITY_POLICY": {"DIRECTIVES": _policy(settings)},
        # Mail
        "EMAIL_BACKEND": "holdfast.portal.notices.outbox.Outbox",
        "DEFAULT_FROM_EMAIL": site.mail_from,
        "SERVER_EMAIL": site.mail_from,
    }


def _policy(settings: Settings) -> dict[str, Any]:
    """Return the Content-Security-Policy: our own files, and data from S3's origins."""
    # A port can't be left open in a source, but `*` stands for any.
    stores = [f"http://*.{settings.domain}:*", f"https://*.{settings.ext_domain}:*"]
    return {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:", *stores],
        "connect-src": [SELF, *stores],
        "frame-src": stores,
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
