//! The table of keys. A key of the reader that is missing here fails a test, and so does one of these that the reader
//! does not know.

use serde_json::{Value, json};

use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard::route::ReadingClass;

use super::key::{Key, Object, Takes, one_or_many, text};
use Takes::*;

const fn key(name: &'static str, takes: Takes, default: &'static str, means: &'static str) -> Key {
    Key { name, takes, means, default }
}

const CONFIGURATION: &[Key] = &[
    key(
        "enabled",
        Flag,
        "true",
        "false: nothing is checked and nothing is fetched; claim headers of the client's own are removed all the same.",
    ),
    key("issuers", List("issuer"), "", "Several issuers, instead of the keys of one here."),
    key(
        "default_policy",
        Object("default_policy"),
        "{}",
        "What is asked where no route says otherwise; {} is any valid token.",
    ),
    key("policies", Named("requirement"), "", "Requirements with names, for routes to refer to."),
    key(
        "routes",
        List("route"),
        "[]",
        "Requirements for paths, methods and hosts. Their order does not matter.",
    ),
    key(
        "route_metadata",
        OneOf(&["override", "narrow", "ignore"]),
        "\"override\"",
        "Whether the requirement that a route of Envoy's carries replaces routes, is asked beside them, or is not read.",
    ),
    key(
        "skip_readings",
        Own,
        "[]",
        "Classes of readings that no upstream behind this filter makes: what they would lead to is not asked for.",
    ),
    key(
        "claim_headers",
        Own,
        "",
        "Header names and the claims that they carry to the upstream. Replaces the default map.",
    ),
    key(
        "max_claim_header_bytes",
        Whole(64, 1_048_576),
        "16384",
        "A claim that makes a longer header refuses the request.",
    ),
    key(
        "forward_token",
        Flag,
        "false",
        "true: the token stays where it was, for the upstream. One in a query never does.",
    ),
    key("token_from", Objects("place"), "[{\"header\":\"authorization\"}]", "Where tokens are looked for."),
    key("bypass_cors_preflight", Flag, "false", "true: a CORS preflight without a token passes."),
    key("report_only", Flag, "false", "true: decisions are counted and logged, and nothing is refused."),
    key(
        "realm",
        Matching("^[!-~]([ -~]*[!-~])?$"),
        "",
        "The realm of challenges. Where absent, the first audience.",
    ),
    key(
        "resource_metadata",
        Objects("resource_metadata"),
        "",
        "RFC 9728 documents to serve, and to name in challenges.",
    ),
    key("identity_in_filter_state", Flag, "false", "true: who and by which policy can stand in access logs."),
    key(
        "token_cache_entries",
        Whole(0, 65_536),
        "1024",
        "How many verified tokens a worker remembers; 0 is none.",
    ),
    key("max_token_bytes", Whole(64, 1_048_576), "16384", "A longer token is refused before it is parsed."),
];

/// Keys that stand beside the global ones or in an issuer of the list.
const NAMES_FROM: &[Key] = &[
    key(
        "roles_from",
        Own,
        "[\"role\",\"roles\"]",
        "Where roles stand in a token: claim names, JSON Pointers, or {claim, prefix}. All that exist are merged.",
    ),
    key("groups_from", Own, "[\"groups\"]", "Where groups stand in a token, as in roles_from."),
    key(
        "scopes_from",
        Own,
        "[\"scope\",\"scp\"]",
        "Where scopes stand in a token, as in roles_from; strings are split at spaces.",
    ),
];

