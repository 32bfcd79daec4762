//! The results as JUnit XML, for CI systems.

use std::fmt::Write;

use super::file_results::FileResults;

/// The complete document: a `testsuite` per file, a `testcase` per test. `unreadable` is the file that ended the run early,
/// with the reason: a report without it would look as if every test had run.
pub fn document(results: &[FileResults], unreadable: Option<(&str, &str)>) -> String {
    let count = |file: &FileResults| (file.results.len(), file.failed());
    let (tests, failures) =
        results.iter().map(count).fold((0, 0), |sum, (tests, failed)| (sum.0 + tests, sum.1 + failed));
    let errors = usize::from(unreadable.is_some());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"jwtguard test\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">",
        tests + errors
    );
    for of_file in results {
        let (tests, failed) = count(of_file);
        let file = escaped(&of_file.file);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">"
        );
        for result in &of_file.results {
            let (name, line) = (escaped(&result.name), result.line);
            let _ = write!(
                xml,
                "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\""
            );
            if result.passed() {
                xml.push_str("/>\n");
                continue;
            }
            let message = escaped(&result.differences.join("; "));
            let lines = result.differences.iter().chain(&result.why);
            let lines = escaped(&lines.cloned().collect::<Vec<_>>().join("\n"));
            let _ =
                writeln!(xml, ">\n      <failure message=\"{message}\">{lines}</failure>\n    </testcase>");
        }
        xml.push_str("  </testsuite>\n");
    }
    if let Some((file, sentence)) = unreadable {
        let (file, sentence) = (escaped(file), escaped(sentence));
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{file}\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    \
             <testcase name=\"the test file can be read\" classname=\"{file}\" file=\"{file}\">\n      \
             <error message=\"{sentence}\"/>\n    </testcase>\n  </testsuite>"
        );
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// Escapes text for attributes and content. Characters that XML 1.0 cannot represent become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // XML parsers normalize literal line breaks and tabs in attributes to spaces.
            '\t' | '\n' | '\r' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        for (text, expected) in [
            ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
            ("\"it's\"", "&quot;it&apos;s&quot;"),
            ("]]>", "]]&gt;"),
            ("a\nb\tc\r", "a&#10;b&#9;c&#13;"),
            ("\u{1b}[2J\0\u{ffff}é", "\u{fffd}[2J\u{fffd}\u{fffd}é"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
