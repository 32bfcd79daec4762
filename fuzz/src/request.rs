//! A request passes only if it meets the requirements of its rules, and a response never contains a token.
//!
//! The first byte of the input selects the configuration and the metadata of Envoy's route. Then come lines: method,
//! path, host, and the other headers as `name=value`. The byte 1 in a value is replaced by a valid token, selected by
//! the byte after it.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use jwt_guard::config::Config;
use jwt_guard::denial::Denial;
use jwt_guard::headers::ClaimHeaders;
use jwt_guard::http::HeaderMap;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::jose::algorithm::WasmVerifier;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::jwks::KeySet;
use jwt_guard::keys::RefreshReason;
use jwt_guard::policy::Requirement;
use jwt_guard::request::{
    Annotations, AuthContext, Decision, DenialRecord, Forward, KeyLookup, KeySource, Metadata, Request,
    RuleName, Step, Wait, decide,
};
use jwt_guard::route::{SkippedVariants, path_variants};
use jwt_guard::token_cache::TokenCache;
use jwt_guard::token_source::{ExtractedToken, extract};
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, ISSUER, NOW, keys, tokens};

/// The routes by their index in the configuration.
const ADMIN: usize = 0;
const DENIED: usize = 1;
/// This route and the following ones allow requests without a token.
const PUBLIC: usize = 2;
const MAYBE: usize = 3;
const LAX: usize = 4;

/// Whether the request passes.
pub fn holds(data: &[u8]) -> bool {
    let Some((modes, lines)) = data.split_first() else { return false };
    let headers = headers(lines);
    let reports = modes & 1 == 1;
    let metadata = match modes >> 1 & 3 {
        0 | 1 => Metadata::Absent,
        2 => Metadata::Requirement(Rc::new(Requirement::any_valid_token())),
        _ => Metadata::Bad("why".into()),
    };
    let annotations = Annotations {
        route: match modes >> 3 & 3 {
            0 | 1 => Metadata::Absent,
            2 => Metadata::Requirement(Rc::new(Requirement::any_valid_token())),
            _ => Metadata::Bad("why".into()),
        },
        ..Annotations::default()
    };
    thread_local! { static CONFIGS: [OnceCell<Config>; 2] = const { [OnceCell::new(), OnceCell::new()] } }
    CONFIGS.with(|configs| {
        let config = configs[usize::from(reports)].get_or_init(|| config(reports));
        let request = Request { headers: &headers, metadata, annotations };
        let decision = decide_twice(config, &request);
        match &decision.step {
            Step::Forward(forward) if reports => check_report(config, forward, &decision, &headers),
            Step::Forward(forward) => check_forward(config, forward, &decision, &request),
            Step::Deny(denial) => {
                assert!(!reports, "report-only denies no request");
                check_denial(denial, &decision.refusal().unwrap());
            }
            Step::Serve(document) => {
                assert!(serde_json::from_slice::<Value>(&document.body).is_ok());
                assert!(!document.headers.is_empty());
            }
            Step::Await(_) => panic!("no fetch is pending, so the request must not wait"),
        }
        matches!(decision.step, Step::Forward(_))
    })
}

fn config(reports: bool) -> Config {
    let config = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks_cluster": "issuer",
        "accepted_algorithms": ["RS256", "ES256", "EdDSA"],
        "token_from": [{ "header": "authorization" }, { "query": "t" }, { "cookie": "t" }],
        "resource_metadata": { "resource": "https://api.test/r" },
        "bypass_cors_preflight": true,
        "report_only": reports,
        "routes": [
            { "path": "/admin/**", "requires_role": "admin" },
            { "path": "/denied/**", "deny": true },
            { "path": "/public/**", "allow_anonymous": true },
            { "path": "/maybe/{id}", "allow_missing": true },
            { "path": "/lax", "allow_missing_or_failed": true },
        ],
    });
    Config::parse(config.to_string().as_bytes()).unwrap()
}

fn headers(lines: &[u8]) -> HeaderMap {
    let mut lines = lines.split(|byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    for name in [":method", ":path", ":authority"] {
        headers.extend(lines.next().map(|value| (name, with_tokens(value))));
    }
    for line in lines {
        let Some(at) = line.iter().position(|byte| *byte == b'=') else { continue };
        let Ok(name) = std::str::from_utf8(&line[..at]) else { continue };
        // The host passes header names in lower case.
        headers.append(name.to_ascii_lowercase(), with_tokens(&line[at + 1..]));
    }
    headers
}

fn with_tokens(value: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            1 => {
                let which = usize::from(bytes.next().copied().unwrap_or_default());
                written.extend(tokens()[which % tokens().len()].as_bytes());
            }
            other => written.push(*other),
        }
    }
    written
}

/// The published keys, without a pending fetch.
struct Keys(Rc<KeySet>);

impl KeySource for Keys {
    fn current(&self, _: IssuerIndex) -> Option<Rc<KeySet>> {
        Some(Rc::clone(&self.0))
    }

    fn sync_and_look_up(&self, _: IssuerIndex, _: RefreshReason) -> KeyLookup {
        KeyLookup::Unavailable { retry_after: Duration::from_secs(1) }
    }
}

/// The decision for a new token, which must equal the decision for the cached token.
fn decide_twice<'r>(config: &'r Config, request: &'r Request<'_>) -> Decision<'r> {
    thread_local! { static KEYS: Rc<KeySet> = Rc::new(keys()) }
    let keys = Keys(KEYS.with(Rc::clone));
    let cache = TokenCache::new(4);
    let with = AuthContext::new(config, &keys, &WasmVerifier, &cache, NOW, Wait::Allowed);
    let [first, again] = [0, 1].map(|_| decide(&with, request));
    assert_eq!(describe(&first, request.headers), describe(&again, request.headers));
    first
}