const ISSUER: &[Key] = &[
    key("issuer", Text, "", "The exact iss of the tokens."),
    key(
        "name",
        Matching("^[A-Za-z0-9_]+$"),
        "",
        "What requires_issuer, logs and metrics call it. Where absent, made of the URL's host and path.",
    ),
    key("audience", Texts, "", "The aud that tokens for this service carry; any of several."),
    key("audience_from", Own, "[\"aud\"]", "Which claims hold the audience."),
    key("jwks_cluster", Text, "", "The Envoy cluster that reaches the keys; in Istio outbound|443||host."),
    key(
        "jwks_endpoint",
        Matching("^(/|[Hh][Tt][Tt][Pp][Ss]?://)"),
        "\"/api/v1/auth/jwks\"",
        "Where the keys are: a URL, or a path that is appended to the issuer.",
    ),
    key("discovery", Flag, "false", "true: the issuer's discovery document says where the keys are."),
    key(
        "discovery_cluster",
        Text,
        "",
        "The cluster that reaches the discovery document. Where absent, jwks_cluster.",
    ),
    key("jwks_inline", Own, "", "The keys themselves, as a JWKS, instead of fetching any."),
    key(
        "jwks_ttl_seconds",
        Whole(1, 86_400),
        "300",
        "How long fetched keys are fresh. Cache-Control may shorten it.",
    ),
    key(
        "jwks_max_stale_seconds",
        Whole(0, 2_592_000),
        "14400",
        "How long the last good keys serve after that, while fetches fail.",
    ),
    key(
        "jwks_refresh_cooldown_seconds",
        Whole(1, 3600),
        "10",
        "The least time between two fetches that unknown kids cause.",
    ),
    key(
        "jwks_timeout_ms",
        Whole(10, 60_000),
        "5000",
        "How long a fetch may take, and a request may wait for one.",
    ),
    key(
        "accepted_algorithms",
        SomeOf(&Algorithm::NAMES),
        "[\"RS256\"]",
        "The algorithms that tokens may be signed with.",
    ),
    key("refused_kids", Own, "[]", "Keys that are not to be trusted any more, by their kid."),
    key("clock_skew_seconds", Whole(0, 600), "60", "How far clocks may differ."),
    key("require_expiration", Flag, "true", "false: a token without exp is valid until its key is gone."),
    key(
        "max_token_lifetime_seconds",
        Whole(1, 31_622_400),
        "",
        "The longest time from iat to exp; both are required then.",
    ),
    key(
        "accepted_types",
        Texts,
        "[\"absent\",\"JWT\",\"at+jwt\"]",
        "The typ that tokens may have; absent is for those without one.",
    ),
    key(
        "refused_claims",
        Own,
        "{\"type\":[\"refresh\"],\"typ\":[\"Refresh\",\"ID\",\"Offline\",\"Logout\"],\"token_use\":[\"id\"]}",
        "Claims by which tokens say that they are no access tokens. Replaces the default.",
    ),
];

const ROUTE: &[Key] = &[
    key(
        "path",
        Matching("^/"),
        "",
        "A template: /a/b itself, {id} or * for one segment, ** at the end for the rest.",
    ),
    key(
        "methods",
        Texts,
        "",
        "The methods that it is for. Where absent, all that no other route of this path lists.",
    ),
    key("hosts", Texts, "", "The hosts that it is for, such as api.example.com or *.example.com."),
    key("token_from", Objects("place"), "", "Where tokens are looked for on this route."),
    key("forward_token", Flag, "", "Whether the token stays for the upstream on this route."),
];

const REQUIREMENT: &[Key] = &[
    key("allow_anonymous", Flag, "false", "Everybody passes, and no token is read. Stands alone."),
    key("allow_authenticated", Flag, "false", "Any valid token. Stands alone."),
    key(
        "allow_missing",
        Flag,
        "false",
        "A request without a token passes; a token that is there must be valid.",
    ),
    key(
        "allow_missing_or_failed",
        Flag,
        "false",
        "Everybody passes; a valid token gives an identity. Stands alone.",
    ),
    key("deny", Flag, "false", "Nobody passes. Stands alone."),
    key("requires_role", Own, "", "A role, or a list of which one is enough, or {all: [...]}."),
    key("requires_group", Own, "", "A group, or a list of which one is enough, or {all: [...]}."),
    key("requires_scope", Own, "", "A scope, or several as {any: [...]} or {all: [...]}."),
    key("requires_claim", Objects("claim_condition"), "", "What claims must be."),
    key("requires_issuer", Texts, "", "One of these issuers, by name."),
    key("requires_audience", Texts, "", "One of these audiences."),
    key("any_of", Own, "", "At least one of these requirements."),
    key("policy", Text, "", "The requirement of that name in policies. Stands alone."),
    key(
        "shadow",
        Object("requirement"),
        "",
        "Judged and counted, and never refuses: to watch a requirement before it holds.",
    ),
];

const PLACE: &[Key] = &[
    key("header", Matching("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$"), "", "A header."),
    key(
        "prefix",
        Matching("^[ -~]*$"),
        "",
        "What stands before the token in that header, with the space after it.",
    ),
    key("query", Matching("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$"), "", "A parameter of the query."),
    key("cookie", Matching("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$"), "", "A cookie."),
];

const CLAIM_CONDITION: &[Key] = &[
    key("claim", Text, "", "A claim's name, or a JSON Pointer where it starts with a slash."),
    key("any", Own, "", "Values of which one is enough."),
    key("all", Own, "", "Values that must all be there."),
    key("present", Flag, "false", "Any value but null."),
];

