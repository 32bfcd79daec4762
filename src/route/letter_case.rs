//! How text is compared without regard to letter case.

use std::borrow::Cow;

/// A text and each of its spellings in another letter case have the same folded form.
///
/// Upstreams ignore case in different ways: by lower case, by upper case, by Unicode's folding, or by comparisons
/// such as Java's `equalsIgnoreCase`, Go's `EqualFold` and Python's `re.IGNORECASE`. This form is as coarse as all of
/// them together: lower case of upper case of lower case (`ẞ` and `ß` are `ss`, `ſ` is `s`, `ς` is `σ`), where the dotted and the dotless
/// `i` of Turkish are an `i` and the Kelvin sign is a `k`.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return ascii_lower(text);
    }
    let mut folded = String::with_capacity(text.len());
    let lower = text.chars().flat_map(char::to_lowercase);
    for character in lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase) {
        match character {
            // The dot that `İ` leaves above its lower case.
            '\u{307}' if folded.ends_with('i') => {}
            character => folded.push(character),
        }
    }
    if folded == text { Cow::Borrowed(text) } else { Cow::Owned(folded) }
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
    fn every_character_folds_once_and_for_all() {
        // No letter beyond has another case.
        for character in char::MIN..='\u{1ffff}' {
            let text = character.to_string();
            let once = folded(&text);
            assert_eq!(folded(&once), once, "{character:?}");
            assert_eq!(is_folded(&text), once == text, "{character:?}");
            for spelling in [text.to_lowercase(), text.to_uppercase()] {
                assert_eq!(folded(&spelling), once, "{spelling:?} of {character:?}");
            }
        }
    }
}
