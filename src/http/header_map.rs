//! Header fields in the order of the message (RFC 9110 section 5).

use std::borrow::Cow;
use std::fmt;

/// The header fields of a response, without `:status`. Most names and values are constants.
pub type ResponseHeaders = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// The header fields or trailers of a message, including pseudo headers. Order and duplicates are kept. A value
/// is bytes and need not be UTF-8.
///
/// Names are in lower case (RFC 9110 section 5.1: they are case-insensitive). Look-ups take a lower-case name
/// and compare it exactly.
///
/// All names are in one buffer and all values in another one. A field of its own for each name and value would cost two
/// allocations per header of each request.
#[derive(Clone, Default)]
pub struct HeaderMap {
    names: String,
    values: Vec<u8>,
    fields: Vec<Field>,
    /// Whether a name has a character beyond ASCII. No valid name has one (RFC 9110 section 5.6.2).
    has_other_than_ascii: bool,
}

/// The places of a name and of its value in the buffers.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: Place,
    value: Place,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
}

impl Place {
    fn in_bytes(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn in_text(self, buffer: &str) -> &str {
        buffer.get(self.start..self.end).unwrap_or_default()
    }
}

impl HeaderMap {
    /// An empty map.
    pub const fn new() -> Self {
        Self { names: String::new(), values: Vec::new(), fields: Vec::new(), has_other_than_ascii: false }
    }

    /// Reads the header map of a proxy-wasm host: the number of fields, the lengths of each name and value, then each name
    /// and value, followed by NUL. Numbers have four bytes, the lowest first (proxy-wasm ABI 0.2.1). `None` if the bytes
    /// are not such a map.
    ///
    /// The host's names must be in lower case, as Envoy's are whatever the client sent (`Http::LowerCaseString`).
    /// Converting them here would cost 2 % of a request with a cached token.
    pub fn from_proxy_wasm(bytes: Vec<u8>) -> Option<Self> {
        let (count, lengths) = bytes.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let lengths = lengths.get(..count.checked_mul(8)?)?.as_chunks::<8>().0;
        let mut names = Vec::with_capacity(16 * count);
        let mut fields = Vec::with_capacity(count);
        let mut at = 4 + 8 * count;
        for [a, b, c, d, e, f, g, h] in lengths {
            let mut next = |length: [u8; 4]| {
                let start = at;
                let end = start.checked_add(usize::try_from(u32::from_le_bytes(length)).ok()?)?;
                at = end.checked_add(1)?;
                Some(Place { start, end })
            };
            let (sent, value) = (next([*a, *b, *c, *d])?, next([*e, *f, *g, *h])?);
            let start = names.len();
            names.extend_from_slice(bytes.get(sent.start..sent.end)?);
            fields.push(Field { name: Place { start, end: names.len() }, value });
        }
        if at > bytes.len() {
            return None;
        }
        let has_other_than_ascii = !names.is_ascii();
        match String::from_utf8(names) {
            Ok(names) => Some(Self { names, values: bytes, fields, has_other_than_ascii }),
            // No host passes such names. Keep them recognizable.
            Err(names) => {
                let names = names.into_bytes();
                let fields = fields.iter().map(|field| {
                    (String::from_utf8_lossy(field.name.in_bytes(&names)), field.value.in_bytes(&bytes))
                });
                Some(fields.collect())
            }
        }
    }

    /// The first value with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Every value with this name, in order.
    pub fn get_all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let names = self.names.as_bytes();
        // The length first: most names differ in it. Bytes, because a slice of text is checked for its borders.
        let is_named = move |place: Place| {
            place.end - place.start == name.len() && place.in_bytes(names) == name.as_bytes()
        };
        self.fields.iter().filter(move |field| is_named(field.name)).map(|field| self.value(field))
    }

