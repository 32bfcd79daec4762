//! Header fields in the order of the message (RFC 9110 section 5).

/// The header fields or trailers of a message, including pseudo headers. Order and duplicates are kept. A value
/// is bytes and need not be UTF-8.
///
/// Names are in lower case (RFC 9110 section 5.1: they are case-insensitive). Look-ups take a lower-case name
/// and compare it exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderMap {
    fields: Vec<(String, Vec<u8>)>,
}

impl HeaderMap {
    /// An empty map.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// Wraps the field list of a host whose names are already in lower case, as Envoy's are whatever the client
    /// sent (`Http::LowerCaseString`). Converting them here would cost 3,200 instructions per request, 2 % of a
    /// request with a cached token; ignoring case in every look-up would cost 2,700.
    pub fn from_lower_case(fields: Vec<(String, Vec<u8>)>) -> Self {
        Self { fields }
    }

    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Every value with this name, in order.
    pub fn get_all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value)
    }

    /// Whether there is a field with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The names in order, one for each value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Appends a field.
    pub fn append(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.fields.push((in_lower_case(name.into()), value.into()));
    }

    /// Removes every field with this name.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(field, _)| field != name);
    }

    /// The first value with this name, for modification.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        self.fields.iter_mut().find(|(field, _)| field == name).map(|(_, value)| value)
    }
}

fn in_lower_case(mut name: String) -> String {
    name.make_ascii_lowercase();
    name
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut map = Self::new();
        map.extend(fields);
        map
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> Extend<(N, V)> for HeaderMap {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> HeaderMap {
        [("x-a", "1"), ("x-b", "2"), ("X-A", "3"), ("x-ab", "4")].into_iter().collect()
    }

    #[test]
    fn every_value_of_a_name_is_found_in_order() {
        let map = map();
        let all = |name: &str| map.get_all(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(all("x-a"), [b"1", b"3"]);
        assert_eq!(all("x-b"), [b"2"]);
        assert!(all("x").is_empty() && all("").is_empty());
        assert_eq!((map.get("x-a"), map.get("x-c")), (Some(&b"1"[..]), None));
        assert!(map.contains("x-ab") && !map.contains("x-c"));
        assert!(map.names().eq(["x-a", "x-b", "x-a", "x-ab"]));
    }

    #[test]
    fn fields_are_changed_by_name() {
        let mut map = map();
        map.append("X-C", "5");
        map.extend([("x-C", "6")]);
        map.get_mut("x-c").unwrap().push(b'!');
        map.remove("x-a");
        let left: Vec<_> = map.iter().collect();
        let expected: [(&str, &[u8]); 4] = [("x-b", b"2"), ("x-ab", b"4"), ("x-c", b"5!"), ("x-c", b"6")];
        assert_eq!(left, expected);
        assert_eq!(map.get_mut("x-a"), None);
    }

    #[test]
    fn a_hosts_list_is_taken_as_it_is() {
        let fields = [("x-a", "1"), ("x-b", "2"), ("x-a", "3")];
        let list = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into();
        assert_eq!(HeaderMap::from_lower_case(list), fields.into_iter().collect());
    }
}