fn describe(decision: &Decision<'_>, headers: &HeaderMap) -> String {
    let lines: Vec<String> =
        decision.would_deny().chain(decision.refusal()).map(|record| record.to_string()).collect();
    let step = match &decision.step {
        Step::Forward(forward) => format!("{:?}", forward.edits.apply(headers)),
        other => format!("{other:?}"),
    };
    format!("{step} {lines:?} {:?}", decision.rules().collect::<Vec<_>>())
}

fn check_forward(config: &Config, forward: &Forward, decision: &Decision<'_>, request: &Request<'_>) {
    let Request { headers, metadata, annotations } = request;
    let rules: Vec<RuleName> = decision.rules().collect();
    let upstream = upstream(forward, headers);
    check_identity(forward, &upstream, headers, config);
    for metadata in [metadata, &annotations.route, &annotations.gateway] {
        assert!(!matches!(metadata, Metadata::Bad(_)), "a request with invalid metadata passes");
    }
    // An annotation adds a requirement: with any token required, no request passes without an identity.
    assert!(
        matches!(annotations.route, Metadata::Absent)
            || forward.identity.is_some()
            || rules == [RuleName::Preflight]
    );
    assert_eq!(decision.would_deny().count(), 0);
    assert!(!rules.is_empty());
    if rules == [RuleName::Preflight] {
        assert!(forward.identity.is_none());
        return;
    }
    // No token has a role. So no path variant may match the admin or denied route, unless the metadata of Envoy's route
    // decided.
    if matches!(metadata, Metadata::Absent) {
        assert!(!rules.contains(&RuleName::Route(ADMIN)));
        assert!(!rules.contains(&RuleName::Route(DENIED)));
        let path = headers.get(":path");
        let path = path.filter(|path| path.starts_with(b"/"));
        let path_variants =
            path.map_or(vec![], |path| path_variants(path, SkippedVariants::default()).unwrap());
        for (reading, _) in path_variants {
            let reading = reading.to_lowercase();
            let closed = ["/admin", "/denied"].into_iter().any(|closed| {
                reading.strip_prefix(closed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            assert!(!closed, "{reading:?} passes");
        }
    }
    let open = |rule: &RuleName| [PUBLIC, MAYBE, LAX].iter().any(|open| *rule == RuleName::Route(*open));
    if !rules.iter().all(open) {
        assert!(forward.identity.is_some(), "{rules:?} pass without a token");
    }
    let token_ignored = rules == [RuleName::Route(PUBLIC)];
    assert!(!token_ignored || forward.identity.is_none());
    if !token_ignored {
        assert_eq!(extract(&config.token_from, &upstream), ExtractedToken::Missing, "the token is forwarded");
    }
}

/// Identity headers exist only for a verified identity, and match it.
fn check_identity(forward: &Forward, upstream: &HeaderMap, headers: &HeaderMap, config: &Config) {
    let map = ClaimHeaders::default();
    let identity_headers: Vec<_> = upstream.iter().filter(|(name, _)| map.is_removed(name)).collect();
    let Some(identity) = &forward.identity else {
        return assert!(identity_headers.is_empty(), "{identity_headers:?}");
    };
    let ExtractedToken::Token { token, .. } = extract(&config.token_from, headers) else {
        panic!("an identity without a token")
    };
    assert!(
        tokens().iter().any(|signed| signed.as_bytes() == &*token),
        "a token that the issuer did not sign"
    );
    assert_eq!(identity.claims().claims().member("sub"), Some(&Json::String("user-1".to_owned())));
    let expected = [("x-auth-issuer", ISSUER), ("x-auth-sub", "user-1")];
    let mut identity_headers: Vec<_> =
        identity_headers.iter().map(|(name, value)| (*name, std::str::from_utf8(value).unwrap())).collect();
    identity_headers.sort_unstable();
    assert_eq!(identity_headers, expected);
}

/// Report-only mode changes only claim headers.
fn check_report(config: &Config, forward: &Forward, decision: &Decision<'_>, headers: &HeaderMap) {
    let upstream = upstream(forward, headers);
    check_identity(forward, &upstream, headers, config);
    let map = ClaimHeaders::default();
    let touched = |name: &str| map.is_removed(name) || name == "connection";
    let kept = |headers: &HeaderMap| headers.iter().filter(|(name, _)| !touched(name)).collect::<HeaderMap>();
    assert_eq!(kept(&upstream), kept(headers));
    for record in decision.would_deny() {
        check_line(&record.to_string());
    }
}

fn upstream(forward: &Forward, headers: &HeaderMap) -> HeaderMap {
    forward.edits.apply(headers).into_iter().collect()
}

fn check_denial(denial: &Denial, record: &DenialRecord<'_>) {
    assert!(matches!(denial.status, 400 | 401 | 403 | 503), "{}", denial.status);
    assert_eq!(denial.reason, record.reason);
    check_line(&record.to_string());
    let challenge = denial.headers.iter().any(|(name, _)| name == "www-authenticate");
    assert!(challenge || denial.status != 401);
    for (name, value) in &denial.headers {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value:?}");
        assert!(!has_token(value));
    }
    let body = std::str::from_utf8(&denial.body).unwrap();
    assert!(!has_token(body));
    if *body != *denial.detail {
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["detail"], *denial.detail);
        assert!(body["error"].is_string());
    }
}

/// A log line is one line and contains no token.
fn check_line(line: &str) {
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(!has_token(line), "{line}");
}

/// Whether the text contains the signature of a valid token.
fn has_token(text: &str) -> bool {
    tokens().iter().any(|token| token.rsplit('.').next().is_some_and(|signature| text.contains(signature)))
}
