"""Who may call what: login, sessions that expire, API tokens, and where each version of Zabbix looks for the credential."""

from __future__ import annotations

import hashlib
from typing import Final, cast

from attrs import frozen

from zabbix_sla._sandbox_rules import (
    INT32_MAX,
    JsonObject,
    Kind,
    Refusal,
    as_object,
    boolean,
    flag,
    ids,
    int32,
    objects,
    one_object,
    text,
)
from zabbix_sla._sandbox_store import Session, Store, Token, User

BAD_LOGIN: Final = "Incorrect user name or password or account is temporarily blocked."
SESSION_OVER: Final = "Session terminated, re-login, please."
NOT_AUTHORISED: Final = "Not authorized."
ATTEMPTS: Final = 5
BLOCK_SECONDS: Final = 30
TOKEN_LENGTH: Final = 64
FREE_METHODS: Final = frozenset({"apiinfo.version", "user.login", "user.checkauthentication"})

_TEXT_255: Final = text(length=255)


@frozen(kw_only=True)
class Asker:
    """Who is calling."""

    user: User
    sessionid: str | None


def _hex(seed: str, length: int) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:length]


def new_session(store: Store, user: User, now: int) -> str:
    """Open a session; ids are made from a counter, so that a run repeats itself."""
    sessionid = _hex(f"session {store.number('sessions')}", 32)
    store.sessions[sessionid] = Session(user=user, lastaccess=now)
    return sessionid


def new_token(store: Store, tokenid: str) -> str:
    """A token value that was not given out before."""
    return _hex(f"token {tokenid} {store.number('token values')}", TOKEN_LENGTH)


def authenticate(store: Store, credential: str | None, now: int) -> Asker:
    """The user behind a session id or a token; told apart by length alone, as the server does."""
    if not credential:
        raise Refusal(Kind.PARAMETERS, NOT_AUTHORISED)
    if len(credential) == TOKEN_LENGTH:
        return Asker(user=_token(store, credential, now).user, sessionid=None)
    return Asker(user=_session(store, credential, now, extend=True).user, sessionid=credential)


def _token(store: Store, value: str, now: int) -> Token:
    token = store.tokens.get(value)
    if token is None or not token.enabled:
        raise Refusal(Kind.PARAMETERS, NOT_AUTHORISED)
    if token.expires_at and token.expires_at < now:
        raise Refusal(Kind.PERMISSIONS, "API token expired.")
    return token


def _session(store: Store, sessionid: str, now: int, *, extend: bool) -> Session:
    session = store.sessions.get(sessionid)
    if session is None or not session.active:
        raise Refusal(Kind.PARAMETERS, SESSION_OVER)
    if session.user.autologout and session.lastaccess + session.user.autologout <= now:
        session.active = False
        raise Refusal(Kind.PARAMETERS, SESSION_OVER)
    if extend:
        session.lastaccess = now
    return session


def login(store: Store, params: object, now: int, version: tuple[int, int]) -> object:
    """``user.login``. Five wrong passwords block the account for 30 seconds, for the right password too."""
    fields = {"username": (_TEXT_255, True), "password": (_TEXT_255, True), "userData": (flag, False)}
    given = as_object(params, "/")
    if version < (6, 4) and "user" in given:
        if "username" in given:
            raise Refusal(Kind.PARAMETERS, 'Parameter "user" is deprecated.')
        given = {"username" if name == "user" else name: value for name, value in given.items()}
    asked = cast(JsonObject, one_object(fields)(given, "/"))
    user = store.users.get(cast(str, asked["username"]))
    if user is None:
        raise Refusal(Kind.UNKNOWN_USER, BAD_LOGIN)
    blocked = user.failed >= ATTEMPTS and now - user.failed_at < BLOCK_SECONDS
    if not blocked and user.password != asked["password"]:
        user.failed += 1
        user.failed_at = now
        blocked = True
    if blocked:
        raise Refusal(Kind.PERMISSIONS, BAD_LOGIN)
    user.failed = 0
    sessionid = new_session(store, user, now)
    return {**_described(user), "sessionid": sessionid} if asked.get("userData") else sessionid


def _described(user: User) -> JsonObject:
    # Ids are strings and the user type is a number, as the server mixes them.
    return {"userid": user.userid, "username": user.username, "type": user.role.type, "autologout": str(user.autologout)}


def check_authentication(store: Store, params: object, now: int) -> object:
    """``user.checkAuthentication`` with a session id or a token."""
    any_text = text()
    fields = {"sessionid": (any_text, False), "extend": (boolean, False), "token": (any_text, False)}
    asked = cast(JsonObject, one_object(fields)(params, "/"))
    sessionid, token = cast(str | None, asked.get("sessionid")), cast(str | None, asked.get("token"))
    if (sessionid is None) == (token is None):
        raise Refusal(Kind.PARAMETERS, "Session ID or token is expected.")
    if token is not None:
        if "extend" in asked:
            raise Refusal(Kind.PARAMETERS, 'Invalid parameter "/": unexpected parameter "extend".')
        return _described(_token(store, token, now).user)
    held = cast(str, sessionid)
    session = _session(store, held, now, extend=asked.get("extend") is not False)
    return {**_described(session.user), "sessionid": held}


def logout(store: Store, params: object, asker: Asker) -> object:
    """``user.logout``; with a token the server fails, since a token has no session."""
    one_object({})(params, "/")
    if asker.sessionid is None:
        raise Refusal(Kind.PERMISSIONS, 'Incorrect field "sessionid" name or value in where statement for table "sessions".')
    store.sessions[asker.sessionid].active = False
    return True


def create_token(store: Store, params: object, asker: Asker) -> object:
    """``token.create`` for the caller; the value itself comes from ``token.generate``."""
    fields = {"name": (text(empty=False, length=64), True), "expires_at": (int32(low=0, high=INT32_MAX), False)}
    created: list[str] = []
    for asked in cast(list[JsonObject], objects(one_object(fields), empty=False, single=True)(params, "/")):
        tokenid, name, expires_at = store.number("tokens"), cast(str, asked["name"]), cast(int, asked.get("expires_at", 0))
        store.tokens[f"not generated {tokenid}"] = Token(tokenid=tokenid, name=name, user=asker.user, expires_at=expires_at)
        created.append(tokenid)
    return {"tokenids": created}


def generate_tokens(store: Store, params: object) -> object:
    """``token.generate``: a new value for each token, shown once."""
    made: list[object] = []
    for tokenid in cast(list[str], ids()(params, "/")):
        old = next((value for value, token in store.tokens.items() if token.tokenid == tokenid), None)
        if old is None:
            raise Refusal(Kind.PERMISSIONS, "No permissions to referred object or it does not exist!")
        value = new_token(store, tokenid)
        store.tokens[value] = store.tokens.pop(old)
        made.append({"tokenid": tokenid, "token": value})
    return made
