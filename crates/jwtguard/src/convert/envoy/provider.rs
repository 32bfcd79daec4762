//! Reads a `JwtProvider`.

use super::string_match::{Case, Pattern, StringMatch};
use crate::convert::claim_test::{Condition, NameKind};
use crate::convert::fields::{boolean, items, known, map, required_text, seconds, text, texts, whole};
use crate::convert::node::Node;
use crate::convert::notes::{Fault, Notes, Place};
use crate::convert::provider::{DISCOVERY, Provider, TokenSource};
use crate::inspect::tree::{Tree, TreeValue};

const FIELDS: [&str; 21] = [
    "issuer",
    "audiences",
    "subjects",
    "require_expiration",
    "max_lifetime",
    "remote_jwks",
    "local_jwks",
    "forward",
    "from_headers",
    "from_params",
    "from_cookies",
    "forward_payload_header",
    "pad_forward_payload_header",
    "payload_in_metadata",
    "normalize_payload_in_metadata",
    "header_in_metadata",
    "failed_status_in_metadata",
    "clock_skew_seconds",
    "jwt_cache_config",
    "claim_to_headers",
    "clear_route_cache",
];

/// Reads a provider. `None` if jwt-guard cannot verify its tokens; the notes say why.
///
/// # Errors
/// The value is none.
pub fn read(name: &str, tree: &Tree, notes: &mut Notes) -> Result<Option<Provider>, Fault> {
    known(tree, &FIELDS)?;
    let issuer = text(tree, "issuer")?.unwrap_or_default().to_owned();
    let mut provider = Provider {
        name: name.to_owned(),
        place: Place::of(tree),
        issuer,
        audiences: texts(tree, "audiences")?,
        other_audiences: Vec::new(),
        keys: Vec::new(),
        sources: sources(tree, notes)?,
        forwards: boolean(tree, "forward")?,
        claim_headers: claim_headers(tree, notes)?,
        payload: text(tree, "payload_in_metadata")?.filter(|key| !key.is_empty()).map(ToOwned::to_owned),
        payload_place: payload_place(tree),
        splits: splits(tree)?,
        subjects: Vec::new(),
        remarks: Vec::new(),
    };
    let has_keys = keys(tree, &mut provider, notes)?;
    token_rules(tree, &mut provider, notes)?;
    let has_subjects = subjects(tree, &mut provider, notes)?;
    if provider.audiences.is_empty() {
        provider.remarks.push(
            "jwt_authn checks no audience here: write the service's own into audience, and remove audience_from".to_owned(),
        );
    }
    if provider.issuer.trim().is_empty() {
        notes.dropped(
            tree,
            "the provider names no issuer and accepts every one; jwt-guard needs issuer: rules with this provider refuse its \
             tokens",
        );
        return Ok(None);
    }
    Ok((has_keys && has_subjects).then_some(provider))
}

/// Where the file itself sets the key of the payload. A front-end that sets it has no other place than that of the provider.
fn payload_place(tree: &Tree) -> Option<Place> {
    let key = tree.get("payload_in_metadata").filter(|key| key.text() != Some(""))?;
    (key.source != tree.source).then(|| Place::of(key))
}

/// Reads where the keys come from. Returns whether jwt-guard can get them.
fn keys(tree: &Tree, provider: &mut Provider, notes: &mut Notes) -> Result<bool, Fault> {
    match (tree.get("remote_jwks"), tree.get("local_jwks")) {
        (Some(remote), None) => remote_keys(remote, provider, notes),
        (None, Some(local)) => local_keys(local, provider, notes),
        (Some(_), Some(local)) => {
            Err(Fault::at(local, "found remote_jwks and local_jwks; expected one of them"))
        }
        (None, None) => {
            notes.dropped(
                tree,
                "the provider has no keys, which Envoy takes from a default; write remote_jwks or local_jwks: rules with this \
                 provider refuse its tokens",
            );
            Ok(false)
        }
    }
}

