//! How text is compared without regard to letter case.

use std::borrow::Cow;

/// A text and each of its spellings in another letter case have the same folded form.
///
/// Upstreams ignore case in different ways: by lower case, by upper case, by Unicode's folding, or by comparisons
/// such as Java's `equalsIgnoreCase`, Go's `EqualFold` and Python's `re.IGNORECASE`. This form is as coarse as all of
/// them together: lower case, where letters with one upper case are one letter.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return ascii_lower(text);
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match same_upper_case(character) {
            Some(other) => folded.push_str(other),
            // The dot that `İ` leaves above its lower case.
            None if character == '\u{307}' && folded.ends_with('i') => {}
            None => folded.push(character),
        }
    }
    if folded == text { Cow::Borrowed(text) } else { Cow::Owned(folded) }
}

/// The usual lower case of the character's upper case, where that is another one. A table, since the one for upper
/// case in Rust's library would add 14 kB to the module. Left out are letters whose upper case is several characters
/// that are not all ASCII.
fn same_upper_case(lower: char) -> Option<&'static str> {
    Some(match lower {
        // The dotless `i` of Turkish.
        '\u{131}' => "i",
        '\u{17f}' => "s",
        '\u{df}' => "ss",
        '\u{b5}' => "\u{3bc}",
        '\u{3c2}' => "\u{3c3}",
        '\u{3d0}' => "\u{3b2}",
        '\u{3d1}' => "\u{3b8}",
        '\u{3d5}' => "\u{3c6}",
        '\u{3d6}' => "\u{3c0}",
        '\u{3f0}' => "\u{3ba}",
        '\u{3f1}' => "\u{3c1}",
        '\u{3f5}' => "\u{3b5}",
        '\u{345}' | '\u{1fbe}' => "\u{3b9}",
        '\u{1c80}' => "\u{432}",
        '\u{1c81}' => "\u{434}",
        '\u{1c82}' => "\u{43e}",
        '\u{1c83}' => "\u{441}",
        '\u{1c84}' | '\u{1c85}' => "\u{442}",
        '\u{1c86}' => "\u{44a}",
        '\u{1c87}' => "\u{463}",
        '\u{1c88}' => "\u{a64b}",
        '\u{1e9b}' => "\u{1e61}",
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{fb03}' => "ffi",
        '\u{fb04}' => "ffl",
        '\u{fb05}' | '\u{fb06}' => "st",
        _ => return None,
    })
}

/// Whether some spelling in another letter case is compared with the text by its folded form: `false` only for a
/// text that is its own folded form.
pub(super) fn is_folded(text: &str) -> bool {
    matches!(folded(text), Cow::Borrowed(_))
}

/// What upstreams make of a text before they compare it exactly: lower case of ASCII letters, of all letters, and
/// the folded form.
pub(super) fn lower_cased(text: &str) -> [Cow<'_, str>; 3] {
    let all = if text.is_ascii() { ascii_lower(text) } else { Cow::Owned(text.to_lowercase()) };
    [ascii_lower(text), all, folded(text)]
}

fn ascii_lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_in_another_case_fold_alike() {
        for spellings in [
            &["admin", "ADMIN", "Admin", "adm\u{131}n", "ADM\u{130}N", "adm\u{69}\u{307}n"][..],
            &["key", "KEY", "\u{212a}ey"],
            &["session", "SESSION", "\u{17f}e\u{17f}\u{17f}ion"],
            &["straße", "STRASSE", "STRAßE", "straẞe", "strasse"],
            &["οδός", "ΟΔΌΣ", "οδόσ"],
            &["café", "CAFÉ", "Café"],
            &["ﬁle", "FILE", "file"],
        ] {
            let first = folded(spellings[0]);
            for spelling in spellings {
                assert_eq!(folded(spelling), first, "{spelling}");
                for lower in lower_cased(spelling) {
                    assert_eq!(folded(&lower), first, "{lower} of {spelling}");
                }
            }
        }
        for (one, other) in [("admin", "admim"), ("café", "cafe"), ("a", "á"), ("n", "ñ")] {
            assert_ne!(folded(one), folded(other));
        }
    }

    #[test]
    fn every_character_folds_as_its_upper_and_lower_case() {
        // No letter beyond has another case.
        for character in char::MIN..='\u{1ffff}' {
            let text = character.to_string();
            let once = folded(&text);
            assert_eq!(folded(&once), once, "{character:?}");
            assert_eq!(is_folded(&text), once == text, "{character:?}");
            assert_eq!(folded(&text.to_lowercase()), once, "{character:?}");
            let upper = text.to_uppercase();
            let is_left_out = upper.chars().count() > 1 && !upper.is_ascii();
            assert!(is_left_out || folded(&upper) == once, "{character:?}");
        }
    }
}