    /// Whether there is a field with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (self.name(field), self.value(field)))
    }

    /// The names in order, one for each value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| self.name(field))
    }

    /// Whether all names are ASCII, as every valid name is. Then two names with different lengths are not two spellings of
    /// one name.
    pub fn has_ascii_names(&self) -> bool {
        !self.has_other_than_ascii
    }

    /// Appends a field.
    pub fn append(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) {
        let start = self.names.len();
        self.names.push_str(name.as_ref());
        let added = self.names.get_mut(start..).unwrap_or_default();
        added.make_ascii_lowercase();
        self.has_other_than_ascii |= !added.is_ascii();
        let name = Place { start, end: self.names.len() };
        let value = self.place(value.as_ref());
        self.fields.push(Field { name, value });
    }

    /// Removes every field with this name.
    pub fn remove(&mut self, name: &str) {
        let names = &self.names;
        self.fields.retain(|field| field.name.in_text(names) != name);
    }

    /// Replaces the first value with this name, if there is one.
    pub fn replace_first(&mut self, name: &str, value: &[u8]) {
        let value = self.place(value);
        let names = &self.names;
        if let Some(field) = self.fields.iter_mut().find(|field| field.name.in_text(names) == name) {
            field.value = value;
        }
    }

    fn place(&mut self, value: &[u8]) -> Place {
        let start = self.values.len();
        self.values.extend_from_slice(value);
        Place { start, end: self.values.len() }
    }

    fn name(&self, field: &Field) -> &str {
        field.name.in_text(&self.names)
    }

    fn value(&self, field: &Field) -> &[u8] {
        field.value.in_bytes(&self.values)
    }
}

impl PartialEq for HeaderMap {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for HeaderMap {}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut map = Self::new();
        map.extend(fields);
        map
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Extend<(N, V)> for HeaderMap {
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
        map.replace_first("x-c", b"5!");
        map.replace_first("x-d", b"7");
        map.remove("x-a");
        let left: Vec<_> = map.iter().collect();
        let expected: [(&str, &[u8]); 4] = [("x-b", b"2"), ("x-ab", b"4"), ("x-c", b"5!"), ("x-c", b"6")];
        assert_eq!(left, expected);
        assert_eq!(map.get("x-a"), None);
    }

    /// The format of the host, for these fields.
    fn serialized(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let mut bytes = number(fields.len()).to_vec();
        for (name, value) in fields {
            bytes.extend(number(name.len()).into_iter().chain(number(value.len())));
        }
        for part in fields.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(part);
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn the_map_of_a_host_is_read() {
        let fields: [(&[u8], &[u8]); 5] =
            [(b":path", b"/a"), (b"x-a", b""), (b"", b"v"), (b"x-a", b"\xff\0"), (b"x-b", b"2")];
        let map = HeaderMap::from_proxy_wasm(serialized(&fields)).unwrap();
        assert!(map.iter().map(|(name, value)| (name.as_bytes(), value)).eq(fields));
        assert_eq!(map.get_all("x-a").collect::<Vec<_>>(), [&b""[..], b"\xff\0"]);
        assert!(map.has_ascii_names());
        assert_eq!(HeaderMap::from_proxy_wasm(serialized(&[])), Some(HeaderMap::new()));
    }

    #[test]
    fn a_map_that_is_not_one_is_refused() {
        let bytes = serialized(&[(b"x-a", b"1"), (b"x-b", b"2")]);
        assert!(HeaderMap::from_proxy_wasm(bytes.clone()).is_some());
        for length in 0..bytes.len() {
            assert_eq!(HeaderMap::from_proxy_wasm(bytes[..length].to_vec()), None, "{length} bytes");
        }
        // Each of the five numbers is as large as possible, and each is one too large.
        for at in 0..5 {
            for number in [u32::MAX, u32::MAX - 1, u32::from(bytes[4 * at]) + 1] {
                let mut wrong = bytes.clone();
                wrong[4 * at..4 * at + 4].copy_from_slice(&number.to_le_bytes());
                assert_eq!(HeaderMap::from_proxy_wasm(wrong), None, "number {at} is {number}");
            }
        }
    }

    #[test]
    fn names_beyond_ascii_are_kept_recognizable() {
        let valid = HeaderMap::from_proxy_wasm(serialized(&[("x-\u{e9}".as_bytes(), b"1")])).unwrap();
        assert!(valid.names().eq(["x-\u{e9}"]) && !valid.has_ascii_names());
        let fields: [(&[u8], &[u8]); 2] = [(b"x-a", b"1"), (b"x\xffauth", b"2")];
        let invalid = HeaderMap::from_proxy_wasm(serialized(&fields)).unwrap();
        assert!(invalid.iter().eq([("x-a", &b"1"[..]), ("x\u{fffd}auth", b"2")]));
        assert!(!invalid.has_ascii_names());
        let appended: HeaderMap = [("x-\u{e9}", "1")].into_iter().collect();
        assert!(!appended.has_ascii_names() && HeaderMap::new().has_ascii_names());
    }
}
