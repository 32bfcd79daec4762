//! Requirements of jwt-guard, and how several add up to one that is met only where each of them is met.

use std::collections::BTreeSet;

use super::claim_test::{Condition, NameKind};
use super::node::Node;

/// Who may pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Requirement {
    /// Everybody; the token is not read.
    Open,
    /// No request passes.
    Deny,
    /// A valid token that meets one of the alternatives.
    Token(Vec<Alternative>),
    /// No token, or a valid one that meets one of the alternatives, which have no conditions.
    Missing(Vec<Alternative>),
    /// Everybody; a valid token gives an identity.
    Failed,
}

/// A token that passes.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// The issuers, by their position.
    pub issuers: BTreeSet<usize>,
    /// The audiences, if fewer than those of the issuer.
    pub audiences: Option<BTreeSet<String>>,
    /// All of these hold.
    pub conditions: Vec<Condition>,
}

/// The number of alternatives of one requirement that people can still read.
const MAX_ALTERNATIVES: usize = 64;

/// A requirement would have more alternatives than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

impl Requirement {
    /// The requirement that is met where both are met.
    ///
    /// # Errors
    /// It would have too many alternatives.
    pub fn and(self, other: Self) -> Result<Self, TooMany> {
        Ok(match (self, other) {
            (Self::Deny, _) | (_, Self::Deny) => Self::Deny,
            (Self::Open, other) | (other, Self::Open) => other,
            (Self::Failed, other) | (other, Self::Failed) => other,
            (Self::Missing(one), Self::Missing(two)) => match combined(&one, &two)? {
                // No requirement admits requests without a token alone.
                none if none.is_empty() => Self::Deny,
                both => Self::missing(both),
            },
            (Self::Token(one) | Self::Missing(one), Self::Token(two) | Self::Missing(two)) => {
                Self::token(combined(&one, &two)?)?
            }
        })
    }

    /// A valid token that meets one of the alternatives.
    ///
    /// # Errors
    /// There are too many alternatives.
    pub fn token(alternatives: Vec<Alternative>) -> Result<Self, TooMany> {
        let alternatives = simplified(alternatives);
        match alternatives.len() {
            0 => Ok(Self::Deny),
            1..=MAX_ALTERNATIVES => Ok(Self::Token(alternatives)),
            _ => Err(TooMany),
        }
    }

    /// No token, or a valid one that meets the alternatives. `allow_missing` combines with one list of issuers and one of
    /// audiences, so that of several alternatives the first one stays.
    pub fn missing(alternatives: Vec<Alternative>) -> Self {
        let mut alternatives = simplified(alternatives);
        alternatives.truncate(1);
        if alternatives.is_empty() { Self::Deny } else { Self::Missing(alternatives) }
    }

    /// The keys of the requirement. `issuers` has the names of all issuers.
    pub fn to_members(&self, issuers: &[String]) -> Vec<(String, Node)> {
        let yes = |key: &str| vec![(key.to_owned(), Node::Bool(true))];
        match self {
            Self::Open => yes("allow_anonymous"),
            Self::Deny => yes("deny"),
            Self::Failed => yes("allow_missing_or_failed"),
            Self::Missing(alternatives) => {
                let mut members = yes("allow_missing");
                members.extend(alternatives.iter().flat_map(|alternative| alternative.restrictions(issuers)));
                members
            }
            Self::Token(alternatives) => match alternatives.as_slice() {
                [alternative] => alternative.members(issuers),
                several => {
                    let node = |alternative: &Alternative| Node::Object(alternative.members(issuers));
                    vec![("any_of".to_owned(), Node::List(several.iter().map(node).collect()))]
                }
            },
        }
    }
}

impl Alternative {
    fn members(&self, issuers: &[String]) -> Vec<(String, Node)> {
        let mut members = self.restrictions(issuers);
        for (kind, key) in [
            (NameKind::Role, "requires_role"),
            (NameKind::Group, "requires_group"),
            (NameKind::Scope, "requires_scope"),
        ] {
            members.extend(self.names(kind).map(|node| (key.to_owned(), node)));
        }
        let mut claims: Vec<Node> = self.conditions.iter().filter_map(Condition::to_node).collect();
        match claims.len() {
            0 => {}
            1 => members.push(("requires_claim".to_owned(), claims.remove(0))),
            _ => members.push(("requires_claim".to_owned(), Node::List(claims))),
        }
        if members.is_empty() {
            members.push(("allow_authenticated".to_owned(), Node::Bool(true)));
        }
        members
    }

    fn restrictions(&self, issuers: &[String]) -> Vec<(String, Node)> {
        let mut members = Vec::new();
        if self.issuers.len() < issuers.len() {
            let names: Vec<String> =
                self.issuers.iter().filter_map(|index| issuers.get(*index).cloned()).collect();
            members.push(("requires_issuer".to_owned(), Node::one_or_list(&names)));
        }
        if let Some(audiences) = &self.audiences {
            let audiences: Vec<String> = audiences.iter().cloned().collect();
            members.push(("requires_audience".to_owned(), Node::one_or_list(&audiences)));
        }
        members
    }

