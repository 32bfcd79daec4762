//! RequestAuthentication: the `jwt_authn` filter that istiod makes from its rules.

use super::claims::PAYLOAD;
use crate::convert::made::{boolean as boolean_at, list, map, object, text as text_at};
use crate::convert::manifest::{self, Manifest, boolean, items, known, optional, required, text};
use crate::convert::names::unique;
use crate::convert::notes::Fault;
use crate::convert::provider::DISCOVERY;
use crate::inspect::tree::{Tree, TreeValue};

/// The fields of `spec`.
const FIELDS: [&str; 4] = ["selector", "targetRef", "targetRefs", "jwtRules"];

/// The fields of an entry of `jwtRules`.
const RULE_FIELDS: [&str; 12] = [
    "issuer",
    "audiences",
    "jwksUri",
    "jwks",
    "fromHeaders",
    "fromParams",
    "fromCookies",
    "outputPayloadToHeader",
    "outputClaimToHeaders",
    "forwardOriginalToken",
    "timeout",
    "spaceDelimitedClaims",
];

/// Claims that istiod always splits at spaces.
const SPACE_DELIMITED: [&str; 2] = ["scope", "permission"];

/// A rule for the tokens of one issuer, as a provider of `jwt_authn`.
#[derive(Debug)]
pub struct JwtRule<'t> {
    /// The entry of `jwtRules`.
    pub tree: &'t Tree,
    /// `issuer`; absent if a token of any issuer counts.
    pub issuer: Option<&'t str>,
    /// The provider of `jwt_authn`.
    provider: Vec<(&'static str, Tree)>,
}

/// Reads the rules of an object.
///
/// # Errors
/// The first field that is not as expected.
pub fn rules<'t>(manifest: &Manifest<'t>) -> Result<Vec<JwtRule<'t>>, Fault> {
    known(manifest.spec, &FIELDS)?;
    items(manifest.spec, "jwtRules")?.iter().map(rule).collect()
}

fn rule(tree: &Tree) -> Result<JwtRule<'_>, Fault> {
    known(tree, &RULE_FIELDS)?;
    let issuer = optional(tree, "issuer", text)?;
    optional(tree, "timeout", text)?;
    let uri = optional(tree, "jwksUri", |uri| text(uri).map(|text| (uri, text)))?;
    let inline = optional(tree, "jwks", |set| text(set).map(|text| (set, text)))?;
    let mut provider: Vec<(&str, Tree)> = Vec::new();
    if let Some(issuer) = tree.get_exact("issuer") {
        provider.push(("issuer", issuer.clone()));
    }
    manifest::texts(tree, "audiences")?;
    provider.extend(tree.get_exact("audiences").map(|audiences| ("audiences", audiences.clone())));
    match (inline, uri, issuer) {
        (Some((set, _)), ..) => {
            provider.push(("local_jwks", object(set, vec![("inline_string", set.clone())])));
        }
        (None, Some((place, uri)), _) => provider.push(("remote_jwks", remote(tree, place, uri)?)),
        // istiod takes the URL from the discovery document.
        (None, None, Some(issuer)) => {
            let document = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
            provider
                .push(("remote_jwks", remote(tree, tree.get_exact("issuer").unwrap_or(tree), &document)?));
        }
        (None, None, None) => {
            return Err(Fault::at(tree, "expected issuer or jwksUri in an entry of jwtRules, got neither"));
        }
    }
    provider.extend(places(tree)?);
    provider.extend(output(tree)?);
    Ok(JwtRule { tree, issuer, provider })
}

/// Keys from a URL, through the cluster of a ServiceEntry for its host.
fn remote<'t>(rule: &'t Tree, place: &'t Tree, uri: &str) -> Result<Tree, Fault> {
    let Some(cluster) = cluster(uri) else {
        let problem = format!("expected a URL of the keys with http:// or https:// and a host, got `{uri}`");
        return Err(Fault::at(place, problem));
    };
    let timeout = rule.get_exact("timeout").cloned().unwrap_or_else(|| text_at(place, "5s"));
    let http_uri = object(
        place,
        vec![("uri", text_at(place, uri)), ("cluster", text_at(place, cluster)), ("timeout", timeout)],
    );
    Ok(object(place, vec![("http_uri", http_uri), ("cache_duration", text_at(place, "300s"))]))
}

/// Istio's name for the cluster of a URL.
fn cluster(url: &str) -> Option<String> {
    let (default_port, rest) = match url.split_once("://")? {
        ("https", rest) => ("443", rest),
        ("http", rest) => ("80", rest),
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, port)
        }
        _ => (authority, default_port),
    };
    (!host.is_empty()).then(|| format!("outbound|{port}||{host}"))
}

/// The places of a token.
fn places(rule: &Tree) -> Result<Vec<(&'static str, Tree)>, Fault> {
    let mut places = Vec::new();
    let mut headers = Vec::new();
    for header in items(rule, "fromHeaders")? {
        known(header, &["name", "prefix"])?;
        text(required(header, "name", "the name of a header")?)?;
        let names = [("name", "name"), ("prefix", "value_prefix")];
        headers.push(renamed(header, &names));
    }
    if let Some(tree) = rule.get_exact("fromHeaders") {
        places.push(("from_headers", list(tree, headers)));
    }
    for (name, envoy_name) in [("fromParams", "from_params"), ("fromCookies", "from_cookies")] {
        manifest::texts(rule, name)?;
        places.extend(rule.get_exact(name).map(|tree| (envoy_name, tree.clone())));
    }
    Ok(places)
}

