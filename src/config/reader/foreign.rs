//! Keys that belong elsewhere: those that other filters and meshes have for the same things, and a requirement's keys
//! beside the global ones. What to write here instead.

/// A key from elsewhere, as [`folded`] spells it.
struct Foreign {
    keys: &'static [&'static str],
    /// The key of ours that must be possible in the same object: elsewhere the advice would mislead.
    ours: &'static str,
    advice: &'static str,
}

/// Envoy's `jwt_authn`, Istio's RequestAuthentication and AuthorizationPolicy, Envoy Gateway's SecurityPolicy. The
/// first entry whose key of ours is possible counts.
const FOREIGN: [Foreign; 57] = [
    // Where keys come from.
    Foreign {
        keys: &["jwksuri", "jwksurl", "jwkuri", "jwkurl", "keysuri", "keysurl"],
        ours: "jwks_endpoint",
        advice: "write jwks_endpoint for the URL and jwks_cluster for the Envoy cluster that reaches it",
    },
    Foreign {
        keys: &["remotejwks", "httpuri"],
        ours: "jwks_endpoint",
        advice: "write jwks_endpoint for its uri and jwks_cluster for its cluster",
    },
    Foreign {
        keys: &["localjwks", "jwks", "inlinejwks", "keys"],
        ours: "jwks_inline",
        advice: "write jwks_inline for the key set itself",
    },
    Foreign {
        keys: &["cacheduration", "jwkscacheduration", "jwkscachettl"],
        ours: "jwks_ttl_seconds",
        advice: "write jwks_ttl_seconds, a whole number",
    },
    Foreign {
        keys: &[
            "openidconfigurationurl",
            "openidconfigurationuri",
            "openidconfiguration",
            "openidconnecturl",
            "discoveryurl",
            "discoveryuri",
            "oidcdiscoveryurl",
            "wellknownurl",
            "wellknown",
            "metadataurl",
        ],
        ours: "discovery",
        advice: "write discovery: true, which reads the issuer's discovery document",
    },
    Foreign {
        keys: &["cluster", "remotejwkscluster", "backendrefs", "backendref"],
        ours: "jwks_cluster",
        advice: "write jwks_cluster, the name of the Envoy cluster that reaches the keys",
    },
    Foreign {
        keys: &["jwksasyncfetch", "asyncfetch", "fastlistener", "prefetch"],
        ours: "jwks_endpoint",
        advice: "leave it out: the filter always fetches keys in the background",
    },
    Foreign {
        keys: &["retrypolicy", "jwksretrypolicy"],
        ours: "jwks_timeout_ms",
        advice: "leave it out: the filter retries a failed fetch by itself; jwks_timeout_ms limits one fetch",
    },
    Foreign {
        keys: &["timeout", "jwkstimeout", "fetchtimeout", "jwksfetchtimeout"],
        ours: "jwks_timeout_ms",
        advice: "write jwks_timeout_ms, a whole number of milliseconds",
    },
    // Issuers and tokens.
    Foreign {
        keys: &["providers", "jwtrules"],
        ours: "issuers",
        advice: "write issuers, a list of objects with issuer, audience, jwks_endpoint and jwks_cluster",
    },
    Foreign { keys: &["audiences"], ours: "audience", advice: "write audience, one text or a list" },
    Foreign {
        keys: &[
            "algorithms",
            "allowedalgorithms",
            "supportedalgorithms",
            "signingalgorithms",
            "algorithm",
            "algs",
            "alg",
        ],
        ours: "accepted_algorithms",
        advice: "write accepted_algorithms",
    },
    Foreign {
        keys: &["clockskew", "leeway", "clockskewseconds"],
        ours: "clock_skew_seconds",
        advice: "write clock_skew_seconds, a whole number",
    },
    Foreign {
        keys: &["maxlifetime", "maxtokenlifetime"],
        ours: "max_token_lifetime_seconds",
        advice: "write max_token_lifetime_seconds, a whole number",
    },
    Foreign {
        keys: &["jwtcacheconfig", "jwtcachesize"],
        ours: "token_cache_entries",
        advice: "write token_cache_entries, the number of tokens",
    },
    // Places of tokens.
    Foreign {
        keys: &["fromheaders", "fromheader"],
        ours: "token_from",
        advice: "write token_from: [{header: NAME, prefix: \"Bearer \"}]",
    },
    Foreign {
        keys: &["fromparams", "fromparam", "fromquery"],
        ours: "token_from",
        advice: "write token_from: [{query: NAME}]",
    },
    Foreign {
        keys: &["fromcookies", "fromcookie"],
        ours: "token_from",
        advice: "write token_from: [{cookie: NAME}]",
    },
    Foreign {
        keys: &["extractfrom"],
        ours: "token_from",
        advice: "write token_from, a list of {header: NAME, prefix: \"Bearer \"}, {query: NAME} and {cookie: NAME}",
    },
    Foreign { keys: &["name"], ours: "cookie", advice: "write header: NAME, query: NAME or cookie: NAME" },
    Foreign { keys: &["valueprefix"], ours: "cookie", advice: "write prefix, beside header" },
    Foreign {
        keys: &["param", "params", "parameter"],
        ours: "cookie",
        advice: "write query: NAME for a parameter of the query",
    },
    // What the upstream gets.
    Foreign {
        keys: &["forward", "forwardoriginaltoken", "forwardjwt"],
        ours: "forward_token",
        advice: "write forward_token: true",
    },
    Foreign {
        keys: &["claimtoheaders", "claimstoheaders", "outputclaimtoheaders", "headersfromclaims"],
        ours: "claim_headers",
        advice: "write claim_headers, an object of header names and claims: {x-auth-sub: sub}",
    },
    Foreign {
        keys: &["forwardpayloadheader", "outputpayloadtoheader"],
        ours: "claim_headers",
        advice: "write claim_headers: {NAME: $payload}",
    },
    Foreign {
        keys: &["padforwardpayloadheader"],
        ours: "claim_headers",
        advice: "leave it out: $payload in claim_headers is the token's own segment, which has no padding",
    },
    Foreign {
        keys: &[
            "payloadinmetadata",
            "headerinmetadata",
            "normalizepayloadinmetadata",
            "failedstatusinmetadata",
        ],
        ours: "identity_in_filter_state",
        advice: "a Wasm filter writes no dynamic metadata; write claim_headers, or identity_in_filter_state: true for \
                 the access log",
    },
    Foreign {
        keys: &["clearroutecache", "recomputeroute"],
        ours: "claim_headers",
        advice: "leave it out: Envoy selects its route again after the filter has set claim_headers",
    },
    Foreign {
        keys: &["spacedelimitedclaims"],
        ours: "scopes_from",
        advice: "write the claim into scopes_from, whose values are separated by spaces",
    },
    // Routes and requirements.
    Foreign {
        keys: &["subjects", "subject"],
        ours: "default_policy",
        advice: "write requires_claim: [{claim: sub, any: […]}] in default_policy, or in a route",
    },
    Foreign {
        keys: &["optional", "passthrough", "allowmissingorinvalid"],
        ours: "default_policy",
        advice: "write default_policy: {allow_missing: true}, or allow_missing: true in a route",
    },
    Foreign {
        keys: &[
            "excludedpaths",
            "excludepaths",
            "ignorepaths",
            "ignoredpaths",
            "skippaths",
            "publicpaths",
            "bypass",
            "bypasspaths",
            "triggerrules",
            "unprotectedpaths",
        ],
        ours: "routes",
        advice: "write routes: [{path: …, allow_anonymous: true}], one entry for each public path",
    },
    Foreign {
        keys: &["corspreflight", "allowcorspreflight", "skippreflight"],
        ours: "bypass_cors_preflight",
        advice: "write bypass_cors_preflight: true",
    },
    Foreign {
        keys: &[
            "requiresrole",
            "requiresgroup",
            "requiresscope",
            "requiresclaim",
            "requiresissuer",
            "requiresaudience",
            "allowanonymous",
            "allowauthenticated",
            "allowmissing",
            "allowmissingorfailed",
            "deny",
            "anyof",
            "policy",
        ],
        ours: "default_policy",
        advice: "write it in default_policy, or in a route or a named policy",
    },
    Foreign {
        keys: &["rules"],
        ours: "routes",
        advice: "write routes, a list of {path: …} with a requirement",
    },
    Foreign {
        keys: &["requirementmap"],
        ours: "policies",
        advice: "write policies, an object of named requirements",
    },
    Foreign {
        keys: &["match", "urlpath", "prefix", "pathprefix", "pathregex", "regex", "to", "operation"],
        ours: "path",
        advice: "write path, a template: /api/** for a prefix, /api/{id} for one segment",
    },
    Foreign {
        keys: &["providername", "providerandaudiences", "provider", "requestprincipals"],
        ours: "requires_issuer",
        advice: "write requires_issuer: NAME, and requires_audience for the audiences",
    },
    Foreign {
        keys: &["notpaths", "notmethods", "nothosts"],
        ours: "path",
        advice: "a route cannot exclude requests; write another route for them",
    },
    Foreign {
        keys: &["requires", "requirement", "requirementname", "requirements"],
        ours: "requires_role",
        advice: "write the requirement into the same object: requires_role, requires_scope, requires_claim, or allow_authenticated: true",
    },
    Foreign {
        keys: &["roles", "role", "requiredroles", "requiredrole"],
        ours: "requires_role",
        advice: "write requires_role: NAME or a list of names",
    },
    Foreign {
        keys: &["groups", "group", "requiredgroups", "requiredgroup"],
        ours: "requires_group",
        advice: "write requires_group: NAME or a list of names",
    },
    Foreign {
        keys: &["scopes", "scope", "requiredscopes", "requiredscope"],
        ours: "requires_scope",
        advice: "write requires_scope: NAME, {any: […]} or {all: […]}",
    },
    Foreign {
        keys: &["claims", "claim", "when", "requiredclaims"],
        ours: "requires_claim",
        advice: "write requires_claim, a list of {claim: NAME, any: […]}",
    },
    Foreign { keys: &["optional"], ours: "allow_missing", advice: "write allow_missing: true" },
    Foreign {
        keys: &["public", "anonymous", "skip", "disabled", "noauth"],
        ours: "allow_anonymous",
        advice: "write allow_anonymous: true",
    },
    Foreign {
        keys: &["authenticated", "authonly"],
        ours: "allow_authenticated",
        advice: "write allow_authenticated: true",
    },
    Foreign {
        keys: &["action", "effect"],
        ours: "deny",
        advice: "write deny: true to refuse, or the requirement that lets requests pass",
    },
    Foreign { keys: &["requiresany"], ours: "any_of", advice: "write any_of: [{…}, {…}]" },
    Foreign {
        keys: &["requiresall"],
        ours: "any_of",
        advice: "write all of its keys into one requirement: every key of a requirement must be met",
    },
    // Conditions on a claim.
    Foreign {
        keys: &["values", "value", "equals", "equal", "eq", "in", "oneof", "contains", "exact"],
        ours: "present",
        advice: "write any: […] for one of these values, or all: […] for each of them",
    },
    Foreign {
        keys: &["notvalues", "notvalue", "not", "notequals", "notin", "noneof"],
        ours: "none",
        advice: "write none: […]",
    },
    Foreign {
        keys: &["notvalues", "notvalue", "not", "notequals", "notin", "noneof"],
        ours: "present",
        advice: "a value cannot be excluded; list the allowed values in any: […]",
    },
    Foreign {
        keys: &["valuetype"],
        ours: "present",
        advice: "leave it out: a string and an array that contains the value are compared alike",
    },
    Foreign {
        keys: &["any", "anyof", "oneof", "values"],
        ours: "all",
        advice: "write the list itself: [NAME, NAME] asks for any of them",
    },
    Foreign { keys: &["exists"], ours: "present", advice: "write present: true" },
    Foreign {
        keys: &["name", "key"],
        ours: "claim",
        advice: "write claim: a claim's name, or a JSON Pointer such as /realm_access/roles",
    },
];

