"""Who asks, from Bailiwick: `get_auth_context` for `Depends`.

The Bearer token is introspected (`POST /auth/introspect`) at every request, so the roles and the team are those of this
moment and not those of when the token was issued. Fails closed: 401 without an active token, 503 where the service gives
no answer, and never a context made of anything that the request says besides.
"""

import os
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

# One connection pool for the program; what is asked here reads, so a connection that cannot be made is tried once more.
bailiwick = httpx.Client(
    base_url=os.environ["BASE"] + "/api/v1",
    headers={"authorization": "Bearer " + os.environ["SERVICE_KEY"]},
    timeout=httpx.Timeout(float(os.environ.get("BAILIWICK_TIMEOUT_SECONDS", "2"))),
    transport=httpx.HTTPTransport(retries=1),
)


@dataclass(frozen=True)
class ServiceAuthContext:
    """What the document's routes ask of the caller."""

    user_id: str
    tenant_id: str
    roles: list[str]
    managed_user_ids: list[str]


def ask(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Answers with what the service said, or 503: an error is neither a yes nor a no."""
    try:
        response = bailiwick.post(path, json=body)
        answer = response.json()
    except (httpx.HTTPError, ValueError):
        answer = None
    if answer is None or response.status_code != 200 or not isinstance(answer, dict):
        raise HTTPException(503, detail="Who is asking cannot be told now", headers={"retry-after": "1"})
    return answer


def list_managed(user_id: str, tenant_id: str) -> list[str]:
    """Everyone below, where they are more than an introspection names: whose profiles the user may read, themselves not."""
    question = {"user": user_id, "tenant": tenant_id, "permission": "profile.read", "type": "profile", "limit": 1000}
    names: list[str] = []
    cursor = None
    while True:
        page = ask("/list-objects", question if cursor is None else {**question, "cursor": cursor})
        names += [name.removeprefix("profile:") for name in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            return [name for name in names if name != user_id]


bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def get_auth_context(credentials: bearer) -> ServiceAuthContext:
    if credentials is None:
        raise HTTPException(401, detail="A Bearer token is needed", headers={"www-authenticate": "Bearer"})
    token = ask("/auth/introspect", {"token": credentials.credentials})
    if token.get("active") is not True:
        challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
        raise HTTPException(401, detail="The token is not active", headers=challenge)
    user_id, tenant_id = token["sub"], token.get("tenant_id")
    if tenant_id is None:
        raise HTTPException(403, detail="The token speaks for no tenant")
    if token.get("managed_user_ids_omitted"):
        managed = list_managed(user_id, tenant_id)
    else:
        managed = token.get("managed_user_ids", [])
    # More roles than a token can hold are left out: none of them, which can only refuse.
    return ServiceAuthContext(user_id, tenant_id, token.get("roles", []), managed)
