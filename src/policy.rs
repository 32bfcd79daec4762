//! Whether a credential meets what is asked: requirements in, a [`Permit`] or a [`Refusal`] out.
//!
//! Knows no HTTP and no routes. A request may be read in several ways, each with a requirement of its own;
//! whoever calls brings them all, and all must be met.

mod held;
mod identity;
mod requirement;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::jose::json::Json;
use crate::jose::pointer::Pointer;

use held::{Held, Keyed};
pub use identity::{Identity, Source, Sources};
pub use requirement::{
    AnyAll, ClaimCondition, ClaimTest, Condition, Conditions, Narrowing, NonEmpty, Requirement, Rule,
};

/// What a request brought.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// No token.
    Absent,
    /// A token that is not valid.
    Failed,
    /// A valid one.
    Verified(&'a Rc<Identity>),
}

/// Proof that every requirement was met. [`evaluate`] is the only place that makes one.
#[derive(Debug)]
pub struct Permit {
    identity: Option<Rc<Identity>>,
}

impl Permit {
    /// Who the request speaks for; `None` where it passes without an identity.
    pub fn identity(&self) -> Option<&Rc<Identity>> {
        self.identity.as_ref()
    }
}

/// The requirement that was not met. Only the scopes may be told to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody may.
    Denied,
    /// A token is needed and none came.
    MissingToken,
    /// A valid token is needed, or none at all, and an invalid one came.
    FailedToken,
    /// The token's issuer is not one of those that are asked for.
    Issuer,
    /// No audience of the token is one of those that are asked for.
    Audience,
    /// A role is missing.
    Role,
    /// A group is missing.
    Group,
    /// A scope is missing.
    Scope {
        /// The scopes that would do: what [`scopes_asked`] gives.
        required: Vec<String>,
    },
    /// A claim is not what it must be.
    Claim {
        /// Where it stands, as the operator wrote it.
        pointer: String,
    },
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Denied => f.write_str("denied to everybody"),
            Self::MissingToken => f.write_str("a token is required and none was sent"),
            Self::FailedToken => f.write_str("the token is not valid"),
            Self::Issuer => f.write_str("the token's issuer is not allowed here"),
            Self::Audience => f.write_str("no audience of the token is allowed here"),
            Self::Role => f.write_str("a required role is missing"),
            Self::Group => f.write_str("a required group is missing"),
            Self::Scope { required } => write!(f, "a scope is missing; required: {}", required.join(" ")),
            Self::Claim { pointer } => write!(f, "the claim {pointer} is not what is required"),
        }
    }
}

/// Judges the credential by every requirement.
///
/// Of several that are not met the same one is always reported: a denial before the token, the token before its
/// issuer and audience, those before role, group, scope and claim. No requirement at all denies.
///
/// # Errors
/// The requirement that is not met.
pub fn evaluate(requirements: &[&Requirement], credential: Credential<'_>) -> Result<Permit, Refusal> {
    if requirements.is_empty() {
        return Err(Refusal::Denied);
    }
    if let Some(unmet) = first_ranked(requirements.iter().filter_map(|one| one.rule.unmet(credential))) {
        return Err(unmet.refusal(requirements));
    }
    let anonymous = requirements.iter().all(|requirement| requirement.rule == Rule::Anonymous);
    let identity = match credential {
        Credential::Verified(identity) if !anonymous => Some(Rc::clone(identity)),
        _ => None,
    };
    Ok(Permit { identity })
}

/// The index of the requirement whose refusal [`evaluate`] reports.
pub fn refusing(requirements: &[&Requirement], credential: Credential<'_>) -> Option<usize> {
    let unmet = requirements.iter().enumerate();
    let unmet = unmet.filter_map(|(index, one)| Some((one.rule.unmet(credential)?.rank(), index)));
    unmet.min().map(|(_, index)| index)
}

