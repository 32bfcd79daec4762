//! Why ours and others differ.

/// Kind, our reason, and why ours refuses what those others take.
pub const STRICTER: &[(&str, &str, &[&str], &str)] = &[
    (
        "after the token",
        "malformed",
        &["jwt_authn"],
        "padding that happens to fit: a token has one spelling (RFC 7515 section 2)",
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
        "what was signed would be another text to a reader that knows b64 (RFC 7797)",
    ),
    (
        "before the scheme",
        "400 bad_request",
        &["jwt_authn"],
        "two credentials in one header, of which an upstream may take the other",
    ),
    (
        "before the scheme",
        "missing_token",
        &["jwt_authn"],
        "another scheme, in whose value the native filter looks for its prefix",
    ),
    (
        "crit",
        "crit",
        &["jwt_authn", "joserfc"],
        "an extension that is not understood must not be passed over (RFC 7515 section 4.1.11)",
    ),
    ("dots", "malformed", &["jwt_authn"], "three parts, none of them empty (RFC 7515 section 7.1)"),
    ("header no object", "malformed", &["jwt_authn"], "not JSON, which the native filter's reader lets pass"),
    (
        "iat ahead",
        "not_yet_valid",
        &["jwt_authn"],
        "issued in the future: a clock is wrong, or somebody stretches a lifetime",
    ),
    (
        "kid empty",
        "unknown_kid",
        &["jwt_authn"],
        "a kid that is there names a key; the native filter takes it for none",
    ),
    ("padding", "malformed", &["jwt_authn", "PyJWT"], "a token has one spelling (RFC 7515 section 2)"),
    (
        "signature truncated or longer",
        "signature",
        &["jwt_authn"],
        "a signature is as long as its key says (RFC 7518 section 3.4)",
    ),
    (
        "token of another use",
        "refused_claim",
        &["jwt_authn", "PyJWT", "joserfc"],
        "refresh and ID tokens are no access tokens (RFC 8725 section 3.11)",
    ),
    (
        "trailing bits",
        "malformed",
        &["jwt_authn"],
        "bits that stand for nothing are zero (RFC 4648 section 3.5)",
    ),
    ("typ null", "malformed", &["jwt_authn", "PyJWT"], "typ is a string (RFC 7515 section 4.1.9)"),
    ("typ of another type", "malformed", &["jwt_authn", "PyJWT"], "typ is a string (RFC 7515 section 4.1.9)"),
    (
        "typ unusual",
        "type",
        &["jwt_authn", "PyJWT", "joserfc"],
        "a token of another type was not made for this (RFC 8725 section 3.11)",
    ),
    ("whitespace inside", "malformed", &["jwt_authn"], "white space is no base64url (RFC 7515 section 2)"),
    ("alg twice", "malformed", &["PyJWT", "joserfc"], "two readers may take one each (RFC 7515 section 4)"),
    ("kid twice", "malformed", &["PyJWT", "joserfc"], "two readers may take one each (RFC 7515 section 4)"),
    ("aud twice", "malformed", &["PyJWT", "joserfc"], "two readers may take one each (RFC 7519 section 4)"),
    ("exp twice", "malformed", &["PyJWT", "joserfc"], "two readers may take one each (RFC 7519 section 4)"),
    ("iss twice", "malformed", &["PyJWT", "joserfc"], "two readers may take one each (RFC 7519 section 4)"),
    ("sub twice", "malformed", &["PyJWT", "joserfc"], "two readers may take one each (RFC 7519 section 4)"),
    ("exp as text", "claim_type", &["PyJWT"], "a NumericDate is a number (RFC 7519 section 2)"),
    ("iat as text", "claim_type", &["PyJWT"], "a NumericDate is a number (RFC 7519 section 2)"),
    ("nbf as text", "claim_type", &["PyJWT"], "a NumericDate is a number (RFC 7519 section 2)"),
    ("iat of another type", "claim_type", &["PyJWT"], "true and false are no 1 and 0 (RFC 7519 section 2)"),
    ("nbf of another type", "claim_type", &["PyJWT"], "true and false are no 1 and 0 (RFC 7519 section 2)"),
];

/// Kind, and why those others refuse what ours takes.
pub const WIDER: &[(&str, &[&str], &str)] = &[
    (
        "exp huge",
        &["jwt_authn"],
        "a NumericDate is any number (RFC 7519 section 2), which the native filter reads as 64 bits",
    ),
    ("iat negative", &["jwt_authn"], "a time before 1970 is a time; the token is no less expired by its exp"),
    ("nbf negative", &["jwt_authn"], "a time before 1970 is a time, and has come"),
    (
        "scheme in another case",
        &["jwt_authn"],
        "an authentication scheme is case-insensitive (RFC 9110 section 11.1)",
    ),
    (
        "kid absent",
        &["PyJWT", "joserfc"],
        "asked for a key by its kid; ours tries the few keys of the token's algorithm (RFC 7515 section 4.1.4)",
    ),
    ("cty", &["joserfc"], "the type of a member that is of no use here (RFC 7519 section 5.2)"),
    (
        "header unknown",
        &["joserfc"],
        "members that are not understood must be passed over (RFC 7515 section 4)",
    ),
    ("key of the token", &["joserfc"], "ours never looks at what a token brings as a key"),
];
