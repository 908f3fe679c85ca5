"""Pages about oneself, and those of allauth that are other ones here. They come before allauth's, on its own paths."""

from django.urls import path

from . import entry, views

urlpatterns = [
    path("login-link/<str:secret>/", views.login_by_link, name="login_link"),
    path("account/", views.profile, name="profile"),
    path("account/security/", views.security, name="security"),
    path("account/security/log-out-elsewhere/", views.log_out_elsewhere, name="log_out_elsewhere"),
    path("account/identities/<int:number>/disconnect/", views.disconnect, name="disconnect_identity"),
    path("account/log-in-again/", views.log_in_again, name="log_in_again"),
    path("account/signup/", entry.sign_up, name="account_signup"),
    path("account/email/", entry.address, name="account_email"),
    path("account/password/set/", entry.first_password, name="account_set_password"),
    path("account/provider/login/", entry.provider_login, name="provider_login"),
    path("account/provider/callback/", entry.provider_callback, name="provider_callback"),
    path("account/2fa/", views.to_security, name="mfa_index"),
    path("account/2fa/webauthn/", views.to_security, name="mfa_list_webauthn"),
    path("account/3rdparty/", views.to_profile, name="socialaccount_connections"),
]
