//! What Envoy asks of a path, and whether all paths of a template pass it.

use std::collections::HashSet;

use super::template::{End, Segment, Template};

/// A test of the path without its query, as Envoy has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathTest {
    /// Exactly this text.
    Exact(String),
    /// It starts with this text.
    Prefix(String),
    /// This text, or what is below it.
    Separated(String),
    /// A pattern of whole segments.
    Segments {
        /// The segments.
        segments: Vec<Segment>,
        /// What may follow them.
        tail: Tail,
    },
    /// It ends with this text.
    Suffix(String),
    /// It has this text in it.
    Contains(String),
    /// A test that can only be limited to what starts with a text. The number tells such tests apart.
    Unknown {
        /// The text that each matching path starts with.
        start: String,
        /// The identity of the test.
        id: usize,
    },
}

/// What may follow the segments of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tail {
    /// Nothing, not even a slash.
    Nothing,
    /// A slash and anything.
    Below,
    /// Nothing, or a slash and anything.
    Rest,
}

/// Paths that are one path for jwt-guard, or all paths of a template that no more specific template decides.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'t> {
    /// The template.
    pub template: &'t Template,
    /// For a template without a rest: the slashes at the end of the path.
    pub slashes: Slashes,
    /// All templates.
    pub templates: &'t HashSet<Template>,
}

/// How many slashes stand at the end of a path. The filter does not distinguish them, and Envoy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slashes {
    /// None.
    None,
    /// One.
    One,
    /// Two, for two and more.
    Two,
}

impl Slashes {
    /// The slashes.
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::One => "/",
            Self::Two => "//",
        }
    }
}

impl PathTest {
    /// The templates that the test needs, so that each of them passes it or not as a whole.
    pub fn templates(&self) -> Vec<Template> {
        let with_base = |template: Template| vec![template.base(), template];
        match self {
            Self::Exact(path) => {
                Template::literal(path.trim_end_matches('/')).or_else(|| root(path)).into_iter().collect()
            }
            Self::Prefix(prefix) => Template::starting_with(prefix).map(of_prefix).unwrap_or_default(),
            Self::Separated(path) => {
                let below = Template::starting_with(&format!("{}/", path.trim_end_matches('/')));
                below.map(with_base).unwrap_or_default()
            }
            Self::Segments { segments, tail: Tail::Nothing } => {
                vec![Template { segments: segments.clone(), end: End::Here }]
            }
            Self::Segments { segments, .. } => {
                with_base(Template { segments: segments.clone(), end: End::Rest })
            }
            Self::Unknown { start, .. } => Template::starting_with(start).map(of_prefix).unwrap_or_default(),
            Self::Suffix(_) | Self::Contains(_) => Vec::new(),
        }
    }

    /// Whether the paths of the cell pass: all, none, or some (`None`).
    pub fn passes(&self, cell: &Cell<'_>) -> Option<bool> {
        if let Some(path) = cell.template.as_path() {
            let path = match (path.as_str(), cell.slashes) {
                ("/", Slashes::Two) => "//".to_owned(),
                ("/", _) => path,
                _ => format!("{path}{}", cell.slashes.text()),
            };
            return self.passes_path(&path);
        }
        let outer = self.outer()?;
        // A more specific template decides on each path that passes, or none passes.
        let is_elsewhere = !outer.meets(cell.template)
            || outer != *cell.template
                && cell.templates.contains(&outer)
                && outer.precedence(cell.template).is_lt();
        if is_elsewhere {
            return Some(false);
        }
        let is_base = cell.template.end == End::Here && cell.template.segments.len() == outer.segments.len();
        match self {
            Self::Unknown { .. } | Self::Exact(_) => None,
            _ if !outer.covers(cell.template) => None,
            Self::Segments { tail: Tail::Nothing, .. } => Some(cell.slashes == Slashes::None),
            Self::Segments { tail: Tail::Below, .. } if is_base => Some(cell.slashes != Slashes::None),
            _ if cell.template.end != End::Here && self.needs_base(cell) => None,
            _ => Some(true),
        }
    }

    /// Whether the cell has the path of the test's base, which does not pass as the paths below it do.
    fn needs_base(&self, cell: &Cell<'_>) -> bool {
        let is_partial = match self {
            Self::Prefix(prefix) => prefix.ends_with('/') && prefix.len() > 1,
            Self::Segments { tail, .. } => *tail == Tail::Below,
            _ => false,
        };
        let Some(outer) = self.outer() else { return true };
        is_partial && outer == *cell.template && !cell.templates.contains(&outer.base())
    }

