"""URLs about a tenancy from request to close-down."""

from django.urls import path

from . import (
    asking_names,
    asking_pages,
    asking_review_pages,
    closing_pages,
    closing_review_pages,
    leavers_pages,
    quota_pages,
    quota_review_pages,
)

ASK = "ask-for-a-tenancy/"
TENANCY = "tenancies/<str:tenancy>/"

REQUESTS = "operators/tenancy-requests/"

urlpatterns = [
    path(ASK, asking_pages.ask_page, name="ask_for_a_tenancy"),
    path(f"{ASK}name/", asking_names.check, name="check_tenancy_name"),
    path(f"{ASK}<int:tenancy_request_id>/", asking_pages.my_request, name="my_tenancy_request"),
    path(f"{ASK}<int:tenancy_request_id>/withdraw/", asking_pages.withdraw_mine, name="withdraw_tenancy_request"),
    path(f"{ASK}<int:tenancy_request_id>/comment/", asking_pages.comment_on_mine, name="comment_on_my_tenancy_request"),
    path(f"{TENANCY}quota/", quota_pages.quota, name="quota"),
    path(f"{TENANCY}quota/ask/", quota_pages.ask, name="quota_ask"),
    path(f"{TENANCY}quota/requests/<int:quota_request_id>/withdraw/", quota_pages.withdraw, name="quota_withdraw"),
    path(f"{TENANCY}quota/buckets/", quota_pages.buckets, name="quota_buckets"),
    path(f"{TENANCY}quota/buckets/<str:bucket>/", quota_pages.bucket, name="quota_bucket"),
    path(f"{TENANCY}leavers/", leavers_pages.leavers, name="leavers"),
    path(f"{TENANCY}leavers/<str:owner_id>/", leavers_pages.transfer, name="leavers_transfer"),
    path(f"{TENANCY}close/", closing_pages.close_page, name="close"),
    path(f"{TENANCY}close/take-back/", closing_pages.take_back_page, name="close_take_back"),
    path(f"{TENANCY}close/manifest/<str:bucket>/", closing_pages.manifest, name="close_manifest"),
    path("certificates/<int:closing_id>/", closing_pages.certificate, name="certificate"),
    path("certificates/<int:closing_id>/text/", closing_pages.certificate_file, name="certificate_file"),
    path(REQUESTS, asking_review_pages.requests, name="tenancy_requests"),
    path(f"{REQUESTS}<int:tenancy_request_id>/", asking_review_pages.one_request, name="tenancy_request"),
    path(
        f"{REQUESTS}<int:tenancy_request_id>/comment/",
        asking_review_pages.comment_on,
        name="comment_on_tenancy_request",
    ),
    path(
        "operators/quota-requests/<int:quota_request_id>/", quota_review_pages.one_quota_request, name="quota_request"
    ),
    path("operators/closings/<int:closing_id>/", closing_review_pages.one_closing, name="closing"),
]
