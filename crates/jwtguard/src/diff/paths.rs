//! Sets of paths in the words of templates.

use super::segment::{Sample, Segment};
use jwt_guard::route::{SkippedVariants, path_variants};

/// The paths of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The paths as a template writes them.
    pub template: String,
    /// The templates whose paths are excluded: those of siblings that are more specific.
    pub except: Vec<String>,
    /// A request path in the set.
    pub(super) sample: String,
    segments: Vec<Segment>,
    covers_rest: bool,
    /// The last segments of the templates in `except`. Their other segments are those of this template.
    siblings: Vec<Segment>,
}

impl Paths {
    /// One path.
    pub(super) fn exactly(path: &[Sample]) -> Self {
        Self {
            template: template(path, ""),
            except: Vec::new(),
            sample: request_path(path),
            segments: path.iter().map(segment).collect(),
            covers_rest: false,
            siblings: Vec::new(),
        }
    }

    /// A path and every path below it.
    pub(super) fn below(path: &[Sample]) -> Self {
        Self { template: template(path, "/**"), covers_rest: true, ..Self::exactly(path) }
    }

    /// The same path with a slash at its end.
    pub(super) fn with_slash(self) -> Self {
        let (template, sample) = (format!("{}/", self.template), format!("{}/", self.sample));
        Self { template, sample, ..self }
    }

    /// The paths below it that have an empty segment first.
    pub(super) fn with_empty_segment(self, next: &Sample) -> Self {
        let below =
            |path: &str, segment: &str| format!("{}//{segment}", path.strip_suffix('/').unwrap_or(path));
        let (template, sample) = (below(&self.template, &next.shown), below(&self.sample, &next.text));
        Self { template, sample, ..self }
    }

    /// A request without a path, or for the server as a whole.
    pub(super) fn no_path() -> Self {
        let (template, sample) = ("*".to_owned(), "*".to_owned());
        // No path of a request has this segment.
        let segments = vec![Segment::Literal("*".to_owned())];
        Self { template, except: Vec::new(), sample, segments, covers_rest: false, siblings: Vec::new() }
    }

    /// Without the paths of those siblings of the last segment that the template matches too.
    pub(super) fn without_siblings(mut self, siblings: &[Sample]) -> Self {
        let (Some(last), Some((before, shown))) = (self.segments.last(), self.parent()) else { return self };
        let is_other = |sibling: &&Sample| sibling.shown != shown && last.matches(&sibling.text);
        let siblings: Vec<&Sample> = siblings.iter().filter(is_other).collect();
        self.siblings = siblings.iter().map(|sibling| segment(sibling)).collect();
        self.except = siblings.iter().map(|sibling| format!("{before}/{}/**", sibling.shown)).collect();
        self
    }

    /// The template before the last segment, and that segment.
    fn parent(&self) -> Option<(String, String)> {
        let (before, last) = self.template.strip_suffix("/**")?.rsplit_once('/')?;
        Some((before.to_owned(), last.to_owned()))
    }

    /// Whether some reading of the other paths is in this set, exactly or in another letter case.
    pub(super) fn covers_reading_of(&self, other: &Self) -> bool {
        let readings = path_variants(other.sample.as_bytes(), SkippedVariants::default()).unwrap_or_default();
        readings.iter().any(|(reading, _)| {
            self.contains(reading, Segment::matches) || self.contains(reading, Segment::matches_ignoring_case)
        })
    }

    fn contains(&self, path: &str, matches: fn(&Segment, &str) -> bool) -> bool {
        let mut texts = path.split('/').skip(1).filter(|text| !text.is_empty());
        let mut last = "";
        for segment in &self.segments {
            match texts.next() {
                Some(text) if matches(segment, text) => last = text,
                _ => return false,
            }
        }
        let is_excepted = self.siblings.iter().any(|sibling| matches(sibling, last));
        !is_excepted && (self.covers_rest || texts.next().is_none())
    }
}

fn segment(sample: &Sample) -> Segment {
    match sample.shown.split_once('*') {
        Some(("", "")) => Segment::Any,
        Some((start, end)) => Segment::Partial(start.to_owned(), end.to_owned()),
        None => Segment::Literal(sample.text.clone()),
    }
}

fn template(path: &[Sample], rest: &str) -> String {
    let segments: String = path.iter().flat_map(|sample| ["/", sample.shown.as_str()]).collect();
    match format!("{segments}{rest}") {
        empty if empty.is_empty() => "/".to_owned(),
        text => text,
    }
}

/// The path of a request with these segments, escaped as a client has to (RFC 3986 section 3.3).
pub(super) fn request_path(path: &[Sample]) -> String {
    let mut text = String::new();
    for sample in path {
        text.push('/');
        for byte in sample.text.bytes() {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => text.push(char::from(byte)),
                b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'+' | b',' => {
                    text.push(char::from(byte));
                }
                b'=' | b':' | b'@' => text.push(char::from(byte)),
                other => text.push_str(&format!("%{other:02X}")),
            }
        }
    }
    if text.is_empty() { "/".to_owned() } else { text }
}