fn remote_keys(tree: &Tree, provider: &mut Provider, notes: &mut Notes) -> Result<bool, Fault> {
    known(tree, &["http_uri", "cache_duration", "async_fetch", "retry_policy"])?;
    let http =
        tree.get("http_uri").ok_or_else(|| Fault::at(tree, "found no http_uri; expected uri and cluster"))?;
    known(http, &["uri", "cluster", "timeout"])?;
    let uri = required_text(http, "uri")?;
    let uri = if uri.contains("://") { uri.to_owned() } else { format!("http://{uri}") };
    provider.keys.push(("jwks_cluster".to_owned(), Node::text(required_text(http, "cluster")?)));
    let document = format!("{}{DISCOVERY}", provider.issuer.trim_end_matches('/'));
    provider.keys.push(if uri == document {
        ("discovery".to_owned(), Node::Bool(true))
    } else {
        ("jwks_endpoint".to_owned(), Node::Text(uri))
    });
    if let Some(duration) = seconds(tree, "cache_duration")? {
        let ttl = duration.clamp(1.0, 86400.0).floor();
        if duration > 86400.0 {
            notes.lossy(tree, "cache_duration is longer than 86400 s, the limit of jwks_ttl_seconds");
        }
        provider.keys.push(("jwks_ttl_seconds".to_owned(), Node::Number(format!("{ttl}"))));
    } else {
        // jwt_authn fetches keys again after ten minutes.
        provider.keys.push(("jwks_ttl_seconds".to_owned(), Node::Number("600".to_owned())));
    }
    if let Some(timeout) = seconds(http, "timeout")? {
        let milliseconds = (timeout * 1000.0).clamp(10.0, 60000.0).floor();
        provider.keys.push(("jwks_timeout_ms".to_owned(), Node::Number(format!("{milliseconds}"))));
    }
    if let Some(fetch) = tree.get("async_fetch") {
        // Keys are always fetched in the background here.
        known(fetch, &["fast_listener", "failed_refetch_duration"])?;
        boolean(fetch, "fast_listener")?;
        seconds(fetch, "failed_refetch_duration")?;
    }
    if let Some(retry) = tree.get("retry_policy") {
        // A failed fetch is retried after 1 s, doubling to 10 s, whatever the policy says.
        known(retry, &["retry_back_off", "num_retries"])?;
    }
    provider.remarks.push("only RS256 is accepted: name other algorithms in accepted_algorithms".to_owned());
    Ok(true)
}

fn local_keys(tree: &Tree, provider: &mut Provider, notes: &mut Notes) -> Result<bool, Fault> {
    known(tree, &["filename", "inline_bytes", "inline_string", "environment_variable", "watched_directory"])?;
    let Some(keys) = text(tree, "inline_string")? else {
        notes.dropped(
            tree,
            "the filter reads no files, bytes or variables for keys; put the key set into inline_string and convert again: rules \
             with this provider refuse its tokens",
        );
        return Ok(false);
    };
    let parsed = serde_json::from_str::<serde_json::Value>(keys)
        .map_err(|error| Fault::at(tree, format!("inline_string is no key set: {error}")))?;
    let algorithms = algorithms(&parsed);
    provider.keys.push(("jwks_inline".to_owned(), Node::text(keys)));
    provider.keys.push(("accepted_algorithms".to_owned(), Node::texts(&algorithms)));
    Ok(true)
}

/// The algorithms that `jwt_authn` accepts with these keys. A shared secret has none here.
fn algorithms(keys: &serde_json::Value) -> Vec<&'static str> {
    const RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    const ALL: [&str; 10] =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    let members = |key: &serde_json::Value, name: &str| {
        key.get(name).and_then(|value| value.as_str()).map(str::to_owned)
    };
    let mut found: Vec<&'static str> = Vec::new();
    for key in keys.get("keys").and_then(|keys| keys.as_array()).into_iter().flatten() {
        let alg = members(key, "alg");
        let by_type: &[&'static str] = match (members(key, "kty").as_deref(), members(key, "crv").as_deref())
        {
            (Some("RSA"), _) => &RSA,
            (Some("EC"), Some("P-256")) => &["ES256"],
            (Some("EC"), Some("P-384")) => &["ES384"],
            (Some("EC"), Some("P-521")) => &["ES512"],
            (Some("OKP"), _) => &["EdDSA"],
            _ => &[],
        };
        found.extend(by_type.iter().filter(|name| alg.as_ref().is_none_or(|alg| alg == *name)));
    }
    let accepted: Vec<&'static str> = ALL.into_iter().filter(|name| found.contains(name)).collect();
    if accepted.is_empty() { vec!["RS256"] } else { accepted }
}

