//! Every configuration key, declared once: its name, type, default, bounds, unit and meaning.
//!
//! The reader takes names, defaults and bounds from the constants. The doc comment of a constant is the key's
//! description in the JSON Schema and in `docs/configuration.md`. Both are written from [`super::objects`].

mod kind;

pub use kind::{
    Bounds, Choice, Claims, DeclaredKey, DefaultValue, Flag, Integer, KeyType, Name, OptionalInteger, Text,
};

/// The texts that one `prefix` or `suffix` can have: each is compared with each string of a claim.
pub const MAX_AFFIXES: usize = 64;

/// Declares keys by group. Each key becomes a constant for the reader and a [`DeclaredKey`] for documents. The doc comment is
/// the description of both.
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

            /// The names of the keys in this group.
            pub const NAMES: &[Name] = &[$($key.name()),+];

            /// The keys of this group, for documents.
            pub const KEYS: &[DeclaredKey] = &[$(
                $key.key(concat!($($doc),+).trim_ascii_start()) $(.of_type($key_type) $(.or($default))?)?
            ),+];
        }
    )+};
}

// After the macro, which these modules use.
mod of_bound_tokens;
mod of_issuers;
mod of_second_tokens;

pub use of_bound_tokens::{certificate_header, dpop};
pub use of_issuers::{any_tenant, header_value, issuer, listed_issuer};
pub use of_second_tokens::second_token;

