# SPDX-License-Identifier: AGPL-3.0-or-later
"""A forgotten password: a one-time link lets its owner in, forgets the old one, and a new one can be set."""
from lib.heed import PASSWORD, Api, request, until

NEW = "three quiet lighthouses"


def enter(server, **body):
    return request(server.address, "POST", "/api/v1/session", body, {"Origin": server.url})


def by_link(server, url):
    """Signs in as the page does with what stands after the #."""
    answer = enter(server, code=url.strip().split("/sign-in#")[1])
    assert answer.status == 201, answer
    return Api(server, cookie=answer.headers["Set-Cookie"].split(";")[0]), answer.json


def people(server):
    workspace = server.workspace("Shop")
    server.user("ada@example.com", "owner", workspace)
    server.user("bo@example.com", "admin", workspace)
    server.user("eve@example.com", "agent", workspace)


def ids(api):
    return {agent["email"]: agent["id"] for agent in api.get("agents")["items"]}


def test_a_link_forgets_the_password_and_a_new_one_needs_no_old_one(world):
    server = world()
    people(server)
    admin = server.sign_in("bo@example.com")
    elsewhere = server.sign_in("eve@example.com")
    assert elsewhere.get("me")["has_password"] is True
    link = admin.post(f"agents/{ids(admin)['eve@example.com']}/sign-in-code")["sign_in_url"]
    assert enter(server, code="x" * 43).status == 401
    assert server.sign_in("eve@example.com", PASSWORD), "a link that nobody used changes nothing"
    refused = elsewhere.patch("me", {"password": NEW}, expect=422)
    assert refused["errors"][0]["field"] == "current_password", refused

    eve, me = by_link(server, link)
    assert me["email"] == "eve@example.com" and me["has_password"] is False
    assert enter(server, code=link.split("#")[1]).status == 401, "it works once"
    assert enter(server, email="eve@example.com", password=PASSWORD).status == 401
    assert enter(server, email="eve@example.com", password="").status == 401, "no password is not an empty one"
    assert server.sign_in("bo@example.com", PASSWORD), "nobody else's is forgotten"

    assert eve.patch("me", {"password": NEW})["has_password"] is True
    until(lambda: elsewhere.call("GET", "me").status == 401, 2, "the other session ending")
    assert eve.get("me")["has_password"] is True
    assert enter(server, email="eve@example.com", password=PASSWORD).status == 401
    assert server.sign_in("eve@example.com", NEW).get("me")["email"] == "eve@example.com"
    assert eve.patch("me", {"password": PASSWORD}, expect=422)["errors"][0]["field"] == "current_password"


def test_the_last_owner_gets_a_link_from_the_command_line(world):
    server = world()
    people(server)
    admin = server.sign_in("bo@example.com")
    assert admin.call("POST", f"agents/{ids(admin)['ada@example.com']}/sign-in-code", {}).status == 403, "only owners let owners in"
    line = server.command("user", "link", "--email", "ADA@example.com", "--public-url", "https://desk.example").stdout
    assert line.startswith("Sign in: https://desk.example/sign-in#") and line.count("\n") == 1, line
    assert server.sign_in("ada@example.com", PASSWORD)
    ada, me = by_link(server, line)
    assert me["email"] == "ada@example.com" and me["role"] == "owner" and me["has_password"] is False
    ada.patch("me", {"password": NEW})
    assert server.sign_in("ada@example.com", NEW).get("me")["role"] == "owner"

    owner = server.sign_in("ada@example.com", NEW)
    owner.patch(f"agents/{ids(owner)['eve@example.com']}", {"disabled": True})
    for who in ("eve@example.com", "nobody@example.com"):
        none = server.command("user", "link", "--email", who, check=False)
        assert none.returncode == 1 and who in none.stderr and none.stdout == "", none
