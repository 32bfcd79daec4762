//! Names that a front-end makes.

/// The name, or the name with a number where it is taken.
pub fn unique(name: &str, separator: char, is_taken: impl Fn(&str) -> bool) -> String {
    let mut unique = name.to_owned();
    let mut number = 2_usize;
    while is_taken(&unique) {
        unique = format!("{name}{separator}{number}");
        number += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_get_a_number() {
        for (taken, expected) in
            [(vec![], "a"), (vec!["a"], "a-2"), (vec!["a", "a-2"], "a-3"), (vec!["b"], "a")]
        {
            assert_eq!(unique("a", '-', |name| taken.contains(&name)), expected, "{taken:?}");
        }
    }
}