    /// The template that matches each path that passes; `None` if no template other than that of all paths does.
    fn outer(&self) -> Option<Template> {
        match self {
            Self::Exact(path) => Template::literal(path.trim_end_matches('/')).or_else(|| root(path)),
            Self::Prefix(prefix) | Self::Unknown { start: prefix, .. } => Template::starting_with(prefix),
            Self::Separated(path) => Template::starting_with(&format!("{}/", path.trim_end_matches('/'))),
            Self::Segments { segments, tail } => {
                let end = if *tail == Tail::Nothing { End::Here } else { End::Rest };
                Some(Template { segments: segments.clone(), end })
            }
            Self::Suffix(_) | Self::Contains(_) => None,
        }
    }

    /// Whether this path passes; `None` if only Envoy can tell.
    fn passes_path(&self, path: &str) -> Option<bool> {
        Some(match self {
            Self::Exact(text) => path == text,
            Self::Prefix(text) => path.starts_with(text.as_str()),
            Self::Separated(text) => {
                path.strip_prefix(text.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Segments { segments, tail } => passes_segments(segments, *tail, path),
            Self::Suffix(text) => path.ends_with(text.as_str()),
            Self::Contains(text) => path.contains(text.as_str()),
            Self::Unknown { start, .. } if !path.starts_with(start.as_str()) => false,
            Self::Unknown { .. } => return None,
        })
    }
}

/// Whether a path passes a pattern of whole segments.
fn passes_segments(segments: &[Segment], tail: Tail, path: &str) -> bool {
    let mut rest = path;
    for segment in segments {
        let Some(after) = rest.strip_prefix('/') else { return false };
        let (found, behind) = match after.find('/') {
            Some(at) => after.split_at(at),
            None => (after, ""),
        };
        let matches = match segment {
            Segment::Literal(text) => text == found,
            Segment::Any => !found.is_empty(),
        };
        if !matches {
            return false;
        }
        rest = behind;
    }
    match tail {
        Tail::Nothing => rest.is_empty(),
        Tail::Below => rest.starts_with('/'),
        Tail::Rest => rest.is_empty() || rest.starts_with('/'),
    }
}

fn root(path: &str) -> Option<Template> {
    (path == "/").then(|| Template::everything().base())
}

/// The templates of a prefix: a prefix that ends with a slash does not have its base.
fn of_prefix(template: Template) -> Vec<Template> {
    match template.end {
        End::Rest => vec![template.base(), template],
        _ => vec![template],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell<'t>(template: &'t Template, slashes: Slashes, templates: &'t HashSet<Template>) -> Cell<'t> {
        Cell { template, slashes, templates }
    }

    #[test]
    fn a_test_passes_on_all_paths_of_its_templates_and_on_no_others() {
        let any = || Segment::Any;
        let a = || Segment::Literal("a".to_owned());
        for test in [
            PathTest::Prefix("/a/".to_owned()),
            PathTest::Prefix("/a".to_owned()),
            PathTest::Separated("/a".to_owned()),
            PathTest::Segments { segments: vec![a(), any()], tail: Tail::Below },
            PathTest::Segments { segments: vec![any(), a()], tail: Tail::Nothing },
        ] {
            let mut templates: HashSet<Template> = test.templates().into_iter().collect();
            templates.extend([Template::everything(), Template::everything().base()]);
            for template in templates.iter().filter(|template| template.end != End::Here) {
                let cell = cell(template, Slashes::None, &templates);
                let expected = *template != Template::everything();
                assert_eq!(test.passes(&cell), Some(expected), "{test:?} {template}");
            }
        }
    }

    #[test]
    fn slashes_at_the_end_of_a_path_count_for_envoy() {
        let exact = PathTest::Exact("/a".to_owned());
        let below = PathTest::Prefix("/a/".to_owned());
        let template = Template::literal("/a").unwrap();
        let templates = HashSet::from([template.clone()]);
        for (slashes, is_exact, is_below) in
            [(Slashes::None, true, false), (Slashes::One, false, true), (Slashes::Two, false, true)]
        {
            let cell = cell(&template, slashes, &templates);
            assert_eq!((exact.passes(&cell), below.passes(&cell)), (Some(is_exact), Some(is_below)));
        }
    }

    #[test]
    fn what_no_template_expresses_passes_on_some_paths() {
        let everything = Template::everything();
        let templates = HashSet::from([everything.clone()]);
        for test in [
            PathTest::Suffix(".json".to_owned()),
            PathTest::Contains("x".to_owned()),
            PathTest::Prefix("/a%20b/".to_owned()),
            PathTest::Unknown { start: "/".to_owned(), id: 0 },
            // The templates of the test are missing.
            PathTest::Prefix("/a/".to_owned()),
        ] {
            assert_eq!(test.passes(&cell(&everything, Slashes::None, &templates)), None, "{test:?}");
        }
    }
}
