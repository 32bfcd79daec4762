//! Case-insensitive comparison of text.

use std::borrow::Cow;

/// The folded form of a text, which is the same for all spellings that differ only in letter case.
///
/// Upstreams ignore case in different ways: by lower case, by upper case, by Unicode case folding, or by
/// functions such as Java's `equalsIgnoreCase`, Go's `EqualFold` and Python's `re.IGNORECASE`. The folded form
/// merges every two texts that one of them treats as equal: it is the lower case, with letters that share an
/// upper case merged.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return ascii_lower(text);
    }
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match same_upper_case(character) {
            Some(other) => folded.push_str(other),
            // The combining dot that remains of `İ` in lower case.
            None if character == '\u{307}' && folded.ends_with('i') => {}
            None => folded.push(character),
        }
    }
    if folded == text { Cow::Borrowed(text) } else { Cow::Owned(folded) }
}

/// The usual lower case of the character's upper case, if that is a different character. This is a table,
/// because the upper-case table of Rust's library would add 14 kB to the module. Letters whose upper case is
/// several characters are those in Unicode's full case folding (status F in CaseFolding.txt): `ᾳ` is `ΑΙ`, and
/// the Armenian `և` is `ԵՒ`.
fn same_upper_case(lower: char) -> Option<&'static str> {
    Some(match lower {
        // The Turkish dotless `i`.
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
        '\u{149}' => "\u{2bc}n",
        '\u{1f0}' => "j\u{30c}",
        '\u{390}' => "\u{3b9}\u{308}\u{301}",
        '\u{3b0}' => "\u{3c5}\u{308}\u{301}",
        '\u{587}' => "\u{565}\u{582}",
        '\u{1e96}' => "h\u{331}",
        '\u{1e97}' => "t\u{308}",
        '\u{1e98}' => "w\u{30a}",
        '\u{1e99}' => "y\u{30a}",
        '\u{1e9a}' => "a\u{2be}",
        '\u{1f50}' => "\u{3c5}\u{313}",
        '\u{1f52}' => "\u{3c5}\u{313}\u{300}",
        '\u{1f54}' => "\u{3c5}\u{313}\u{301}",
        '\u{1f56}' => "\u{3c5}\u{313}\u{342}",
        '\u{1f80}' => "\u{1f00}\u{3b9}",
        '\u{1f81}' => "\u{1f01}\u{3b9}",
        '\u{1f82}' => "\u{1f02}\u{3b9}",
        '\u{1f83}' => "\u{1f03}\u{3b9}",
        '\u{1f84}' => "\u{1f04}\u{3b9}",
        '\u{1f85}' => "\u{1f05}\u{3b9}",
        '\u{1f86}' => "\u{1f06}\u{3b9}",
        '\u{1f87}' => "\u{1f07}\u{3b9}",
        '\u{1f90}' => "\u{1f20}\u{3b9}",
        '\u{1f91}' => "\u{1f21}\u{3b9}",
        '\u{1f92}' => "\u{1f22}\u{3b9}",
        '\u{1f93}' => "\u{1f23}\u{3b9}",
        '\u{1f94}' => "\u{1f24}\u{3b9}",
        '\u{1f95}' => "\u{1f25}\u{3b9}",
        '\u{1f96}' => "\u{1f26}\u{3b9}",
        '\u{1f97}' => "\u{1f27}\u{3b9}",
        '\u{1fa0}' => "\u{1f60}\u{3b9}",
        '\u{1fa1}' => "\u{1f61}\u{3b9}",
        '\u{1fa2}' => "\u{1f62}\u{3b9}",
        '\u{1fa3}' => "\u{1f63}\u{3b9}",
        '\u{1fa4}' => "\u{1f64}\u{3b9}",
        '\u{1fa5}' => "\u{1f65}\u{3b9}",
        '\u{1fa6}' => "\u{1f66}\u{3b9}",
        '\u{1fa7}' => "\u{1f67}\u{3b9}",
        '\u{1fb2}' => "\u{1f70}\u{3b9}",
        '\u{1fb3}' => "\u{3b1}\u{3b9}",
        '\u{1fb4}' => "\u{3ac}\u{3b9}",
        '\u{1fb6}' => "\u{3b1}\u{342}",
        '\u{1fb7}' => "\u{3b1}\u{342}\u{3b9}",
        '\u{1fc2}' => "\u{1f74}\u{3b9}",
        '\u{1fc3}' => "\u{3b7}\u{3b9}",
        '\u{1fc4}' => "\u{3ae}\u{3b9}",
        '\u{1fc6}' => "\u{3b7}\u{342}",
        '\u{1fc7}' => "\u{3b7}\u{342}\u{3b9}",
        '\u{1fd2}' => "\u{3b9}\u{308}\u{300}",
        '\u{1fd3}' => "\u{3b9}\u{308}\u{301}",
        '\u{1fd6}' => "\u{3b9}\u{342}",
        '\u{1fd7}' => "\u{3b9}\u{308}\u{342}",
        '\u{1fe2}' => "\u{3c5}\u{308}\u{300}",
        '\u{1fe3}' => "\u{3c5}\u{308}\u{301}",
        '\u{1fe4}' => "\u{3c1}\u{313}",
        '\u{1fe6}' => "\u{3c5}\u{342}",
        '\u{1fe7}' => "\u{3c5}\u{308}\u{342}",
        '\u{1ff2}' => "\u{1f7c}\u{3b9}",
        '\u{1ff3}' => "\u{3c9}\u{3b9}",
        '\u{1ff4}' => "\u{3ce}\u{3b9}",
        '\u{1ff6}' => "\u{3c9}\u{342}",
        '\u{1ff7}' => "\u{3c9}\u{342}\u{3b9}",
        '\u{fb13}' => "\u{574}\u{576}",
        '\u{fb14}' => "\u{574}\u{565}",
        '\u{fb15}' => "\u{574}\u{56b}",
        '\u{fb16}' => "\u{57e}\u{576}",
        '\u{fb17}' => "\u{574}\u{56d}",
        _ => return None,
    })
}

/// Whether the text equals its folded form.
pub(super) fn is_folded(text: &str) -> bool {
    matches!(folded(text), Cow::Borrowed(_))
}

/// The forms that upstreams convert a text to before they compare it exactly: lower case of ASCII letters,
/// lower case of all letters, and the folded form.
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
            &["κᾳ", "ΚΑΙ", "και", "Κᾼ"],
            &["սև", "ՍԵՒ", "սեւ"],
            &["πρωτε\u{390}νη", "πρωτε\u{1fd3}νη"],
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
        // No character above this range has case variants.
        for character in char::MIN..='\u{1ffff}' {
            let text = character.to_string();
            let once = folded(&text);
            assert_eq!(folded(&once), once, "{character:?}");
            assert_eq!(is_folded(&text), once == text, "{character:?}");
            assert_eq!(folded(&text.to_lowercase()), once, "{character:?}");
            assert_eq!(folded(&text.to_uppercase()), once, "{character:?}");
        }
    }
}
