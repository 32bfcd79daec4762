//! Every configuration key, declared once: its name, type, default, bounds, unit and meaning.
//!
//! The reader takes names, defaults and bounds from the constants. The doc comment of a constant is the key's
//! description in the JSON Schema and in `docs/configuration.md`. Both are written from [`super::objects`].

mod kind;

pub use kind::{
    Bounds, Choice, Claims, DeclaredKey, DefaultValue, Flag, Integer, KeyType, Name, OptionalInteger, Text,
};

/// Declares keys by group. Of each it makes a constant for the reader and a [`DeclaredKey`] for documents; the doc comment
/// is the description of both.
macro_rules! keys {
    ($(
        $(#[doc = $group_doc:literal])+
        pub mod $group:ident {$(
            $(#[doc = $doc:literal])+
            $key:ident: $kind:ident($($fact:expr),+) $(is $key_type:expr $(, default $default:literal)?)?;
        )+}
    )+) => {$(
        $(#[doc = $group_doc])+
        pub mod $group {
            use crate::config::keys::kind::{KeyType::*, *};

            $(
                $(#[doc = $doc])+
                pub const $key: $kind = $kind::new($($fact),+);
            )+

            /// The names of these keys.
            pub const NAMES: &[Name] = &[$($key.name()),+];

            /// These keys, for documents.
            pub const KEYS: &[DeclaredKey] = &[$(
                $key.key(concat!($($doc),+).trim_ascii_start()) $(.of_type($key_type) $(.or($default))?)?
            ),+];
        }
    )+};
}

keys! {
    /// The keys of the whole configuration.
    pub mod configuration {
        /// false: no token is checked and no key is fetched. Claim headers that a client sends are still removed.
        ENABLED: Flag("enabled", true);

        /// Several issuers, in place of the keys of one issuer at this level.
        ISSUERS: Name("issuers") is List("issuer");

        /// The requirement for requests that match no route. {} is any valid token.
        DEFAULT_POLICY: Name("default_policy") is Object("default_policy"), default "{}";

        /// Named requirements that routes refer to.
        POLICIES: Name("policies") is Map("requirement");

        /// Requirements for paths, methods and hosts. Their order does not matter.
        ROUTES: Name("routes") is List("route"), default "[]";

        /// What happens to a requirement in the metadata of an Envoy route: it replaces routes, is required in
        /// addition, or is not read.
        ROUTE_METADATA: Choice("route_metadata", &["override", "narrow", "ignore"], "override, narrow or ignore");

        /// Classes of path variants that no upstream behind this filter makes. They are not checked.
        SKIP_READINGS: Name("skip_readings") is ReadingClasses, default "[]";

        /// Header names, and the claims that they carry to the upstream. Replaces the default map.
        CLAIM_HEADERS: Name("claim_headers") is ClaimHeaders;

        /// A request whose claim needs a longer header is denied.
        MAX_CLAIM_HEADER_BYTES: Integer("max_claim_header_bytes", 16_384, Bounds::new(64, 1_048_576, "bytes"));

        /// true: the upstream gets the token as the client sent it. A token in the query is always removed.
        FORWARD_TOKEN: Flag("forward_token", false);

        /// Where a request may carry a token.
        TOKEN_FROM: Name("token_from") is ObjectOrList("place"),
            default "[{\"header\":\"authorization\"}]";

        /// true: a CORS preflight without a token passes.
        BYPASS_CORS_PREFLIGHT: Flag("bypass_cors_preflight", false);

        /// true: decisions are counted and logged, and no request is denied.
        REPORT_ONLY: Flag("report_only", false);

        /// The realm in challenges. If absent, the first audience.
        REALM: Name("realm") is Matching("^[!-~]([ -~]*[!-~])?$");

        /// RFC 9728 documents, which the filter serves and names in challenges.
        RESOURCE_METADATA: Name("resource_metadata") is ObjectOrList("resource_metadata");

        /// true: access logs can show the identity and the policy that decided.
        IDENTITY_IN_FILTER_STATE: Flag("identity_in_filter_state", false);

        /// How many verified tokens each worker caches. 0 turns the cache off.
        TOKEN_CACHE_ENTRIES: Integer("token_cache_entries", 1024, Bounds::new(0, 65_536, "entries"));

        /// A longer token is refused before it is parsed.
        MAX_TOKEN_BYTES: Integer("max_token_bytes", 16_384, Bounds::new(64, 1_048_576, "bytes"));
    }

    /// The keys that may stand at the top level and in an entry of `issuers`.
    pub mod shared {
        /// Where tokens carry roles: claim names, JSON Pointers, or {claim, prefix}. The values of all of them are
        /// merged.
        ROLES_FROM: Claims("roles_from", &["role", "roles"]) is ClaimSources;

        /// Where tokens carry groups, in the form of roles_from.
        GROUPS_FROM: Claims("groups_from", &["groups"]) is ClaimSources;

        /// Where tokens carry scopes, in the form of roles_from. Strings are split at spaces.
        SCOPES_FROM: Claims("scopes_from", &["scope", "scp"]) is ClaimSources;
    }

    /// The keys of one issuer.
    pub mod issuer {
        /// The exact iss of the tokens.
        ISSUER: Name("issuer") is NonBlank;

        /// The issuer's name in requires_issuer, logs and metrics. If absent, made from the URL's host and path.
        NAME: Name("name") is Matching("^[A-Za-z0-9_]+$");

        /// The aud of tokens for this service. A token needs one of several.
        AUDIENCE: Name("audience") is Texts;

        /// The claims that hold the audience.
        AUDIENCE_FROM: Name("audience_from") is ClaimList, default "[\"aud\"]";

        /// The Envoy cluster that reaches the keys; in Istio outbound|443||host.
        JWKS_CLUSTER: Name("jwks_cluster") is NonBlank;

        /// Where the keys are: a URL, or a path that is appended to the issuer.
        JWKS_ENDPOINT: Text("jwks_endpoint", "/api/v1/auth/jwks") is Matching("^(/|[Hh][Tt][Tt][Pp][Ss]?://)");

        /// true: the issuer's discovery document names the key endpoint.
        DISCOVERY: Flag("discovery", false);

        /// The cluster that reaches the discovery document. If absent, jwks_cluster.
        DISCOVERY_CLUSTER: Name("discovery_cluster") is NonBlank;

        /// The keys themselves, as a JWKS. No key is fetched.
        JWKS_INLINE: Name("jwks_inline") is Jwks;

        /// How long fetched keys are fresh. Cache-Control may shorten it.
        JWKS_TTL_SECONDS: Integer("jwks_ttl_seconds", 300, Bounds::new(1, 86_400, "seconds"));

        /// How long the last good keys are used after that, while fetches fail.
        JWKS_MAX_STALE_SECONDS: Integer("jwks_max_stale_seconds", 14_400, Bounds::new(0, 2_592_000, "seconds"));

        /// The least time between two fetches for unknown kids.
        JWKS_REFRESH_COOLDOWN_SECONDS: Integer("jwks_refresh_cooldown_seconds", 10, Bounds::new(1, 3600, "seconds"));

        /// The timeout of one fetch, and of a request that waits for keys.
        JWKS_TIMEOUT_MS: Integer("jwks_timeout_ms", 5000, Bounds::new(10, 60_000, "milliseconds"));

        /// The signature algorithms that are accepted.
        ACCEPTED_ALGORITHMS: Name("accepted_algorithms") is SomeOf(&crate::jose::algorithm::Algorithm::NAMES),
            default "[\"RS256\"]";

        /// The kids of keys that are no longer trusted.
        REFUSED_KIDS: Name("refused_kids") is Kids, default "[]";

        /// How far the issuer's clock may differ from Envoy's.
        CLOCK_SKEW_SECONDS: Integer("clock_skew_seconds", 60, Bounds::new(0, 600, "seconds"));

        /// false: a token without exp is valid until its key is gone.
        REQUIRE_EXPIRATION: Flag("require_expiration", true);

        /// The longest time from iat to exp. Both claims are then required.
        MAX_TOKEN_LIFETIME_SECONDS: OptionalInteger("max_token_lifetime_seconds", Bounds::new(1, 31_622_400, "seconds"));

        /// The values of typ that are accepted; absent accepts a token without typ.
        ACCEPTED_TYPES: Name("accepted_types") is Texts, default "[\"absent\",\"JWT\",\"at+jwt\"]";

        /// Claim values of tokens that are no access tokens, such as refresh tokens. Replaces the default.
        REFUSED_CLAIMS: Name("refused_claims") is RefusedClaims,
            default "{\"type\":[\"refresh\"],\"typ\":[\"Refresh\",\"ID\",\"Offline\",\"Logout\"],\"token_use\":[\"id\"]}";
    }

    /// The keys of a route, beside those of its requirement.
    pub mod route {
        /// A template: /a/b is that path; {id} or * is one segment; ** at the end is the rest.
        PATH: Name("path") is Matching("^/");

        /// The methods that the route matches. If absent, all that no other route for this path lists.
        METHODS: Name("methods") is Texts;

        /// The hosts that the route matches, such as api.example.com or *.example.com.
        HOSTS: Name("hosts") is Texts;

        /// Where a request to this route may carry a token.
        TOKEN_FROM: Name("token_from") is ObjectOrList("place");

        /// Whether the upstream of this route gets the token.
        FORWARD_TOKEN: Name("forward_token") is Boolean;
    }

    /// The keys of a requirement.
    pub mod requirement {
        /// Every request passes, and no token is read. Stands alone.
        ALLOW_ANONYMOUS: Flag("allow_anonymous", false);

        /// Any valid token passes. Stands alone.
        ALLOW_AUTHENTICATED: Flag("allow_authenticated", false);

        /// A request without a token passes. A token must be valid if there is one.
        ALLOW_MISSING: Flag("allow_missing", false);

        /// Every request passes. A valid token gives an identity. Stands alone.
        ALLOW_MISSING_OR_FAILED: Flag("allow_missing_or_failed", false);

        /// No request passes. Stands alone.
        DENY: Flag("deny", false);

        /// A role, a list of roles of which one is enough, or {all: [...]}.
        REQUIRES_ROLE: Name("requires_role") is AnyOrAll;

        /// A group, a list of groups of which one is enough, or {all: [...]}.
        REQUIRES_GROUP: Name("requires_group") is AnyOrAll;

        /// A scope, or several as {any: [...]} or {all: [...]}.
        REQUIRES_SCOPE: Name("requires_scope") is Scopes;

        /// Conditions on claims. All of them must hold.
        REQUIRES_CLAIM: Name("requires_claim") is ObjectOrList("claim_condition");

        /// The token is from one of these issuers, by name.
        REQUIRES_ISSUER: Name("requires_issuer") is Texts;

        /// The token is for one of these audiences.
        REQUIRES_AUDIENCE: Name("requires_audience") is Texts;

        /// At least one of these requirements is met.
        ANY_OF: Name("any_of") is Alternatives("requirement");

        /// The requirement of that name in policies. Stands alone.
        POLICY: Name("policy") is NonBlank;

        /// A requirement that is evaluated and counted and never denies, for a trial before it is enforced.
        SHADOW: Name("shadow") is Object("requirement");
    }

    /// The keys of a place that a token is taken from.
    pub mod token_source {
        /// A header.
        HEADER: Name("header") is TOKEN;

        /// The text before the token in that header, including the space.
        PREFIX: Name("prefix") is Matching("^[ -~]*$");

        /// A query parameter.
        QUERY: Name("query") is TOKEN;

        /// A cookie.
        COOKIE: Name("cookie") is TOKEN;
    }

    /// The keys of a condition on a claim.
    pub mod claim_condition {
        /// A claim's name, or a JSON Pointer if it starts with a slash.
        CLAIM: Name("claim") is NonBlank;

        /// Values of which the claim must have one.
        ANY: Name("any") is Values;

        /// Values of which the claim must have every one.
        ALL: Name("all") is Values;

        /// true: the claim may have any value except null.
        PRESENT: Flag("present", false);
    }

    /// The key of several names of which one is enough.
    pub mod any_of_them {
        /// One of these is enough.
        ANY: Name("any") is Texts;
    }

    /// The key of several names that are all required.
    pub mod all_of_them {
        /// Every one of these is required.
        ALL: Name("all") is Texts;
    }

    /// The keys of a claim of which only some values count.
    pub mod source {
        /// A claim's name, or a JSON Pointer if it starts with a slash.
        CLAIM: Name("claim") is NonBlank;

        /// Only values with this prefix count. The prefix is removed.
        PREFIX: Name("prefix") is NonBlank;
    }
}