fn token_rules(tree: &Tree, provider: &mut Provider, notes: &mut Notes) -> Result<(), Fault> {
    if !boolean(tree, "require_expiration")? {
        provider.keys.push(("require_expiration".to_owned(), Node::Bool(false)));
    }
    // 0 and absent are 60 s in Envoy.
    let skew = whole(tree, "clock_skew_seconds")?.filter(|skew| *skew > 0).unwrap_or(60);
    if skew != 60 {
        if skew > 600 {
            notes
                .lossy(tree, "clock_skew_seconds is greater than 600, the limit here: tokens expire earlier");
        }
        provider.keys.push(("clock_skew_seconds".to_owned(), Node::Number(skew.min(600).to_string())));
    }
    if let Some(lifetime) = seconds(tree, "max_lifetime")? {
        let at = tree.get("max_lifetime").unwrap_or(tree);
        notes.lossy(
            at,
            "max_token_lifetime_seconds limits exp minus iat and requires both, where max_lifetime limits the time that is left: \
             a long-lived token is refused to its end, and clock_skew_seconds is taken off",
        );
        // An iat in the future, within the skew, would lengthen the time that is left.
        let limit = (lifetime - skew as f64).clamp(1.0, 31_622_400.0).floor();
        provider.keys.push(("max_token_lifetime_seconds".to_owned(), Node::Number(format!("{limit}"))));
    }
    if let Some(cache) = tree.get("jwt_cache_config") {
        // The cache is on by default here, and its size is global.
        known(cache, &["jwt_cache_size", "jwt_max_token_size"])?;
        whole(cache, "jwt_cache_size")?;
        whole(cache, "jwt_max_token_size")?;
    }
    for name in ["header_in_metadata", "failed_status_in_metadata"] {
        if let Some(key) = tree.get(name).filter(|key| key.text() != Some("")) {
            notes.dropped(
                key,
                "a Wasm filter writes no dynamic metadata; use claim headers or the log of refusals",
            );
        }
    }
    if boolean(tree, "pad_forward_payload_header")? {
        let at = tree.get("pad_forward_payload_header").unwrap_or(tree);
        notes.dropped(at, "$payload is the token's own segment, without padding");
    }
    // Envoy chooses its route again after each change of a header.
    boolean(tree, "clear_route_cache")?;
    Ok(())
}

/// Reads the matcher of subjects. Returns whether jwt-guard has it.
fn subjects(tree: &Tree, provider: &mut Provider, notes: &mut Notes) -> Result<bool, Fault> {
    let Some(at) = tree.get("subjects") else { return Ok(true) };
    let matched = StringMatch::read(at)?;
    let claim = || "sub".to_owned();
    let condition = match (matched.pattern, matched.case) {
        (Pattern::Exact(text), Case::Sensitive) => Condition::Any(claim(), vec![Node::Text(text)]),
        (Pattern::Prefix(text), Case::Sensitive) if !text.is_empty() => {
            Condition::Prefix(claim(), vec![text])
        }
        (Pattern::Suffix(text), Case::Sensitive) if !text.is_empty() => {
            Condition::Suffix(claim(), vec![text])
        }
        _ => {
            notes.dropped(
                at,
                "jwt-guard has no condition like this one on sub; write exact, prefix or suffix: rules with this provider refuse \
                 its tokens",
            );
            return Ok(false);
        }
    };
    provider.subjects.push(condition);
    Ok(true)
}

