//! Why the two filters differ.

/// Kind, our reason, and why ours refuses what the native filter takes.
pub const OURS_STRICTER: &[(&str, &str, &str)] = &[
    (
        "after the token",
        "malformed",
        "padding that happens to fit: a token has one spelling (RFC 7515 section 2)",
    ),
    (
        "aud with a slash",
        "audience",
        "an audience is compared exactly (RFC 7519 section 4.1.3), not as a URL",
    ),
    ("b64 not true", "crit", "what was signed would be another text to a reader that knows b64 (RFC 7797)"),
    (
        "before the scheme",
        "400 bad_request",
        "two credentials in one header, of which an upstream may take the other",
    ),
    (
        "before the scheme",
        "missing_token",
        "another scheme, in whose value the native filter looks for its prefix",
    ),
    ("crit", "crit", "an extension that is not understood must not be passed over (RFC 7515 section 4.1.11)"),
    ("dots", "malformed", "three parts, none of them empty (RFC 7515 section 7.1)"),
    ("header no object", "malformed", "not JSON, which the native filter's reader lets pass"),
    (
        "iat ahead",
        "not_yet_valid",
        "issued in the future: a clock is wrong, or somebody stretches a lifetime",
    ),
    ("kid empty", "unknown_kid", "a kid that is there names a key; the native filter takes it for none"),
    ("padding", "malformed", "a token has one spelling (RFC 7515 section 2)"),
    (
        "signature truncated or longer",
        "signature",
        "a signature is as long as its key says (RFC 7518 section 3.4)",
    ),
    (
        "token of another use",
        "refused_claim",
        "refresh and ID tokens are no access tokens (RFC 8725 section 3.11)",
    ),
    ("trailing bits", "malformed", "bits that stand for nothing are zero (RFC 4648 section 3.5)"),
    ("typ null", "malformed", "typ is a string (RFC 7515 section 4.1.9)"),
    ("typ of another type", "malformed", "typ is a string (RFC 7515 section 4.1.9)"),
    ("typ unusual", "type", "a token of another type was not made for this (RFC 8725 section 3.11)"),
    ("whitespace inside", "malformed", "white space is no base64url (RFC 7515 section 2)"),
];

/// Kind, and why the native filter refuses what ours takes.
pub const NATIVE_STRICTER: &[(&str, &str)] = &[
    (
        "exp huge",
        "a NumericDate is any number (RFC 7519 section 2), which the native filter reads as 64 bits",
    ),
    ("iat negative", "a time before 1970 is a time; the token is no less expired by its exp"),
    ("nbf negative", "a time before 1970 is a time, and has come"),
    ("scheme in another case", "an authentication scheme is case-insensitive (RFC 9110 section 11.1)"),
];
