//! Blocks of YAML text: indentation.

/// The block with each line moved right. Empty lines stay empty.
pub fn indented(spaces: usize, block: &str) -> String {
    let mut text = String::new();
    for line in block.lines() {
        if !line.is_empty() {
            text.push_str(&" ".repeat(spaces));
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

/// The block as an item of a list. Its first comment stays above the hyphen.
pub fn item(block: &str) -> String {
    let mut comment = String::new();
    let mut rest = block;
    while let Some((line, after)) = rest.split_once('\n').filter(|(line, _)| line.starts_with('#')) {
        comment.push_str(line);
        comment.push('\n');
        rest = after;
    }
    let moved = indented(2, rest);
    format!("{comment}- {}", moved.strip_prefix("  ").unwrap_or(&moved))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_move() {
        assert_eq!(indented(2, "a:\n  b: 1\n\nc: 2\n"), "  a:\n    b: 1\n\n  c: 2\n");
        assert_eq!(item("a: 1\nb: 2\n"), "- a: 1\n  b: 2\n");
        assert_eq!(item("# one\n# two\na: 1\n# b\nb: 2\n"), "# one\n# two\n- a: 1\n  # b\n  b: 2\n");
    }
}