    /// The names of one kind: one set of which one is enough, or several names that are all needed.
    fn names(&self, kind: NameKind) -> Option<Node> {
        let sets: Vec<&Vec<String>> = self
            .conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Name(of, names) if *of == kind => Some(names),
                _ => None,
            })
            .collect();
        match sets.as_slice() {
            [] => None,
            [names] if names.len() > 1 && kind == NameKind::Scope => {
                Some(Node::object([("any", Node::texts(names))]))
            }
            [names] => Some(Node::one_or_list(names)),
            // Several sets have one name each: names are joined only in a set of their own.
            several => {
                let all: Vec<String> = several.iter().flat_map(|names| names.iter().cloned()).collect();
                Some(Node::object([("all", Node::texts(&all))]))
            }
        }
    }

    /// Whether each token that meets the other alternative meets this one.
    pub fn covers(&self, other: &Self) -> bool {
        let has_audiences = match (&self.audiences, &other.audiences) {
            (None, _) => true,
            (Some(own), Some(others)) => own.is_superset(others),
            (Some(_), None) => false,
        };
        has_audiences
            && self.issuers.is_superset(&other.issuers)
            && self.conditions.iter().all(|condition| other.conditions.contains(condition))
    }

    /// One alternative that is met where one of the two is, if there is one.
    fn or(&self, other: &Self) -> Option<Self> {
        if self.audiences == other.audiences && self.conditions == other.conditions {
            let issuers = self.issuers.union(&other.issuers).copied().collect();
            return Some(Self { issuers, ..self.clone() });
        }
        if self.issuers == other.issuers && self.conditions == other.conditions {
            let both = self.audiences.iter().zip(&other.audiences).next();
            let audiences = both.map(|(own, others)| own.union(others).cloned().collect());
            return Some(Self { audiences, ..self.clone() });
        }
        if self.audiences != other.audiences
            || self.issuers != other.issuers
            || self.conditions.len() != other.conditions.len()
        {
            return None;
        }
        let mut conditions = self.conditions.clone();
        let mut differences =
            conditions.iter_mut().zip(&other.conditions).filter(|(own, other)| *own != *other);
        let (own, others) = differences.next()?;
        let joined = own.or(others)?;
        if differences.next().is_some() {
            return None;
        }
        let is_name = matches!(joined, Condition::Name(..));
        *own = joined;
        let names = conditions.iter().filter(|condition| matches!(condition, Condition::Name(..))).count();
        (!is_name || names == 1).then(|| Self { conditions, ..self.clone() })
    }
}

impl Condition {
    /// One condition that holds where one of the two does, if there is one.
    fn or(&self, other: &Self) -> Option<Self> {
        fn joined<T: Clone + PartialEq>(one: &[T], two: &[T]) -> Vec<T> {
            let new = two.iter().filter(|value| !one.contains(value));
            one.iter().chain(new).cloned().collect()
        }
        Some(match (self, other) {
            (Self::Any(claim, one), Self::Any(same, two)) if claim == same => {
                Self::Any(claim.clone(), joined(one, two))
            }
            (Self::Prefix(claim, one), Self::Prefix(same, two)) if claim == same => {
                Self::Prefix(claim.clone(), joined(one, two))
            }
            (Self::Suffix(claim, one), Self::Suffix(same, two)) if claim == same => {
                Self::Suffix(claim.clone(), joined(one, two))
            }
            (Self::Name(kind, one), Self::Name(same, two)) if kind == same => {
                Self::Name(*kind, joined(one, two))
            }
            _ => return None,
        })
    }

    /// The entry of `requires_claim`; `None` for a name of a list of names.
    fn to_node(&self) -> Option<Node> {
        let entry = |claim: &String, key: &str, value: Node| {
            Some(Node::object([("claim", Node::text(claim)), (key, value)]))
        };
        let one_or_list = |values: &[Node]| match values {
            [value] => value.clone(),
            values => Node::List(values.to_vec()),
        };
        match self {
            Self::Any(claim, values) => entry(claim, "any", one_or_list(values)),
            Self::None(claim, values) => entry(claim, "none", one_or_list(values)),
            Self::Prefix(claim, texts) => entry(claim, "prefix", Node::one_or_list(texts)),
            Self::Suffix(claim, texts) => entry(claim, "suffix", Node::one_or_list(texts)),
            Self::Present(claim) => entry(claim, "present", Node::Bool(true)),
            Self::Within(claim, least, most) => {
                let mut members = vec![("claim", Node::text(claim))];
                members.extend(least.iter().map(|bound| ("at_least", Node::Number(bound.clone()))));
                members.extend(most.iter().map(|bound| ("at_most", Node::Number(bound.clone()))));
                Some(Node::object(members))
            }
            Self::Name(..) => None,
        }
    }
}

