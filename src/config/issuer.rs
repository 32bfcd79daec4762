//! One issuer: its `iss`, its audiences, its keys and the rules for its tokens.

use std::time::Duration;

use super::algorithms::algorithms;
use super::bound_tokens::confirmation;
use super::claim_headers;
use super::claim_sources::{given_sources, pointer};
use super::issuer_error::IssuerError;
use super::issuer_paths::IssuerPaths;
use super::key_origin::{self, KeyOrigin};
use super::keys::{self, Claims, Name, issuer as key, listed_issuer, shared};
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors, preview};
use super::requirement;
use super::revocation_list::{ListContext, RevocationListOrigin, revocation_list};
use super::tenants::tenant_issuer;
use super::token_from::token_sources;
use crate::confirmation::Confirmation;
use crate::headers::ClaimHeaders;
use crate::issuer_index::IssuerIndex;
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;
use crate::jose::rules::{AcceptedTypes, RefusedClaim, TokenRules};
use crate::policy::{ClaimSource, ClaimSources};
use crate::token_source::TokenSource;

/// A configured issuer.
#[derive(Debug)]
pub struct Issuer {
    /// `name`: letters, digits and `_`.
    pub name: String,
    /// The rules for its tokens.
    pub rules: TokenRules,
    /// The claims in which its tokens carry roles, groups and scopes.
    pub sources: ClaimSources,
    /// The origin of its keys.
    pub keys: KeyOrigin,
    /// `token_from` of the issuer: the only sources that its tokens may come from. `None`: every source of the route.
    pub token_from: Option<Vec<TokenSource>>,
    /// `paths`: the only paths on which its tokens count. `None`: every path.
    pub paths: Option<IssuerPaths>,
    /// `confirmation`
    pub confirmation: Confirmation,
    /// Whether its tokens are accepted as the first token of a request.
    pub first_token: bool,
    /// `first_token` as written.
    pub(super) written_first_token: Option<bool>,
    /// The origin of its revocation list, if it has one.
    pub revocation_list: Option<RevocationListOrigin>,
}

impl Issuer {
    /// Whether tokens of the issuer pass while there is no usable revocation list.
    pub fn passes_without_list(&self) -> bool {
        self.revocation_list.as_ref().is_some_and(|list| list.fail_open)
    }

    /// Whether its keys are fetched from the URL that the default of `jwks_endpoint` gives.
    pub fn has_default_endpoint(&self) -> bool {
        self.keys.is_default_endpoint(&self.rules.iss)
    }
}

/// The part of the configuration that issuers use or add to.
pub struct IssuerContext<'c> {
    /// The global sources of roles, groups and scopes.
    pub defaults: &'c ClaimSources,
    /// The claim headers, to which issuers add their own maps.
    pub claim_headers: &'c mut ClaimHeaders,
    /// Whether `dpop` is configured.
    pub reads_dpop: bool,
    /// Warnings for the log.
    pub warnings: &'c mut Vec<String>,
}

/// The one issuer at the top level, or the issuers of the list.
pub fn issuers(
    object: &mut ConfigObject<'_>,
    context: &mut IssuerContext<'_>,
    errors: &mut Errors,
) -> Vec<Issuer> {
    let Some(list) = object.take(keys::configuration::ISSUERS) else {
        let issuer = issuer(object, IssuerIndex(0), IssuerForm::Flat, context, errors);
        return issuer.into_iter().collect();
    };
    // The keys of one issuer cannot be combined with a list of issuers.
    for &key in key::NAMES {
        if object.take(key).is_some() {
            object.refuse(key, Problem::IssuerBesideIssuers, errors);
        }
    }
    let nodes = list.list("a list of issuers", errors).unwrap_or_default();
    if nodes.is_empty() {
        list.refuse(Problem::NoItems { what: "issuer" }, errors);
    }
    let mut issuers: Vec<Issuer> = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let Some(mut object) = node.object("an issuer", errors) else { continue };
        let read = issuer(&mut object, IssuerIndex(index), IssuerForm::Listed, context, errors);
        object.deny_unknown(errors);
        let Some(read) = read else { continue };
        if issuers.iter().any(|other| other.rules.iss == read.rules.iss) {
            node.refuse(Problem::RepeatedIssuer, errors);
        } else if let Some(other) = issuers.iter().find(|other| have_common_iss(other, &read)) {
            let (first, second) = (other.name.clone(), read.name.clone());
            node.refuse(Problem::Issuer(IssuerError::OverlappingTenants { first, second }), errors);
        }
        if issuers.iter().any(|other| other.name == read.name) {
            node.refuse(Problem::RepeatedIssuerName { name: read.name.clone() }, errors);
        }
        issuers.push(read);
    }
    issuers
}

