//! Path templates and their order: which paths one covers, and which of two decides on a path that both match.

use std::cmp::Ordering;
use std::fmt;

/// A template: segments, and what follows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Template {
    /// The segments before the end.
    pub segments: Vec<Segment>,
    /// What follows them.
    pub end: End,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// This text.
    Literal(String),
    /// One segment that is not empty.
    Any,
}

/// The end of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// Nothing follows but slashes: `/x` and `/x/`.
    Here,
    /// A segment that starts with this text, and everything below it: `/x**`.
    Starting(String),
    /// Everything below, and the path itself: `/x/**`.
    Rest,
}

/// What a template has at one position, for the order of templates.
#[derive(Debug, PartialEq, Eq)]
enum Position<'t> {
    Literal(&'t str),
    Starting(&'t str),
    Any,
    End,
    Rest,
}

impl Template {
    /// The template of a literal path, such as `/x/y`; `None` if a template cannot have its characters.
    pub fn literal(path: &str) -> Option<Self> {
        Some(Self { segments: literals(path.strip_prefix('/')?)?, end: End::Here })
    }

    /// The template of everything that starts with a text; a text that ends with a slash is the base of what is below it.
    pub fn starting_with(prefix: &str) -> Option<Self> {
        let path = prefix.strip_prefix('/')?;
        match path.rsplit_once('/') {
            _ if path.is_empty() => Some(Self::everything()),
            Some((base, "")) => Some(Self { segments: literals(base)?, end: End::Rest }),
            Some((base, start)) => {
                let segments = literals(base)?;
                is_literal(start).then(|| Self { segments, end: End::Starting(start.to_owned()) })
            }
            None => {
                is_literal(path).then(|| Self { segments: Vec::new(), end: End::Starting(path.to_owned()) })
            }
        }
    }

    /// The template of all paths.
    pub fn everything() -> Self {
        Self { segments: Vec::new(), end: End::Rest }
    }

    /// The same segments and nothing below them.
    pub fn base(&self) -> Self {
        Self { segments: self.segments.clone(), end: End::Here }
    }

    /// Whether the filter reads each text of the template as it is.
    pub fn is_plain(&self) -> bool {
        let is_plain = |segment: &Segment| match segment {
            Segment::Literal(text) => !text.is_empty() && is_literal(text),
            Segment::Any => true,
        };
        self.segments.iter().all(is_plain) && !matches!(&self.end, End::Starting(start) if !is_literal(start))
    }

    /// The path, if the template has one path but for slashes at its end.
    pub fn as_path(&self) -> Option<String> {
        if self.end != End::Here {
            return None;
        }
        let texts = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            Segment::Any => None,
        });
        Some(format!("/{}", texts.collect::<Option<Vec<_>>>()?.join("/")))
    }

    /// Whether some path matches both.
    pub fn meets(&self, other: &Self) -> bool {
        let shared = self.segments.iter().zip(&other.segments);
        let agree = shared.clone().all(|(one, two)| one.meets(two));
        agree
            && match self.segments.len().cmp(&other.segments.len()) {
                Ordering::Equal => match (&self.end, &other.end) {
                    (End::Starting(one), End::Starting(two)) => {
                        one.starts_with(two.as_str()) || two.starts_with(one.as_str())
                    }
                    (End::Starting(_), End::Here) | (End::Here, End::Starting(_)) => false,
                    _ => true,
                },
                Ordering::Less => self.end_meets(other.segments.get(self.segments.len())),
                Ordering::Greater => other.end_meets(self.segments.get(other.segments.len())),
            }
    }

    fn end_meets(&self, next: Option<&Segment>) -> bool {
        match (&self.end, next) {
            (End::Here, _) | (_, None) => false,
            (End::Rest, _) | (End::Starting(_), Some(Segment::Any)) => true,
            (End::Starting(start), Some(Segment::Literal(text))) => text.starts_with(start.as_str()),
        }
    }

    /// Whether each path of the other template matches this one.
    pub fn covers(&self, other: &Self) -> bool {
        if self.segments.len() > other.segments.len() {
            return false;
        }
        let agree = self.segments.iter().zip(&other.segments).all(|(one, two)| one.covers(two));
        let next = other.segments.get(self.segments.len());
        agree
            && match (&self.end, next, &other.end) {
                (End::Rest, _, _) | (End::Here, None, End::Here) => true,
                (End::Here, _, _) => false,
                (End::Starting(start), Some(Segment::Literal(text)), _) => text.starts_with(start.as_str()),
                (End::Starting(start), None, End::Starting(text)) => text.starts_with(start.as_str()),
                (End::Starting(_), _, _) => false,
            }
    }

    /// Which of two templates decides on a path that both match: the lesser one.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let longest = self.segments.len().max(other.segments.len()) + 1;
        let positions = (0..longest).map(|at| self.position(at).cmp_specific(&other.position(at)));
        positions.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn position(&self, at: usize) -> Position<'_> {
        match (self.segments.get(at), &self.end) {
            (Some(Segment::Literal(text)), _) => Position::Literal(text),
            (Some(Segment::Any), _) => Position::Any,
            (None, End::Rest) => Position::Rest,
            (None, End::Here) => Position::End,
            (None, End::Starting(start)) => Position::Starting(start),
        }
    }
}