/// What the shadows would have refused, each refusal once (two readings of a path often bring the same shadow) with
/// the index of the first requirement whose shadow it is.
pub fn shadow_refusals(requirements: &[&Requirement], credential: Credential<'_>) -> Vec<(usize, Refusal)> {
    let mut refusals: Vec<(usize, Refusal)> = Vec::new();
    for (index, requirement) in requirements.iter().enumerate() {
        let judged = requirement.shadow.as_deref().map(|shadow| evaluate(&[shadow], credential));
        if let Some(Err(refusal)) = judged
            && !refusals.iter().any(|(_, known)| *known == refusal)
        {
            refusals.push((index, refusal));
        }
    }
    refusals
}

/// Whether the decision depends on a token: not where nobody may pass, and not where everybody may.
pub fn needs_token(requirements: &[&Requirement]) -> bool {
    !is_denied(requirements) && requirements.iter().any(|requirement| requirement.rule != Rule::Anonymous)
}

/// Whether a shadow depends on a token: on an anonymous route, the only reason to read one.
pub fn shadow_needs_token(requirements: &[&Requirement]) -> bool {
    let shadows = requirements.iter().filter_map(|requirement| requirement.shadow.as_deref());
    shadows.into_iter().any(|shadow| needs_token(&[shadow]))
}

/// Whether nobody may pass, whatever they bring. True of no requirement at all.
pub fn is_denied(requirements: &[&Requirement]) -> bool {
    requirements.is_empty() || requirements.iter().any(|requirement| requirement.rule == Rule::Deny)
}

/// The scopes a client should ask its authorization server for (RFC 6750 section 3, `scope`): every name of an
/// "all", the first of an "any", and of alternatives those of the first that asks for scopes. Each once.
pub fn scopes_asked(requirements: &[&Requirement]) -> Vec<String> {
    let mut scopes = Vec::new();
    for requirement in requirements {
        if let Rule::Authenticated(conditions) = &requirement.rule {
            conditions.ask(&mut scopes);
        }
    }
    scopes
}

/// A [`Refusal`] in the making: borrowed, because alternatives fail on the way to a success.
#[derive(Debug, Clone, Copy)]
enum Unmet<'a> {
    Denied,
    MissingToken,
    FailedToken,
    Issuer,
    Audience,
    Role,
    Group,
    Scope,
    Claim(&'a Pointer),
}

impl Unmet<'_> {
    fn rank(&self) -> u8 {
        match self {
            Self::Denied => 0,
            Self::MissingToken => 1,
            Self::FailedToken => 2,
            Self::Issuer => 3,
            Self::Audience => 4,
            Self::Role => 5,
            Self::Group => 6,
            Self::Scope => 7,
            Self::Claim(_) => 8,
        }
    }

    fn refusal(self, requirements: &[&Requirement]) -> Refusal {
        match self {
            Self::Denied => Refusal::Denied,
            Self::MissingToken => Refusal::MissingToken,
            Self::FailedToken => Refusal::FailedToken,
            Self::Issuer => Refusal::Issuer,
            Self::Audience => Refusal::Audience,
            Self::Role => Refusal::Role,
            Self::Group => Refusal::Group,
            Self::Scope => Refusal::Scope { required: scopes_asked(requirements) },
            Self::Claim(pointer) => Refusal::Claim { pointer: pointer.as_str().to_owned() },
        }
    }
}

/// The lowest rank; of equals the first.
fn first_ranked<'a>(unmet: impl Iterator<Item = Unmet<'a>>) -> Option<Unmet<'a>> {
    unmet.min_by_key(Unmet::rank)
}

