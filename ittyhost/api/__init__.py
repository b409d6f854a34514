"""The API framework: versions, envelopes, errors, paging, base views, OpenAPI. It knows no app."""
