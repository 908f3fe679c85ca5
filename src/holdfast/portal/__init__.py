"""The portal: what people see in a browser, in Django. A slice for each subject, each with its models, pages and URLs.

The catalog alone says who may do what; the portal's own tables hold people, requests, the history of grants and
notices. It changes the catalog through `admin`, and acts on data through `operations` as the person who asks.
"""
