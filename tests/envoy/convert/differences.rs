//! The differences that `docs/migration.md` lists for every policy, and when each explains an answer.

use std::collections::BTreeMap;

use jwtguard::convert::notes::Concerns;

use super::case::Case;
use super::requests::{Placed, Sent, Spelling};
use super::tokens::{Kind, Rules};

/// A reason for another answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// A note of the conversion tells that such requests are refused.
    Note,
    /// The filter checks each path that an upstream may read.
    PathVariants,
    /// The filter's rules for tokens are stricter.
    TokenRules,
    /// Two tokens, or `Bearer` without one, are a 400.
    TwoOrNoToken,
    /// A token stands in the place of another issuer's tokens.
    OtherPlace,
    /// `bearer` in lower case passes.
    LowerCase,
    /// A note tells that a text and a list with this text count alike.
    ListOrText,
    /// A note tells that the port and the letters of a host do not count.
    HostSpelling,
}

/// What becomes of an answer.
pub enum Verdict {
    Equal,
    Explained(Difference),
    Unexplained,
}

/// The kinds of tokens whose claims have the other form than a matcher of a text or of a list asks for.
const OTHER_FORM: [&str; 13] = [
    "admin list",
    "admin text",
    "user list",
    "user text",
    "both roles",
    "role mixed",
    "dept list",
    "admin and finance",
    "nested admin",
    "nested text",
    "partner admin",
    "level list",
    "suspended list",
];

/// Judges two answers: whether each of them passes the request, and the reason of the filter.
pub fn judge(case: &Case, sent: &Sent, original: bool, ours: (bool, &str), kinds: &[Kind]) -> Verdict {
    match (original, ours.0) {
        (true, true) | (false, false) => Verdict::Equal,
        (true, false) => stricter(case, sent, ours.1, kinds),
        (false, true) => wider(case, sent, kinds),
    }
}

/// Whether the filter may refuse what the original passes.
fn stricter(case: &Case, sent: &Sent, reason: &str, kinds: &[Kind]) -> Verdict {
    let rules = sent.token.map_or(Rules::Same, |kind| kinds[kind].rules);
    let difference = if is_told(case, sent) {
        Difference::Note
    } else if rules == Rules::Stricter {
        Difference::TokenRules
    } else if matches!(sent.place, Placed::Two(_) | Placed::Empty) {
        Difference::TwoOrNoToken
    } else if reason == "bad_request" && has_several_issuers(case) {
        Difference::OtherPlace
    } else if sent.spelling == Spelling::Odd {
        Difference::PathVariants
    } else if sent.place == Placed::LowerCase {
        // The filter reads this token, and jwt_authn takes the request for one without a token.
        Difference::LowerCase
    } else {
        return Verdict::Unexplained;
    };
    Verdict::Explained(difference)
}

/// With several issuers, each has places of its own.
fn has_several_issuers(case: &Case) -> bool {
    case.policy.get("issuers").is_some()
}

/// Whether a note of the conversion concerns the request.
fn is_told(case: &Case, sent: &Sent) -> bool {
    let path = sent.path.split('?').next().unwrap();
    // These notes tell what else passes, or what changes no answer.
    let changes_no_answer = |text: &str| {
        ["count alike", "take every character here", "dynamic metadata", "metrics", "forward_token"]
            .iter()
            .any(|words| text.contains(words))
    };
    case.notes.iter().filter(|note| !changes_no_answer(&note.text)).any(|note| match &note.concerns {
        Concerns::Everything => true,
        Concerns::Templates(templates) => templates.iter().any(|template| {
            let pattern = jwt_guard::route::Template::parse(&template.to_string()).unwrap();
            covers(&pattern, path)
        }),
    })
}

fn covers(template: &jwt_guard::route::Template, path: &str) -> bool {
    let given: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
    let segments: Vec<_> = template.segments().collect();
    let matches = given.iter().zip(&segments).all(|(text, segment)| segment.matches(text));
    matches
        && given.len() >= segments.len().saturating_sub(usize::from(template.covers_rest()))
        && (given.len() == segments.len() || template.covers_rest())
}

/// Whether the filter may pass what the original refuses.
fn wider(case: &Case, sent: &Sent, kinds: &[Kind]) -> Verdict {
    let kind = sent.token.map_or("", |kind| kinds[kind].name);
    let tells = |words: &str| case.notes.iter().any(|note| note.text.contains(words));
    if sent.place == Placed::LowerCase {
        return Verdict::Explained(Difference::LowerCase);
    }
    if OTHER_FORM.contains(&kind) && tells("count alike") {
        return Verdict::Explained(Difference::ListOrText);
    }
    let has_other_host = sent.host.contains(':') || sent.host.to_lowercase() != sent.host;
    if has_other_host && tells("with a port or in other letters") {
        return Verdict::Explained(Difference::HostSpelling);
    }
    Verdict::Unexplained
}

/// Every difference occurs in a complete run: a row that explains nothing is wrong.
pub fn assert_seen(counts: &BTreeMap<Difference, usize>, is_complete: bool) {
    const ALL: [Difference; 8] = [
        Difference::Note,
        Difference::PathVariants,
        Difference::TokenRules,
        Difference::TwoOrNoToken,
        Difference::OtherPlace,
        Difference::LowerCase,
        Difference::ListOrText,
        Difference::HostSpelling,
    ];
    let missing: Vec<_> = ALL.iter().filter(|difference| !counts.contains_key(difference)).collect();
    assert!(!is_complete || missing.is_empty(), "no answer differs by {missing:?}");
}
