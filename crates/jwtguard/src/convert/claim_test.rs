//! What Envoy's RBAC filter asks of a claim, and the conditions of jwt-guard that hold only where it holds.

use super::node::Node;
use super::notes::Place;

/// A test of a claim in the payload that `jwt_authn` writes into metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimTest {
    /// The key of the payload.
    pub payload: String,
    /// The names that lead to the claim.
    pub claim: Vec<String>,
    /// The test of its value.
    pub value: ValueTest,
    /// Where the test stands.
    pub place: Place,
}

/// A test of a value. None of them passes if the claim is absent.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueTest {
    /// A string.
    Text(TextTest),
    /// A list with a member that passes.
    Member(Box<ValueTest>),
    /// One of them passes.
    Or(Vec<ValueTest>),
    /// A boolean.
    Bool(bool),
    /// A number, from the first to below the second, or exactly one.
    Range {
        /// The least number.
        start: f64,
        /// The number that is above.
        end: f64,
    },
    /// Exactly this number.
    Number(f64),
    /// Any value.
    Present,
    /// A test that jwt-guard does not have.
    Other,
}

/// A test of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum TextTest {
    /// Exactly this text.
    Exact(String),
    /// It starts with this text.
    Prefix(String),
    /// It ends with this text.
    Suffix(String),
    /// It is not empty.
    Filled,
    /// A test that jwt-guard does not have.
    Other,
}

/// A condition on a claim, as an entry of `requires_claim` or a name in `requires_scope` and its like.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One of these values.
    Any(String, Vec<Node>),
    /// None of these values.
    None(String, Vec<Node>),
    /// It starts with one of these texts.
    Prefix(String, Vec<String>),
    /// It ends with one of these texts.
    Suffix(String, Vec<String>),
    /// A number within bounds.
    Within(String, Option<String>, Option<String>),
    /// It is there.
    Present(String),
    /// A name in a claim whose text has several names.
    Name(NameKind, Vec<String>),
}

/// The lists of names that a token has. Each can be read from one claim whose text is split at spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// `requires_scope`
    Scope,
    /// `requires_group`
    Group,
    /// `requires_role`
    Role,
}

/// How exactly conditions stand for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// They hold for the same claims.
    Equal,
    /// A string and a list with that string count alike.
    ListOrText,
    /// They hold for fewer claims.
    Stricter,
}

impl ClaimTest {
    /// Alternatives of conditions that hold only if the test has this result, and how exactly. `None` if there are none.
    ///
    /// `splits` is the list of names that the claim is read into, if `jwt_authn` splits its text.
    pub fn conditions(&self, result: bool, splits: Option<NameKind>) -> (Vec<Condition>, Precision) {
        let claim = pointer(&self.claim);
        let Some(claim) = claim else { return (Vec::new(), Precision::Stricter) };
        if let Some(kind) = splits {
            return match (result, &self.value) {
                (true, ValueTest::Member(inner)) => names(inner, kind),
                // The text has become a list, so that a test of a text beside the one of a list never passes.
                (true, ValueTest::Or(tests)) => {
                    let members = tests.iter().filter_map(|test| match test {
                        ValueTest::Member(inner) => Some((**inner).clone()),
                        _ => None,
                    });
                    names(&ValueTest::Or(members.collect()), kind)
                }
                _ => (Vec::new(), Precision::Stricter),
            };
        }
        if result { positive(&self.value, &claim) } else { negative(&self.value, &claim) }
    }
}

impl ValueTest {
    /// Whether a string passes. `None` if the test is not known.
    pub fn passes(&self, text: &str) -> Option<bool> {
        match self {
            Self::Text(test) => test.passes(text),
            Self::Or(tests) => {
                let results: Vec<Option<bool>> = tests.iter().map(|test| test.passes(text)).collect();
                let has = |result| results.contains(&result);
                if has(Some(true)) { Some(true) } else { (!has(None)).then_some(false) }
            }
            Self::Present => Some(true),
            Self::Member(_) | Self::Bool(_) | Self::Range { .. } | Self::Number(_) => Some(false),
            Self::Other => None,
        }
    }
}

impl TextTest {
    fn passes(&self, text: &str) -> Option<bool> {
        match self {
            Self::Exact(whole) => Some(text == whole),
            Self::Prefix(start) => Some(text.starts_with(start.as_str())),
            Self::Suffix(end) => Some(text.ends_with(end.as_str())),
            Self::Filled => Some(!text.is_empty()),
            Self::Other => None,
        }
    }
}

