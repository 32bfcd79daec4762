"""Generates differential.json: tokens with a change in every field, and whether PyJWT and joserfc accept each of them.

    pip install PyJWT==2.15.1 joserfc==1.8.0 cryptography
    python tests/data/jose/differential.py

The output is the same in every run: the keys are in this file, and EdDSA and RSA PKCS #1 signatures are deterministic.
"""

import base64
import json
import pathlib

import joserfc
import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from joserfc import jwk as rfc_jwk, jwt as rfc_jwt

HERE = pathlib.Path(__file__).parent
ISSUER, AUDIENCE, NOW, LATER = "https://issuer.example", "orders", 1_700_000_000, 4_102_444_800
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": NOW, "exp": LATER}
ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
RSA_JWK = next(row["jwk"] for row in json.loads((HERE / "edges.json").read_text()) if row["label"].startswith("RS256: 2048"))
RSA_TOKEN = next(row["token"] for row in json.loads((HERE / "edges.json").read_text()) if row["label"].startswith("RS256: 2048"))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(value):
    return b64(value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode())


def signed(header, claims, key=ED):
    text = part(header) + "." + part(claims)
    return text + "." + b64(key.sign(text.encode()))


HEADER = {"alg": "EdDSA", "kid": "ed", "typ": "JWT"}
ED_JWK = {"kty": "OKP", "crv": "Ed25519", "x": b64(ED.public_key().public_bytes_raw()), "kid": "ed"}
GOOD = signed(HEADER, CLAIMS)
entries = []


def entry(kind, token):
    entries.append({"kind": kind, "token": token})


def header(kind, **members):
    entry(kind, signed({**HEADER, **members}, CLAIMS))


def claims(kind, **members):
    entry(kind, signed(HEADER, {**CLAIMS, **members}))


def without(of, name):
    return {known: value for known, value in of.items() if known != name}


entry("good", GOOD)
entry("good", RSA_TOKEN)
entry("good", signed(HEADER, {**CLAIMS, "aud": ["other", AUDIENCE], "nbf": NOW, "jti": "1", "extra": {"a": [1, None]}}))
for alg in ["none", "None", "NONE", "", "HS256", "RS256", "ES256", "eddsa", "EdDSA ", 1, None, ["EdDSA"], {}]:
    header("alg", alg=alg)
entry("alg absent", signed(without(HEADER, "alg"), CLAIMS))
entry("alg none, unsigned", part({"alg": "none"}) + "." + part(CLAIMS) + ".")
for kid in ["other", "", "ED", "../ed", "ed'--", 1, None, ["ed"]]:
    header("kid", kid=kid)
for typ in ["at+jwt", "application/at+jwt", "jwt", "JWT"]:
    header("typ of an access token", typ=typ)
for typ in ["dpop+jwt", "logout+jwt", "secevent+jwt", "text/plain", ""]:
    header("typ of something else", typ=typ)
for typ in [1, None, ["JWT"], {}]:
    header("typ that is no text", typ=typ)
for crit in [["exp"], ["b64"], ["x"], [], None, "x", [1]]:
    header("crit", crit=crit)
header("crit, and what it names", crit=["x"], x=1)
header("b64 false", b64=False)
header("b64 false, and crit", b64=False, crit=["b64"])
header("b64 true", b64=True)
for name, value in [("jwk", ED_JWK), ("jku", "http://127.0.0.1:1/"), ("x5u", "http://127.0.0.1:1/"), ("x5c", ["AA=="]), ("cty", "JWT"), ("x", 1)]:
    header("member that is passed over", **{name: value})
entry("key of the token, signed with it", signed({**HEADER, "jwk": {**ED_JWK, "x": b64(OTHER.public_key().public_bytes_raw())}}, CLAIMS, OTHER))
entry("another's signature", signed(HEADER, CLAIMS, OTHER))
for text in ["[]", "1", "null", "\"a\"", "{", "{}{}", "", "\ufeff{}"]:
    entry("header that is no object", signed(text, CLAIMS))
    entry("claims that are no object", signed(HEADER, text))
entry("member of the header twice", signed('{"alg":"EdDSA","kid":"ed","kid":"ed"}', CLAIMS))
entry("member of the header twice", signed('{"alg":"none","alg":"EdDSA","kid":"ed"}', CLAIMS))
for name, value in [("iss", "https://evil.example"), ("sub", "root"), ("aud", "other"), ("exp", 1)]:
    text = json.dumps(CLAIMS, separators=(",", ":"))
    entry("claim twice", signed(HEADER, '{' + json.dumps(name) + ':' + json.dumps(value) + ',' + text[1:]))
for value in ["https://evil.example", ISSUER + "/", ISSUER.upper(), ""]:
    claims("iss", iss=value)
for value in [1, None, [ISSUER], {}, True]:
    claims("iss that is no text", iss=value)
entry("iss absent", signed(HEADER, without(CLAIMS, "iss")))
for value in ["other", "ORDERS", "orders/", " orders", "", ["other"], []]:
    claims("aud", aud=value)
for value in [1, None, {}, {"orders": 1}, True, [1], ["orders", 1], [["orders"]], [None, "orders"]]:
    claims("aud of another type", aud=value)
entry("aud absent", signed(HEADER, without(CLAIMS, "aud")))
for value in [NOW, 0, -1, 1.5]:
    claims("exp over", exp=value)
for value in [str(LATER), "later", "", None, True, [LATER], {}]:
    claims("exp of another type", exp=value)
