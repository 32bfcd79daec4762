//! The result of a simulation, which `explain` and `test` print.

use jwt_guard::denial::Reason;
use jwt_guard::request::DenialRecord;

/// The result of a simulated request.
#[derive(Debug)]
pub struct SimulationResult {
    /// The path variants except those that differ only in letter case, starting with the path as sent. Empty if the path is
    /// ambiguous or absent.
    pub readings: Vec<VariantReport>,
    /// The rules that apply; empty if none applies.
    pub rules: Vec<AppliedRule>,
    /// The routes that match the request as sent, but do not apply because another route is more specific.
    pub less_specific: Vec<LessSpecific>,
    /// The headers, cookies and query parameters that contain a JWT but are not token sources.
    pub unread_tokens: Vec<String>,
    /// The token sources.
    pub token_from: Vec<String>,
    /// The state of the token.
    pub token: TokenReport,
    /// The second tokens of the configuration, by name.
    pub second_tokens: Vec<(String, TokenReport)>,
    /// The decision.
    pub decision: SimulatedDecision,
    /// The denials that `report_only` or a shadow suppresses.
    pub would_deny: Vec<Explanation>,
}

/// The reason of a denial, as in metrics and log.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The reason.
    pub reason: Reason,
    /// The sentence that describes the cause.
    pub detail: String,
}

/// A path variant.
#[derive(Debug)]
pub struct VariantReport {
    /// The path.
    pub path: String,
    /// The normalizations that produce this variant, in order; empty for the path as sent.
    pub classes: Vec<&'static str>,
}

/// The state of the token.
#[derive(Debug)]
pub enum TokenReport {
    /// The filter did not look for a token.
    NotRead,
    /// The request has no token.
    Absent,
    /// The token is not valid.
    Invalid {
        /// The reason.
        cause: Explanation,
        /// The actual and the expected value, if the reason alone is not sufficient.
        found: Option<String>,
    },
    /// The token is valid.
    Valid {
        /// The issuer's configured name.
        issuer: String,
        /// Whether the issuer has a revocation list, which the simulation does not consult.
        has_revocation_list: bool,
        /// The roles, groups and scopes in the token.
        names: [(&'static str, Vec<String>); 3],
    },
}

/// The simulated decision.
#[derive(Debug)]
pub enum SimulatedDecision {
    /// The request is forwarded.
    Forward {
        /// The headers that the upstream receives.
        upstream: Vec<(String, String)>,
        /// The names of the headers that the filter set.
        set: Vec<String>,
        /// The names of the headers that the filter removed.
        removed: Vec<String>,
    },
    /// The request is denied.
    Deny {
        /// The status.
        status: u16,
        /// The headers of the answer.
        headers: Vec<(String, String)>,
        /// The body of the answer.
        body: String,
        /// The reason.
        cause: Explanation,
    },
    /// The filter answers with a document of `resource_metadata`.
    Serve {
        /// The document.
        body: String,
    },
}

/// A rule that applies to the request.
#[derive(Debug)]
pub struct AppliedRule {
    /// `routes[2] (/api/admin/**)` or the like.
    pub name: String,
    /// The index of the route, if the rule is a route.
    pub route: Option<usize>,
    /// The path variant that matches the rule; `None` for the request as sent.
    pub reading: Option<String>,
    /// The normalizations that produce this variant.
    pub variant_classes: Vec<&'static str>,
    /// A description of who may pass.
    pub who: String,
    /// The conditions of the rule, with their results.
    pub conditions: Vec<ConditionResult>,
}

/// The result of a condition.
#[derive(Debug)]
pub struct ConditionResult {
    /// A description of the condition.
    pub condition: String,
    /// Whether it is met.
    pub met: bool,
    /// The value in the token, if the token does not meet the condition.
    pub found: Option<String>,
}

/// A route that matches but does not apply, because another route is more specific.
#[derive(Debug)]
pub struct LessSpecific {
    /// `routes[2] (/api/admin/**)` or the like.
    pub name: String,
    /// A description of who could pass.
    pub who: String,
}

impl SimulationResult {
    /// Whether the request is forwarded. A served document counts as an answer.
    pub fn passes(&self) -> bool {
        matches!(self.decision, SimulatedDecision::Forward { .. })
    }

    /// The reason of the denial, if the request is denied.
    pub fn reason(&self) -> Option<&'static str> {
        match &self.decision {
            SimulatedDecision::Deny { cause, .. } => Some(cause.reason.as_str()),
            _ => None,
        }
    }
}

impl From<DenialRecord<'_>> for Explanation {
    fn from(facts: DenialRecord<'_>) -> Self {
        let detail = match facts.token {
            Some(token) => format!("{} (second token {token})", facts.detail),
            None => facts.detail.to_string(),
        };
        Self { reason: facts.reason, detail }
    }
}
