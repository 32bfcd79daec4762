//! pico-client-auth's `auth_client` (version 0.7). What each route requires stands in Python code, which convert does not read.

use super::chain::Source;
use super::manifest::{boolean, known, optional, required, text, texts};
use super::node::Node;
use super::notes::{Fault, Notes, Place};
use super::policy::Policy;
use crate::inspect::FileDocument;
use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::jose::algorithm::Algorithm;

const FIELDS: [&str; 10] = [
    "enabled",
    "issuer",
    "audience",
    "jwks_ttl_seconds",
    "jwks_endpoint",
    "accepted_algorithms",
    "revocation_endpoint",
    "revocation_ttl_seconds",
    "revocation_fail_open",
    "revocation_bearer",
];

/// The environment variable that the configuration names for the token of the denylist.
const TOKEN_VARIABLE: &str = "REVOCATION_LIST_TOKEN";

/// The policy of each document with `auth_client`.
///
/// # Errors
/// The first field that is not as expected.
pub fn sources(documents: &[FileDocument], notes: &mut Notes) -> Result<Vec<Source>, Fault> {
    let found = documents.iter().filter_map(|document| document.tree.get_exact("auth_client"));
    found.map(|tree| policy(tree, notes).map(Source::Policy)).collect()
}

fn policy(tree: &Tree, notes: &mut Notes) -> Result<Policy, Fault> {
    known(tree, &FIELDS)?;
    let mut policy = Policy::new("pico-client-auth", &Place::of(tree));
    if optional(tree, "enabled", boolean)? == Some(false) {
        policy.set("enabled", Node::Bool(false));
    }
    let issuer = text(required(tree, "issuer", "the issuer of the tokens")?)?;
    let audience = text(required(tree, "audience", "the audience of the tokens")?)?;
    policy.set("issuer", Node::text(issuer));
    policy.set("audience", Node::text(audience));
    let comment =
        "the name of the Envoy cluster that reaches the issuer: define it, or write the name of yours";
    policy.set_from("jwks_cluster", Node::text("issuer"), vec![comment.to_owned()]);
    if let Some(endpoint) = optional(tree, "jwks_endpoint", set_text)?.flatten() {
        policy.set("jwks_endpoint", Node::text(endpoint));
    }
    if let Some(seconds) = optional(tree, "jwks_ttl_seconds", |tree| seconds(tree, 86_400))? {
        policy.set("jwks_ttl_seconds", number(seconds));
    }
    let algorithms = algorithms(tree, notes)?;
    policy.set("accepted_algorithms", Node::texts(&algorithms));
    let comment = "PyJWT allows no difference between the clocks";
    policy.set_from("clock_skew_seconds", number(0), vec![comment.to_owned()]);
    let comment = "the claim of DefaultRoleResolver: write those of your own resolver";
    policy.set_from("roles_from", Node::texts(&["role"]), vec![comment.to_owned()]);
    revocation(tree, &mut policy, notes)?;
    let comment = vec![
        "Every path is denied until it has a route: see the routes in your Python code. Where all routes with @requires_role,".to_owned(),
        "@requires_group or @requires_scope have one, write {} here, so that every other path needs any valid token.".to_owned(),
    ];
    policy.set_from("default_policy", Node::object([("deny", Node::Bool(true))]), comment);
    let text = "what a route requires stands in Python code, which convert does not read, so every path is denied: write a route \
                with allow_anonymous: true for each @allow_anonymous, with requires_role and requires_group for each \
                @requires_role and @requires_group, and with requires_token for each @requires_scope; then write \
                default_policy: {}";
    notes.lossy(tree, text);
    Ok(policy)
}

/// The denylist. pico-client-auth refuses every token with a `jti` after a failed fetch, unless `revocation_fail_open` is set.
fn revocation(tree: &Tree, policy: &mut Policy, notes: &mut Notes) -> Result<(), Fault> {
    let endpoint = optional(tree, "revocation_endpoint", set_text)?.flatten();
    let ttl = optional(tree, "revocation_ttl_seconds", |tree| seconds(tree, 3600))?;
    let fail_open = optional(tree, "revocation_fail_open", |tree| boolean(tree).map(|value| (tree, value)))?;
    let bearer =
        optional(tree, "revocation_bearer", |tree| set_text(tree).map(|text| text.map(|_| tree)))?.flatten();
    let Some(endpoint) = endpoint else { return Ok(()) };
    policy.set("revocation_list_endpoint", Node::text(endpoint));
    if let Some(seconds) = ttl {
        policy.set("revocation_list_ttl_seconds", number(seconds));
    }
    match fail_open {
        Some((place, true)) => {
            policy.set("revocation_list_max_stale_seconds", number(86_400));
            policy.set("revocation_list_fail_open", Node::Bool(true));
            let text = "with pico-client-auth the last list serves for as long as fetches fail; here it serves for a day at most, \
                        and revoked tokens pass after that";
            notes.lossy(place, text);
        }
        _ => policy.set("revocation_list_max_stale_seconds", number(0)),
    }
    if let Some(bearer) = bearer {
        policy.set("revocation_list_token_env", Node::text(TOKEN_VARIABLE));
        let text = format!(
            "the token is not copied: give it to Envoy as the environment variable {TOKEN_VARIABLE}, and name that in \
             vm_config.environment_variables"
        );
        notes.lossy(bearer, text);
    }
    Ok(())
}

/// The algorithms that both have. jwt-guard has all of them but HMAC, which newer versions of pico-client-auth refuse, too.
fn algorithms(tree: &Tree, notes: &mut Notes) -> Result<Vec<String>, Fault> {
    let written = texts(tree, "accepted_algorithms")?;
    let mut found = Vec::new();
    for (place, algorithm) in &written {
        if Algorithm::from_name(algorithm).is_some() {
            found.push((*algorithm).to_owned());
        } else {
            notes.dropped(
                place,
                format!("jwt-guard has no algorithm {algorithm}: tokens with it are refused"),
            );
        }
    }
    match (written.as_slice(), found.is_empty()) {
        ([], _) => Ok(vec!["RS256".to_owned()]),
        ([(place, _), ..], true) => {
            let names = Algorithm::ALL.map(Algorithm::name).join(", ");
            let problem = format!("expected one of {names}, got none of them");
            Err(Fault::at(place, problem))
        }
        _ => Ok(found),
    }
}

/// A text. An empty one stands for the default.
fn set_text(tree: &Tree) -> Result<Option<&str>, Fault> {
    match &tree.value {
        TreeValue::Text(text) if text.is_empty() => Ok(None),
        _ => text(tree).map(Some),
    }
}

/// A whole number of seconds from 1 on.
fn seconds(tree: &Tree, most: u32) -> Result<u32, Fault> {
    let number = match &tree.value {
        TreeValue::Number(number) => number.parse::<u32>().ok(),
        _ => None,
    };
    number
        .filter(|seconds| (1..=most).contains(seconds))
        .ok_or_else(|| Fault::at(tree, format!("expected a whole number of seconds from 1 to {most}")))
}

fn number(number: u32) -> Node {
    Node::Number(number.to_string())
}
