//! Advice for unknown keys that belong elsewhere: keys of other filters and meshes with the same purpose, and keys of a
//! requirement at the top level.

use std::fmt::{Display, Formatter, Result};

/// What to write instead of a key of other software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Write this key.
    Write {
        /// The key.
        key: &'static str,
        /// How to write it: the text that follows the key in the sentence.
        how: &'static str,
    },
    /// A sentence, if there is no single key to write.
    Sentence(&'static str),
}

impl Display for Advice {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Write { key, how } => write!(f, "write {key}{how}"),
            Self::Sentence(sentence) => f.write_str(sentence),
        }
    }
}

/// A row of the table: keys of other software, and the advice for them.
struct Foreign {
    /// The advice applies only to objects that accept this key.
    our_key: &'static str,
    /// The keys as [`folded`] spells them, separated by spaces.
    keys: &'static str,
    advice: Advice,
}

const fn write(our_key: &'static str, keys: &'static str, key: &'static str, how: &'static str) -> Foreign {
    Foreign { our_key, keys, advice: Advice::Write { key, how } }
}

const fn say(our_key: &'static str, keys: &'static str, sentence: &'static str) -> Foreign {
    Foreign { our_key, keys, advice: Advice::Sentence(sentence) }
}

/// The keys of Envoy's `jwt_authn`, Istio's RequestAuthentication and AuthorizationPolicy, and Envoy Gateway's
/// SecurityPolicy. The first row counts whose key `our_key` is possible in the object.
#[rustfmt::skip] // A table: one row a line where it fits.
const FOREIGN: [Foreign; 62] = [
    // Sources of keys.
    write("jwks_endpoint", "jwksuri jwksurl jwkuri jwkurl keysuri keysurl",
        "jwks_endpoint", " for the URL and jwks_cluster for the Envoy cluster that reaches it"),
    write("jwks_endpoint", "remotejwks httpuri", "jwks_endpoint", " for its uri and jwks_cluster for its cluster"),
    write("jwks_inline", "localjwks jwks inlinejwks keys", "jwks_inline", " for the key set itself"),
    write("jwks_ttl_seconds", "cacheduration jwkscacheduration jwkscachettl", "jwks_ttl_seconds", ", a whole number"),
    write("discovery", "openidconfigurationurl openidconfigurationuri openidconfiguration openidconnecturl \
        discoveryurl discoveryuri oidcdiscoveryurl wellknownurl wellknown metadataurl",
        "discovery", ": true, which reads the issuer's discovery document"),
    write("jwks_cluster", "cluster remotejwkscluster backendrefs backendref",
        "jwks_cluster", ", the name of the Envoy cluster that reaches the keys"),
    say("jwks_endpoint", "jwksasyncfetch asyncfetch fastlistener prefetch",
        "leave it out: the filter always fetches keys in the background"),
    say("jwks_timeout_ms", "retrypolicy jwksretrypolicy",
        "leave it out: the filter retries a failed fetch by itself; jwks_timeout_ms limits one fetch"),
    write("jwks_timeout_ms", "timeout jwkstimeout fetchtimeout jwksfetchtimeout",
        "jwks_timeout_ms", ", a whole number of milliseconds"),
    // Issuers and tokens.
    write("issuers", "providers jwtrules",
        "issuers", ", a list of objects with issuer, audience, jwks_endpoint and jwks_cluster"),
    write("tenants", "tenant tenantid tenantids allowedtenants acceptedtenants",
        "tenants", ", a list, beside an issuer such as https://login.microsoftonline.com/{tid}/v2.0"),
    write("audience", "audiences", "audience", ", one text or a list"),
    write("accepted_algorithms", "algorithms allowedalgorithms supportedalgorithms signingalgorithms algorithm \
        algs alg",
        "accepted_algorithms", ""),
    write("clock_skew_seconds", "clockskew leeway clockskewseconds", "clock_skew_seconds", ", a whole number"),
    write("max_token_lifetime_seconds", "maxlifetime maxtokenlifetime",
        "max_token_lifetime_seconds", ", a whole number"),
    write("token_cache_entries", "jwtcacheconfig jwtcachesize", "token_cache_entries", ", the number of tokens"),
    // Token sources.
    write("token_from", "fromheaders fromheader", "token_from", ": [{header: NAME, prefix: \"Bearer \"}]"),
    write("token_from", "fromparams fromparam fromquery", "token_from", ": [{query: NAME}]"),
    write("token_from", "fromcookies fromcookie", "token_from", ": [{cookie: NAME}]"),
    write("token_from", "extractfrom",
        "token_from", ", a list of {header: NAME, prefix: \"Bearer \"}, {query: NAME} and {cookie: NAME}"),
    write("cookie", "name", "header", ": NAME, query: NAME or cookie: NAME"),
    write("cookie", "valueprefix", "prefix", ", beside header"),
    write("cookie", "param params parameter", "query", ": NAME for a parameter of the query"),
    // What the upstream gets.
    write("forward_token", "forward forwardoriginaltoken forwardjwt", "forward_token", ": true"),
    write("claim_headers", "claimtoheaders claimstoheaders outputclaimtoheaders headersfromclaims",
        "claim_headers", ", an object of header names and claims: {x-auth-sub: sub}"),
    write("claim_headers", "forwardpayloadheader outputpayloadtoheader", "claim_headers", ": {NAME: $payload}"),
    say("claim_headers", "padforwardpayloadheader",
        "leave it out: $payload in claim_headers is the token's own segment, which has no padding"),
    say("identity_in_filter_state", "payloadinmetadata headerinmetadata normalizepayloadinmetadata \
        failedstatusinmetadata",
        "a Wasm filter writes no dynamic metadata; write claim_headers, or identity_in_filter_state: true for the \
         access log"),
    say("claim_headers", "clearroutecache recomputeroute",
        "leave it out: Envoy selects its route again after the filter has set claim_headers"),
    say("scopes_from", "spacedelimitedclaims",
        "write the claim into scopes_from, whose values are separated by spaces"),
    // Routes and requirements.
    write("default_policy", "subjects subject",
        "requires_claim", ": [{claim: sub, any: […]}] in default_policy, or in a route"),
    write("default_policy", "optional passthrough allowmissingorinvalid",
        "default_policy", ": {allow_missing: true}, or allow_missing: true in a route"),
    write("routes", "excludedpaths excludepaths ignorepaths ignoredpaths skippaths publicpaths bypass bypasspaths \
        triggerrules unprotectedpaths",
        "routes", ": [{path: …, allow_anonymous: true}], one entry for each public path"),
    write("bypass_cors_preflight", "corspreflight allowcorspreflight skippreflight",
        "bypass_cors_preflight", ": true"),
    say("default_policy", "requiresrole requiresgroup requiresscope requiresclaim requiresissuer requiresaudience \
        allowanonymous allowauthenticated allowmissing allowmissingorfailed deny anyof policy",
        "write it in default_policy, or in a route or a named policy"),
    write("routes", "rules", "routes", ", a list of {path: …} with a requirement"),
    write("policies", "requirementmap", "policies", ", an object of named requirements"),
    write("path", "prefix pathprefix",
        "path", ", a template: /cart/** for /cart and every path below it, or /cart** for /carts and /cart.json too"),
    write("path", "match urlpath pathregex regex to operation",
        "path", ", a template: /api/** for a prefix, /api/{id} for one segment"),
    write("requires_issuer", "providername providerandaudiences provider requestprincipals",
        "requires_issuer", ": NAME, and requires_audience for the audiences"),
    say("path", "notpaths notmethods nothosts", "a route cannot exclude requests; write another route for them"),
    say("requires_role", "requires requirement requirementname requirements",
        "write the requirement into the same object: requires_issuer for a provider, requires_role, requires_scope, \
         requires_claim, or allow_authenticated: true"),
    write("requires_role", "roles role requiredroles requiredrole", "requires_role", ": NAME or a list of names"),
    write("requires_group", "groups group requiredgroups requiredgroup",
        "requires_group", ": NAME or a list of names"),
    write("requires_scope", "scopes scope requiredscopes requiredscope",
        "requires_scope", ": NAME, {any: […]} or {all: […]}"),
    write("requires_claim", "claims claim when requiredclaims",
        "requires_claim", ", a list of {claim: NAME, any: […]}"),
    write("allow_missing", "optional", "allow_missing", ": true"),
    write("allow_anonymous", "public anonymous skip disabled noauth", "allow_anonymous", ": true"),
    write("allow_authenticated", "authenticated authonly", "allow_authenticated", ": true"),
    write("deny", "action effect", "deny", ": true to refuse, or the requirement that lets requests pass"),
    write("any_of", "requiresany", "any_of", ": [{…}, {…}]"),
    say("any_of", "requiresall",
        "write all of its keys into one requirement: every key of a requirement must be met"),
    // Conditions on a claim.
    write("present", "values value is equal eq in oneof anyof contains exact",
        "any", ": […] for one of these values, or all: […] for each of them"),
    write("none", "notvalues notvalue not notequals notin noneof", "none", ": […]"),
    write("prefix", "startswith beginswith", "prefix", ": TEXT, or a list of texts"),
    write("suffix", "endswith", "suffix", ": TEXT, or a list of texts"),
    write("at_least", "min minimum gte ge greaterthanorequal", "at_least", ": NUMBER"),
    write("at_most", "max maximum lte le lessthanorequal", "at_most", ": NUMBER"),
    say("present", "valuetype", "leave it out: a string claim and an array claim that contains the value both match"),
    say("all", "any anyof oneof values", "write the list itself: [NAME, NAME] is met by any of them"),
    write("present", "exists", "present", ": true"),
    write("claim", "name key", "claim", ": a claim's name, or a JSON Pointer such as /realm_access/roles"),
];

