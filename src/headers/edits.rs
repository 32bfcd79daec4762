//! Header edits as a value: the filter applies them later.

use std::rc::Rc;

use crate::http::HeaderMap;

/// Headers to add to a request, one value each, sorted by name. They are shared, so that a cache can reuse them
/// without copying them for every request.
pub type Additions = Rc<[(Rc<str>, Vec<u8>)]>;

/// For each changed header, all its values after the edit; an empty list removes the header.
///
/// Names are in lower case (RFC 9110 section 5.1: they are case-insensitive), with one edit per name.
#[derive(Debug, Clone, Default)]
pub struct HeaderEdits {
    /// The changes, in no particular order.
    changes: Vec<(String, Vec<Vec<u8>>)>,
    /// Additions of headers that the request does not have and that are not in `changes`: those of the first token.
    additions: Option<Additions>,
    /// The same of second tokens. No name is in two lists.
    more_additions: Vec<Additions>,
}

impl HeaderEdits {
    /// An empty set of edits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes every value of the header.
    pub fn remove(&mut self, name: &str) {
        self.set(name, Vec::new());
    }

    /// Replaces all values of the header.
    pub fn set(&mut self, name: impl Into<String>, values: Vec<Vec<u8>>) {
        let mut name = name.into();
        name.make_ascii_lowercase();
        if self.added().any(|(added, _)| added == name) {
            self.change_what_is_added();
        }
        match self.changes.iter_mut().find(|(changed, _)| *changed == name) {
            Some((_, current)) => *current = values,
            None => self.changes.push((name, values)),
        }
    }

    /// Sets each of these headers to its value. If the request already has one of these headers, `self` must
    /// contain a change of it, as [`strip`](super::ClaimHeaders::strip) ensures. Headers without a change are
    /// added instead of replaced, which saves the host a search for an existing copy.
    pub(super) fn add(&mut self, additions: &Additions) {
        let is_changed = |name: &str| self.changes.iter().any(|(changed, _)| changed == name);
        let is_added = |name: &str| self.added().any(|(added, _)| added == name);
        if additions.iter().any(|(name, _)| is_changed(name) || is_added(name)) {
            for (name, value) in additions.iter() {
                self.set(&**name, vec![value.clone()]);
            }
        } else if self.additions.is_none() {
            self.additions = Some(Rc::clone(additions));
        } else {
            self.more_additions.push(Rc::clone(additions));
        }
    }

    fn change_what_is_added(&mut self) {
        let lists = self.additions.take().into_iter().chain(std::mem::take(&mut self.more_additions));
        for additions in lists {
            for (name, value) in additions.iter() {
                self.set(&**name, vec![value.clone()]);
            }
        }
    }

    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.added().next().is_none()
    }

    /// The changed headers, which the request may have, with their new values.
    pub fn changed(&self) -> impl Iterator<Item = (&str, &[Vec<u8>])> {
        self.changes.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The added headers, which the request does not have, with their values.
    pub fn added(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let lists = self.additions.iter().chain(&self.more_additions);
        lists.flat_map(|additions| additions.iter()).map(|(name, value)| (&**name, value.as_slice()))
    }

    /// Every changed or added header with its new values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Vec<&[u8]>)> {
        let changed = self.changed().map(|(name, values)| (name, values.iter().map(Vec::as_slice).collect()));
        let mut all: Vec<(&str, Vec<&[u8]>)> =
            changed.chain(self.added().map(|(name, value)| (name, vec![value]))).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all.into_iter()
    }

    /// The headers after the edits: unchanged headers in their order, then the set ones.
    pub fn apply<'a>(&'a self, headers: &'a HeaderMap) -> Vec<(&'a str, &'a [u8])> {
        let changes = |name: &str| self.changes.iter().any(|(changed, _)| changed.eq_ignore_ascii_case(name));
        let unchanged = headers.iter().filter(|(name, _)| !changes(name));
        let set = self.iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
        unchanged.chain(set).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(edits: &HeaderEdits) -> Vec<(&str, String)> {
        let joined = |values: Vec<&[u8]>| String::from_utf8(values.join(&b'+')).unwrap();
        edits.iter().map(|(name, values)| (name, joined(values))).collect()
    }

    fn additions(rows: &[(&str, &str)]) -> Additions {
        rows.iter().map(|(name, value)| ((*name).into(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn one_edit_a_name_and_the_later_one_stands() {
        let mut edits = HeaderEdits::new();
        assert!(edits.is_empty());
        edits.set("X-A", vec![b"1".to_vec()]);
        edits.remove("x-a");
        edits.set("x-b", vec![b"2".to_vec(), b"3".to_vec()]);
        edits.set("x-A", vec![b"4".to_vec()]);
        assert_eq!(text(&edits), [("x-a", "4".to_owned()), ("x-b", "2+3".to_owned())]);
    }

    #[test]
    fn what_is_added_is_changed_as_soon_as_the_request_may_have_it() {
        let added = |edits: &HeaderEdits| edits.added().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        let mut edits = HeaderEdits::new();
        edits.remove("x-c");
        edits.add(&additions(&[("x-a", "1"), ("x-b", "2")]));
        assert_eq!(added(&edits), ["x-a", "x-b"]);

        let mut later = edits.clone();
        later.remove("X-A");
        assert_eq!(added(&later), [""; 0]);
        assert_eq!(text(&later), [("x-a", String::new()), ("x-b", "2".to_owned()), ("x-c", String::new())]);

        let mut two = HeaderEdits::new();
        two.add(&additions(&[("x-a", "1"), ("x-b", "2")]));
        two.add(&additions(&[("x-d", "3")]));
        assert_eq!(added(&two), ["x-a", "x-b", "x-d"]);
        two.add(&additions(&[("x-b", "4"), ("x-e", "5")]));
        assert_eq!(added(&two), [""; 0]);
        let all = [("x-a", "1"), ("x-b", "4"), ("x-d", "3"), ("x-e", "5")];
        assert_eq!(text(&two), all.map(|(name, value)| (name, value.to_owned())));

        let mut earlier = HeaderEdits::new();
        earlier.remove("x-b");
        earlier.add(&additions(&[("x-a", "1"), ("x-b", "2")]));
        assert_eq!(added(&earlier), [""; 0]);
        assert_eq!(text(&earlier), [("x-a", "1".to_owned()), ("x-b", "2".to_owned())]);
    }

    #[test]
    fn applied_edits_replace_every_copy_and_touch_nothing_else() {
        let headers = [(":path", "/"), ("X-A", "1"), ("x-keep", "k"), ("x-a", "2"), ("x-b", "3")];
        let headers: HeaderMap = headers.into_iter().collect();
        let mut edits = HeaderEdits::new();
        edits.remove("x-b");
        edits.set("x-a", vec![b"new".to_vec()]);
        let expected: [(&str, &[u8]); 3] = [(":path", b"/"), ("x-keep", b"k"), ("x-a", b"new")];
        assert_eq!(edits.apply(&headers), expected);
    }
}
