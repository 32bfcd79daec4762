//! One fact about a valid token, and which facts follow from which.
//!
//! Every rule in this file is sound: a fact is said to follow only if each token with the first fact has the second one. A
//! rule that is missing makes `diff` report a change as weaker, never the other way round.

use jwt_guard::jose::json::{Json, Number};

/// A fact about a valid token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Atom {
    /// The configured issuer, by its `iss`. A token has exactly one.
    Issuer(String),
    /// One of the token's audiences.
    Audience(String),
    /// A role.
    Role(String),
    /// A group.
    Group(String),
    /// A scope, by its name or by a wildcard.
    Scope(String),
    /// A fact about the claim with this name or JSON Pointer.
    Claim(String, ClaimFact),
    /// `acr` is this text.
    Acr(String),
    /// `auth_time` is at most so many seconds ago.
    MaxAge(u32),
}

/// A fact about one claim.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ClaimFact {
    /// It is present and not null.
    Present,
    /// It is this value, or an array with this member.
    Has(Json),
    /// It is absent, or of the type of this value (each member, if it is an array) and not equal to it.
    HasNot(Json),
    /// It is a text, or has a text, that starts with this.
    StartsWith(String),
    /// It is a text, or has a text, that ends with this.
    EndsWith(String),
    /// It is a number that is not less.
    AtLeast(Number),
    /// It is a number that is not greater.
    AtMost(Number),
    /// It equals this part of the request, or has it as a member.
    Equals(RequestPart),
}

/// A part of the request that a claim is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RequestPart {
    /// The segment of the path with this text.
    Segment(String),
    /// The first label of the host.
    HostLabel,
    /// The header with this name.
    Header(String),
}

impl Atom {
    /// Whether each token with this fact also has the other one.
    pub fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::MaxAge(own), Self::MaxAge(other)) => own <= other,
            (Self::Claim(own, fact), Self::Claim(claim, other)) => own == claim && fact.implies(other),
            (Self::Acr(own), Self::Claim(claim, other)) => {
                claim == "acr" && ClaimFact::Has(Json::String(own.clone())).implies(other)
            }
            (Self::MaxAge(_), Self::Claim(claim, other)) => {
                claim == "auth_time" && *other == ClaimFact::Present
            }
            _ => self == other,
        }
    }

    /// Whether no token has both facts.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Issuer(one), Self::Issuer(other)) | (Self::Acr(one), Self::Acr(other)) => one != other,
            (Self::Claim(one, fact), Self::Claim(claim, other)) => {
                one == claim && (fact.excludes(other) || other.excludes(fact))
            }
            _ => false,
        }
    }
}

impl ClaimFact {
    fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::HasNot(_), Self::Present) => false,
            (_, Self::Present) => true,
            (Self::Has(Json::String(text)), Self::StartsWith(start)) => text.starts_with(start.as_str()),
            (Self::Has(Json::String(text)), Self::EndsWith(end)) => text.ends_with(end.as_str()),
            (Self::StartsWith(own), Self::StartsWith(start)) => own.starts_with(start.as_str()),
            (Self::EndsWith(own), Self::EndsWith(end)) => own.ends_with(end.as_str()),
            (Self::AtLeast(own), Self::AtLeast(other)) => own.exact_cmp(other).is_ge(),
            (Self::AtMost(own), Self::AtMost(other)) => own.exact_cmp(other).is_le(),
            // `none` compares numbers as doubles, so the difference must remain after rounding.
            (Self::AtLeast(own), Self::HasNot(Json::Number(other))) => is_less(other, own),
            (Self::AtMost(own), Self::HasNot(Json::Number(other))) => is_less(own, other),
            _ => self == other,
        }
    }

    fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::AtLeast(least), Self::AtMost(most)) => least.exact_cmp(most).is_gt(),
            (Self::AtLeast(_) | Self::AtMost(_), Self::StartsWith(_) | Self::EndsWith(_)) => true,
            (Self::AtLeast(least), Self::Has(value)) => match value {
                Json::Number(number) => is_less(number, least),
                _ => true,
            },
            (Self::AtMost(most), Self::Has(value)) => match value {
                Json::Number(number) => is_less(most, number),
                _ => true,
            },
            (Self::Has(value), Self::HasNot(excluded)) => value == excluded || !is_same_type(value, excluded),
            (Self::StartsWith(_) | Self::EndsWith(_), Self::HasNot(excluded)) => {
                !matches!(excluded, Json::String(_))
            }
            (Self::AtLeast(_) | Self::AtMost(_), Self::HasNot(excluded)) => {
                !matches!(excluded, Json::Number(_))
            }
            // A claim that is present has members of one of the two types, or it is an empty array.
            _ => false,
        }
    }
}

