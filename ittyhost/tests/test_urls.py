"""Addresses beside the API."""


def test_the_admin_is_found_without_its_slash(client):
    answer = client.get("/admin")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")
