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
const FOREIGN: [Foreign; 34] = [
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
    // Issuers and tokens.
    Foreign {
        keys: &["providers", "jwtrules"],
        ours: "issuers",
        advice: "write issuers, a list of objects with issuer, audience, jwks_endpoint and jwks_cluster",
    },
    Foreign { keys: &["audiences"], ours: "audience", advice: "write audience, one text or a list" },
    Foreign {
        keys: &["algorithms", "allowedalgorithms", "supportedalgorithms", "signingalgorithms", "algs"],
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
    Foreign {
        keys: &["name"],
        ours: "cookie",
        advice: "write header: NAME, query: NAME or cookie: NAME, which says where the token stands as well",
    },
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
        keys: &["payloadinmetadata", "headerinmetadata"],
        ours: "identity_in_filter_state",
        advice: "a Wasm filter writes no dynamic metadata; write claim_headers, or identity_in_filter_state: true for \
                 the access log",
    },
    // Routes and requirements.
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
        keys: &["match", "urlpath", "prefix", "pathprefix"],
        ours: "path",
        advice: "write path, a template: /api/** for a prefix, /api/{id} for one segment",
    },
    Foreign {
        keys: &["providername", "providerandaudiences"],
        ours: "requires_issuer",
        advice: "write requires_issuer: NAME, and requires_audience for the audiences",
    },
    Foreign { keys: &["requiresany"], ours: "any_of", advice: "write any_of: [{…}, {…}]" },
    Foreign {
        keys: &["requiresall"],
        ours: "any_of",
        advice: "write its keys beside each other in one requirement: all of them must be met",
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
        advice: "a value cannot be excluded; write in any: […] the values that may pass",
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