/// What the filter passes on.
fn output(rule: &Tree) -> Result<Vec<(&'static str, Tree)>, Fault> {
    let mut output = Vec::new();
    optional(rule, "forwardOriginalToken", boolean)?;
    output.extend(rule.get_exact("forwardOriginalToken").map(|tree| ("forward", tree.clone())));
    optional(rule, "outputPayloadToHeader", text)?;
    output
        .extend(rule.get_exact("outputPayloadToHeader").map(|tree| ("forward_payload_header", tree.clone())));
    let mut headers = Vec::new();
    for header in items(rule, "outputClaimToHeaders")? {
        known(header, &["header", "claim"])?;
        text(required(header, "header", "the name of a header")?)?;
        text(required(header, "claim", "the name of a claim")?)?;
        headers.push(renamed(header, &[("header", "header_name"), ("claim", "claim_name")]));
    }
    if let Some(tree) = rule.get_exact("outputClaimToHeaders") {
        output.push(("claim_to_headers", list(tree, headers)));
    }
    output.push(("payload_in_metadata", text_at(rule, PAYLOAD)));
    let mut split: Vec<Tree> =
        manifest::texts(rule, "spaceDelimitedClaims")?.into_iter().map(|(tree, _)| tree.clone()).collect();
    split.extend(SPACE_DELIMITED.iter().map(|claim| text_at(rule, *claim)));
    let normalize = object(rule, vec![("space_delimited_claims", list(rule, split))]);
    output.push(("normalize_payload_in_metadata", normalize));
    Ok(output)
}

/// The members of an object under other names.
fn renamed(tree: &Tree, names: &[(&str, &'static str)]) -> Tree {
    let member =
        |(name, envoy_name): &(&str, &'static str)| Some((*envoy_name, tree.get_exact(name)?.clone()));
    object(tree, names.iter().filter_map(member).collect())
}

/// The `jwt_authn` filter of the rules that apply to one proxy. A token must be valid for one of them; a request without
/// a token passes.
///
/// istiod writes the requirement of several rules as: any of the providers, or all of "the provider, or no token". A
/// request meets that where it meets any of the providers, or has no token.
pub fn filter(rules: &[&JwtRule<'_>]) -> Option<Tree> {
    let place = rules.first()?.tree;
    let mut names: Vec<String> = Vec::new();
    let mut providers = Vec::new();
    let mut requirements = Vec::new();
    for (rule, members) in joined(rules) {
        let name = provider_name(rule.issuer, &names);
        providers.push((name.clone(), object(rule.tree, members)));
        requirements.push(object(rule.tree, vec![("provider_name", text_at(rule.tree, name.clone()))]));
        names.push(name);
    }
    requirements.push(object(place, vec![("allow_missing", object(place, vec![]))]));
    let any = object(
        place,
        vec![("requires_any", object(place, vec![("requirements", list(place, requirements))]))],
    );
    let matched = object(place, vec![("prefix", text_at(place, "/"))]);
    let rule = object(place, vec![("match", matched), ("requires", any)]);
    let providers = map(place, providers);
    Some(object(
        place,
        vec![
            ("providers", providers),
            ("rules", list(place, vec![rule])),
            ("bypass_cors_preflight", boolean_at(place, true)),
        ],
    ))
}

type Members = Vec<(&'static str, Tree)>;

/// The providers of the rules. Rules that differ in audiences only become one: a token for any of them passes.
fn joined<'r, 't>(rules: &[&'r JwtRule<'t>]) -> Vec<(&'r JwtRule<'t>, Members)> {
    let mut found: Vec<(&JwtRule<'t>, String, Members)> = Vec::new();
    for rule in rules {
        let (audiences, others): (Members, Members) =
            rule.provider.iter().cloned().partition(|(name, _)| *name == "audiences");
        let content = object(rule.tree, others.clone()).to_json();
        match found.iter_mut().find(|(_, other, _)| *other == content) {
            None => found.push((rule, content, rule.provider.clone())),
            // Without audiences, a rule accepts each.
            Some((_, _, members)) if audiences.is_empty() => members.retain(|(name, _)| *name != "audiences"),
            Some((_, _, members)) => {
                let own = members.iter_mut().find(|(name, _)| *name == "audiences");
                if let Some((_, Tree { value: TreeValue::List(own), .. })) = own {
                    own.extend(audiences.iter().flat_map(|(_, more)| more.items().iter().cloned()));
                }
            }
        }
    }
    found.into_iter().map(|(rule, _, members)| (rule, members)).collect()
}

/// A name for a provider: the host and path of the issuer.
fn provider_name(issuer: Option<&str>, taken: &[String]) -> String {
    let issuer = issuer.unwrap_or("any");
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let folded: String = rest.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = match folded.trim_matches('_') {
        "" => "issuer".to_owned(),
        name => name.to_owned(),
    };
    unique(&name, '_', |name| taken.iter().any(|other| other == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters() {
        for (url, expected) in [
            ("https://a.example/keys", Some("outbound|443||a.example")),
            ("http://a.example", Some("outbound|80||a.example")),
            ("http://keys.mesh:7443/jwks", Some("outbound|7443||keys.mesh")),
            ("https://a.example?x=1:2", Some("outbound|443||a.example")),
            ("ftp://a.example", None),
            ("a.example", None),
            ("https:///keys", None),
        ] {
            assert_eq!(cluster(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn names_of_providers_differ() {
        let mut names = Vec::new();
        for (issuer, expected) in [
            (Some("https://a.example/x"), "a_example_x"),
            (Some("https://a.example/x/"), "a_example_x_2"),
            (Some("a_example_x"), "a_example_x_3"),
            (Some("://"), "issuer"),
            (None, "any"),
        ] {
            let name = provider_name(issuer, &names);
            assert_eq!(name, expected);
            names.push(name);
        }
    }
}
