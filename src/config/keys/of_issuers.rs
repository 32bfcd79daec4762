//! The keys of issuers, and of the objects that only issuers and claim headers have.

keys! {
    /// The keys of one issuer.
    pub mod issuer {
        /// The exact iss of the tokens (RFC 7519, section 4.1.1), compared character by character. One whole segment of
        /// its path can be the name of a claim in braces, such as {tid}: each of the tenants then has its own iss, and
        /// the claim must be the text in that segment.
        ISSUER: Name("issuer") is NonBlank;

        /// The tenants whose tokens are accepted, for an issuer with a placeholder: letters, digits, -, ., _ and ~.
        /// {any: true} accepts every tenant; anybody can then open a tenant and give its users any role.
        TENANTS: Name("tenants") is Tenants;

        /// The issuer's name in requires_issuer, logs and metrics: letters, digits and _. If absent, the host and path
        /// of the issuer's URL, with _ for each other character. Each issuer needs a different name. An issuer with a
        /// placeholder needs this key.
        NAME: Name("name") is Matching("^[A-Za-z0-9_]+$");

        /// The path templates, in the form of a route's path, on which the issuer's tokens count. If an upstream may
        /// read the path of a request in several ways, each must match a template, in the same letter case. On other
        /// paths a token of this issuer is refused with 403. If absent, the tokens count on every path.
        PATHS: Name("paths") is TextsMatching("^/");

        /// Whether the issuer's tokens count as the first token of a request, which token_from finds. If absent, true for
        /// an issuer that no second token names, and false for an issuer that one names: the token of an agent alone
        /// would otherwise pass as that of a user.
        FIRST_TOKEN: Name("first_token") is Boolean;

        /// The aud of tokens for this service (RFC 7519, section 4.1.3). If several are listed, a token for one of
        /// them is enough.
        AUDIENCE: Name("audience") is Texts;

        /// The claims that hold the audience: claim names or JSON Pointers. The values of all that are present are
        /// merged.
        AUDIENCE_FROM: Name("audience_from") is ClaimList, default "[\"aud\"]";

        /// The Envoy cluster through which the filter fetches the keys. In Istio its name has the form
        /// outbound|443||host.
        JWKS_CLUSTER: Name("jwks_cluster") is NonBlank;

        /// The URL of the issuer's key set (RFC 7517, section 5), or a path that is appended to the issuer's URL,
        /// after a trailing slash of that URL is removed. An issuer with a placeholder needs a full URL.
        JWKS_ENDPOINT: Text("jwks_endpoint", "/api/v1/auth/jwks") is Matching("^(/|[Hh][Tt][Tt][Pp][Ss]?://)");

        /// If true, the filter takes the URL of the key set from jwks_uri in the issuer's discovery document. It
        /// requests /.well-known/openid-configuration below the issuer (OpenID Connect Discovery 1.0, section 4) and,
        /// if the status is 404, /.well-known/oauth-authorization-server (RFC 8414, section 3). The document's issuer
        /// must be equal to the configured one.
        DISCOVERY: Flag("discovery", false);

        /// The Envoy cluster through which the filter fetches the discovery document. If absent, jwks_cluster. This
        /// key is required if jwks_uri is on another host or port than the issuer.
        DISCOVERY_CLUSTER: Name("discovery_cluster") is NonBlank;

        /// The key set itself (RFC 7517, section 5), as an object or as text. The filter then fetches no keys.
        JWKS_INLINE: Name("jwks_inline") is Jwks;

        /// How long fetched keys are fresh. The max-age of the answer's Cache-Control (RFC 9111, section 5.2.2.1) can
        /// shorten this time, down to jwks_refresh_cooldown_seconds, and cannot lengthen it. The filter fetches the
        /// keys again after 80 to 90 % of it.
        JWKS_TTL_SECONDS: Integer("jwks_ttl_seconds", 300, Bounds::new(1, 86_400, "seconds"));

        /// How long the filter still uses the last good keys after they are no longer fresh, while fetches fail.
        /// After that, a request whose token needs a key for verification gets 503.
        JWKS_MAX_STALE_SECONDS: Integer("jwks_max_stale_seconds", 14_400, Bounds::new(0, 2_592_000, "seconds"));

        /// The shortest time between two fetches that tokens with an unknown kid cause, in the whole Envoy process.
        /// The limit keeps clients from flooding the issuer with made-up kids.
        JWKS_REFRESH_COOLDOWN_SECONDS: Integer("jwks_refresh_cooldown_seconds", 10, Bounds::new(1, 3600, "seconds"));

        /// The timeout of one fetch of keys or of the revocation list, and the longest time that a request waits for
        /// them.
        JWKS_TIMEOUT_MS: Integer("jwks_timeout_ms", 5000, Bounds::new(10, 60_000, "milliseconds"));

        /// The URL of the issuer's revocation list, or a path that is appended to the issuer's URL, after a trailing
        /// slash of that URL is removed. The list names tokens that are refused before they expire: an object with an
        /// array items, whose members jti, sub, sid and issued_before name tokens, or an array of jti strings. It is
        /// not the endpoint of RFC 7009. An issuer with a placeholder needs a full URL. If absent, no token is looked
        /// up.
        REVOCATION_LIST_ENDPOINT: Name("revocation_list_endpoint") is Matching("^(/|[Hh][Tt][Tt][Pp][Ss]?://)");

        /// The Envoy cluster through which the filter fetches the revocation list. If absent, jwks_cluster. With
        /// jwks_inline this key is required.
        REVOCATION_LIST_CLUSTER: Name("revocation_list_cluster") is NonBlank;

        /// How long a fetched revocation list is fresh. The filter fetches it again after 80 to 90 % of this time.
        /// A revoked token is refused at most this time plus one second after the list names it. The max-age of the
        /// answer's Cache-Control can shorten this time, down to 10 seconds, and cannot lengthen it.
        REVOCATION_LIST_TTL_SECONDS: Integer("revocation_list_ttl_seconds", 15, Bounds::new(1, 3600, "seconds"));

        /// How long the filter still uses the last good revocation list after it is no longer fresh, while fetches
        /// fail. After that, requests with the issuer's tokens get 503, unless revocation_list_fail_open is true.
        REVOCATION_LIST_MAX_STALE_SECONDS: Integer("revocation_list_max_stale_seconds", 600, Bounds::new(0, 86_400, "seconds"));

        /// If true, the issuer's tokens pass while there is no usable revocation list, and such requests are counted
        /// and logged. A revoked token passes as well during this time.
        REVOCATION_LIST_FAIL_OPEN: Flag("revocation_list_fail_open", false);

        /// The environment variable with the bearer token that the filter sends to fetch the revocation list. The
        /// variable must be in environment_variables of Envoy's vm_config. If it is not set or empty, the
        /// configuration is refused.
        REVOCATION_LIST_TOKEN_ENV: Name("revocation_list_token_env") is Matching("^[A-Za-z_][A-Za-z0-9_]*$");

        /// The bearer token itself. Everyone who can read Envoy's /config_dump can read it. Use
        /// revocation_list_token_env where possible.
        REVOCATION_LIST_TOKEN: Name("revocation_list_token") is Matching("^[!-~]+$");

        /// Whether a token must have a jti. A token without jti cannot be revoked by its jti.
        REQUIRE_JTI: Flag("require_jti", false);

        /// The signature algorithms that are accepted, by their alg (RFC 7518, section 3.1; RFC 8037; RFC 9864; RFC
        /// 9964). Ed25519 and EdDSA name the same algorithm. none and the HMAC algorithms (HS256 and others) cannot
        /// be listed.
        ACCEPTED_ALGORITHMS: Name("accepted_algorithms") is EnumList(&crate::jose::algorithm::Algorithm::NAMES),
            default "[\"RS256\"]";

        /// The kids of keys that are no longer trusted, such as a stolen key. Tokens that name such a kid are refused
        /// at once, even while the issuer still publishes the key, and the key verifies no token without a kid.
        REFUSED_KIDS: Name("refused_kids") is Kids, default "[]";

        /// How far the issuer's clock may differ from Envoy's. A token has expired when now >= exp + skew, and is not
        /// yet valid when its nbf or iat > now + skew (RFC 7519, sections 4.1.4 to 4.1.6).
        CLOCK_SKEW_SECONDS: Integer("clock_skew_seconds", 60, Bounds::new(0, 600, "seconds"));

        /// Whether a token must have an exp. If false, a token without exp stays valid until the issuer withdraws its
        /// key.
        REQUIRE_EXPIRATION: Flag("require_expiration", true);

        /// How a token's cnf (RFC 7800) is checked. With enforce, each member that the filter supports (x5t#S256 and jkt)
        /// must be met, at least one must be supported, and a token without cnf is a bearer token. With require, a token
        /// without cnf is refused. With ignore, the cnf is not read.
        CONFIRMATION: Choice("confirmation", &["enforce", "require", "ignore"], "enforce, require or ignore");

        /// The longest time from a token's iat to its exp. If set, both claims are required. If absent, there is no
        /// limit.
        MAX_TOKEN_LIFETIME_SECONDS: OptionalInteger("max_token_lifetime_seconds", Bounds::new(1, 31_622_400, "seconds"));

        /// The accepted values of the header's typ (RFC 8725, section 3.11), in any letter case and with or without
        /// application/ (RFC 7515, section 4.1.9). The value absent accepts a token without typ. at+jwt alone accepts
        /// only access tokens of RFC 9068.
        ACCEPTED_TYPES: Name("accepted_types") is Texts, default "[\"absent\",\"JWT\",\"at+jwt\"]";

        /// The claim values that mark other tokens than access tokens, such as refresh tokens. A token with one of them
        /// is refused. Each member is a claim name or a JSON Pointer, and the values that are refused there. A value
        /// given here replaces the whole default; {} refuses none.
        REFUSED_CLAIMS: Name("refused_claims") is RefusedClaims,
            default "{\"type\":[\"refresh\"],\"typ\":[\"Refresh\",\"ID\",\"Offline\",\"Logout\"],\"token_use\":[\"id\"]}";
    }

    /// The keys that only an entry of `issuers` has, although the configuration has keys of the same name.
    pub mod listed_issuer {
        /// The claim headers for the tokens of this issuer. The map replaces the global claim_headers for them. The
        /// headers of all maps are removed from client requests. Two maps must spell a header in the same way.
        CLAIM_HEADERS: Name("claim_headers") is ClaimHeaders;

        /// The token sources that the tokens of this issuer may come from. They narrow the token_from of the route or
        /// the global one for these tokens: a token of this issuer in another source is refused with 400. Each source
        /// must be in the global token_from or in that of a route.
        TOKEN_FROM: Name("token_from") is ObjectOrList("token_source");
    }

    /// The keys of an object in place of a list of tenants.
    pub mod any_tenant {
        /// Write true: the filter accepts tokens of every tenant.
        ANY: Name("any") is True;
    }

    /// The keys of a fixed value of a claim header.
    pub mod header_value {
        /// The text of the header for every verified token: visible ASCII characters without a space.
        VALUE: Name("value") is Matching("^[!-~]{1,256}$");
    }
}
