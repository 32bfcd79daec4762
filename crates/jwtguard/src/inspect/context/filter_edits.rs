//! The headers, cookies and parameters that the filter edits. Envoy selects the route again after the filter, so a route must
//! not match on any of them: a client could select a route whose requirement the filter did not check.

use super::{Diagnostic, Subject};
use crate::inspect::tree::Tree;
use jwt_guard::config::{Config, EnvoyGatewayAnnotations};
use jwt_guard::dpop;
use jwt_guard::token_source::TokenSource;

/// What the filter edits in requests.
#[derive(Debug)]
pub struct FilterEdits<'c> {
    config: &'c Config,
}

impl<'c> FilterEdits<'c> {
    /// What the filter edits with a configuration.
    pub fn of(config: &'c Config) -> Self {
        Self { config }
    }

    /// Whether the filter reads annotations of Envoy Gateway's objects.
    pub fn reads_annotations(&self) -> bool {
        self.config.envoy_gateway_annotations != EnvoyGatewayAnnotations::Ignore
    }

    /// The token sources, each with whether the token is forwarded.
    fn places(&self) -> impl Iterator<Item = (&'c TokenSource, bool)> + use<'c> {
        let config = self.config;
        let global = config.token_from.iter().map(move |place| (place, config.forward_token));
        let routes = config.routes.rules().flat_map(move |route| {
            let forwarded = route.forward_token.unwrap_or(config.forward_token);
            route
                .token_from
                .as_ref()
                .unwrap_or(&config.token_from)
                .iter()
                .map(move |place| (place, forwarded))
        });
        // A second token is removed where no requirement asks for it, also with forward_token.
        let second = config.second_tokens.iter().flat_map(|token| &token.token_from);
        global.chain(routes).chain(second.map(|place| (place, false)))
    }

    fn removes_header(&self, name: &str) -> bool {
        let is_place = |(place, forwarded): (&TokenSource, bool)| {
            !forwarded
                && match place {
                    TokenSource::Authorization => name.eq_ignore_ascii_case("authorization"),
                    // The proof goes with the token.
                    TokenSource::Dpop => ["authorization", dpop::HEADER]
                        .into_iter()
                        .any(|removed| name.eq_ignore_ascii_case(removed)),
                    TokenSource::Header { name: place, .. } => name.eq_ignore_ascii_case(place),
                    TokenSource::Cookie { .. } => name.eq_ignore_ascii_case("cookie"),
                    TokenSource::Query { .. } => false,
                }
        };
        // The next hop would remove headers that `Connection` names, so the filter keeps only `upgrade` in it.
        name.eq_ignore_ascii_case("connection")
            || self.config.claim_headers.is_removed(name)
            || self.places().any(is_place)
    }

    /// Whether the filter sets this header from a claim. A route may match on it under conditions of its own. (Envoy ignores
    /// the letter case of a name, and no other difference.)
    pub fn is_claim_header(&self, name: &str) -> bool {
        self.config.claim_headers.names().any(|claim_header| claim_header.eq_ignore_ascii_case(name))
    }

    /// Reports a route that matches on a header, if the filter edits the header.
    pub fn report_header(&self, at: &Tree, subject: &Subject, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        if self.removes_header(name) {
            let problem = format!(
                "matches on the header {name}, which the filter edits: Envoy then selects the route again, and may \
                 select a route whose requirement was not checked; match on a header that the filter does not edit"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }

    /// Reports a route that matches on a cookie, if the filter removes the cookie.
    pub fn report_cookie(&self, at: &Tree, subject: &Subject, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        let removed = |(place, forwarded): (&TokenSource, bool)| {
            !forwarded && matches!(place, TokenSource::Cookie { name: place } if place == name)
        };
        if self.places().any(removed) {
            let problem = format!(
                "matches on the cookie {name}, which the filter removes: Envoy then selects the route again; match on a \
                 cookie that the filter does not remove"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }

    /// Reports a route that matches on filter state, if the filter sets it. The state is absent when Envoy first selects the
    /// route, and present when it selects the route again.
    pub fn report_filter_state(
        &self,
        at: &Tree,
        subject: &Subject,
        key: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        if key.starts_with("wasm.jwt_guard.") {
            let problem = format!(
                "matches on the filter state {key}, which the filter sets: Envoy then selects the route again, and may \
                 select a route whose requirement was not checked; do not match on this filter state"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }

    /// Reports a route that matches on a query parameter, if the filter removes the parameter.
    pub fn report_query(&self, at: &Tree, subject: &Subject, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        let removed = |(place, _): (&TokenSource, bool)| matches!(place, TokenSource::Query { name: place } if place == name);
        if self.places().any(removed) {
            let problem = format!(
                "matches on the query parameter {name}, which the filter removes: Envoy then selects the route again; match \
                 on a parameter that the filter does not remove"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }
}