claims("exp fractional", exp=LATER + 0.5)
entry("exp huge", signed(HEADER, json.dumps({**CLAIMS, "exp": 0}).replace('"exp": 0', '"exp": 1e30')))
entry("exp beyond every number", signed(HEADER, json.dumps({**CLAIMS, "exp": 0}).replace('"exp": 0', '"exp": 1e999')))
entry("exp that is not JSON", signed(HEADER, json.dumps({**CLAIMS, "exp": 0}).replace('"exp": 0', '"exp": NaN')))
entry("exp that is not JSON", signed(HEADER, json.dumps({**CLAIMS, "exp": 0}).replace('"exp": 0', '"exp": Infinity')))
entry("exp absent", signed(HEADER, without(CLAIMS, "exp")))
for value in [LATER - 1, 1e30]:
    claims("nbf ahead", nbf=value)
    claims("iat ahead", iat=value)
for value in ["1", "", None, True, [1], {}]:
    claims("nbf of another type", nbf=value)
    claims("iat of another type", iat=value)
claims("nbf before 1970", nbf=-1)
claims("iat before 1970", iat=-1)
for value in [1, None, ["a"], {}, True]:
    claims("sub that is no text", sub=value)
    claims("jti that is no text", jti=value)
for name, value in [("type", "refresh"), ("typ", "ID"), ("token_use", "id")]:
    claims("token of another use", **{name: value})
deep = lambda depth: "[" * depth + "]" * depth
entry("nested deeply", signed(HEADER, json.dumps({**CLAIMS, "x": 0}).replace('"x": 0', f'"x": {deep(100)}')))
entry("nested", signed(HEADER, json.dumps({**CLAIMS, "x": 0}).replace('"x": 0', f'"x": {deep(10)}')))
entry("claims with a lone surrogate", signed(HEADER, '{"x":"\\ud800",' + json.dumps(CLAIMS)[1:]))
entry("claims with NUL", signed(HEADER, '{"x":"\\u0000",' + json.dumps(CLAIMS)[1:]))
head, body, signature = GOOD.split(".")
for text in ["=", "==", "===", "\n", " ", "\t", "\0", "+", "/", ".", "A", "%3D"]:
    entry("character after the token", GOOD + text)
    entry("character before the token", text + GOOD)
    entry("character after the header", head + text + "." + body + "." + signature)
    entry("character in the claims", head + "." + body[:10] + text + body[10:] + "." + signature)
last = signature[-1]
alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
for bits in [1, 2, 3]:
    entry("trailing bits", GOOD[:-1] + alphabet[alphabet.index(last) + bits])
for text in [f"{head}.{body}", f"{head}.{body}.", f".{body}.{signature}", f"{head}..{signature}", "..", "...", "", f"{head}.{body}.{signature}.{signature}", f"{body}.{head}.{signature}", f"{head}.{signature}.{body}"]:
    entry("parts", text)
raw = base64.urlsafe_b64decode(signature + "==")
for changed in [raw[:-1], raw + b"\0", b"\0" + raw, bytes(64), b"\xff" * 64, raw[32:] + raw[:32]]:
    entry("signature", f"{head}.{body}.{b64(changed)}")
for at in range(0, 64, 5):
    flipped = bytearray(raw)
    flipped[at] ^= 1 << (at % 8)
    entry("a bit of the signature", f"{head}.{body}.{b64(bytes(flipped))}")
for at in range(0, len(head) + len(body) + 1, 7):
    if GOOD[at] != ".":
        entry("a character of what was signed", GOOD[:at] + ("A" if GOOD[at] != "A" else "B") + GOOD[at + 1:])
# An EdDSA signature with S plus the group's order, which a careless verifier accepts (RFC 8032 section 5.1.7).
order = 2**252 + 27742317777372353535851937790883648493
entry("S beyond the order", f"{head}.{body}.{b64(raw[:32] + (int.from_bytes(raw[32:], 'little') + order).to_bytes(32, 'little'))}")

PY_KEYS = {"ed": ED.public_key(), RSA_JWK["kid"]: pyjwt.PyJWK({**RSA_JWK, "alg": "RS256"}).key}
RFC_KEYS = rfc_jwk.KeySet.import_key_set({"keys": [ED_JWK, RSA_JWK]})


def by_pyjwt(token):
    kid = pyjwt.get_unverified_header(token).get("kid")
    pyjwt.decode(token, PY_KEYS[kid], algorithms=["EdDSA", "RS256"], audience=AUDIENCE, issuer=ISSUER, leeway=60,
                 options={"require": ["exp", "aud", "iss"]})


def by_joserfc(token):
    decoded = rfc_jwt.decode(token, RFC_KEYS, algorithms=["EdDSA", "RS256"])
    rfc_jwt.JWTClaimsRegistry(leeway=60, iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": AUDIENCE},
                              exp={"essential": True}).validate(decoded.claims)


def accepts(library, token):
    try:
        library(token)
    except Exception:  # Each library has its own exception types, and some also raise others.
        return False
    return True


for row in entries:
    row["PyJWT"], row["joserfc"] = accepts(by_pyjwt, row["token"]), accepts(by_joserfc, row["token"])
assert all(row["PyJWT"] and row["joserfc"] for row in entries if row["kind"] == "good")
document = {"made with": {"PyJWT": pyjwt.__version__, "joserfc": joserfc.__version__}, "keys": [ED_JWK, RSA_JWK], "tokens": entries}
lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in entries)
with open(HERE / "differential.json", "w") as file:
    file.write('{"made with":%s,\n"keys":%s,\n"tokens":[\n%s\n]}\n' % (json.dumps(document["made with"]), json.dumps(document["keys"]), lines))
print(len(entries), {name: sum(row[name] for row in entries) for name in ("PyJWT", "joserfc")})