/// Whether the nearest double of one number is less than that of the other.
fn is_less(one: &Number, other: &Number) -> bool {
    one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one < other)
}

fn is_same_type(one: &Json, other: &Json) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

#[cfg(test)]
mod tests {
    use super::ClaimFact::*;
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    fn number(text: &str) -> Number {
        match json(text) {
            Json::Number(number) => number,
            other => panic!("{other}"),
        }
    }

    fn text(text: &str) -> Json {
        Json::String(text.to_owned())
    }

    #[test]
    fn facts_about_a_claim_follow_from_stronger_ones() {
        let own = |text: &str| text.to_owned();
        for (strong, weak) in [
            (Has(text("abc")), Present),
            (Has(text("abc")), StartsWith(own("ab"))),
            (Has(text("abc")), EndsWith(own("c"))),
            (StartsWith(own("abc")), StartsWith(own("ab"))),
            (EndsWith(own("abc")), EndsWith(own("bc"))),
            (StartsWith(own("a")), Present),
            (AtLeast(number("5")), AtLeast(number("4.5"))),
            (AtMost(number("5")), AtMost(number("6"))),
            (AtLeast(number("5")), HasNot(json("4"))),
            (AtMost(number("5")), HasNot(json("6"))),
            (AtMost(number("5")), Present),
            (Equals(RequestPart::HostLabel), Present),
        ] {
            assert!(strong.implies(&weak), "{strong:?} and {weak:?}");
            assert!(!weak.implies(&strong), "{weak:?} and {strong:?}");
        }
        for (one, other) in [
            (HasNot(text("a")), Present),
            (HasNot(text("a")), HasNot(text("b"))),
            // An array can have both.
            (Has(text("a")), HasNot(text("b"))),
            (Has(json("5")), AtLeast(number("4"))),
            (StartsWith(own("ab")), EndsWith(own("b"))),
            // The same double.
            (AtLeast(number("9007199254740993")), HasNot(json("9007199254740992.0"))),
            (Equals(RequestPart::HostLabel), Equals(RequestPart::Segment(own("a")))),
        ] {
            assert!(!one.implies(&other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn facts_that_exclude_each_other_are_known() {
        let own = |text: &str| text.to_owned();
        for (one, other, excluded) in [
            (AtLeast(number("5")), AtMost(number("4")), true),
            (AtLeast(number("5")), AtMost(number("5")), false),
            (AtLeast(number("5")), StartsWith(own("5")), true),
            (AtLeast(number("5")), Has(text("5")), true),
            (AtLeast(number("5")), Has(json("4")), true),
            (AtLeast(number("5")), Has(json("6")), false),
            (Has(text("a")), HasNot(text("a")), true),
            (Has(text("a")), HasNot(json("1")), true),
            (Has(text("a")), HasNot(text("b")), false),
            (Has(text("a")), Has(text("b")), false),
            (StartsWith(own("a")), HasNot(json("true")), true),
            (Present, HasNot(text("a")), false),
        ] {
            let of = |fact: &ClaimFact| Atom::Claim(own("c"), fact.clone());
            assert_eq!(of(&one).excludes(&of(&other)), excluded, "{one:?} and {other:?}");
            assert_eq!(of(&other).excludes(&of(&one)), excluded, "{other:?} and {one:?}");
            assert!(!of(&one).excludes(&Atom::Claim(own("d"), other)));
        }
    }

    #[test]
    fn the_facts_of_a_step_up_are_facts_about_claims() {
        let acr = Atom::Acr("phr".to_owned());
        assert!(acr.implies(&Atom::Claim("acr".to_owned(), Has(text("phr")))));
        assert!(!acr.implies(&Atom::Claim("acr".to_owned(), Has(text("other")))));
        assert!(acr.excludes(&Atom::Acr("other".to_owned())));
        assert!(Atom::MaxAge(60).implies(&Atom::MaxAge(61)));
        assert!(!Atom::MaxAge(61).implies(&Atom::MaxAge(60)));
        assert!(Atom::MaxAge(61).implies(&Atom::Claim("auth_time".to_owned(), Present)));
    }
}