impl Position<'_> {
    fn rank(&self) -> (usize, usize) {
        match self {
            Self::Literal(_) | Self::End => (0, 0),
            // The longer text is more specific.
            Self::Starting(start) => (1, usize::MAX - start.len()),
            Self::Any => (2, 0),
            Self::Rest => (3, 0),
        }
    }

    fn cmp_specific(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| match (self, other) {
            (Self::Literal(one), Self::Literal(two)) | (Self::Starting(one), Self::Starting(two)) => {
                one.cmp(two)
            }
            (Self::Literal(_), Self::End) => Ordering::Less,
            (Self::End, Self::Literal(_)) => Ordering::Greater,
            _ => Ordering::Equal,
        })
    }
}

impl Segment {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(two)) => one == two,
            (Self::Literal(text), Self::Any) | (Self::Any, Self::Literal(text)) => !text.is_empty(),
            (Self::Any, Self::Any) => true,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => write!(f, "/{text}")?,
                Segment::Any => f.write_str("/*")?,
            }
        }
        match &self.end {
            End::Here if self.segments.is_empty() => f.write_str("/"),
            End::Here => Ok(()),
            End::Starting(start) => write!(f, "/{start}**"),
            End::Rest => f.write_str("/**"),
        }
    }
}

fn literals(path: &str) -> Option<Vec<Segment>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(|text| is_literal(text).then(|| Segment::Literal(text.to_owned()))).collect()
}

/// Whether a template has this segment as it is, and no client must escape it. The filter decodes or splits the other
/// characters, so that a template with them would match other requests than Envoy's text.
fn is_literal(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=@:".contains(&byte);
    let is_dots = text.bytes().all(|byte| byte == b'.');
    text.bytes().all(is_plain) && !is_dots && !text.ends_with('.') && !text.starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        let mut segments: Vec<&str> = text.strip_prefix('/').unwrap().split('/').collect();
        let end = match segments.pop() {
            Some("**") => End::Rest,
            Some(last) if last.ends_with("**") => End::Starting(last.trim_end_matches('*').to_owned()),
            Some(last) => {
                segments.push(last);
                End::Here
            }
            None => End::Here,
        };
        let segment = |text: &str| match text {
            "*" => Segment::Any,
            text => Segment::Literal(text.to_owned()),
        };
        Template { segments: segments.into_iter().map(segment).collect(), end }
    }

    #[test]
    fn templates_meet_and_cover_each_other() {
        for (one, other, meets, covers) in [
            ("/**", "/a", true, true),
            ("/a/**", "/a", true, true),
            ("/a", "/a/**", true, false),
            ("/a/**", "/a/b/**", true, true),
            ("/a/**", "/ab", false, false),
            ("/a**", "/ab", true, true),
            ("/a**", "/ab/c", true, true),
            ("/a**", "/ab**", true, true),
            ("/ab**", "/a**", true, false),
            ("/a**", "/a/b/**", true, true),
            ("/a**", "/*/b", true, false),
            ("/*/b", "/a/*", true, false),
            ("/*/b", "/a/c", false, false),
            ("/*", "/a", true, true),
            ("/a", "/b", false, false),
            ("/a**", "/b**", false, false),
        ] {
            let (one, other) = (template(one), template(other));
            assert_eq!((one.meets(&other), one.covers(&other)), (meets, covers), "{one} {other}");
            assert_eq!(other.meets(&one), meets, "{one} {other}");
        }
    }

    #[test]
    fn the_more_specific_template_decides() {
        let mut templates = ["/**", "/a/**", "/*/b", "/a", "/ab**", "/a**", "/a/*", "/a/b"].map(template);
        templates.sort_by(Template::precedence);
        let texts = templates.map(|template| template.to_string());
        assert_eq!(texts, ["/a/b", "/a", "/a/*", "/a/**", "/ab**", "/a**", "/*/b", "/**"]);
    }

    #[test]
    fn only_plain_texts_become_templates() {
        for (prefix, expected) in [
            ("/", Some("/**")),
            ("/a/", Some("/a/**")),
            ("/a", Some("/a**")),
            ("/a/b", Some("/a/b**")),
            ("/a/b/", Some("/a/b/**")),
            ("/a//", None),
            ("/a%20/", None),
            ("/a;b", None),
            ("/../a", None),
            ("a", None),
        ] {
            let found = Template::starting_with(prefix).map(|template| template.to_string());
            assert_eq!(found.as_deref(), expected, "{prefix}");
        }
    }
}