keys! {
    /// The keys of the whole configuration.
    pub mod configuration {
        /// Whether the filter is on. If false, the filter checks no token and fetches no key. It still validates the
        /// configuration and still removes claim headers that a client sends.
        ENABLED: Flag("enabled", true);

        /// The issuers, for a configuration with several. The list needs at least one entry,
        /// and each entry needs its own issuer and its own name.
        ISSUERS: Name("issuers") is List("issuer");

        /// Second tokens, for requests with two identities, such as a service and the agent that it acts for. Each has a
        /// name of letters, digits, _ and -, which requires_token refers to. Where no requirement asks for a second token,
        /// it is not read, and its place is removed from the request.
        SECOND_TOKENS: Name("second_tokens") is Map("second_token");

        /// The requirement for requests that match no route. The default, {}, requires a valid token.
        DEFAULT_POLICY: Name("default_policy") is Object("default_policy"), default "{}";

        /// Named requirements. A requirement uses one of them with the key policy. A named requirement cannot
        /// refer to another one.
        POLICIES: Name("policies") is Map("requirement");

        /// Requirements for paths, methods and hosts; at most 100000. The most specific match decides: the host is
        /// compared first, then the path from left to right, then the method. The order of the list does not matter.
        ROUTES: Name("routes") is List("route"), default "[]";

        /// Requirements that add up; at most 100000 paths. Each guard that matches a request must be met as well,
        /// whichever route, default policy or route metadata decides. Guards can overlap, and their order does not
        /// matter. A guard cannot have allow_anonymous, allow_missing, allow_missing_or_failed, token_from or
        /// forward_token.
        GUARDS: Name("guards") is List("guard"), default "[]";

        /// How the filter uses a requirement in the metadata of an Envoy route or virtual host. With override it
        /// replaces the requirement from routes, with narrow both must be met, and with ignore it is not read.
        ROUTE_METADATA: Choice("route_metadata", &["override", "narrow", "ignore"], "override, narrow or ignore");

        /// How the filter uses the annotation gateway.envoyproxy.io/jwt-guard of an HTTPRoute, a GRPCRoute or a Gateway,
        /// a requirement as JSON that Envoy Gateway passes on. With narrow the requirements of the route and of its
        /// Gateway must both be met in addition to what routes and route metadata decide. With override they replace the
        /// requirement from routes, so that the owner of an HTTPRoute can open its paths. With ignore they are not read.
        ENVOY_GATEWAY_ANNOTATIONS: Choice("envoy_gateway_annotations", &["narrow", "override", "ignore"],
            "narrow, override or ignore");

        /// Classes of path variants that the filter does not check. A path variant is another path or method that an
        /// upstream may take the request for; logs call it a reading. Name only classes that no upstream behind this
        /// filter applies: otherwise a client can bypass a route.
        SKIP_READINGS: Name("skip_readings") is VariantClasses, default "[]";

        /// The headers that the filter sets for the upstream, and the claim that each header carries. A list of
        /// claims means the first claim that is present. $payload is the token's payload segment in base64url. $none
        /// removes the header from client requests and never sets it. If absent, the map is x-auth-sub: sub,
        /// x-auth-email: email, x-auth-roles: $roles, x-auth-groups: $groups, x-auth-scopes: $scopes,
        /// x-auth-org-id: org_id, x-auth-jti: jti, x-auth-issuer: iss. A map given here replaces the whole default.
        /// {value: TEXT} is a fixed text for every verified token.
        CLAIM_HEADERS: Name("claim_headers") is ClaimHeaders;

        /// The longest value of a claim header. A request whose claim needs a longer value is denied with 403: an
        /// upstream could take a missing header for an unrestricted user.
        MAX_CLAIM_HEADER_BYTES: Integer("max_claim_header_bytes", 16_384, Bounds::new(64, 1_048_576, "bytes"));

        /// Whether the upstream gets the token. If true, the token stays where the client put it. A token in the query
        /// is always removed if the filter checks the tokens of the request.
        FORWARD_TOKEN: Flag("forward_token", false);

        /// The token sources: where a request may carry a token. The default is a Bearer token in the Authorization
        /// header (RFC 6750, section 2.1). Two different tokens in one request are refused with 400.
        TOKEN_FROM: Name("token_from") is ObjectOrList("token_source"),
            default "[{\"header\":\"authorization\"}]";

        /// The certificate that a token with cnf x5t#S256 (RFC 8705, section 3.1) is compared with: connection is that of
        /// the client's TLS connection to this Envoy. {header: x-forwarded-client-cert} is the one that a proxy in front
        /// of this Envoy passes on; use it only if no client can reach this Envoy without that proxy.
        CLIENT_CERTIFICATE_FROM: Name("client_certificate_from") is WordOrObject("connection", "certificate_header"),
            default "\"connection\"";

        /// The rules for DPoP proofs (RFC 9449). A token with cnf jkt then counts as Authorization: DPoP with a proof.
        /// Without this key, such tokens are refused.
        DPOP: Name("dpop") is Object("dpop");

        /// If true, a CORS preflight request passes without a token: an OPTIONS request with exactly one Origin
        /// header and one Access-Control-Request-Method header, and with no token.
        BYPASS_CORS_PREFLIGHT: Flag("bypass_cors_preflight", false);

        /// The origins whose scripts may read denials: one origin (scheme, host and port, as browsers send it), a list of
        /// them, or * for every origin without credentials. Denials then have CORS headers (Fetch standard). Use this key only
        /// where no CORS filter can run before this one, such as in Istio. null is refused. If absent, denials have no
        /// CORS headers.
        CORS_ALLOW_ORIGINS: Name("cors_allow_origins") is
            TextsMatching("^(\\*|[a-z][a-z0-9+.\\-]*://[a-z0-9._~\\-\\[\\]:]+)$");

        /// If true, the filter counts and logs its decisions but denies no request and lets none wait for keys. It
        /// still removes claim headers, x-original-url and x-rewrite-url that a client sends.
        REPORT_ONLY: Flag("report_only", false);

        /// The realm in the WWW-Authenticate header of denials (RFC 9110, section 11.5): visible ASCII characters,
        /// with spaces only between them. If absent, the first audience of the first issuer, or jwt-guard if that
        /// audience has other characters.
        REALM: Name("realm") is Matching("^[!-~]([ -~]*[!-~])?$");

        /// Protected resource metadata (RFC 9728), one document or several. The filter serves each document at its
        /// well-known path and names it in the WWW-Authenticate header of denials. Each document needs resource, an
        /// https URL.
        RESOURCE_METADATA: Name("resource_metadata") is ObjectOrList("resource_metadata");

        /// If true, access logs can read the subject, the issuer and the deciding rule of a request from the filter
        /// state objects jwt_guard.sub, jwt_guard.issuer and jwt_guard.policy.
        IDENTITY_IN_FILTER_STATE: Flag("identity_in_filter_state", false);

        /// How many verified tokens each Envoy worker caches; 0 turns the cache off. Times, keys and requirements are
        /// checked again on each cache hit.
        TOKEN_CACHE_ENTRIES: Integer("token_cache_entries", 1024, Bounds::new(0, 65_536, "entries"));

        /// The longest token that the filter parses. A longer token is refused.
        MAX_TOKEN_BYTES: Integer("max_token_bytes", 16_384, Bounds::new(64, 1_048_576, "bytes"));
    }

    /// The keys that can be set both at the top level and in an entry of `issuers`.
    pub mod shared {
        /// The claims that carry roles: claim names, JSON Pointers, or {claim, prefix}. The values of all claims that
        /// are present are merged. A string is one role and an array of strings is several. An empty list means
        /// that tokens have no roles.
        ROLES_FROM: Claims("roles_from", &["role", "roles"]) is ClaimSources;

        /// The claims that carry groups, in the form of roles_from.
        GROUPS_FROM: Claims("groups_from", &["groups"]) is ClaimSources;

        /// The claims that carry scopes, in the form of roles_from. A string is split at spaces (RFC 6749, section
        /// 3.3).
        SCOPES_FROM: Claims("scopes_from", &["scope", "scp"]) is ClaimSources;

        /// If true, a scope of the token that ends in :* covers every scope that starts with the text before the *:
        /// treasury:* covers treasury:write, and not treasury. A scope that a requirement names has no wildcard.
        SCOPE_WILDCARDS: Flag("scope_wildcards", false);
    }

    /// The keys of a route, beside those of its requirement.
    pub mod route {
        /// The path template. /a/b matches /a/b and /a/b/. {id} or * matches one segment, and one * inside a segment
        /// matches a part of it: /x* or *health. ** as the last segment matches the rest and the path before it: /a/**
        /// also matches /a. /x** matches every segment that starts with x, and everything below it. Write the path decoded, in the
        /// upstream's letter case. A list of templates is one route for each, with the same methods, hosts and
        /// requirement.
        PATH: Name("path") is TextsMatching("^/");

        /// The name in logs, explain, tables and the access log, instead of the position in the list: letters, digits, _
        /// and -. It must differ from the names of all other routes, guards and policies.
        NAME: Name("name") is Matching("^[A-Za-z0-9_-]+$");

        /// The methods that the route matches. GET includes HEAD unless a route for the same path lists HEAD (RFC
        /// 9110, section 9.3.2). If absent, the route matches every method, except those
        /// that another route with the same path lists.
        METHODS: Name("methods") is Texts;

        /// The hosts that the route matches, such as api.example.com, *.example.com for every host below it, or
        /// {tenant}.example.com for one more label, which equals can compare with a claim. If absent, the route matches a
        /// request if no route that lists its host matches it.
        HOSTS: Name("hosts") is Texts;

        /// The token sources of this route. If absent, the global token_from.
        TOKEN_FROM: Name("token_from") is ObjectOrList("token_source");

        /// Whether the upstream of this route gets the token. If absent, the global forward_token.
        FORWARD_TOKEN: Name("forward_token") is Boolean;
    }

    /// The keys of a requirement.
    pub mod requirement {
        /// If true, this requirement denies no request, and the filter reads the token only for a shadow. This key cannot be
        /// combined with other conditions.
        ALLOW_ANONYMOUS: Flag("allow_anonymous", false);

        /// If true, every valid token passes. This key cannot be combined with other conditions.
        ALLOW_AUTHENTICATED: Flag("allow_authenticated", false);

        /// If true, a request without a token passes without an identity, and a token must be valid if there is one.
        /// This key can be combined only with requires_issuer and requires_audience.
        ALLOW_MISSING: Flag("allow_missing", false);

        /// If true, this requirement denies no request. A valid token gives an identity; an invalid token counts as no token. If
        /// there are no keys to verify a token, the request passes without an identity and is counted as
        /// would_deny.no_keys. This key cannot be combined with other conditions.
        ALLOW_MISSING_OR_FAILED: Flag("allow_missing_or_failed", false);

        /// If true, every request is denied. This key cannot be combined with other conditions.
        DENY: Flag("deny", false);

        /// The roles that the token needs: one role, a list of roles of which one is enough, or {all: [...]} for
        /// every one of them.
        REQUIRES_ROLE: Name("requires_role") is AnyOrAll;

        /// The groups that the token needs: one group, a list of groups of which one is enough, or {all: [...]} for
        /// every one of them.
        REQUIRES_GROUP: Name("requires_group") is AnyOrAll;

        /// The scopes that the token needs: one scope, {any: [...]} for at least one of several, or {all: [...]} for
        /// every one of them. Software differs on what a plain list of scopes means, so a list of several is refused.
        REQUIRES_SCOPE: Name("requires_scope") is Scopes;

        /// Conditions on claims. The token must meet all of them.
        REQUIRES_CLAIM: Name("requires_claim") is ObjectOrList("claim_condition");

        /// The authentication that the token must be the result of (RFC 9470). Otherwise the client is asked to
        /// authenticate the user again: 401 with the error insufficient_user_authentication. All other conditions come
        /// first.
        REQUIRES_STEP_UP: Name("requires_step_up") is Object("step_up");

        /// The issuers that are allowed, by their configured name. The token must be from one of them.
        REQUIRES_ISSUER: Name("requires_issuer") is Texts;

        /// The audiences that are allowed. The token must be for one of them, and that audience must be configured for
        /// the token's own issuer.
        REQUIRES_AUDIENCE: Name("requires_audience") is Texts;

        /// Alternatives: the token must meet at least one of these requirements, in addition to the other keys. An
        /// alternative cannot contain shadow, allow_anonymous, allow_missing, allow_missing_or_failed or deny.
        ANY_OF: Name("any_of") is Alternatives("requirement");

        /// The name of a requirement in policies. This key cannot be combined with other conditions.
        POLICY: Name("policy") is NonBlank;

        /// The requirements for second tokens, by their name in second_tokens. Each of these tokens must meet its
        /// requirement, in addition to the requirement for the first token. This key cannot be combined with
        /// allow_anonymous, allow_authenticated, allow_missing, allow_missing_or_failed, deny or policy, and cannot
        /// stand in any_of or shadow. If no other key is set, the first token must be valid.
        REQUIRES_TOKEN: Name("requires_token") is Map("second_requirement");

        /// A requirement that is only evaluated, counted as would_deny and logged, and that denies no request. It can
        /// be combined with every other key, so that a stricter requirement can be tried before it is enforced.
        SHADOW: Name("shadow") is Object("requirement");
    }

    /// The keys of a token source.
    pub mod token_source {
        /// The name of the header that carries the token.
        HEADER: Name("header") is TOKEN;

        /// The text before the token in that header, including the space. Only a header can have a prefix. If absent,
        /// the header authorization carries a Bearer token and every other header carries only the token.
        PREFIX: Name("prefix") is Matching("^[ -~]*$");

        /// The name of the query parameter that carries the token.
        QUERY: Name("query") is TOKEN;

        /// The name of the cookie that carries the token.
        COOKIE: Name("cookie") is TOKEN;
    }

    /// The keys of a condition on a claim.
    pub mod claim_condition {
        /// The claim's name, or a JSON Pointer (RFC 6901) if it starts with a slash.
        CLAIM: Name("claim") is NonBlank;

        /// The values of which the claim must have at least one. Types count: true is not "true". If the claim is an
        /// array, its items are compared.
        ANY: Name("any") is Values;

        /// The values of which the claim must have every one. Types count: true is not "true". If the claim is an
        /// array, its items are compared.
        ALL: Name("all") is Values;

        /// The values that the claim must not have. The condition is met if the claim is absent, or if it has the type of
        /// these values and equals none of them. If the claim is an array, this holds for each item. A claim of another
        /// type does not meet the condition. All values need the same type.
        NONE: Name("none") is Values;

        /// Texts of which one must start the claim, compared with letter case. If the claim is an array, one of its
        /// strings is enough. At most 64 texts.
        PREFIX: Name("prefix") is TextsUpTo(crate::config::keys::MAX_AFFIXES);

        /// Texts of which one must end the claim, compared with letter case. If the claim is an array, one of its strings
        /// is enough. At most 64 texts.
        SUFFIX: Name("suffix") is TextsUpTo(crate::config::keys::MAX_AFFIXES);

        /// The least number that the claim can be. The claim must be a number and is compared exactly. This key can be
        /// combined with at_most.
        AT_LEAST: Name("at_least") is AnyNumber;

        /// The greatest number that the claim can be. The claim must be a number and is compared exactly. This key can
        /// be combined with at_least.
        AT_MOST: Name("at_most") is AnyNumber;

        /// A value of the request that the claim must equal. An array must contain the value, and a number is compared by
        /// its text in the token. An empty value equals nothing.
        EQUALS: Name("equals") is Object("comparison");

        /// If true, the claim must be present and may have any value except null.
        PRESENT: Flag("present", false);
    }

    /// The keys of a comparison of a claim with the request.
    pub mod comparison {
        /// The parameter of the route's path template: id for {id}. The value is its segment, decoded once. If an
        /// upstream may read the path in several ways, the claim must equal the value of each.
        PATH: Name("path") is Matching("^[A-Za-z0-9_-]+$");

        /// The label that {tenant} stands for in the route's hosts, such as {tenant}.api.example.com, in lower case.
        /// Headers that name another host (x-forwarded-host, x-host, x-original-host, forwarded) must be absent or name
        /// the same host.
        HOST: Name("host") is Matching("^[A-Za-z0-9_-]+$");

        /// The header of the request. It must be there exactly once and in no other spelling (x_customer_id).
        HEADER: Name("header") is TOKEN;
    }

    /// The keys of a step-up (RFC 9470).
    pub mod step_up {
        /// The accepted values of the claim acr (OpenID Connect Core 1.0, section 2). The token must have one of them.
        ACR: Name("acr") is TextsMatching("^[!#-\\[\\]-~]+$");

        /// The greatest age of the claim auth_time (OpenID Connect Core 1.0, section 2), without the clock skew. An
        /// auth_time that is absent, no number, or further in the future than clock_skew_seconds does not count.
        MAX_AGE_SECONDS: OptionalInteger("max_age_seconds", Bounds::new(0, 31_536_000, "seconds"));
    }

    /// The key of several names of which one is enough.
    pub mod any_of_them {
        /// The names of which one is enough.
        ANY: Name("any") is Texts;
    }

    /// The key of several names that are all required.
    pub mod all_of_them {
        /// The names that are all required.
        ALL: Name("all") is Texts;
    }

    /// The keys of a claim whose values count only with a prefix.
    pub mod source {
        /// The claim's name, or a JSON Pointer (RFC 6901) if it starts with a slash.
        CLAIM: Name("claim") is NonBlank;

        /// The prefix of the values that count. The filter removes it from them and ignores all other values. If
        /// absent, all values count.
        PREFIX: Name("prefix") is NonBlank;

        /// If true, the claim is an object, and the names of its members are the values. A member whose value is false,
        /// null or empty does not count. This key cannot be combined with member and split.
        KEYS_OF_OBJECT: Flag("keys", false);

        /// The claim is an array of objects, and this member of each object is a value. Objects without this member are
        /// skipped. This key cannot be combined with keys and split.
        MEMBER: Name("member") is NonBlank;

        /// The claim is one string with several values, and this is the separator between them, of 1 to 16 bytes. Spaces
        /// around a value are removed. The strings of an array are not split. This key cannot be combined with keys and
        /// member.
        SPLIT: Name("split") is Matching("^[\\s\\S]{1,16}$");
    }
}
