"""Reads {"issuer", "audience", "leeway", "keys": [JWK, ...], "tokens": [text, ...]} and prints for each library which
tokens it accepts: {"PyJWT": [true, ...], "joserfc": [...]}.

Both libraries are configured with the issuer, the audience, the leeway, the algorithms of the keys, and exp required.
"""

import json
import sys

import jwt as pyjwt
from joserfc import jwk as rfc_jwk, jwt as rfc_jwt

job = json.load(sys.stdin)
ISSUER, AUDIENCE, LEEWAY = job["issuer"], job["audience"], job["leeway"]
ALGORITHMS = [key["alg"] for key in job["keys"]]
PY_KEYS = {key["kid"]: pyjwt.PyJWK(key) for key in job["keys"]}
RFC_KEYS = rfc_jwk.KeySet.import_key_set({"keys": job["keys"]})


def by_pyjwt(token):
    key = PY_KEYS[pyjwt.get_unverified_header(token)["kid"]]
    required = {"require": ["exp", "aud", "iss"]}
    pyjwt.decode(token, key, algorithms=ALGORITHMS, audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY, options=required)


def by_joserfc(token):
    decoded = rfc_jwt.decode(token, RFC_KEYS, algorithms=ALGORITHMS)
    essential = {"exp": {"essential": True}}
    essential |= {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": AUDIENCE}}
    rfc_jwt.JWTClaimsRegistry(leeway=LEEWAY, **essential).validate(decoded.claims)


def accepts(library, token):
    try:
        library(token)
    except Exception:  # Each library has its own exception types, and some also raise others.
        return False
    return True


libraries = {"PyJWT": by_pyjwt, "joserfc": by_joserfc}
json.dump({name: [accepts(library, token) for token in job["tokens"]] for name, library in libraries.items()}, sys.stdout)
