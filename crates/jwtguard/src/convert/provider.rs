//! A provider of `jwt_authn`, as an issuer of jwt-guard.

use super::claim_test::{Condition, NameKind};
use super::node::Node;
use super::notes::Place;

/// The discovery document of an issuer, which names the URL of the keys. `jwt_authn` does not read it. A front-end gives it as
/// the URL of the keys for software that does.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name in the source.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The audiences; empty for all.
    pub audiences: Vec<String>,
    /// Audiences of single rules, which the issuer must have as well.
    pub other_audiences: Vec<String>,
    /// The keys of the issuer for its key set and its rules for tokens.
    pub keys: Vec<(String, Node)>,
    /// Where its tokens stand.
    pub sources: Vec<TokenSource>,
    /// Whether the upstream gets the token.
    pub forwards: bool,
    /// The headers for its claims.
    pub claim_headers: Vec<(String, Node)>,
    /// The key of the payload for RBAC.
    pub payload: Option<String>,
    /// Where the file sets this key, if a front-end does not.
    pub payload_place: Option<Place>,
    /// The claims whose text is split into names.
    pub splits: Vec<(Vec<String>, Option<NameKind>)>,
    /// The conditions on the subject.
    pub subjects: Vec<Condition>,
    /// Remarks for the comment.
    pub remarks: Vec<String>,
}

/// A place of a token in a request.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenSource {
    /// A header with a prefix before the token.
    Header(String, String),
    /// A query parameter.
    Query(String),
    /// A cookie.
    Cookie(String),
}

impl TokenSource {
    /// The entry of `token_from`.
    pub fn to_node(&self) -> Node {
        match self {
            Self::Header(name, prefix) if name == "authorization" && prefix == "Bearer " => {
                Node::object([("header", Node::text(name))])
            }
            Self::Header(name, prefix) if prefix.is_empty() && name != "authorization" => {
                Node::object([("header", Node::text(name))])
            }
            Self::Header(name, prefix) => {
                Node::object([("header", Node::text(name)), ("prefix", Node::text(prefix))])
            }
            Self::Query(name) => Node::object([("query", Node::text(name))]),
            Self::Cookie(name) => Node::object([("cookie", Node::text(name))]),
        }
    }
}

impl Provider {
    /// The audiences that a rule must name, if the issuer has more than the provider.
    pub fn restriction(&self) -> Option<Vec<String>> {
        (!self.audiences.is_empty() && !self.other_audiences.is_empty()).then(|| self.audiences.clone())
    }

    /// The keys of the issuer.
    pub fn to_members(&self) -> Vec<(String, Node)> {
        let mut members = vec![("issuer".to_owned(), Node::text(&self.issuer))];
        let mut audiences = self.audiences.clone();
        let is_any = audiences.is_empty();
        if is_any {
            // The issuer of a token is an audience that each of its tokens has.
            audiences.push(self.issuer.clone());
        }
        let others = self.other_audiences.iter().filter(|audience| !self.audiences.contains(audience));
        audiences.extend(others.cloned());
        members.push(("audience".to_owned(), Node::one_or_list(&audiences)));
        if is_any {
            let claims: &[&str] = if self.other_audiences.is_empty() { &["iss"] } else { &["iss", "aud"] };
            members.push(("audience_from".to_owned(), Node::texts(claims)));
        }
        members.extend(self.keys.iter().cloned());
        members.extend(self.name_sources());
        members
    }

    /// The lists of names that RBAC reads from claims whose text `jwt_authn` splits.
    fn name_sources(&self) -> Vec<(String, Node)> {
        let of_kind = |kind: NameKind| -> Vec<String> {
            let claims = self.splits.iter().filter(|(_, of)| *of == Some(kind));
            claims.filter_map(|(claim, _)| super::claim_test::pointer(claim)).collect()
        };
        let mut sources = Vec::new();
        let scopes = of_kind(NameKind::Scope);
        if !scopes.is_empty() {
            sources.push(("scopes_from".to_owned(), Node::texts(&scopes)));
        }
        for (kind, key) in [(NameKind::Group, "groups_from"), (NameKind::Role, "roles_from")] {
            sources.extend(of_kind(kind).into_iter().map(|claim| (key.to_owned(), split(claim))));
        }
        sources
    }
}

fn split(claim: String) -> Node {
    Node::object([("claim", Node::Text(claim)), ("split", Node::text(" "))])
}