/// Whether the forms of two issuers with tenants can match the same `iss`.
fn have_common_iss(one: &Issuer, other: &Issuer) -> bool {
    let forms = one.rules.tenants.as_ref().zip(other.rules.tenants.as_ref());
    forms.is_some_and(|(one, other)| one.overlaps(other))
}

/// Whether the configuration has an issuer that is not valid, or one whose audience is not valid.
pub fn is_incomplete(configuration: &Json, issuers: &[Issuer]) -> bool {
    let listed = match configuration.member(keys::configuration::ISSUERS.as_str()) {
        Some(Json::Array(items)) => items.len(),
        _ => 1,
    };
    issuers.len() < listed || issuers.iter().any(|issuer| issuer.rules.audiences.is_empty())
}

/// How an issuer was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IssuerForm {
    /// Its keys are at the top level, beside the global keys.
    Flat,
    /// It is an entry of `issuers`, which may replace some global keys.
    Listed,
}

fn issuer(
    object: &mut ConfigObject<'_>,
    index: IssuerIndex,
    form: IssuerForm,
    context: &mut IssuerContext<'_>,
    errors: &mut Errors,
) -> Option<Issuer> {
    let defaults = context.defaults;
    let issuer = required(
        object,
        key::ISSUER,
        "the exact iss of the tokens, such as https://issuer.example.com",
        errors,
    );
    let audiences = match object.take(key::AUDIENCE) {
        Some(node) => node.string_list("an audience", errors),
        None => {
            object.refuse(
                key::AUDIENCE,
                Problem::Required { what: "the aud of the tokens for this service" },
                errors,
            );
            None
        }
    };
    let issuer = issuer.unwrap_or_default();
    let name = name(object, issuer, errors);
    let sources = match form {
        IssuerForm::Flat => defaults.clone(),
        IssuerForm::Listed => ClaimSources {
            roles: replaced(object, &shared::ROLES_FROM, &defaults.roles, errors),
            groups: replaced(object, &shared::GROUPS_FROM, &defaults.groups, errors),
            scopes: replaced(object, &shared::SCOPES_FROM, &defaults.scopes, errors),
            scope_wildcards: object
                .take(shared::SCOPE_WILDCARDS.name)
                .and_then(|node| node.flag(errors))
                .unwrap_or(defaults.scope_wildcards),
        },
    };
    let mut token_from = None;
    if form == IssuerForm::Listed {
        let map = object.take(listed_issuer::CLAIM_HEADERS);
        claim_headers::of_issuer(map, index, context.claim_headers, errors);
        token_from = object
            .take(listed_issuer::TOKEN_FROM)
            .and_then(|node| token_sources(&node, context.reads_dpop, errors));
    }
    let paths = object.take(key::PATHS).and_then(|node| IssuerPaths::read(&node, errors));
    let confirmation = confirmation(object, errors);
    let written = object.take(key::FIRST_TOKEN).and_then(|node| node.flag(errors));
    let before = errors.len();
    let tenants = tenant_issuer(object, issuer, errors);
    let is_valid = errors.len() == before;
    let rules = rules(object, index, issuer, audiences.unwrap_or_default(), errors);
    let (keys, timeout) = key_origin::keys(object, issuer, &name, context.warnings, errors);
    let of_list = ListContext { issuer, name: &name, keys: keys.as_ref(), timeout };
    let revocation_list = revocation_list(object, &of_list, context.warnings, errors);
    let rules = rules.filter(|_| is_valid).map(|rules| TokenRules { tenants, ..rules });
    Some(Issuer {
        name,
        rules: rules?,
        sources,
        keys: keys?,
        token_from,
        paths,
        confirmation,
        first_token: written.unwrap_or(true),
        written_first_token: written,
        revocation_list,
    })
}