impl Rule {
    fn unmet(&self, credential: Credential<'_>) -> Option<Unmet<'_>> {
        match (self, credential) {
            (Self::Anonymous | Self::MissingOrFailed, _) => None,
            (Self::Deny, _) => Some(Unmet::Denied),
            (Self::Missing(_), Credential::Absent) => None,
            (Self::Authenticated(_), Credential::Absent) => Some(Unmet::MissingToken),
            (Self::Missing(_) | Self::Authenticated(_), Credential::Failed) => Some(Unmet::FailedToken),
            (Self::Missing(narrowings), Credential::Verified(identity)) => {
                first_ranked(narrowings.iter().filter_map(|narrowing| narrowing.unmet(identity)))
            }
            (Self::Authenticated(conditions), Credential::Verified(identity)) => conditions.unmet(identity),
        }
    }
}

impl Conditions {
    fn unmet(&self, identity: &Identity) -> Option<Unmet<'_>> {
        first_ranked(self.0.iter().filter_map(|condition| condition.unmet(identity)))
    }

    fn ask(&self, scopes: &mut Vec<String>) {
        let mut add = |scope: &String| {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        };
        for condition in &self.0 {
            match condition {
                Condition::Scope(AnyAll::Any(any)) => add(any.first()),
                Condition::Scope(AnyAll::All(all)) => all.iter().for_each(&mut add),
                Condition::AnyOf(alternatives) => {
                    let asked = alternatives.iter().map(Conditions::asked);
                    asked.into_iter().find(|asked| !asked.is_empty()).iter().flatten().for_each(&mut add);
                }
                _ => {}
            }
        }
    }

    fn asked(&self) -> Vec<String> {
        let mut scopes = Vec::new();
        self.ask(&mut scopes);
        scopes
    }
}

impl Condition {
    fn unmet(&self, identity: &Identity) -> Option<Unmet<'_>> {
        let (met, unmet) = match self {
            Self::NarrowedTo(narrowing) => return narrowing.unmet(identity),
            Self::Role(roles) => (met_by(roles, identity.roles()), Unmet::Role),
            Self::Group(groups) => (met_by(groups, identity.groups()), Unmet::Group),
            Self::Scope(scopes) => (met_by(scopes, identity.scopes()), Unmet::Scope),
            Self::Claim(claim) => (claim.met_by(identity), Unmet::Claim(&claim.pointer)),
            Self::AnyOf(alternatives) => return any_of(alternatives, identity),
        };
        (!met).then_some(unmet)
    }
}

fn any_of<'a>(alternatives: &'a NonEmpty<Conditions>, identity: &Identity) -> Option<Unmet<'a>> {
    // One alternative that is met ends the search: `collect` stops at the first `None`.
    let unmet: Option<Vec<_>> = alternatives.iter().map(|alternative| alternative.unmet(identity)).collect();
    first_ranked(unmet?.into_iter())
}

impl Narrowing {
    fn unmet(&self, identity: &Identity) -> Option<Unmet<'static>> {
        let (met, unmet) = match self {
            Self::Issuer(issuers) => (issuers.contains(&identity.issuer()), Unmet::Issuer),
            Self::Audience(audiences) => {
                let held = identity.claims().audiences();
                (held.iter().any(|audience| audiences.contains(audience)), Unmet::Audience)
            }
        };
        (!met).then_some(unmet)
    }
}

impl ClaimCondition {
    fn met_by(&self, identity: &Identity) -> bool {
        let held = match self.pointer.find(identity.claims().claims()) {
            None | Some(Json::Null) => return false,
            Some(Json::Array(members)) => members.as_slice(),
            Some(value) => std::slice::from_ref(value),
        };
        match &self.test {
            ClaimTest::Present => true,
            ClaimTest::Values(asked) => met_by(asked, held),
        }
    }
}

fn met_by<T: Keyed>(asked: &AnyAll<T>, held: &[T]) -> bool {
    let (AnyAll::Any(wanted) | AnyAll::All(wanted)) = asked;
    let held = Held::new(held, wanted.count());
    match asked {
        AnyAll::Any(wanted) => wanted.iter().any(|value| held.contains(value)),
        AnyAll::All(wanted) => wanted.iter().all(|value| held.contains(value)),
    }
}