/// What to write for a key from elsewhere in an object that has those keys of ours.
pub fn advice(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let key = folded(key);
    let meant =
        FOREIGN.iter().find(|foreign| foreign.keys.contains(&key.as_str()) && known.contains(&foreign.ours));
    meant.map(|foreign| foreign.advice)
}

/// `jwks_uri`, `jwksUri` and `JWKS-URI` are one.
fn folded(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_for_the_object_that_the_key_stands_in() {
        for (key, known, expected) in [
            ("jwksUri", &["jwks_endpoint"][..], Some("write jwks_endpoint")),
            ("jwks_uri", &["jwks_endpoint"], Some("write jwks_endpoint")),
            ("jwks_uri", &["path"], None),
            ("notValues", &["claim", "any", "all", "present"], Some("a value cannot be excluded")),
            ("notValues", &["claim", "any", "all", "present", "none"], Some("write none")),
            ("name", &["header", "query", "cookie", "prefix"], Some("write header")),
            ("name", &["claim", "prefix"], Some("write claim")),
            ("routs", &["routes"], None),
        ] {
            let advice = advice(key, known);
            match expected {
                Some(expected) => {
                    assert!(advice.is_some_and(|advice| advice.starts_with(expected)), "{key}: {advice:?}")
                }
                None => assert_eq!(advice, None, "{key}"),
            }
        }
    }

    #[test]
    fn keys_stand_there_as_they_are_compared() {
        for foreign in &FOREIGN {
            assert!(foreign.keys.iter().all(|key| folded(key) == *key), "{:?}", foreign.keys);
        }
    }
}