fn combined(one: &[Alternative], two: &[Alternative]) -> Result<Vec<Alternative>, TooMany> {
    let mut both = Vec::new();
    for (a, b) in one.iter().flat_map(|a| two.iter().map(move |b| (a, b))) {
        let issuers: BTreeSet<usize> = a.issuers.intersection(&b.issuers).copied().collect();
        let audiences = match (&a.audiences, &b.audiences) {
            (None, other) | (other, None) => other.clone(),
            // A token for an audience of each could be for two audiences: only one that is in both is sure.
            (Some(one), Some(two)) => Some(one.intersection(two).cloned().collect()),
        };
        if issuers.is_empty() || audiences.as_ref().is_some_and(BTreeSet::is_empty) {
            continue;
        }
        let mut conditions = a.conditions.clone();
        conditions.extend(b.conditions.iter().filter(|condition| !a.conditions.contains(condition)).cloned());
        if has_joined_names(&conditions) {
            continue;
        }
        both.push(Alternative { issuers, audiences, conditions });
        if both.len() > MAX_ALTERNATIVES * MAX_ALTERNATIVES {
            return Err(TooMany);
        }
    }
    let both = simplified(both);
    if both.len() > MAX_ALTERNATIVES { Err(TooMany) } else { Ok(both) }
}

/// Whether a set of names stands beside another one of its kind, which no requirement can have.
fn has_joined_names(conditions: &[Condition]) -> bool {
    [NameKind::Scope, NameKind::Group, NameKind::Role].iter().any(|kind| {
        let sizes: Vec<usize> = conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Name(of, names) if of == kind => Some(names.len()),
                _ => None,
            })
            .collect();
        sizes.len() > 1 && sizes.iter().any(|size| *size > 1)
    })
}

/// The same alternatives without those that another one covers, and with fewer of them where two can be one.
fn simplified(alternatives: Vec<Alternative>) -> Vec<Alternative> {
    let mut left: Vec<Alternative> = Vec::new();
    for alternative in alternatives {
        if left.iter().any(|other| other.covers(&alternative)) {
            continue;
        }
        left.retain(|other| !alternative.covers(other));
        left.push(alternative);
    }
    let mut at = 0;
    while at < left.len() {
        let joined =
            (at + 1..left.len()).find_map(|other| Some((other, left.get(at)?.or(left.get(other)?)?)));
        match joined {
            Some((other, alternative)) => {
                left.remove(other);
                if let Some(place) = left.get_mut(at) {
                    *place = alternative;
                }
            }
            None => at += 1,
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alternative(issuers: &[usize], roles: &[&str]) -> Alternative {
        let values = roles.iter().map(|role| Node::text(*role)).collect();
        let conditions =
            if roles.is_empty() { Vec::new() } else { vec![Condition::Any("roles".to_owned(), values)] };
        Alternative { issuers: issuers.iter().copied().collect(), audiences: None, conditions }
    }

    fn token<const N: usize>(alternatives: [Alternative; N]) -> Requirement {
        Requirement::token(alternatives.to_vec()).unwrap()
    }

    #[test]
    fn both_requirements_must_be_met() {
        let (any, admin, user) =
            (alternative(&[0, 1], &[]), alternative(&[0], &["admin"]), alternative(&[0], &["user"]));
        let other = alternative(&[1], &[]);
        for (one, two, expected) in [
            (Requirement::Open, Requirement::Deny, Requirement::Deny),
            (Requirement::Open, token([any.clone()]), token([any.clone()])),
            (
                Requirement::Failed,
                Requirement::Missing(vec![any.clone()]),
                Requirement::Missing(vec![any.clone()]),
            ),
            (Requirement::Missing(vec![any.clone()]), token([admin.clone()]), token([admin.clone()])),
            (token([any]), token([admin.clone()]), token([admin.clone()])),
            (token([admin.clone()]), token([other.clone()]), Requirement::Deny),
            (
                Requirement::Missing(vec![alternative(&[0], &[])]),
                Requirement::Missing(vec![other]),
                Requirement::Deny,
            ),
        ] {
            assert_eq!(one.clone().and(two.clone()), Ok(expected.clone()));
            assert_eq!(two.and(one), Ok(expected));
        }
        let both = token([admin]).and(token([user])).unwrap();
        let Requirement::Token(both) = both else { panic!("{both:?}") };
        assert_eq!(both[0].conditions.len(), 2);
    }

    #[test]
    fn alternatives_become_one_where_a_list_says_the_same() {
        let one = token([alternative(&[0], &["admin"]), alternative(&[0], &["user"])]);
        assert_eq!(one, token([alternative(&[0], &["admin", "user"])]));
        let issuers = token([alternative(&[0], &[]), alternative(&[1], &[])]);
        assert_eq!(issuers, token([alternative(&[0, 1], &[])]));
        let covered = token([alternative(&[0], &["admin"]), alternative(&[0], &[])]);
        assert_eq!(covered, token([alternative(&[0], &[])]));
        let of = |audiences: &[&str]| Alternative {
            audiences: Some(audiences.iter().map(|name| (*name).to_owned()).collect()),
            ..alternative(&[0], &[])
        };
        assert_eq!(token([of(&["a"]), of(&["b"])]), token([of(&["a", "b"])]));
        // Another issuer and another role at once are two alternatives.
        let two = token([alternative(&[0], &["admin"]), alternative(&[1], &["user"])]);
        assert!(matches!(two, Requirement::Token(alternatives) if alternatives.len() == 2));
    }
}
