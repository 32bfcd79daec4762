//! The keys about bound tokens: `client_certificate_from`, `dpop` and the `confirmation` of an issuer.

use std::time::Duration;

use super::algorithms::algorithms;
use super::bound_token_error::BoundTokenError;
use super::keys::issuer::CONFIRMATION;
use super::keys::{certificate_header, configuration, dpop as key};
use super::problem::Problem;
use super::reader::{ConfigNode, ConfigObject, Errors, preview};
use crate::confirmation::{CertificateSource, Confirmation, FORWARDED_CERTIFICATE};
use crate::dpop::{self, DpopRules, Origin};
use crate::headers::{ClaimHeaders, CredentialHeaders};
use crate::jose::algorithm::Algorithm;
use crate::jose::json::Json;
use crate::token_source::TokenSource;

/// The global keys about bound tokens.
#[derive(Debug, Default)]
pub(super) struct BoundTokens {
    pub certificate: CertificateSource,
    pub dpop: Option<DpopRules>,
}

impl BoundTokens {
    pub(super) fn take(object: &mut ConfigObject<'_>, errors: &mut Errors) -> Self {
        let certificate = object.take(configuration::CLIENT_CERTIFICATE_FROM);
        Self {
            certificate: certificate.and_then(|node| source(&node, errors)).unwrap_or_default(),
            dpop: object.take(configuration::DPOP).and_then(|node| rules(&node, errors)),
        }
    }

    /// The headers that carry the proof or the certificate.
    pub(super) fn headers(&self) -> impl Iterator<Item = &'static str> {
        let certificate =
            (self.certificate == CertificateSource::ForwardedHeader).then_some(FORWARDED_CERTIFICATE);
        self.dpop.as_ref().map(|_| dpop::HEADER).into_iter().chain(certificate)
    }

    /// The mistake of a list of token sources, if there is one.
    pub(super) fn mistake_in(&self, token_sources: &[TokenSource]) -> Option<Problem> {
        let is_scheme = |source: &TokenSource| {
            let scheme =
                source.header().filter(|(name, _)| *name == "authorization").map(|(_, prefix)| prefix.trim());
            *source != TokenSource::Dpop && scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop"))
        };
        if self.dpop.is_some() && token_sources.iter().any(is_scheme) {
            return Some(Problem::BoundToken(BoundTokenError::SchemeOfDpop));
        }
        let sources: CredentialHeaders =
            token_sources.iter().filter_map(TokenSource::header).map(|(name, _)| name).collect();
        self.reserved_among(|name| sources.may_be(name))
    }

    /// The mistake of the maps of claim headers, if there is one.
    pub(super) fn mistake_in_headers(&self, headers: &ClaimHeaders) -> Option<Problem> {
        self.reserved_among(|name| headers.is_removed(name))
    }

    fn reserved_among(&self, is_used: impl Fn(&str) -> bool) -> Option<Problem> {
        let name = self.headers().find(|name| is_used(name))?;
        Some(Problem::BoundToken(BoundTokenError::ReservedHeader { name }))
    }
}

/// `confirmation`
pub(super) fn confirmation(object: &mut ConfigObject<'_>, errors: &mut Errors) -> Confirmation {
    match object.choice(&CONFIRMATION, errors) {
        "require" => Confirmation::Require,
        "ignore" => Confirmation::Ignore,
        _ => Confirmation::Enforce,
    }
}

/// `client_certificate_from`
fn source(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<CertificateSource> {
    const WHAT: &str = "connection or {header: x-forwarded-client-cert}";
    match node.value() {
        Json::String(word) if word == "connection" => return Some(CertificateSource::Connection),
        Json::Object(_) => {}
        _ => {
            node.refuse(Problem::Expected { what: WHAT, got: preview(node.value()) }, errors);
            return None;
        }
    }
    let mut object = node.object(WHAT, errors)?;
    let header = object.take(certificate_header::HEADER);
    let is_misspelt = object.has_unknown();
    object.deny_unknown(errors);
    match header {
        Some(header) if header.value().as_str() == Some(FORWARDED_CERTIFICATE) => {
            Some(CertificateSource::ForwardedHeader)
        }
        Some(header) => {
            let what = "x-forwarded-client-cert, the only header that is supported";
            header.refuse(Problem::Expected { what, got: preview(header.value()) }, errors);
            None
        }
        None => {
            if !is_misspelt {
                node.refuse(Problem::Expected { what: WHAT, got: preview(node.value()) }, errors);
            }
            None
        }
    }
}

/// `dpop`
fn rules(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<DpopRules> {
    let mut object =
        node.object("the rules for DPoP proofs, such as {origin: https://api.example.com}", errors)?;
    let before = errors.len();
    let what = "an origin, such as https://api.example.com";
    let origins = match object.take(key::ORIGIN) {
        Some(node) => origins(&node, what, errors),
        None => {
            object.refuse(key::ORIGIN, Problem::MissingNames { what }, errors);
            Vec::new()
        }
    };
    let algorithms = match object.take(key::ALGORITHMS) {
        Some(node) => {
            let listed = algorithms(&node, errors);
            let is_long = |algorithm: &&Algorithm| !dpop::ALGORITHM_NAMES.contains(&algorithm.name());
            for algorithm in listed.iter().filter(is_long) {
                let error = BoundTokenError::LongProof { algorithm: *algorithm };
                node.refuse(Problem::BoundToken(error), errors);
            }
            listed
        }
        None => vec![Algorithm::Es256, Algorithm::Ed25519],
    };
    let max_age = Duration::from_secs(object.integer(&key::MAX_AGE_SECONDS, errors));
    object.deny_unknown(errors);
    (errors.len() == before).then(|| DpopRules::new(origins, algorithms, max_age))
}

fn origins(node: &ConfigNode<'_>, what: &'static str, errors: &mut Errors) -> Vec<Origin> {
    if node.string_list(what, errors).is_none() {
        return Vec::new();
    }
    let mut origins = Vec::new();
    for item in node.one_or_many() {
        let problem = match Origin::parse(item.value().as_str().unwrap_or_default()) {
            Ok(Some(origin)) if origins.contains(&origin) => Problem::Repeated { value: item.preview() },
            Ok(Some(origin)) => {
                origins.push(origin);
                continue;
            }
            Ok(None) => Problem::BoundToken(BoundTokenError::OriginWithPath { got: item.preview() }),
            Err(error) => Problem::Endpoint(error),
        };
        item.refuse(problem, errors);
    }
    origins
}
