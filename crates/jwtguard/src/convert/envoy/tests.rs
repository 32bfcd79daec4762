//! Collects the tests of the request that the filters make, with their places.

use std::collections::BTreeSet;

use super::string_match::{Case, Pattern, StringMatch, alternatives, path_regex, regex, uri_template};
use crate::convert::expression::{Expression, HostTest, RequestTest};
use crate::convert::fields::{boolean, known, text};
use crate::convert::notes::{Fault, Place};
use crate::convert::path_test::{PathTest, Tail};
use crate::convert::rules::DescribedTest;
use crate::convert::template::Segment;
use crate::inspect::tree::Tree;

/// The tests of the request so far.
#[derive(Debug, Default)]
pub struct Tests {
    /// The tests that some requests of a region may pass, with their places.
    pub described: Vec<DescribedTest>,
    /// The places of the URI templates with a segment that is open.
    pub open_templates: Vec<Place>,
    /// The numbers of tests that only themselves equal: the position of their values.
    numbered: Vec<Tree>,
}

impl Tests {
    /// A test of something that the filter does not read.
    pub fn other(&mut self, at: &Tree, what: &str) -> Expression {
        let test = RequestTest::Other(self.number(at));
        self.add(test, at, format!("jwt-guard does not read {what}"))
    }

    /// A number for a test that only itself equals. A front-end can write one value of a file in several places.
    pub fn number(&mut self, at: &Tree) -> usize {
        let known = self.numbered.iter().position(|known| known.source.is_some() && known == at);
        known.unwrap_or_else(|| {
            self.numbered.push(at.clone());
            self.numbered.len() - 1
        })
    }

    /// A test of the path by a URI template of Envoy.
    pub fn uri_template(&mut self, at: &Tree, template: &str) -> Expression {
        let id = self.number(at);
        let test = uri_template(template, id);
        let is_open = match &test {
            PathTest::Segments { segments, tail } => segments.contains(&Segment::Any) || *tail == Tail::Below,
            _ => false,
        };
        let place = Place::of(at);
        if is_open && !self.open_templates.contains(&place) {
            self.open_templates.push(place);
        }
        self.path(at, test)
    }

    /// A test of the path.
    pub fn path(&mut self, at: &Tree, test: PathTest) -> Expression {
        let text = match &test {
            PathTest::Suffix(text) => format!("no path template stands for the end {text:?} of any path"),
            PathTest::Contains(text) => format!("no path template stands for the part {text:?} of any path"),
            PathTest::Unknown { .. } => "no path template stands for this pattern".to_owned(),
            PathTest::Exact(text) | PathTest::Prefix(text) | PathTest::Separated(text) => {
                format!("no path template stands for {text:?} beside the others")
            }
            PathTest::Segments { .. } => {
                "no path template stands for this pattern beside the others".to_owned()
            }
        };
        self.add(RequestTest::Path(test), at, text)
    }

    /// A test of the path with any letter case.
    pub fn path_in_any_case(&mut self, at: &Tree) -> Expression {
        let test = PathTest::Unknown { start: "/".to_owned(), id: self.number(at) };
        let text = "a path template has one letter case".to_owned();
        self.add(RequestTest::Path(test), at, text)
    }

    /// A test of the path by a matcher of texts.
    pub fn path_by_text(&mut self, at: &Tree, matched: &StringMatch) -> Expression {
        if matched.case == Case::Ignored && !matches!(matched.pattern, Pattern::Regex(_)) {
            return self.path_in_any_case(at);
        }
        let test = match &matched.pattern {
            Pattern::Exact(path) => PathTest::Exact(path.clone()),
            Pattern::Prefix(prefix) if prefix.is_empty() => return Expression::Constant(true),
            Pattern::Prefix(prefix) => PathTest::Prefix(prefix.clone()),
            Pattern::Suffix(suffix) => PathTest::Suffix(suffix.clone()),
            Pattern::Contains(part) => PathTest::Contains(part.clone()),
            Pattern::Regex(regex) => path_regex(regex, self.number(at)),
            Pattern::Custom => PathTest::Unknown { start: "/".to_owned(), id: self.number(at) },
        };
        self.path(at, test)
    }