fn required<'a>(
    object: &mut ConfigObject<'a>,
    key: Name,
    what: &'static str,
    errors: &mut Errors,
) -> Option<&'a str> {
    match object.take(key) {
        Some(node) => node.text(what, errors),
        None => {
            object.refuse(key, Problem::Required { what }, errors);
            None
        }
    }
}

fn replaced(
    object: &mut ConfigObject<'_>,
    key: &Claims,
    default: &[ClaimSource],
    errors: &mut Errors,
) -> Vec<ClaimSource> {
    given_sources(object, key, errors).unwrap_or_else(|| default.to_vec())
}

/// The name appears in logs and in the names of metrics. Therefore it contains only letters, digits and `_`.
fn name(object: &mut ConfigObject<'_>, issuer: &str, errors: &mut Errors) -> String {
    let Some(node) = object.take(key::NAME) else {
        let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let folded: String = rest.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let folded = folded.trim_matches('_');
        return if folded.is_empty() { "issuer".to_owned() } else { folded.to_owned() };
    };
    let name = node.text("a name", errors).unwrap_or_default();
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        node.refuse(
            Problem::Expected { what: "letters, digits and _ only", got: preview(node.value()) },
            errors,
        );
    }
    name.to_owned()
}

fn rules(
    object: &mut ConfigObject<'_>,
    index: IssuerIndex,
    issuer: &str,
    audiences: Vec<&str>,
    errors: &mut Errors,
) -> Option<TokenRules> {
    let owned = |string_list: Vec<&str>| string_list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut rules = TokenRules::new(index, issuer.to_owned(), owned(audiences));
    if let Some(node) = object.take(key::AUDIENCE_FROM) {
        let items = node.one_or_many();
        if items.is_empty() {
            node.refuse(Problem::NoItems { what: "claim" }, errors);
        }
        rules.audience_from = items.iter().filter_map(|item| pointer(item, errors)).collect();
    }
    if let Some(node) = object.take(key::ACCEPTED_ALGORITHMS) {
        rules.accepted_algorithms = algorithms(&node, errors);
    }
    if let Some(node) = object.take(key::REFUSED_KIDS).filter(|node| !node.one_or_many().is_empty()) {
        rules.refused_kids = owned(node.string_list("a kid", errors).unwrap_or_default());
    }
    rules.clock_skew = Duration::from_secs(object.integer(&key::CLOCK_SKEW_SECONDS, errors));
    rules.require_expiration = object.flag(&key::REQUIRE_EXPIRATION, errors);
    rules.require_jti = object.flag(&key::REQUIRE_JTI, errors);
    let lifetime = object.optional_integer(&key::MAX_TOKEN_LIFETIME_SECONDS, errors);
    rules.max_lifetime = lifetime.map(Duration::from_secs);
    if let Some(node) = object.take(key::ACCEPTED_TYPES) {
        let string_list =
            node.string_list("a token type, such as at+jwt, or absent", errors).unwrap_or_default();
        rules.accepted_types = AcceptedTypes::new(string_list);
    }
    if let Some(node) = object.take(key::REFUSED_CLAIMS) {
        rules.refused_claims = refused_claims(&node, errors);
    }
    Some(rules)
}

fn refused_claims(node: &ConfigNode<'_>, errors: &mut Errors) -> Vec<RefusedClaim> {
    let entries =
        node.entries("an object of claims and the values that are refused", errors).unwrap_or_default();
    let mut refused = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        let values = requirement::values(&node, errors);
        match (Pointer::parse(name), values) {
            (Ok(pointer), Some(values)) => {
                let values = values.iter().flat_map(as_text_and_number).collect();
                refused.push(RefusedClaim { pointer, values });
            }
            (Err(error), _) => node.refuse(Problem::Pointer(error), errors),
            (Ok(_), None) => {}
        }
    }
    refused
}

/// The value, and in addition the number if the value is the text of a number. Envoy converts a plain number of native
/// YAML to text if it has a fraction or does not fit into 32 bits. Without the number, a token with that claim value
/// would pass.
fn as_text_and_number(value: &Json) -> Vec<Json> {
    let number = value.as_str().and_then(|text| Json::parse(text.as_bytes()).ok());
    let number = number.filter(|number| matches!(number, Json::Number(_)));
    std::iter::once(value.clone()).chain(number).collect()
}