/// A name that a list of names must have.
fn names(test: &ValueTest, kind: NameKind) -> (Vec<Condition>, Precision) {
    match test {
        ValueTest::Text(TextTest::Exact(text)) if is_name(text) => {
            (vec![Condition::Name(kind, vec![text.clone()])], Precision::Equal)
        }
        ValueTest::Or(tests) => {
            let parts: Vec<_> = tests.iter().map(|test| names(test, kind)).collect();
            let is_equal = parts.iter().all(|(_, precision)| *precision == Precision::Equal);
            let precision = if is_equal { Precision::Equal } else { Precision::Stricter };
            (parts.into_iter().flat_map(|(conditions, _)| conditions).collect(), precision)
        }
        _ => (Vec::new(), Precision::Stricter),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Conditions that hold only if the test passes.
fn positive(test: &ValueTest, claim: &str) -> (Vec<Condition>, Precision) {
    let claim = claim.to_owned();
    let one = |condition, precision| (vec![condition], precision);
    match test {
        ValueTest::Text(TextTest::Exact(text)) => {
            one(Condition::Any(claim, vec![Node::text(text)]), Precision::ListOrText)
        }
        ValueTest::Text(TextTest::Prefix(text)) if !text.is_empty() => {
            one(Condition::Prefix(claim, vec![text.clone()]), Precision::ListOrText)
        }
        ValueTest::Text(TextTest::Suffix(text)) if !text.is_empty() => {
            one(Condition::Suffix(claim, vec![text.clone()]), Precision::ListOrText)
        }
        ValueTest::Bool(value) => one(Condition::Any(claim, vec![Node::Bool(*value)]), Precision::ListOrText),
        ValueTest::Number(number) => {
            let bound = Some(shown(*number));
            one(Condition::Within(claim, bound.clone(), bound), Precision::Equal)
        }
        ValueTest::Range { start, end } if start < end => {
            let bounds = (Some(shown(*start)), Some(shown(end.next_down())));
            one(Condition::Within(claim, bounds.0, bounds.1), Precision::Equal)
        }
        // A list has no member within a bound here.
        ValueTest::Member(inner) => match &**inner {
            ValueTest::Number(number) => {
                one(Condition::Any(claim, vec![Node::Number(shown(*number))]), Precision::ListOrText)
            }
            ValueTest::Text(_) | ValueTest::Bool(_) => positive(inner, &claim),
            ValueTest::Or(tests) => {
                let members = tests.iter().map(|test| ValueTest::Member(Box::new(test.clone()))).collect();
                positive(&ValueTest::Or(members), &claim)
            }
            _ => (Vec::new(), Precision::Stricter),
        },
        ValueTest::Or(tests) => {
            let mut conditions = Vec::new();
            let mut precision = Precision::Equal;
            for test in tests {
                let (found, of_test) = positive(test, &claim);
                conditions.extend(found);
                precision = precision.worse(of_test);
            }
            let is_symmetric = tests.iter().all(|test| match test {
                ValueTest::Member(inner) => tests.contains(inner),
                test => tests.contains(&ValueTest::Member(Box::new(test.clone()))),
            });
            if is_symmetric && precision == Precision::ListOrText {
                precision = Precision::Equal;
            }
            conditions.dedup();
            (conditions, precision)
        }
        // `null` is absent here.
        ValueTest::Present => one(Condition::Present(claim), Precision::Stricter),
        ValueTest::Text(_) | ValueTest::Range { .. } | ValueTest::Other => (Vec::new(), Precision::Stricter),
    }
}

/// Conditions that hold only if the test does not pass.
fn negative(test: &ValueTest, claim: &str) -> (Vec<Condition>, Precision) {
    let stricter = |conditions| (conditions, Precision::Stricter);
    let claim = claim.to_owned();
    match test {
        ValueTest::Text(TextTest::Exact(text)) => {
            stricter(vec![Condition::None(claim, vec![Node::text(text)])])
        }
        ValueTest::Bool(value) => stricter(vec![Condition::None(claim, vec![Node::Bool(*value)])]),
        ValueTest::Number(number) => {
            stricter(vec![Condition::None(claim, vec![Node::Number(shown(*number))])])
        }
        ValueTest::Range { start, end } => stricter(vec![
            Condition::Within(claim.clone(), None, Some(shown(start.next_down()))),
            Condition::Within(claim, Some(shown(*end)), None),
        ]),
        ValueTest::Member(inner) => negative(inner, &claim),
        // All of them fail: one condition with all values, if they have one type.
        ValueTest::Or(tests) => {
            let mut values: Vec<Node> = Vec::new();
            for test in tests {
                match negative(test, &claim).0.as_slice() {
                    [Condition::None(_, one)] => {
                        let new: Vec<Node> =
                            one.iter().filter(|value| !values.contains(value)).cloned().collect();
                        values.extend(new);
                    }
                    _ => return stricter(Vec::new()),
                }
            }
            let has_one_type = values.windows(2).all(|pair| match pair {
                [one, two] => std::mem::discriminant(one) == std::mem::discriminant(two),
                _ => true,
            });
            stricter(if has_one_type && !values.is_empty() {
                vec![Condition::None(claim, values)]
            } else {
                Vec::new()
            })
        }
        ValueTest::Text(_) | ValueTest::Present | ValueTest::Other => stricter(Vec::new()),
    }
}

impl Precision {
    /// The less exact of two.
    pub fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stricter, _) | (_, Self::Stricter) => Self::Stricter,
            (Self::ListOrText, _) | (_, Self::ListOrText) => Self::ListOrText,
            (Self::Equal, Self::Equal) => Self::Equal,
        }
    }
}

/// The name or the pointer of a claim. `None` for a name that a pointer would also take for the index of a list, which Envoy
/// does not follow.
pub fn pointer(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [name] if !name.starts_with('/') && !name.is_empty() => Some(name.clone()),
        names => {
            let is_index = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
            if names.iter().skip(1).any(is_index) {
                return None;
            }
            let escaped = names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
            Some(escaped.collect())
        }
    }
}

/// A number as JSON.
fn shown(number: f64) -> String {
    format!("{number}")
}
