"""The document's tables: here the view `users` that Bailiwick keeps in `public`, reached by libpq's own variables."""

import os
from typing import Any, Sequence

from sqlalchemy import Executable, Result, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

# `PGHOST`, `PGUSER` … say where the database is, unless an address does. It is read, a statement at a time.
engine = create_engine(os.environ.get("DATABASE_URL", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    display_name: Mapped[str]
    tenant_id: Mapped[str | None]
    status: Mapped[str]


class Connection:
    """Each statement on a session of its own, its result read whole: routes run on many threads, and this on each."""

    def execute(self, statement: Executable) -> Result[Any]:
        with Session(engine) as session:
            return session.execute(statement).freeze()()


conn = Connection()


def get_users_by_tenant(conn: Connection, tenant_id: str) -> Sequence[User]:
    return conn.execute(select(User).where(User.tenant_id == tenant_id).order_by(User.email)).scalars().all()


def get_user_by_id(conn: Connection, user_id: str) -> User | None:
    return conn.execute(select(User).where(User.id == user_id)).scalar_one_or_none()
