//! `second_tokens`: tokens of a second identity, such as the agent that a service acts for.

use super::claim_headers::{self, header_of_binding};
use super::error::ConfigError;
use super::issuer::Issuer;
use super::keys::configuration::{ISSUERS, SECOND_TOKENS};
use super::keys::{issuer as issuer_key, second_token as key};
use super::path::Path;
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors};
use super::second_token_error::SecondTokenError;
use super::token_from::token_sources;
use crate::headers::{ClaimHeaders, check_name};
use crate::issuer_index::IssuerIndex;
use crate::sorting;
use crate::token_source::TokenSource;

/// One entry of `second_tokens`. Its claim headers are in [`ClaimHeaders`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondToken {
    /// The name in `requires_token` and logs: letters, digits, `_` and `-`.
    pub name: String,
    /// `token_from`
    pub token_from: Vec<TokenSource>,
    /// `issuers`
    pub issuers: Vec<IssuerIndex>,
    /// `forward_token`
    pub forward_token: bool,
}

impl SecondToken {
    /// The path of `token_from` in the configuration.
    pub(super) fn path(&self) -> Path<&str> {
        Path::root().key(SECOND_TOKENS.as_str()).key(&self.name).key(key::TOKEN_FROM.as_str())
    }
}

/// What the configuration says about second tokens.
#[derive(Debug, Default)]
pub(super) struct SecondTokens {
    /// The valid entries, sorted by name: Envoy delivers the members of a Struct in any order.
    pub tokens: Vec<SecondToken>,
    /// The names of all entries, sorted.
    pub names: Vec<String>,
}

/// Reads the second tokens. Adds their claim headers to `headers`, and decides which issuers are accepted for the first
/// token.
pub(super) fn second_tokens(
    object: &mut ConfigObject<'_>,
    issuers: &mut [Issuer],
    lacks_issuers: bool,
    headers: &mut ClaimHeaders,
    errors: &mut Errors,
) -> SecondTokens {
    let node = object.take(SECOND_TOKENS);
    let entries = node.as_ref().and_then(|node| node.entries("an object of second tokens by name", errors));
    let mut entries = entries.unwrap_or_default();
    sorting::sort_by(&mut entries, |(one, _), (other, _)| one.cmp(other));
    let mut read = SecondTokens::default();
    for (name, node) in &entries {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_valid) {
            node.refuse(
                Problem::SecondToken(SecondTokenError::InvalidName { got: (*name).to_owned() }),
                errors,
            );
        }
        read.names.push((*name).to_owned());
        read.tokens.extend(second_token(name, node, issuers, lacks_issuers, headers, errors));
    }
    for issuer in issuers.iter_mut() {
        let index = issuer.rules.issuer;
        let is_named = read.tokens.iter().any(|token| token.issuers.contains(&index));
        issuer.first_token = issuer.written_first_token.unwrap_or(!is_named);
        // If an entry is not valid, it may be the one that names the issuer.
        if !issuer.first_token && !is_named && read.tokens.len() == read.names.len() {
            let path = match object.has(ISSUERS) {
                true => Path::root().key(ISSUERS.as_str()).index(index.0),
                false => Path::root(),
            };
            let path = path.key(issuer_key::FIRST_TOKEN.as_str()).to_owned();
            errors.push(ConfigError { path, problem: Problem::SecondToken(SecondTokenError::UnusedIssuer) });
        }
    }
    let is_left = lacks_issuers || issuers.is_empty() || issuers.iter().any(|issuer| issuer.first_token);
    if let Some(node) = node.filter(|_| !is_left) {
        node.refuse(Problem::SecondToken(SecondTokenError::NoFirstIssuer), errors);
    }
    read
}

fn second_token(
    name: &str,
    node: &ConfigNode<'_>,
    issuers: &[Issuer],
    lacks_issuers: bool,
    headers: &mut ClaimHeaders,
    errors: &mut Errors,
) -> Option<SecondToken> {
    let what = "a second token, such as {token_from: {header: x-agent-token}, issuers: [agents]}";
    let mut object = node.object(what, errors)?;
    let (token_from, listed) = (object.take(key::TOKEN_FROM), object.take(key::ISSUERS));
    let map = object.take(key::CLAIM_HEADERS);
    let forward_token = object.flag(&key::FORWARD_TOKEN, errors);
    if !object.has_unknown() {
        if token_from.is_none() {
            let what = "where the token is, such as {header: x-agent-authorization, prefix: \"Bearer \"}";
            object.refuse(key::TOKEN_FROM, Problem::Required { what }, errors);
        }
        if listed.is_none() {
            let what = "the names of the issuers whose tokens are accepted";
            object.refuse(key::ISSUERS, Problem::Required { what }, errors);
        }
    }
    object.deny_unknown(errors);
    let token_from = token_from.and_then(|node| places(&node, errors));
    let listed = listed.and_then(|node| named_issuers(&node, issuers, lacks_issuers, errors));
    claim_headers::of_second_token(map, headers, errors);
    Some(SecondToken { name: name.to_owned(), token_from: token_from?, issuers: listed?, forward_token })
}

/// `token_from` of a second token. Its place is removed as a whole where the token is not asked for, so that it cannot be
/// a header that HTTP needs.
fn places(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Vec<TokenSource>> {
    let sources = token_sources(node, false, errors)?;
    let before = errors.len();
    for source in &sources {
        let TokenSource::Header { name, .. } = source else { continue };
        if let Some(name) = header_of_binding(name) {
            node.refuse(
                Problem::SecondToken(SecondTokenError::HeaderOfBinding { name: name.to_owned() }),
                errors,
            );
        } else if name != "authorization"
            && let Err(error) = check_name(name)
        {
            node.refuse(Problem::ClaimHeaders(error), errors);
        }
    }
    (errors.len() == before).then_some(sources)
}

fn named_issuers(
    node: &ConfigNode<'_>,
    issuers: &[Issuer],
    lacks_issuers: bool,
    errors: &mut Errors,
) -> Option<Vec<IssuerIndex>> {
    let mut indices = Vec::new();
    let mut is_complete = true;
    for name in node.string_list("the name of an issuer", errors)? {
        match issuers.iter().find(|issuer| issuer.name == name) {
            Some(issuer) => indices.push(issuer.rules.issuer),
            None => {
                is_complete = false;
                if !lacks_issuers {
                    let configured = issuers.iter().map(|issuer| issuer.name.clone()).collect();
                    node.refuse(Problem::UnknownIssuer { name: name.to_owned(), configured }, errors);
                }
            }
        }
    }
    is_complete.then_some(indices)
}
