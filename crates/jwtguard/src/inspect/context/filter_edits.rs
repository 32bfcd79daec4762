//! What the filter edits: Envoy chooses the route again after it, so that no route may depend on any of it.

use super::{Diagnostic, Subject};
use crate::inspect::tree::Tree;
use jwt_guard::bearer::Place;
use jwt_guard::config::Config;

/// What the filter edits, so that nothing may be routed by it.
#[derive(Debug)]
pub struct FilterEdits<'c> {
    config: &'c Config,
}

impl<'c> FilterEdits<'c> {
    /// What this configuration edits.
    pub fn of(config: &'c Config) -> Self {
        Self { config }
    }

    /// The places that tokens are taken from and out of.
    fn places(&self) -> impl Iterator<Item = (&'c Place, bool)> + use<'c> {
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
        global.chain(routes)
    }

    fn removes_header(&self, name: &str) -> bool {
        let is_place = |(place, forwarded): (&Place, bool)| {
            !forwarded
                && match place {
                    Place::Authorization => name.eq_ignore_ascii_case("authorization"),
                    Place::Header { name: place, .. } => name.eq_ignore_ascii_case(place),
                    Place::Cookie { .. } => name.eq_ignore_ascii_case("cookie"),
                    Place::Query { .. } => false,
                }
        };
        // What `Connection` nominates the next hop would remove: the filter leaves nothing of it but an upgrade.
        name.eq_ignore_ascii_case("connection")
            || self.config.claim_headers.is_removed(name)
            || self.places().any(is_place)
    }

    /// Refuses a route that matches on that header, if it is edited.
    pub fn report_header(&self, at: &Tree, subject: &Subject, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        if self.removes_header(name) {
            let problem = format!(
                "matches on the header {name}, which the filter edits: Envoy chooses the route again after that, and \
                 may serve one whose requirement nobody checked; match on something that stays"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }

    /// Refuses a route that matches on that cookie, if it is removed.
    pub fn report_cookie(&self, at: &Tree, subject: &Subject, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        let removed = |(place, forwarded): (&Place, bool)| {
            !forwarded && matches!(place, Place::Cookie { name: place } if place == name)
        };
        if self.places().any(removed) {
            let problem = format!(
                "matches on the cookie {name}, which the filter removes: Envoy chooses the route again after that; \
                 match on something that stays"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }

    /// Refuses a route that matches on filter state, if it is what the filter sets: it is not there yet when the
    /// route is chosen first, and is when Envoy chooses again.
    pub fn report_filter_state(
        &self,
        at: &Tree,
        subject: &Subject,
        key: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        if key.starts_with("wasm.jwt_guard.") {
            let problem = format!(
                "matches on the filter state {key}, which the filter sets: Envoy chooses the route again after that, \
                 and may serve one whose requirement nobody checked"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }

    /// Refuses a route that matches on that parameter, if it is removed.
    pub fn report_query(&self, at: &Tree, subject: &Subject, name: &str, diagnostics: &mut Vec<Diagnostic>) {
        let removed =
            |(place, _): (&Place, bool)| matches!(place, Place::Query { name: place } if place == name);
        if self.places().any(removed) {
            let problem = format!(
                "matches on the query's {name}, which the filter removes: Envoy chooses the route again after that; \
                 match on something that stays"
            );
            diagnostics.push(Diagnostic::error(at, subject.clone(), problem));
        }
    }
}
