"""Generates keys.json, tokens.json and both known_answers.json with libraries that share no code with the filter.

    python3 -m venv VENV && VENV/bin/pip install PyJWT joserfc cryptography
    VENV/bin/python tests/data/jose/mint.py tokens          # tokens.json, with the keys of keys.json
    VENV/bin/python tests/data/jose/mint.py keys            # new keys in keys.json: every committed token stops verifying
    VENV/bin/python tests/data/jose/mint.py known-answers   # both known_answers.json, with temporary keys
"""

import base64
import json
import pathlib
import sys

import cryptography
import joserfc
import joserfc.jwk
import joserfc.jws
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent.parent

CLAIMS = {
    "iss": "https://issuer.example",
    "aud": "orders",
    "sub": "user-1",
    "iat": 1_700_000_000,
    "exp": 1_700_003_600,
}

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ES256": ("P-256", ec.SECP256R1(), 32), "ES384": ("P-384", ec.SECP384R1(), 48),
          "ES512": ("P-521", ec.SECP521R1(), 66)}
LATTICES = {"ML-DSA-44": mldsa.MLDSA44PrivateKey, "ML-DSA-65": mldsa.MLDSA65PrivateKey,
            "ML-DSA-87": mldsa.MLDSA87PrivateKey}
RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
ALL = [*RSA, *CURVES, "EdDSA", *LATTICES]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, length=None):
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def generate(algorithm):
    if algorithm in RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm][1])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return LATTICES[algorithm].generate()


def public_jwk(key, kid, algorithm=None):
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "n": number(numbers.n), "e": number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name, _, size = next(curve for curve in CURVES.values() if curve[1].name == key.curve.name)
        numbers = key.public_key().public_numbers()
        return {"kty": "EC", "kid": kid, "crv": name, "x": number(numbers.x, size), "y": number(numbers.y, size)}
    public = b64(key.public_key().public_bytes_raw())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": public}
    return {"kty": "AKP", "kid": kid, "alg": algorithm, "pub": public}


def private_jwk(key, kid, algorithm=None):
    jwk = public_jwk(key, kid, algorithm)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        private = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1,
                   "qi": numbers.iqmp}
        return jwk | {name: number(value) for name, value in private.items()}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return jwk | {"d": number(key.private_numbers().private_value, (key.curve.key_size + 7) // 8)}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return jwk | {"d": b64(key.private_bytes_raw())}
    return jwk | {"priv": b64(key.private_bytes_raw())}


def load(jwk):
    """The private key of a JWK."""
    if jwk["kty"] == "AKP":
        return LATTICES[jwk["alg"]].from_seed_bytes(unb64(jwk["priv"]))
    return jwt.PyJWK(jwk, "EdDSA" if jwk["kty"] == "OKP" else "RS256" if jwk["kty"] == "RSA" else None).key


def sign(key, algorithm, message):
    if algorithm in RSA:
        chosen = HASHES[algorithm[2:]]
        pss = padding.PSS(mgf=padding.MGF1(chosen), salt_length=chosen.digest_size)
        return key.sign(message, pss if algorithm[0] == "P" else padding.PKCS1v15(), chosen)
    if algorithm in CURVES:
        size = CURVES[algorithm][2]
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(HASHES[algorithm[2:]])))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return key.sign(message)


def write(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def make_keys():
    rows = [("rsa-1", "RS256"), ("rsa-2", "RS256"), ("p256-1", "ES256"), ("p256-2", "ES256"), ("p384-1", "ES384"),
            ("p521-1", "ES512"), ("ed25519-1", "EdDSA"), ("mldsa44-1", "ML-DSA-44"), ("mldsa65-1", "ML-DSA-65"),
            ("mldsa87-1", "ML-DSA-87")]
    write(HERE / "keys.json", {"keys": [private_jwk(generate(alg), kid, alg) for kid, alg in rows]})


def make_tokens():
    keys = {jwk["kid"]: jwk for jwk in json.loads((HERE / "keys.json").read_text())["keys"]}
    kids = {**{alg: "rsa-1" for alg in RSA}, "ES256": "p256-1", "ES384": "p384-1", "ES512": "p521-1",
            "EdDSA": "ed25519-1", "Ed25519": "ed25519-1", "ML-DSA-44": "mldsa44-1", "ML-DSA-65": "mldsa65-1",
            "ML-DSA-87": "mldsa87-1"}
    tokens = []

    for algorithm in [*RSA, *CURVES, "EdDSA"]:
        jwk = keys[kids[algorithm]]
        token = jwt.encode(CLAIMS, load(jwk), algorithm=algorithm, headers={"kid": jwk["kid"]})
        tokens.append({"by": f"PyJWT {jwt.__version__}", "algorithm": algorithm, "token": token})

    registry = joserfc.jws.JWSRegistry(algorithms=[*RSA, *CURVES, "EdDSA", "Ed25519"])
    for algorithm in [*RSA, *CURVES, "EdDSA", "Ed25519"]:
        jwk = keys[kids[algorithm]]
        header = {"alg": algorithm, "kid": jwk["kid"], "typ": "at+jwt"}
        key = joserfc.jwk.import_key(jwk)
        token = joserfc.jws.serialize_compact(header, json.dumps(CLAIMS).encode(), key, registry=registry)
        tokens.append({"by": f"joserfc {joserfc.__version__}", "algorithm": algorithm, "token": token})

    for algorithm in LATTICES:
        jwk = keys[kids[algorithm]]
        header = {"alg": algorithm, "kid": jwk["kid"]}
        message = b64(json.dumps(header).encode()) + "." + b64(json.dumps(CLAIMS).encode())
        token = message + "." + b64(sign(load(jwk), algorithm, message.encode()))
        tokens.append({"by": f"cryptography {cryptography.__version__}", "algorithm": algorithm, "token": token})

    write(HERE / "tokens.json", tokens)


def make_known_answers():
    message = "jwt-guard"
    rsa_pair = generate("RS256")
    of_host = [*RSA[:3], *CURVES]
    # The module contains the answers for the algorithms of a host. Those for the others are in the unit tests.
    for algorithms, path in [
        (of_host, ROOT / "src" / "jose" / "known_answers.json"),
        ([algorithm for algorithm in ALL if algorithm not in of_host], HERE / "known_answers.json"),
    ]:
        keys, answers = [public_jwk(rsa_pair, "RSA", "RS256")], {}
        for algorithm in algorithms:
            kid, pair = "RSA", rsa_pair
            if algorithm not in RSA:
                kid, pair = algorithm, generate(algorithm)
                keys.append(public_jwk(pair, kid, algorithm))
            answers[algorithm] = {"kid": kid, "signature": b64(sign(pair, algorithm, message.encode()))}
        write(path, {"message": message, "keys": keys, "answers": answers})


{"keys": make_keys, "tokens": make_tokens, "known-answers": make_known_answers}[sys.argv[1]]()
