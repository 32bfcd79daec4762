"""Generates edges.json: tokens with edge cases of keys and signatures.

    python tests/data/jose/edges.py        # takes a minute to find primes of 4096 bits

Each entry has a public key of its own, a token, and whether it must be accepted. Nothing here shares code with ours:
RSA is done with Python's integers, ECDSA with the formulas of FIPS 186-5, for which a private key is not even needed:
for any r that is the x of a point, and any s, there is a public key for which (r, s) signs the message.
"""

import base64
import hashlib
import json
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

HERE = pathlib.Path(__file__).parent
CLAIMS = {"iss": "https://issuer.example", "aud": "orders", "sub": "user-1", "iat": 1_700_000_000, "exp": 4_102_444_800}
PREFIX = {  # DigestInfo, RFC 8017 section 9.2 note 1
    "sha1": "3021300906052b0e03021a05000414",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}
HASH = {"256": "sha256", "384": "sha384", "512": "sha512"}
entries = []


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def integer(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def message(algorithm, kid):
    part = lambda value: b64(json.dumps(value, separators=(",", ":")).encode())
    return part({"alg": algorithm, "kid": kid}) + "." + part(CLAIMS)


def entry(algorithm, label, accepted, jwk, sign, kid=None):
    """`sign` takes the message and returns the signature."""
    kid = kid or f"edge-{len(entries)}"
    text = message(algorithm, kid)
    entries.append({"label": f"{algorithm}: {label}", "accepted": accepted, "jwk": {**jwk, "kid": kid},
                    "token": text + "." + b64(sign(text.encode()))})


# RSA

def rsa_key(bits, exponent=65537):
    """The numbers of a key with any odd exponent."""
    while True:
        numbers = rsa.generate_private_key(public_exponent=65537, key_size=bits).private_numbers()
        try:
            d = pow(exponent, -1, (numbers.p - 1) * (numbers.q - 1))
        except ValueError:
            continue
        return {"n": numbers.p * numbers.q, "e": exponent, "d": d}


def rsa_jwk(key):
    return {"kty": "RSA", "n": integer(key["n"]), "e": integer(key["e"])}


def raw(key, encoded):
    """The signature over an arbitrary encoded message."""
    size = (key["n"].bit_length() + 7) // 8
    return pow(int.from_bytes(encoded.rjust(size, b"\0"), "big"), key["d"], key["n"]).to_bytes(size, "big")


def size_of(key):
    return (key["n"].bit_length() + 7) // 8


def pkcs1(key, info, block=b"\x00\x01", filler=b"\xff", separator=b"\x00", after=b""):
    fill = size_of(key) - len(block) - len(separator) - len(info) - len(after)
    return block + filler * fill + separator + info + after


def digest(name, text):
    return hashlib.new(name, text).digest()


def info(name, text):
    return bytes.fromhex(PREFIX[name]) + digest(name, text)


def rsa_edges():
    sizes = [(2048, 65537), (2048, 3), (2048, 17), (2049, 65537), (3072, 3), (4096, 3), (4096, 2**33 - 1), (8192, 65537),
             (2048, 2**32 + 1), (2048, 2**33 - 1)]
    for bits, exponent in sizes:
        key = rsa_key(bits, exponent)
        for algorithm in ["RS256", "RS384", "RS512"] if exponent in (3, 65537) else ["RS256"]:
            name = HASH[algorithm[2:]]
            entry(algorithm, f"{bits} bits, e = {exponent}", True, rsa_jwk(key),
                  lambda text: raw(key, pkcs1(key, info(name, text))))
        entry("RS256", f"{bits} bits, e = {exponent}, another message", False, rsa_jwk(key),
              lambda text: raw(key, pkcs1(key, info("sha256", text + b"."))))

    for exponent in [65537, 3]:
        key = rsa_key(2048, exponent)
        no_null = lambda text: bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest("sha256", text)
        long_form = lambda text: b"\x30\x81\x31" + info("sha256", text)[2:]
        more = lambda text: b"\x30\x33" + info("sha256", text)[2:] + b"\x05\x00"
        rows = [
            ("parameters left out", lambda text: pkcs1(key, no_null(text))),
            ("a length in long form", lambda text: pkcs1(key, long_form(text))),
            ("an element more in the DigestInfo", lambda text: pkcs1(key, more(text))),
            ("a byte after the hash", lambda text: pkcs1(key, info("sha256", text), after=b"\0")),
            ("eight bytes of padding, the rest after the hash", lambda text: (
                b"\0\1" + b"\xff" * 8 + b"\0" + info("sha256", text)).ljust(size_of(key), b"\0")),
            ("no padding, the hash at the end", lambda text: b"\0\1\0" + info("sha256", text).rjust(size_of(key) - 3, b"\0")),
            ("padding of FE", lambda text: pkcs1(key, info("sha256", text), filler=b"\xfe")),
            ("padding of zeros", lambda text: pkcs1(key, info("sha256", text), filler=b"\0")),
            ("no separator", lambda text: pkcs1(key, info("sha256", text), separator=b"\xff")),
            ("block type 2", lambda text: pkcs1(key, info("sha256", text), block=b"\0\2")),
            ("block type 0", lambda text: pkcs1(key, info("sha256", text), block=b"\0\0")),
            ("no DigestInfo, the hash alone", lambda text: pkcs1(key, digest("sha256", text))),
            ("no hash", lambda text: pkcs1(key, bytes.fromhex(PREFIX["sha256"]))),
            ("SHA-1", lambda text: pkcs1(key, info("sha1", text))),
            ("SHA-512", lambda text: pkcs1(key, info("sha512", text))),
            ("SHA-384's name for SHA-256", lambda text: pkcs1(
                key, bytes.fromhex(PREFIX["sha384"].replace("30", "30", 1)) + digest("sha256", text))),
        ]
        for label, encoded in rows:
            entry("RS256", f"e = {exponent}, {label}", False, rsa_jwk(key), lambda text: raw(key, encoded(text)))
        for label, value in [("0", 0), ("1", 1), ("n - 1", key["n"] - 1)]:
            entry("RS256", f"e = {exponent}, the signature {label}", False, rsa_jwk(key),
                  lambda text: value.to_bytes(size_of(key), "big"))

    # A signature with a leading zero byte must keep its full length.
    key = rsa_key(2048)
    sign = lambda text: raw(key, pkcs1(key, info("sha256", text)))
    tries = (f"zero-{number}" for number in range(10_000))
    kid = next(kid for kid in tries if sign(message("RS256", kid).encode())[0] == 0)
    entry("RS256", "a zero first", True, rsa_jwk(key), sign, kid)


def pss_edges():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": integer(public.n), "e": integer(public.e)}
    sha = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
    for bits, hashed in sha.items():
        length = hashed.digest_size
        rows = [("a salt as long as the hash", length, hashed, True), ("no salt", 0, hashed, False),
                ("a salt of 20 bytes", 20, hashed, False), ("a salt a byte shorter", length - 1, hashed, False),
                ("a salt a byte longer", length + 1, hashed, False),
                ("SHA-1 in the mask", length, hashes.SHA1(), False)]
        for label, salt, mask, accepted in rows:
            entry(f"PS{bits}", label, accepted, jwk,
                  lambda text: key.sign(text, padding.PSS(padding.MGF1(mask), salt), hashed))


# ECDSA: y^2 = x^3 - 3x + b (FIPS 186-5, SP 800-186)

CURVES = {
    "ES256": ("P-256", 2**256 - 2**224 + 2**192 + 2**96 - 1,
              0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
              0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
              0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296),
    "ES384": ("P-384", 2**384 - 2**128 - 2**96 + 2**32 - 1,
              0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
              0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
              0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7),
    "ES512": ("P-521", 2**521 - 1,
              0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
              2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
              0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66),
}


class Curve:
    def __init__(self, p, b, n, x):
        self.p, self.b, self.n = p, b, n
        even = self.lift(x)
        # Of the three generators only that of P-521 has an even y.
        self.g = even if p == 2**521 - 1 else (x, p - even[1])

    def lift(self, x):
        """The point with that x and an even y, if it exists. All three primes are 3 modulo 4."""
        square = (x**3 - 3 * x + self.b) % self.p
        y = pow(square, (self.p + 1) // 4, self.p)
        if x >= self.p or y * y % self.p != square:
            return None
        return (x, y if y % 2 == 0 else self.p - y)

    def add(self, left, right):
        if left is None or right is None:
            return left or right
        if left[0] == right[0]:
            if (left[1] + right[1]) % self.p == 0:
                return None
            slope = (3 * left[0] ** 2 - 3) * pow(2 * left[1], -1, self.p)
        else:
            slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, self.p)
        x = (slope * slope - left[0] - right[0]) % self.p
        return (x, (slope * (left[0] - x) - left[1]) % self.p)

    def times(self, scalar, point):
        total = None
        for bit in bin(scalar % self.n)[2:]:
            total = self.add(total, total)
            if bit == "1":
                total = self.add(total, point)
        return total

    def first_from(self, x):
        while self.lift(x) is None:
            x += 1
        return self.lift(x)


def ecdsa_edges():
    for algorithm, (name, p, b, n, x) in CURVES.items():
        curve = Curve(p, b, n, x)
        size = (p.bit_length() + 7) // 8
        half = (n - 1) // 2
        r_of_g = curve.g
        rows = [
            ("R = G, s = 1", r_of_g, 1), ("R = G, s = 2", r_of_g, 2), ("R = G, s = n - 1", r_of_g, n - 1),
            ("R = G, s half of n", r_of_g, half), ("R = G, s above half of n", r_of_g, half + 1),
            ("R = 2G, s = 1", curve.times(2, curve.g), 1),
            ("the least r", curve.first_from(1), 12345),
            ("the least r and s = 1", curve.first_from(1), 1),
            ("an x above n, r = x - n", curve.first_from(n + 1), 98765),
            ("r of one byte less", curve.first_from(2 ** (8 * (size - 1)) - 2**32), 2 ** (8 * (size - 1)) - 1),
            ("s a power of two", r_of_g, 2 ** (n.bit_length() - 2)),
        ]
        for label, point, s in rows:
            r = point[0] % n
            kid = f"edge-{len(entries)}"
            text = message(algorithm, kid).encode()
            z = int.from_bytes(hashlib.new(HASH[algorithm[2:]], text).digest(), "big")
            inverse = pow(r, -1, n)
            key = curve.add(curve.times(s * inverse, point), curve.times(-z * inverse, curve.g))
            coordinate = lambda value: b64(value.to_bytes(size, "big"))
            jwk = {"kty": "EC", "crv": name, "x": coordinate(key[0]), "y": coordinate(key[1])}
            both = lambda r, s: r.to_bytes(size, "big") + s.to_bytes(size, "big")
            entry(algorithm, label, True, jwk, lambda text: both(r, s))

            def beside(label, signature, accepted=False):
                """The same key and message with another signature."""
                entries.append({"label": f"{algorithm}: {label}", "accepted": accepted,
                                "token": text.decode() + "." + b64(signature)})

            beside(f"{label}, and n - s", both(r, n - s), True)
            beside(f"{label}, and r + 1", both(r + 1, s))
            beside(f"{label}, and s + 3", both(r, (s + 3) % n))
            if r != s:
                beside(f"{label}, and r and s exchanged", both(s, r))
            if r + n < 256**size:
                beside(f"{label}, and r + n", both(r + n, s))
            if s + n < 256**size:
                beside(f"{label}, and s + n", both(r, s + n))
            beside(f"{label}, and r = n", both(n, s))
            beside(f"{label}, and s = n", both(r, n))
            beside(f"{label}, and p - r", both((p - r) % n, s))


def ed25519_edges():
    order = 2**252 + 27742317777372353535851937790883648493
    key = ed25519.Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}

    def plus(times):
        def sign(text):
            good = key.sign(text)
            return good[:32] + (int.from_bytes(good[32:], "little") + times * order).to_bytes(32, "little")
        return sign

    for algorithm in ["EdDSA", "Ed25519"]:
        entry(algorithm, "S below the order", True, jwk, plus(0))
        for times in range(1, 8):
            entry(algorithm, f"S plus {times} times the order", False, jwk, plus(times))
        entry(algorithm, "R with its sign changed", False, jwk,
              lambda text: key.sign(text)[:31] + bytes([key.sign(text)[31] ^ 0x80]) + key.sign(text)[32:])


rsa_edges()
pss_edges()
ecdsa_edges()
ed25519_edges()
lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in entries)
(HERE / "edges.json").write_text(f"[\n{lines}\n]\n")
print(len(entries), "entries")
