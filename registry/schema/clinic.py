"""Clinics, the people who work in them, and their access."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, relationship

from registry.database import Base, field
from registry.vocabulary import Language, Role


class Clinic(Base):
    """The reporting unit."""

    __tablename__ = "clinic"

    id: Mapped[int] = field("Clinic id", "Number of the clinic.", primary_key=True)
    code: Mapped[str] = field(
        "Clinic code", "Short code used in files.", sa.String(32), unique=True
    )
    name: Mapped[str] = field("Clinic", "Name shown on pages and reports.", sa.String(120))
    jurisdiction: Mapped[str] = field(
        "Jurisdiction", "Whose product labels apply, for example EU, UK or US.", sa.String(8)
    )
    time_zone: Mapped[str] = field(
        "Time zone", "IANA time zone in which the clinic's days begin.", sa.String(64)
    )
    is_demo: Mapped[bool] = field(
        "Demonstration", "Synthetic data only; real imports are refused.", default=False
    )


class UserAccount(Base):
    """A person who can sign in, or the account "system" of the command line, which cannot."""

    __tablename__ = "user_account"

    id: Mapped[int] = field("User id", "Number of the account; never used again.", primary_key=True)
    user_name: Mapped[str] = field(
        "User name",
        "Name typed at sign-in; lower case, never used again.",
        sa.String(64),
        unique=True,
    )
    display_name: Mapped[str] = field("Name", "Name shown to colleagues.", sa.String(120))
    password_hash: Mapped[str | None] = field(
        "Password hash", "argon2id; empty means that nobody can sign in.", sa.String(200)
    )
    is_disabled: Mapped[bool] = field(
        "Disabled", "A disabled account cannot sign in and its open pages close.", default=False
    )
    created_at: Mapped[dt.datetime] = field("Created at", "Instant of creation (UTC).")
    language: Mapped[Language | None] = field(
        "Language", "Language of the pages; blank is the one that the browser asks for."
    )
    grants: Mapped[list[RoleGrant]] = relationship(back_populates="user")


class RoleGrant(Base):
    """A role in one clinic, with the rights an administrator gives person by person."""

    __tablename__ = "role_grant"

    user_id: Mapped[int] = field(
        "User", "Who holds the role.", sa.ForeignKey("user_account.id"), primary_key=True
    )
    clinic_id: Mapped[int] = field(
        "Clinic", "Where the role holds.", sa.ForeignKey("clinic.id"), primary_key=True
    )
    role: Mapped[Role] = field("Role", "What the person may do there.", primary_key=True)
    see_records: Mapped[bool] = field(
        "May see records",
        "May open pseudonymous records although the role alone may not.",
        default=False,
    )
    see_identity: Mapped[bool] = field(
        "May see identity",
        "May see names and birth dates although the role alone may not.",
        default=False,
    )
    user: Mapped[UserAccount] = relationship(back_populates="grants")


class Clinician(Base):
    """Someone who treats; may or may not have an account."""

    __tablename__ = "clinician"
    __table_args__ = (sa.UniqueConstraint("clinic_id", "code"),)

    clinic_id: Mapped[int] = field(
        "Clinic", "Clinic of the clinician.", sa.ForeignKey("clinic.id"), primary_key=True
    )
    id: Mapped[int] = field(
        "Clinician id",
        "Number within the clinic.",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        between=(1, 1_000_000),
    )
    code: Mapped[str] = field("Clinician code", "Short code used in files.", sa.String(32))
    display_name: Mapped[str] = field("Clinician", "Name shown to colleagues.", sa.String(120))
    user_id: Mapped[int | None] = field(
        "Account", "The clinician's own account, if there is one.", sa.ForeignKey("user_account.id")
    )


class SignIn(Base):
    """One sign-in of one person in one browser. Technical, hence not audited row by row."""

    __tablename__ = "sign_in"

    token_hash: Mapped[str] = field(
        "Token hash",
        "SHA-256 of the cookie's token; the token itself is stored nowhere.",
        sa.String(64),
        primary_key=True,
    )
    user_id: Mapped[int] = field("User", "Who signed in.", sa.ForeignKey("user_account.id"))
    created_at: Mapped[dt.datetime] = field("Signed in at", "Instant of sign-in (UTC).")
    seen_at: Mapped[dt.datetime] = field("Last seen at", "Last use, to the minute (UTC).")
    verified_at: Mapped[dt.datetime] = field(
        "Password checked at", "When the password was last typed (UTC)."
    )
    ended_at: Mapped[dt.datetime | None] = field("Ended at", "Sign-out or revocation (UTC).")


class AccessLog(Base):
    """Who signed in, looked at records, exported or was refused. Only ever added to."""

    __tablename__ = "access_log"
    __table_args__ = (sa.Index("ix_access_log_user_name_at", "user_name", "at"),)

    id: Mapped[int] = field("Entry id", "Running number.", primary_key=True)
    at: Mapped[dt.datetime] = field("At", "Instant (UTC).")
    user_id: Mapped[int | None] = field("User", "Who, if known.", sa.ForeignKey("user_account.id"))
    user_name: Mapped[str] = field("User name", "Account name as typed, shortened.", sa.String(64))
    clinic_id: Mapped[int | None] = field("Clinic", "Where.", sa.ForeignKey("clinic.id"))
    action: Mapped[str] = field("Action", "What was done, as a code.", sa.String(40))
    address: Mapped[str | None] = field("Address", "Network address of the browser.", sa.String(64))
    row_count: Mapped[int | None] = field(
        "Rows", "How many records were shown or exported.", between=(0, 1_000_000_000)
    )
    detail: Mapped[str | None] = field(
        "Detail", "Filter or file digest; never patient data.", sa.String(2000)
    )