    /// A `HeaderMatcher`.
    ///
    /// # Errors
    /// The value is none.
    pub fn header(&mut self, tree: &Tree) -> Result<Expression, Fault> {
        const TESTS: [&str; 9] = [
            "exact_match",
            "safe_regex_match",
            "range_match",
            "present_match",
            "prefix_match",
            "suffix_match",
            "contains_match",
            "string_match",
            "treat_missing_header_as_empty",
        ];
        known(tree, &[&TESTS[..], &["name", "invert_match"]].concat())?;
        let name = text(tree, "name")?
            .ok_or_else(|| Fault::at(tree, "found no name; expected the name of a header"))?;
        let legacy = |name: &str, pattern: fn(String) -> Pattern| -> Result<Option<StringMatch>, Fault> {
            let found = text(tree, name)?;
            Ok(found.map(|text| StringMatch { pattern: pattern(text.to_owned()), case: Case::Sensitive }))
        };
        let by_regex =
            tree.get("safe_regex_match").map(|tree| regex(tree).map(ToOwned::to_owned)).transpose()?;
        let by_text = tree.get("string_match").map(StringMatch::read).transpose()?;
        let matched = legacy("exact_match", Pattern::Exact)?
            .or(legacy("prefix_match", Pattern::Prefix)?)
            .or(legacy("suffix_match", Pattern::Suffix)?)
            .or(legacy("contains_match", Pattern::Contains)?)
            .or(by_regex.map(|regex| StringMatch { pattern: Pattern::Regex(regex), case: Case::Sensitive }))
            .or(by_text);
        let test = match (name.to_ascii_lowercase().as_str(), matched) {
            (":method", Some(matched)) => self.method(tree, &matched),
            (":authority" | "host", Some(matched)) => self.host(tree, &matched),
            (":path", Some(matched)) => self.whole_path(tree, &matched),
            _ => self.other(tree, &format!("the header {name}, which the client chooses")),
        };
        Ok(if boolean(tree, "invert_match")? { test.negated() } else { test })
    }

    fn method(&mut self, at: &Tree, matched: &StringMatch) -> Expression {
        let names = match (&matched.pattern, matched.case) {
            (Pattern::Exact(name), Case::Sensitive) => Some(vec![name.clone()]),
            (Pattern::Regex(regex), _) => alternatives(regex),
            _ => None,
        };
        let is_method = |name: &String| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        match names {
            Some(names) if names.iter().all(is_method) => {
                Expression::Request(RequestTest::Method(names.into_iter().collect::<BTreeSet<_>>()))
            }
            _ => self.other(at, "a method by a pattern"),
        }
    }

    fn host(&mut self, at: &Tree, matched: &StringMatch) -> Expression {
        let test = match &matched.pattern {
            Pattern::Exact(host) => host_test(host),
            Pattern::Suffix(suffix) if suffix.starts_with('.') => host_test(&format!("*{suffix}")),
            _ => None,
        };
        match test {
            Some(test) => self.add(
                RequestTest::Host(test),
                at,
                "jwt-guard ignores the port and the letter case of a host".to_owned(),
            ),
            None => self.other(at, "a host by this pattern"),
        }
    }

    /// `:path` has the query, too.
    fn whole_path(&mut self, at: &Tree, matched: &StringMatch) -> Expression {
        match (&matched.pattern, matched.case) {
            (Pattern::Prefix(prefix), Case::Sensitive) if !prefix.contains(['?', '#']) => {
                self.path_by_text(at, matched)
            }
            (Pattern::Exact(path), Case::Sensitive) if !path.contains(['?', '#']) => {
                // With a query, the test fails: it holds for the path and for no query.
                let path = self.path(at, PathTest::Exact(path.clone()));
                let query = self.other(at, "whether a path has a query");
                crate::convert::expression::all([path, query])
            }
            _ => self.other(at, "a path together with its query by this pattern"),
        }
    }

    fn add(&mut self, test: RequestTest, at: &Tree, text: String) -> Expression {
        if !self.described.iter().any(|described| described.test == test) {
            self.described.push(DescribedTest { test: test.clone(), place: Place::of(at), text });
        }
        Expression::Request(test)
    }
}

/// The test of a host, if a route can have it.
pub fn host_test(text: &str) -> Option<HostTest> {
    let text = text.to_ascii_lowercase();
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    match text.strip_prefix("*.") {
        Some(name) => is_name(name).then(|| HostTest::Below(format!(".{name}"))),
        None => is_name(&text).then(|| HostTest::Exact(text.clone())),
    }
}
