//! The first comment of the manifests: the command line that printed them.

use crate::scalar::breaks_lines;

/// The longest line of the comment, as in the files of `envoy/`.
const WIDTH: usize = 118;

/// The command line as a comment that can be pasted into a shell after its `#` characters are removed. A flag stays on the
/// line of its value.
pub fn command(arguments: &[String]) -> String {
    let mut parts: Vec<String> = vec!["jwtguard".to_owned()];
    let mut follows_flag = false;
    for argument in arguments {
        let quoted = quoted(argument);
        let is_flag = argument.starts_with("--");
        match parts.last_mut().filter(|_| follows_flag && !is_flag) {
            Some(last) => *last = format!("{last} {quoted}"),
            None => parts.push(quoted),
        }
        follows_flag = is_flag;
    }
    let mut lines: Vec<String> = vec![];
    for part in parts {
        let begin = if lines.is_empty() { "#" } else { "#  " };
        match lines.last_mut().filter(|line| line.len() + part.len() + " \\".len() < WIDTH) {
            Some(line) => *line = format!("{line} {part}"),
            None => lines.push(format!("{begin} {part}")),
        }
    }
    format!("{}\n#\n", lines.join(" \\\n"))
}

/// An argument as a word of a shell. The comment must stay one line, so line breaks are escaped.
fn quoted(argument: &str) -> String {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "/._-:@,+=".contains(character);
    if !argument.is_empty() && argument.chars().all(is_safe) {
        return argument.to_owned();
    }
    if !argument.chars().any(|character| breaks_lines(character) || character == '\'') {
        return format!("'{argument}'");
    }
    let mut text = "$'".to_owned();
    for character in argument.chars() {
        match character {
            '\'' | '\\' => text.extend(['\\', character]),
            other if breaks_lines(other) => text.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => text.push(other),
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> String {
        command(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_is_a_comment() {
        assert_eq!(
            of(&["init", "envoy", "--public", "/public/**"]),
            "# jwtguard init envoy --public '/public/**'\n#\n"
        );
        assert_eq!(
            of(&["--audience", "a\nb: 'c'", ""]),
            "# jwtguard --audience $'a\\u000ab: \\'c\\'' ''\n#\n"
        );
        assert_eq!(of(&["--audience=a\u{2028}b"]), "# jwtguard $'--audience=a\\u2028b'\n#\n");
        let long = "x".repeat(60);
        assert_eq!(
            of(&["init", "--issuer", &long, "--audience", &long]),
            format!("# jwtguard init --issuer {long} \\\n#   --audience {long}\n#\n")
        );
    }
}
