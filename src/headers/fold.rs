//! When two header names are one to an upstream: CGI, WSGI and their heirs read `x_auth_sub` as `x-auth-sub`.

use std::cmp::Ordering;

/// The name in lower case, each character other than an ASCII letter or digit read as `-`.
pub(super) fn folded(name: &str) -> String {
    name.chars().map(fold).collect()
}

/// Whether the name folds to this one, which is folded already. Allocates nothing: it is asked of every header
/// of every request.
pub fn folds_to(name: &str, folded: &str) -> bool {
    match name.len().cmp(&folded.len()) {
        // A character takes at least one byte, and gives exactly one.
        Ordering::Less => false,
        Ordering::Equal => {
            let folds = |(byte, folded): (u8, u8)| byte.is_ascii() && fold(byte.into()) == char::from(folded);
            name.bytes().zip(folded.bytes()).all(folds)
        }
        Ordering::Greater => name.chars().map(fold).eq(folded.chars()),
    }
}

/// Whether the two names fold to one.
pub fn folds_alike(one: &str, other: &str) -> bool {
    one.chars().map(fold).eq(other.chars().map(fold))
}

fn fold(character: char) -> char {
    if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(folds_to(name, "x-auth-sub"), expected, "{name}");
            assert_eq!(folded(name) == "x-auth-sub", expected, "{name}");
            assert_eq!(folds_alike(name, "x_auth.sub"), expected, "{name}");
        }
    }
}
