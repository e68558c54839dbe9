"""Authlib, requests-oauthlib and PyJWT, asked by the test: one JSON object a line in, one a line out.

{library, by} obtains a token and calls the agent with it, {library, token} verifies one; a failure is {error}.
"""

import json
import os
import sys

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

# Both libraries refuse http unless told that one's own machine is meant.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

ISSUER, CLIENT_ID, CLIENT_SECRET = (os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
METADATA = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=30).json()
TOKEN_ENDPOINT = METADATA["token_endpoint"]
# By default it asks for keys again after half a minute at the earliest; the hour before a new key signs passes faster here.
KEYS = jwt.PyJWKClient(METADATA["jwks_uri"], cooldown_duration=0)


def authlib(by):
    session = AuthlibSession(CLIENT_ID, CLIENT_SECRET, token_endpoint_auth_method=by)
    return session, session.fetch_token(TOKEN_ENDPOINT, grant_type="client_credentials")


def requests_oauthlib(by):
    session = OAuth2Session(client=BackendApplicationClient(client_id=CLIENT_ID))
    if by == "client_secret_basic":
        return session, session.fetch_token(TOKEN_ENDPOINT, auth=HTTPBasicAuth(CLIENT_ID, CLIENT_SECRET))
    return session, session.fetch_token(TOKEN_ENDPOINT, client_secret=CLIENT_SECRET, include_client_id=True)


def call(library, by):
    session, token = {"Authlib": authlib, "requests-oauthlib": requests_oauthlib}[library](by)
    answer = session.post(f"{ISSUER}/api/v1/infer", json={"prompt": "Hello", "spec_ids": []})
    answer.raise_for_status()
    return {"token": token["access_token"], "answer": answer.json()}


def verify(token):
    key = KEYS.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="rebelcore-api", issuer=ISSUER)
    return {"sub": claims["sub"]}


for line in sys.stdin:
    wanted = json.loads(line)
    try:
        answer = verify(wanted["token"]) if "token" in wanted else call(wanted["library"], wanted["by"])
    except Exception as error:  # Whatever a library raises is the answer.
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
