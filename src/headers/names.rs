//! When an upstream takes two header names for one: CGI, WSGI and related interfaces read `x_auth_sub` as
//! `x-auth-sub`.

use std::cmp::Ordering;

/// A set of lengths of names. It finds out quickly that a name is not one of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lengths {
    /// One bit for each length up to 62, and the highest bit for all longer ones.
    bits: u64,
}

impl Lengths {
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self { bits: names.into_iter().fold(0, |bits, name| bits | Self::bit(name)) }
    }

    /// Whether some name of the set may have the length of this one.
    pub fn may_have(self, name: &str) -> bool {
        self.bits & Self::bit(name) != 0
    }

    fn bit(name: &str) -> u64 {
        1 << name.len().min(63)
    }
}

/// The normalized name: lower case, with `-` for each character that is not an ASCII letter or digit.
pub(super) fn folded(name: &str) -> String {
    name.chars().map(fold).collect()
}

/// Whether the name normalizes to `folded`, which is already normalized. Allocates nothing, because it is
/// called for every header of every request.
pub fn matches_folded_name(name: &str, folded: &str) -> bool {
    match name.len().cmp(&folded.len()) {
        // A character has at least one byte and becomes exactly one byte.
        Ordering::Less => false,
        Ordering::Equal => {
            let folds = |(byte, folded): (u8, u8)| byte.is_ascii() && fold(byte.into()) == char::from(folded);
            name.bytes().zip(folded.bytes()).all(folds)
        }
        Ordering::Greater => name.chars().map(fold).eq(folded.chars()),
    }
}

/// Whether two names have the same normalized form. Called for every header of a request with a token; most
/// names differ in length, and different lengths suffice to tell ASCII names apart.
pub fn header_names_match(one: &str, other: &str) -> bool {
    if one.len() == other.len() && one == other {
        return true;
    }
    if one.len() != other.len() && one.is_ascii() && other.is_ascii() {
        return false;
    }
    one.chars().map(fold).eq(other.chars().map(fold))
}

/// Whether the name starts like one that [`grpc_metadata`] is about.
pub(super) fn may_be_grpc_metadata(name: &str) -> bool {
    matches!(name.as_bytes().first(), Some(b'g' | b'G'))
}

/// The metadata name that a gRPC server gets from a header that grpc-gateway forwards: the text after
/// `Grpc-Metadata-`. `None` for any other header.
pub fn grpc_metadata(name: &str) -> Option<&str> {
    const PREFIX: &str = "grpc-metadata-";
    // Called for every header of every request.
    if !may_be_grpc_metadata(name) {
        return None;
    }
    let (prefix, metadata) = name.split_at_checked(PREFIX.len())?;
    matches_folded_name(prefix, PREFIX).then_some(metadata)
}

fn fold(character: char) -> char {
    if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_names_metadata_by_the_rest() {
        for (name, expected) in [
            ("grpc-metadata-x-auth-sub", Some("x-auth-sub")),
            ("Grpc-Metadata-X_Auth_Sub", Some("X_Auth_Sub")),
            ("grpc_metadata.authorization", Some("authorization")),
            ("grpc-metadata-", Some("")),
            ("grpc-metadata", None),
            ("grpc-timeout", None),
            ("x-grpc-metadata-x-auth-sub", None),
            ("grpc-metadat\u{e9}x", None),
            ("authorization", None),
            ("", None),
        ] {
            assert_eq!(grpc_metadata(name), expected, "{name}");
        }
    }

    #[test]
    fn lengths_exclude_only_names_of_other_lengths() {
        let long = ["a".repeat(63), "a".repeat(64), "a".repeat(200)];
        let lengths = Lengths::of(["", "ab", &long[0]]);
        let may_have = |length: usize| lengths.may_have(&"b".repeat(length));
        assert!([0, 2, 63, 64, 200].into_iter().all(may_have));
        assert!(![1, 3, 61, 62].into_iter().any(may_have));
        assert!(long.iter().all(|name| Lengths::of([name.as_str()]).may_have(name)));
        assert!(!Lengths::default().may_have("") && !Lengths::default().may_have(&long[2]));
    }

    #[test]
    fn spellings_of_one_name_fold_together() {
        let rows = [
            ("x-auth-sub", true),
            ("X-Auth-Sub", true),
            ("x_auth_sub", true),
            ("x.auth-sub", true),
            ("x~auth!sub", true),
            ("x-auth\u{e9}sub", true),
            ("x-aut\u{e9}-sub", false),
            ("x-aut\u{e9}sub", false),
            ("x-authsub", false),
            ("x--auth-sub", false),
            ("-x-auth-sub", false),
            ("x-auth-sub-", false),
            ("x-auth-su", false),
            ("", false),
        ];
        for (name, expected) in rows {
            assert_eq!(matches_folded_name(name, "x-auth-sub"), expected, "{name}");
            assert_eq!(folded(name) == "x-auth-sub", expected, "{name}");
            assert_eq!(header_names_match(name, "x_auth.sub"), expected, "{name}");
        }
    }
}
