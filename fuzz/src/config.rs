//! A configuration has the same meaning as JSON text and as a Struct, and in any order of its keys. Every error has a
//! path.

use std::collections::BTreeSet;

use jwt_guard::config::protobuf::struct_to_json;
use jwt_guard::config::{Config, ConfigError, Path};
use jwt_guard::jose::json::Json;

use super::structs;

/// The number of characters of a name that a path shows.
const MAX_SHOWN_CHARS: usize = 60;

/// Whether the input is a valid configuration.
pub fn holds(data: &[u8]) -> bool {
    let read = read(data);
    if data.iter().all(u8::is_ascii_whitespace) {
        assert!(read.is_err(), "an empty input is not a configuration");
        return false;
    }
    let json = match Json::parse(data) {
        Ok(json) => json,
        Err(_) => match struct_to_json(data) {
            Some(json) => json,
            None => {
                let errors = read.expect_err("neither JSON nor a Struct");
                assert!(matches!(errors.as_slice(), [ConfigError { path, .. }] if path.is_root()));
                return false;
            }
        },
    };
    if let Err(errors) = &read {
        check_paths(&json, errors);
    }
    let text = json.to_string();
    assert_eq!(self::read(text.as_bytes()), read, "after parsing and writing");
    let reversed = Config::parse(reversed(&json).to_string().as_bytes());
    match (&reversed, &read) {
        (Ok(reversed), Ok(read)) => {
            assert!(read.ends_with(&reversed.digest), "the digest depends on the order of keys")
        }
        (Err(reversed), Err(read)) => {
            assert_eq!(sorted_paths(reversed), sorted_paths(read), "with keys in reverse order")
        }
        (reversed, read) => panic!("with keys in reverse order: {reversed:?}, expected {read:?}"),
    }
    if let Some(message) = structs::bytes(&json).filter(|bytes| !bytes.is_empty()) {
        check_struct(&json, &message, read.is_ok());
    }
    read.is_ok()
}

/// The complete content of a configuration as text, for comparison.
fn read(data: &[u8]) -> Result<String, Vec<ConfigError>> {
    let read = Config::parse(data);
    assert!(!matches!(&read, Err(errors) if errors.is_empty()), "rejected without an error");
    read.map(|config| {
        let Config {
            enabled,
            issuers,
            default_policy,
            routes,
            guards,
            compared_headers,
            route_metadata,
            envoy_gateway_annotations,
            names,
            claim_headers,
            max_claim_header_bytes,
            forward_token,
            client_certificate_from,
            dpop,
            token_from,
            second_tokens,
            realm,
            token_cache_entries,
            max_token_bytes,
            bypass_cors_preflight,
            cors_allow_origins,
            report_only,
            resource_metadata,
            identity_in_filter_state,
            warnings,
            digest,
        } = config;
        assert!(!issuers.is_empty() && !token_from.is_empty());
        assert!(
            max_token_bytes <= 1 << 20 && max_claim_header_bytes <= 1 << 20 && token_cache_entries <= 65_536
        );
        let (routes, guards) = (routes.entries(), guards.entries());
        let flags = [enabled, forward_token, bypass_cors_preflight, report_only, identity_in_filter_state];
        let limits = [max_claim_header_bytes, token_cache_entries, max_token_bytes];
        format!(
            "{issuers:?} {default_policy:?} {routes:?} {guards:?} {compared_headers:?} {route_metadata:?} \
             {envoy_gateway_annotations:?} {names:?} {claim_headers:?} \
             {resource_metadata:?} {client_certificate_from:?} {dpop:?} {flags:?} {limits:?} {token_from:?} {second_tokens:?} \
             {realm:?} {cors_allow_origins:?} {warnings:?} {digest}"
        )
    })
}

/// The value with the members of every object in reverse order.
fn reversed(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(reversed).collect()),
        Json::Object(members) => {
            Json::Object(members.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect())
        }
        value => value.clone(),
    }
}

fn sorted_paths(errors: &[ConfigError]) -> Vec<&Path> {
    let mut paths: Vec<&Path> = errors.iter().map(|error| &error.path).collect();
    paths.sort_unstable();
    paths
}

/// The Struct has the same meaning as its JSON, and its bytes are not valid JSON text.
fn check_struct(json: &Json, message: &[u8], is_config: bool) {
    assert!(Json::parse(message).is_err(), "the bytes of the Struct are valid JSON");
    let Some(back) = struct_to_json(message) else {
        panic!("the Struct of {json} was not parsed");
    };
    // Integers above 2^53 are rounded to doubles.
    assert_eq!(structs::of(&back), structs::of(json));
    let text = back.to_string();
    let as_struct = read(message);
    assert_eq!(as_struct, read(text.as_bytes()), "the Struct and the JSON text made from it");
    assert_eq!(as_struct.is_ok(), is_config, "the Struct and the original JSON text");
}

/// The path of every error leads to a value, or to a missing key of an existing object.
fn check_paths(json: &Json, errors: &[ConfigError]) {
    let mut paths = BTreeSet::new();
    let mut objects = BTreeSet::new();
    collect_paths(json, String::new(), &mut paths, &mut objects);
    for error in errors {
        let ConfigError { path, problem } = error;
        assert!(!problem.to_string().is_empty());
        let path = path.to_string();
        let line = error.to_string();
        assert!(!line.contains(char::is_control), "{line:?} does not fit on one log line");
        let absent = || {
            let (object, key) = path.rsplit_once('.').unwrap_or(("", &path));
            let plain = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            !key.is_empty() && plain && objects.contains(object)
        };
        assert!(paths.contains(&path) || absent(), "{path}: {problem}");
        assert_eq!(path.is_empty(), !matches!(json, Json::Object(_)), "{path}: {problem}");
    }
}

/// Collects all paths of the document, and those of its objects.
fn collect_paths(json: &Json, path: String, paths: &mut BTreeSet<String>, objects: &mut BTreeSet<String>) {
    match json {
        Json::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                collect_paths(item, format!("{path}[{place}]"), paths, objects);
            }
        }
        Json::Object(members) => {
            for (name, member) in members {
                let plain = !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte));
                let below = match (plain, path.as_str()) {
                    (true, "") => name.clone(),
                    (true, _) => format!("{path}.{name}"),
                    (false, _) => format!("{path}[{}]", shortened(&Json::String(name.clone()).to_string())),
                };
                collect_paths(member, below, paths, objects);
            }
            objects.insert(path.clone());
        }
        _ => {}
    }
    paths.insert(path);
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    if start.len() < text.len() { start + "…" } else { start }
}
