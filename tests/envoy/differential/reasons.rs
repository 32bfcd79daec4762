//! The reasons of the differences between the filter and the others.

/// The kind, the filter's denial reason, the others that accept the token, and the reason of the difference.
pub const STRICTER: &[(&str, &str, &[&str], &str)] = &[
    (
        "after the token",
        "malformed",
        &["jwt_authn"],
        "padding of matching length: a token has exactly one encoding (RFC 7515 section 2)",
    ),
    (
        "aud with a slash",
        "audience",
        &["jwt_authn"],
        "an audience is compared exactly (RFC 7519 section 4.1.3), not as a URL",
    ),
    (
        "b64 not true",
        "crit",
        &["jwt_authn", "PyJWT"],
        "a parser that supports b64 would read another signed text (RFC 7797)",
    ),
    (
        "before the scheme",
        "400 bad_request",
        &["jwt_authn"],
        "two credentials in one header: an upstream may use the other one",
    ),
    (
        "before the scheme",
        "missing_token",
        &["jwt_authn"],
        "another scheme: the native filter searches for its prefix inside the value",
    ),
    (
        "crit",
        "crit",
        &["jwt_authn", "joserfc"],
        "an unknown critical extension must not be ignored (RFC 7515 section 4.1.11)",
    ),
    ("dots", "malformed", &["jwt_authn"], "three parts, none of them empty (RFC 7515 section 7.1)"),
    (
        "header no object",
        "malformed",
        &["jwt_authn"],
        "invalid JSON, which the native filter's parser accepts",
    ),
    (
        "iat ahead",
        "not_yet_valid",
        &["jwt_authn"],
        "issued in the future: a clock is wrong, or an attacker extends the lifetime",
    ),
    (
        "kid empty",
        "unknown_kid",
        &["jwt_authn"],
        "an empty kid is a kid; the native filter treats it as absent",
    ),
    (
        "padding",
        "malformed",
        &["jwt_authn", "PyJWT"],
        "a token has exactly one encoding (RFC 7515 section 2)",
    ),
    (
        "signature truncated or longer",
        "signature",
        &["jwt_authn"],
        "the key determines the length of the signature (RFC 7518 section 3.4)",
    ),
    (
        "token of another use",
        "refused_claim",
        &["jwt_authn", "PyJWT", "joserfc"],
        "refresh and ID tokens are not access tokens (RFC 8725 section 3.11)",
    ),
    ("trailing bits", "malformed", &["jwt_authn"], "unused bits are zero (RFC 4648 section 3.5)"),
    ("typ null", "malformed", &["jwt_authn", "PyJWT"], "typ is a string (RFC 7515 section 4.1.9)"),
    ("typ of another type", "malformed", &["jwt_authn", "PyJWT"], "typ is a string (RFC 7515 section 4.1.9)"),
    (
        "typ unusual",
        "type",
        &["jwt_authn", "PyJWT", "joserfc"],
        "a token of another type has another purpose (RFC 8725 section 3.11)",
    ),
    ("whitespace inside", "malformed", &["jwt_authn"], "white space is not base64url (RFC 7515 section 2)"),
    (
        "alg twice",
        "malformed",
        &["PyJWT", "joserfc"],
        "two parsers may use different values (RFC 7515 section 4)",
    ),
    (
        "kid twice",
        "malformed",
        &["PyJWT", "joserfc"],
        "two parsers may use different values (RFC 7515 section 4)",
    ),
    (
        "aud twice",
        "malformed",
        &["PyJWT", "joserfc"],
        "two parsers may use different values (RFC 7519 section 4)",
    ),
    (
        "exp twice",
        "malformed",
        &["PyJWT", "joserfc"],
        "two parsers may use different values (RFC 7519 section 4)",
    ),
    (
        "iss twice",
        "malformed",
        &["PyJWT", "joserfc"],
        "two parsers may use different values (RFC 7519 section 4)",
    ),
    (
        "sub twice",
        "malformed",
        &["PyJWT", "joserfc"],
        "two parsers may use different values (RFC 7519 section 4)",
    ),
    ("exp as text", "claim_type", &["PyJWT"], "a NumericDate is a number (RFC 7519 section 2)"),
    ("iat as text", "claim_type", &["PyJWT"], "a NumericDate is a number (RFC 7519 section 2)"),
    ("nbf as text", "claim_type", &["PyJWT"], "a NumericDate is a number (RFC 7519 section 2)"),
    ("iat of another type", "claim_type", &["PyJWT"], "true and false are not 1 and 0 (RFC 7519 section 2)"),
    ("nbf of another type", "claim_type", &["PyJWT"], "true and false are not 1 and 0 (RFC 7519 section 2)"),
];

/// The kind, the others that reject the token, and the reason of the difference.
pub const WIDER: &[(&str, &[&str], &str)] = &[
    (
        "exp huge",
        &["jwt_authn"],
        "a NumericDate is any number (RFC 7519 section 2); the native filter reads it as 64 bits",
    ),
    ("iat negative", &["jwt_authn"], "a time before 1970 is valid; exp still limits the token"),
    ("nbf negative", &["jwt_authn"], "a time before 1970 is valid and has passed"),
    (
        "scheme in another case",
        &["jwt_authn"],
        "an authentication scheme is case-insensitive (RFC 9110 section 11.1)",
    ),
    (
        "kid absent",
        &["PyJWT", "joserfc"],
        "the library needs a kid to find a key; the filter tries the keys of the algorithm (RFC 7515 section 4.1.4)",
    ),
    ("cty", &["joserfc"], "the filter ignores cty, also with a wrong type (RFC 7519 section 5.2)"),
    ("header unknown", &["joserfc"], "unknown members must be ignored (RFC 7515 section 4)"),
    ("key of the token", &["joserfc"], "the filter never reads keys from a token"),
];
