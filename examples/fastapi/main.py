"""The three routes of the sales template, as its document prints them.

Nothing below the line is ours but what the routes stand on: `get_auth_context` (auth.py) and the tables (data.py).
"""

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from sqlalchemy import select

from auth import ServiceAuthContext, get_auth_context
from data import User, conn, get_user_by_id, get_users_by_tenant

router = APIRouter()

# ----------------------------------------------------------------------------------------------------------------------


@router.get("/users")
def list_all_users(auth: ServiceAuthContext = Depends(get_auth_context)):
    if "admin" not in auth.roles:
        raise HTTPException(403, detail="Admin access required")
    # Admins can see all users in their tenant
    return get_users_by_tenant(conn, auth.tenant_id)


@router.get("/my-team")
def get_my_team(auth: ServiceAuthContext = Depends(get_auth_context)):
    # Managers can only see their assigned reps
    if not auth.managed_user_ids:
        return []
    stmt = select(User).where(User.id.in_(auth.managed_user_ids))
    return conn.execute(stmt).scalars().all()


@router.get("/my-profile")
def get_my_profile(auth: ServiceAuthContext = Depends(get_auth_context)):
    # Reps can only see their own data
    return get_user_by_id(conn, auth.user_id)


# ----------------------------------------------------------------------------------------------------------------------

app = FastAPI(title="The sales template on Bailiwick")
app.include_router(router)
