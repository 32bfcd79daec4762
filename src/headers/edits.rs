//! Changes to a set of headers, as a value: nothing is edited until the shell applies it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Headers or trailers as the host gives them: names in the host's spelling, values as bytes.
pub type Headers = [(String, Vec<u8>)];

/// For each header that changes, all the values it has afterwards; none removes it.
///
/// Names are kept in lower case (RFC 9110 section 5.1: they are case-insensitive), one edit a name. Values are
/// shared, so that what a cache keeps ready is not copied for every request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderEdits {
    edits: BTreeMap<Rc<str>, Rc<[Vec<u8>]>>,
}

impl HeaderEdits {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// The header goes, every copy of it.
    pub fn remove(&mut self, name: &str) {
        self.put(lower(name).into(), Rc::default());
    }

    /// The header has these values and no others.
    pub fn set(&mut self, name: &str, values: Vec<Vec<u8>>) {
        self.put(lower(name).into(), values.into());
    }

    /// `name` is in lower case already.
    pub(super) fn put(&mut self, name: Rc<str>, values: Rc<[Vec<u8>]>) {
        self.edits.insert(name, values);
    }

    /// Adds the other edits; where both change one header, the other's edit stands.
    pub fn merge(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else {
            self.edits.extend(other.edits);
        }
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Each header that changes with its new values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Vec<u8>])> {
        self.edits.iter().map(|(name, values)| (&**name, &**values))
    }

    /// The headers after the edits: what is unchanged in its order, then what was set.
    pub fn apply<'a>(&'a self, headers: &'a Headers) -> Vec<(&'a str, &'a [u8])> {
        let unchanged = headers.iter().filter(|(name, _)| !self.edits.contains_key(&*lower(name)));
        let unchanged = unchanged.map(|(name, value)| (name.as_str(), value.as_slice()));
        let set =
            self.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.as_slice())));
        unchanged.chain(set).collect()
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_edit_a_name_and_the_later_one_stands() {
        let mut edits = HeaderEdits::new();
        assert!(edits.is_empty());
        edits.set("X-A", vec![b"1".to_vec()]);
        edits.remove("x-a");
        edits.set("x-b", vec![b"2".to_vec(), b"3".to_vec()]);
        let mut other = HeaderEdits::new();
        other.set("x-A", vec![b"4".to_vec()]);
        edits.merge(other);
        let seen: Vec<_> = edits.iter().collect();
        assert_eq!(seen, [("x-a", &[b"4".to_vec()][..]), ("x-b", &[b"2".to_vec(), b"3".to_vec()][..])]);
    }

    #[test]
    fn applied_edits_replace_every_copy_and_touch_nothing_else() {
        let headers = [(":path", "/"), ("X-A", "1"), ("x-keep", "k"), ("x-a", "2"), ("x-b", "3")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let mut edits = HeaderEdits::new();
        edits.remove("x-b");
        edits.set("x-a", vec![b"new".to_vec()]);
        let expected: [(&str, &[u8]); 3] = [(":path", b"/"), ("x-keep", b"k"), ("x-a", b"new")];
        assert_eq!(edits.apply(&headers), expected);
    }
}
