"""URLs of this slice."""

from django.urls import path

from . import activity_pages, guest_pages, member_pages, request_pages, settings_pages, views

TENANCY = "tenancies/<str:tenancy>/"

urlpatterns = [
    path("services/", views.services, name="services"),
    path("services/object-store/", views.object_store, name="object_store"),
    path(f"{TENANCY}join/", views.join, name="join"),
    path(f"{TENANCY}join/withdraw/", views.withdraw_request, name="join_withdraw"),
    path(f"{TENANCY}requests/", request_pages.requests, name="requests"),
    path(f"{TENANCY}requests/approve/", request_pages.approve_many, name="requests_approve"),
    path(f"{TENANCY}requests/<int:request_id>/", request_pages.one_request, name="request"),
    path(f"{TENANCY}members/", member_pages.members, name="members"),
    path(f"{TENANCY}members/add/", member_pages.add, name="member_add"),
    path(f"{TENANCY}members/extend/", member_pages.extend, name="members_extend"),
    path(f"{TENANCY}members/message/", member_pages.message, name="members_message"),
    path(f"{TENANCY}members/invite/", guest_pages.invite_guest, name="guest_invite"),
    path(f"{TENANCY}members/invitations/<int:invitation_id>/send/", guest_pages.send_again, name="invitation_send"),
    path(
        f"{TENANCY}members/invitations/<int:invitation_id>/withdraw/", guest_pages.withdraw, name="invitation_withdraw"
    ),
    path(f"{TENANCY}members/person/<str:member>/", member_pages.member, name="member"),
    path(f"{TENANCY}members/person/<str:member>/change/", member_pages.change, name="member_change"),
    path(f"{TENANCY}members/person/<str:member>/buckets/", member_pages.buckets, name="guest_buckets"),
    path(f"{TENANCY}members/person/<str:member>/revoke/", member_pages.revoke_member, name="member_revoke"),
    path(f"{TENANCY}settings/", settings_pages.settings, name="tenancy_settings"),
    path(f"{TENANCY}activity/", activity_pages.activity, name="activity"),
    path(f"{TENANCY}activity/export/", activity_pages.export, name="activity_export"),
    path("invitation/", guest_pages.invitation, name="invitation"),
    path("invitations/<str:secret>/", guest_pages.follow_link, name="invitation_link"),
]