/// The advice for an unknown key in an object that has the keys `known`.
pub(super) fn advice(key: &str, known: &[&'static str]) -> Option<Advice> {
    let key = folded(key);
    let is_meant = |foreign: &&Foreign| {
        foreign.keys.split(' ').any(|foreign| foreign == key) && known.contains(&foreign.our_key)
    };
    FOREIGN.iter().find(is_meant).map(|foreign| foreign.advice)
}

/// The key without case and separators: `jwks_uri`, `jwksUri` and `JWKS-URI` are equal.
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
            ("notValues", &["claim", "any", "all", "present"], None),
            ("startsWith", &["claim", "any", "prefix"], Some("write prefix: TEXT")),
            ("min", &["claim", "any", "at_least"], Some("write at_least: NUMBER")),
            ("notValues", &["claim", "any", "all", "present", "none"], Some("write none")),
            ("name", &["header", "query", "cookie", "prefix"], Some("write header")),
            ("name", &["claim", "prefix"], Some("write claim")),
            ("routs", &["routes"], None),
        ] {
            let advice = advice(key, known).map(|advice| advice.to_string());
            match expected {
                Some(expected) => {
                    assert!(
                        advice.as_ref().is_some_and(|advice| advice.starts_with(expected)),
                        "{key}: {advice:?}"
                    )
                }
                None => assert_eq!(advice, None, "{key}"),
            }
        }
    }

    #[test]
    fn keys_stand_there_as_they_are_compared() {
        for foreign in &FOREIGN {
            assert!(foreign.keys.split(' ').all(|key| folded(key) == key), "{}", foreign.keys);
        }
    }
}
