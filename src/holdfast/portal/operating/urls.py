"""Pages for operators, below `/operators/`."""

from django.urls import path

from . import api_tokens, audit, glass, jobs, mail, new_person, overview, people, site, tenancies, tokens

urlpatterns = [
    path("", overview.overview, name="operators"),
    path("tenancies/", tenancies.tenancies, name="operators_tenancies"),
    path("new-tenancy/", tenancies.new_tenancy, name="operators_new_tenancy"),
    path("tenancies/<str:name>/", tenancies.one_tenancy, name="operators_tenancy"),
    path("tenancies/<str:name>/quota/", tenancies.set_quota, name="operators_set_quota"),
    path("tenancies/<str:name>/suspend/", tenancies.suspend, name="operators_suspend_tenancy"),
    path("tenancies/<str:name>/close/", tenancies.close, name="operators_close_tenancy"),
    path("tenancies/<str:name>/resume/", tenancies.resume, name="operators_resume_tenancy"),
    path("tenancies/<str:name>/break-glass/", glass.break_glass, name="operators_break_glass"),
    path("tenancies/<str:name>/break-glass/end/", glass.give_back, name="operators_give_back"),
    path("people/", people.people, name="operators_people"),
    path("new-person/", new_person.new_person, name="operators_new_person"),
    path("people/<str:name>/", people.one_person, name="operators_person"),
    path("people/<str:name>/suspend/", people.suspend, name="operators_suspend_person"),
    path("people/<str:name>/resume/", people.resume, name="operators_resume_person"),
    path("people/<str:name>/log-out/", people.end_all_sessions, name="operators_end_sessions"),
    path("people/<str:name>/password-link/", people.send_password_link, name="operators_password_link"),
    path("people/<str:name>/reset-factors/", people.reset_factors, name="operators_reset_factors"),
    path("people/<str:name>/operator/", people.set_operator, name="operators_set_operator"),
    path("people/<str:name>/remove/", people.remove, name="operators_remove_person"),
    path("tokens/", tokens.tokens, name="operators_tokens"),
    path("tokens/<str:token>/revoke/", tokens.revoke, name="operators_revoke_token"),
    path("api-tokens/", api_tokens.api_tokens, name="operators_api_tokens"),
    path("api-tokens/add/", api_tokens.add, name="operators_add_api_token"),
    path("api-tokens/<str:token>/revoke/", api_tokens.revoke, name="operators_revoke_api_token"),
    path("jobs/", jobs.jobs, name="operators_jobs"),
    path("mail/", mail.mail, name="operators_mail"),
    path("mail/<str:mail_id>/", mail.show_mail, name="operators_show_mail"),
    path("mail/<str:mail_id>/remove/", mail.remove_mail, name="operators_remove_mail"),
    path("site/", site.site, name="operators_site"),
    path("audit/", audit.audit, name="operators_audit"),
]
