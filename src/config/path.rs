//! The path of a value in a configuration.

use std::fmt::{Display, Formatter, Result};

use crate::jose::json::Json;

/// The longest quoted name that a path shows in full, in characters.
const LONGEST: usize = 60;

/// The keys and indices that lead to a value, from the outermost object on. Displays as `routes[2].requires_role`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path<K = String>(Vec<PathSegment<K>>);

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathSegment<K = String> {
    /// The member with this name.
    Key(K),
    /// The item of a list with this index, from 0.
    Index(usize),
}

impl<K> Path<K> {
    /// The path of the outermost value.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Whether this is the path of the outermost value.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps.
    pub fn segments(&self) -> &[PathSegment<K>] {
        &self.0
    }

    /// Adds a step.
    pub fn push(&mut self, segment: PathSegment<K>) {
        self.0.push(segment);
    }

    /// Removes the last step.
    pub fn pop(&mut self) -> Option<PathSegment<K>> {
        self.0.pop()
    }

    /// The name in the last step; `None` for an item of a list.
    pub fn last_key(&self) -> Option<&K> {
        match self.0.last()? {
            PathSegment::Key(key) => Some(key),
            PathSegment::Index(_) => None,
        }
    }
}

impl<K: Clone> Path<K> {
    /// The path of a member of the value at this path.
    #[must_use]
    pub fn key(&self, key: K) -> Self {
        self.child(PathSegment::Key(key))
    }

    /// The path of an item of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.child(PathSegment::Index(index))
    }

    fn child(&self, segment: PathSegment<K>) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl Path<&str> {
    /// The same path with owned names.
    pub fn to_owned(&self) -> Path {
        let segment = |segment: &PathSegment<&str>| match *segment {
            PathSegment::Key(key) => PathSegment::Key(key.to_owned()),
            PathSegment::Index(index) => PathSegment::Index(index),
        };
        Path(self.0.iter().map(segment).collect())
    }
}

impl<K> FromIterator<PathSegment<K>> for Path<K> {
    fn from_iter<I: IntoIterator<Item = PathSegment<K>>>(segments: I) -> Self {
        Self(segments.into_iter().collect())
    }
}

/// A name with characters other than letters, digits, `_`, `-` and `$` is quoted, so that a dot in a name is not taken
/// for a separator.
impl<K: AsRef<str>> Display for Path<K> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (depth, segment) in self.0.iter().enumerate() {
            match segment {
                PathSegment::Index(index) => write!(f, "[{index}]")?,
                PathSegment::Key(key) if !is_plain(key.as_ref()) => write!(f, "[{}]", quoted(key.as_ref()))?,
                PathSegment::Key(key) if depth == 0 => f.write_str(key.as_ref())?,
                PathSegment::Key(key) => write!(f, ".{}", key.as_ref())?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte))
}

fn quoted(key: &str) -> String {
    shortened(Json::String(key.to_owned()).to_string())
}

/// The text, cut after [`LONGEST`] characters.
pub(super) fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_words_are_quoted() {
        let root = Path::root();
        for (path, shown) in [
            (root.clone(), ""),
            (root.key("routes").index(2).key("requires_role"), "routes[2].requires_role"),
            (root.key("claim_headers").key("x-a$"), "claim_headers.x-a$"),
            (root.key("a.b").key("c"), "[\"a.b\"].c"),
            (root.key("a").key(""), "a[\"\"]"),
            (root.key("a").key("@type"), "a[\"@type\"]"),
            (root.index(0).index(1), "[0][1]"),
            (root.key("\r"), "[\"\\r\"]"),
        ] {
            assert_eq!(path.to_string(), shown);
            assert_eq!(path.to_owned().to_string(), shown);
        }
        let long = Path::root().key("é ".repeat(40)).to_string();
        assert_eq!(long.chars().count(), 1 + 60 + 1 + 1, "{long}");
    }
}
