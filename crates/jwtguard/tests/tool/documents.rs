//! The Markdown files of the repository: their links lead somewhere, and README stays an index.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::run::{read, root};

/// README is the first page that a newcomer reads: details belong into `docs`.
const README_BYTES: usize = 9_000;

#[test]
fn the_links_of_every_document_lead_to_a_file_and_a_heading() {
    let documents = documents();
    assert!(documents.iter().any(|document| document == "docs/configuration.md"), "{documents:?}");
    let broken: Vec<String> = documents
        .iter()
        .flat_map(|document| {
            let broken = broken_links(document, &read(document), &|path| contents(path));
            broken.into_iter().map(move |problem| format!("{document}: {problem}"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let bytes = read("README.md").len();
    assert!(
        bytes <= README_BYTES,
        "README.md has {bytes} bytes, over {README_BYTES}: move something to docs"
    );
}

/// The Markdown files of the repository, without those of tools and builds (`target`, `.cache`).
fn documents() -> Vec<String> {
    let mut folders = vec![root().to_path_buf()];
    let mut documents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.is_file() && name.ends_with(".md") {
                documents.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    documents.sort_unstable();
    documents
}

/// The text of a Markdown file; an empty text for a folder or another file; `None` if the path does not exist.
fn contents(path: &str) -> Option<String> {
    match root().join(path) {
        found if found.is_file() && path.ends_with(".md") => Some(read(path)),
        found => found.exists().then(String::new),
    }
}

/// One sentence for each relative link of the document that leads nowhere.
fn broken_links(document: &str, text: &str, file: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for link in links(text) {
        let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let target = match path {
            "" => document.to_owned(),
            path => normalized(Path::new(document).parent().unwrap_or(Path::new("")).join(path)),
        };
        let text = if path.is_empty() { Some(text.to_owned()) } else { file(&target) };
        match (text, anchor) {
            (None, _) => broken.push(format!("({link}) leads to {target}, which does not exist")),
            (Some(text), Some(anchor)) if !anchors(&text).contains(anchor) => {
                broken.push(format!("({link}) leads to #{anchor}, which is no heading of {target}"));
            }
            (Some(_), _) => {}
        }
    }
    broken
}

/// The targets of inline links outside code, without links to other hosts.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(text) {
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let is_target = !target.is_empty() && !target.contains(['`', ' ']);
            if is_target && !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target);
            }
        }
    }
    found
}

/// The lines outside code: fenced, or indented by four spaces after an empty line.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let (mut fenced, mut code_may_begin) = (false, true);
    text.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return false;
        }
        let indented = code_may_begin && line.starts_with("    ");
        code_may_begin = indented || line.trim().is_empty();
        !fenced && !indented
    })
}

/// The anchors that GitHub gives to headings: lower case, no punctuation, hyphens for spaces, and a number for a
/// repeated heading.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_');
        let plain: String = heading.trim().chars().filter(kept).flat_map(char::to_lowercase).collect();
        let anchor = plain.replace(' ', "-");
        let again = (1..).map(|count| format!("{anchor}-{count}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// A path without `.` and `..`.
fn normalized(path: PathBuf) -> String {
    let mut normalized = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if normalized.pop() => {}
            Component::CurDir => {}
            other => normalized.push(other),
        }
    }
    normalized.display().to_string()
}

#[test]
fn a_broken_link_is_found() {
    let files = |path: &str| match path {
        "README.md" => Some("# The `one`: a title\n## Again\n## Again\n```\n# no heading\n```\n".to_owned()),
        "docs" | "envoy/envoy.yaml" => Some(String::new()),
        _ => None,
    };
    let rows: &[(&str, &str, &[&str])] = &[
        ("a file", "[x](../README.md)", &[]),
        ("a folder", "[x](../docs)", &[]),
        ("a heading", "[x](../README.md#the-one-a-title)", &[]),
        ("a heading that is there twice", "[x](../README.md#again) and [x](../README.md#again-1)", &[]),
        ("its own heading", "# Here\n[x](#here)", &[]),
        ("code as the text of a link", "[`x`](../envoy/envoy.yaml)", &[]),
        ("another host", "[x](https://example.com/missing)", &[]),
        ("in fenced code", "```\n[x](missing.md)\n```\n", &[]),
        ("in indented code", "text\n\n    [x](missing.md)\n\n    [x](missing.md)\n", &[]),
        (
            "in an indented line of a paragraph",
            "- text\n    [x](missing.md)\n",
            &["(missing.md) leads to docs/missing.md, which does not exist"],
        ),
        ("no such file", "[x](missing.md)", &["(missing.md) leads to docs/missing.md, which does not exist"]),
        (
            "a file beside the other folder",
            "[x](README.md)",
            &["(README.md) leads to docs/README.md, which does not exist"],
        ),
        (
            "no such heading",
            "[x](../README.md#two)",
            &["(../README.md#two) leads to #two, which is no heading of README.md"],
        ),
        (
            "a heading that is code",
            "[x](../README.md#no-heading)",
            &["(../README.md#no-heading) leads to #no-heading, which is no heading of README.md"],
        ),
        (
            "no such heading of its own",
            "# Here\n[x](#there)",
            &["(#there) leads to #there, which is no heading of docs/page.md"],
        ),
        (
            "the second of two on a line",
            "[x](../README.md) [y](missing.md)",
            &["(missing.md) leads to docs/missing.md, which does not exist"],
        ),
    ];
    for (label, text, expected) in rows {
        assert_eq!(broken_links("docs/page.md", text, &files), *expected, "{label}");
    }
}
