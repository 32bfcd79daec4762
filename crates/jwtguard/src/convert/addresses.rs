//! IP addresses and ranges.

use std::net::IpAddr;

use super::made::{number, object, text};
use crate::inspect::tree::Tree;

/// A `CidrRange` of Envoy, if the text is an address or a range.
pub fn cidr(place: &Tree, value: &str) -> Option<Tree> {
    let (address, length) = match value.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (value, None),
    };
    let longest = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let length = match length {
        Some(length) => length.parse::<u8>().ok().filter(|length| *length <= longest)?,
        None => longest,
    };
    let members =
        vec![("address_prefix", text(place, address)), ("prefix_len", number(place, i64::from(length)))];
    Some(object(place, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let place = Tree::from_json("{}").unwrap();
        for (value, expected) in [
            ("10.0.0.0/8", Some(r#"{"address_prefix":"10.0.0.0","prefix_len":8}"#)),
            ("10.1.2.3", Some(r#"{"address_prefix":"10.1.2.3","prefix_len":32}"#)),
            ("2001:db8::/64", Some(r#"{"address_prefix":"2001:db8::","prefix_len":64}"#)),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("example.com", None),
        ] {
            assert_eq!(cidr(&place, value).map(|tree| tree.to_json()).as_deref(), expected, "{value}");
        }
    }
}