const ALL: &[Key] = &[key("all", Texts, "", "Every one of these.")];
const ANY_OR_ALL: &[Key] =
    &[key("any", Texts, "", "At least one of these."), key("all", Texts, "", "Every one of these.")];

const SOURCE: &[Key] = &[
    key("claim", Text, "", "A claim's name, or a JSON Pointer where it starts with a slash."),
    key("prefix", Text, "", "Only values that start so count, and they count without it."),
];

/// Every object of the configuration. A document of `resource_metadata` has whatever members RFC 9728 gives it.
pub const OBJECTS: &[Object] = &[
    Object {
        name: "configuration",
        title: "The configuration of jwt-guard",
        keys: &[CONFIGURATION, NAMES_FROM, ISSUER],
        required: &[],
        one_of: &[],
    },
    Object {
        name: "issuer",
        title: "An issuer",
        keys: &[ISSUER, NAMES_FROM],
        required: &["issuer", "audience"],
        one_of: &["jwks_cluster", "jwks_inline"],
    },
    Object { name: "route", title: "A route", keys: &[ROUTE, REQUIREMENT], required: &["path"], one_of: &[] },
    Object { name: "requirement", title: "A requirement", keys: &[REQUIREMENT], required: &[], one_of: &[] },
    Object {
        name: "default_policy",
        title: "A requirement; {} is any valid token",
        keys: &[REQUIREMENT],
        required: &[],
        one_of: &[],
    },
    Object {
        name: "place",
        title: "A place that a token is taken from",
        keys: &[PLACE],
        required: &[],
        one_of: &["header", "query", "cookie"],
    },
    Object {
        name: "claim_condition",
        title: "A condition on a claim",
        keys: &[CLAIM_CONDITION],
        required: &["claim"],
        one_of: &["any", "all", "present"],
    },
    Object {
        name: "all_of_them",
        title: "Every one of several",
        keys: &[ALL],
        required: &["all"],
        one_of: &[],
    },
    Object {
        name: "scopes",
        title: "Several scopes",
        keys: &[ANY_OR_ALL],
        required: &[],
        one_of: &["any", "all"],
    },
    Object {
        name: "source",
        title: "A claim of which only some values count",
        keys: &[SOURCE],
        required: &["claim"],
        one_of: &[],
    },
    Object {
        name: "resource_metadata",
        title: "An RFC 9728 document",
        keys: &[],
        required: &["resource"],
        one_of: &[],
    },
];

/// The schemas of keys that no other has the like of.
pub fn own(name: &str) -> Value {
    let reference = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    match name {
        "claim_headers" => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$" },
            "additionalProperties": {
                "anyOf": [
                    { "enum": ["$roles", "$groups", "$scopes", "$payload", "$none"] },
                    one_or_many(&json!({ "type": "string", "pattern": "^[^$]" })),
                ],
            },
        }),
        "roles_from" | "groups_from" | "scopes_from" => {
            let one = json!({ "anyOf": [text(), reference("source")] });
            json!({ "anyOf": [text(), reference("source"), { "type": "array", "items": one }] })
        }
        "skip_readings" => {
            let class = json!({ "enum": ReadingClass::SKIPPABLE.map(ReadingClass::name) });
            json!({ "anyOf": [class, { "type": "array", "items": class, "uniqueItems": true }] })
        }
        "audience_from" => json!({ "anyOf": [text(), { "type": "array", "items": text(), "minItems": 1 }] }),
        "refused_kids" => {
            json!({ "anyOf": [text(), { "type": "array", "items": text(), "uniqueItems": true }] })
        }
        "jwks_inline" => json!({
            "anyOf": [text(), { "type": "object", "required": ["keys"], "properties": { "keys": { "type": "array" } } }],
        }),
        "refused_claims" => json!({
            "type": "object",
            "additionalProperties": { "anyOf": [{ "type": "array", "minItems": 1 }, { "not": { "type": "array" } }] },
        }),
        "requires_role" | "requires_group" => {
            json!({ "anyOf": [one_or_many(&text()), reference("all_of_them")] })
        }
        "requires_scope" => {
            let scope = json!({ "type": "string", "pattern": "^[!#-\\[\\]-~]+$" });
            let one = json!({ "type": "array", "items": scope, "minItems": 1, "maxItems": 1 });
            json!({ "anyOf": [scope, one, reference("scopes")] })
        }
        "any_of" => json!({ "type": "array", "items": reference("requirement"), "minItems": 1 }),
        "any" | "all" => {
            let value = json!({ "type": ["string", "number", "boolean", "object"] });
            json!({ "anyOf": [value, { "type": "array", "items": value, "minItems": 1 }] })
        }
        _ => json!({}),
    }
}