fn sources(tree: &Tree, notes: &mut Notes) -> Result<Vec<TokenSource>, Fault> {
    let mut sources = Vec::new();
    for header in items(tree, "from_headers")? {
        known(header, &["name", "value_prefix"])?;
        let name = required_text(header, "name")?.to_ascii_lowercase();
        let prefix = text(header, "value_prefix")?.unwrap_or_default().to_owned();
        if !prefix.is_empty() && prefix != "Bearer " {
            notes.lossy(
                header,
                "the prefix must stand at the start of the header; Envoy finds it anywhere in it",
            );
        }
        sources.push(TokenSource::Header(name, prefix));
    }
    sources.extend(texts(tree, "from_params")?.into_iter().map(TokenSource::Query));
    sources.extend(texts(tree, "from_cookies")?.into_iter().map(TokenSource::Cookie));
    if sources.is_empty() {
        sources.push(TokenSource::Header("authorization".to_owned(), "Bearer ".to_owned()));
        sources.push(TokenSource::Query("access_token".to_owned()));
    }
    sources.dedup();
    Ok(sources)
}

fn claim_headers(tree: &Tree, notes: &mut Notes) -> Result<Vec<(String, Node)>, Fault> {
    let mut headers: Vec<(String, Node)> = Vec::new();
    if let Some(name) = text(tree, "forward_payload_header")?.filter(|name| !name.is_empty()) {
        headers.push((name.to_ascii_lowercase(), Node::text("$payload")));
    }
    for entry in items(tree, "claim_to_headers")? {
        known(entry, &["header_name", "claim_name", "claim_path"])?;
        let name = required_text(entry, "header_name")?.to_ascii_lowercase();
        let path = texts(entry, "claim_path")?;
        let names = match text(entry, "claim_name")? {
            Some(claim) => claim.split('.').map(ToOwned::to_owned).collect(),
            None => path,
        };
        let Some(claim) = crate::convert::claim_test::pointer(&names) else {
            notes.dropped(entry, "a claim with this name cannot be put into a header");
            continue;
        };
        if headers.iter().any(|(known, _)| folded(known) == folded(&name)) {
            notes.dropped(
                entry,
                format!("the header {name} is set twice, or in two spellings; one of them stays"),
            );
            continue;
        }
        headers.push((name, Node::Text(claim)));
    }
    let (usable, reserved): (Vec<_>, Vec<_>) = headers.into_iter().partition(|(name, _)| is_usable(name));
    for (name, _) in reserved {
        notes.dropped(tree, format!("the filter cannot set the header {name}; choose another name"));
    }
    Ok(usable)
}

/// A header name as an upstream such as a CGI program may read it.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// Whether a configuration may set the header. The reader of the core knows which ones it refuses.
fn is_usable(name: &str) -> bool {
    let text = serde_json::json!({
        "issuer": "https://issuer.example", "audience": "a", "jwks_cluster": "c",
        "token_from": [{ "query": "access_token" }], "claim_headers": { name: "sub" },
    });
    jwt_guard::config::Config::parse(text.to_string().as_bytes()).is_ok()
}

/// The claims that are split. What jwt-guard reads them as depends on the rules that test them.
fn splits(tree: &Tree) -> Result<Vec<(Vec<String>, Option<NameKind>)>, Fault> {
    let Some(normalized) = tree.get("normalize_payload_in_metadata") else { return Ok(Vec::new()) };
    known(normalized, &["space_delimited_claims"])?;
    let claims = items(normalized, "space_delimited_claims")?.iter();
    claims.map(|claim| Ok((vec![crate::convert::fields::whole_text(claim)?.to_owned()], None))).collect()
}

/// Reads all providers.
///
/// # Errors
/// A value is no provider.
pub fn all(tree: &Tree, notes: &mut Notes) -> Result<Vec<(String, Option<Provider>)>, Fault> {
    let mut providers: Vec<(String, Option<Provider>)> = Vec::new();
    for (name, value) in map(tree, "providers")? {
        if matches!(value.value, TreeValue::Null) {
            return Err(Fault::at(value, "expected a provider"));
        }
        let mut provider = read(name, value, notes)?;
        let is_known =
            |issuer: &str| providers.iter().flat_map(|(_, one)| one).any(|one| one.issuer == issuer);
        if provider.as_ref().is_some_and(|provider| is_known(&provider.issuer)) {
            notes.dropped(
                value,
                "another provider has the same issuer, and jwt-guard has one entry for each issuer; write one provider with all \
                 audiences and sources: rules with this provider refuse its tokens",
            );
            provider = None;
        }
        providers.push((name.clone(), provider));
    }
    Ok(providers)
}
