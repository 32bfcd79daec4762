//! Path templates: the `path` of a route.

use std::borrow::Cow;
use std::fmt;

use super::partial_segment::PartialSegment;

/// The maximum number of segments, more than real paths have. The look-up makes one nested call per segment.
const MAX_SEGMENTS: usize = 64;

/// The last segment of a template that covers everything below its other segments. After a text it also covers the
/// rest of that segment.
const REST: &str = "**";

/// A route's path: literal segments, `{name}` or `*` for one non-empty segment, one `*` inside a segment for a part of
/// it, `**` at the end for the rest.
///
/// A template is matched against path variants (see [`super::RequestVariant`]), so it is written decoded and
/// normalized. Text that no variant contains, or that variants split or decode, is an error here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The text of the template. Segments are parsed from it when a table is built; storing them would take 2
    /// MiB for 10,000 routes, because a table keeps its templates.
    text: Box<str>,
}

/// One segment of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateSegment<'t> {
    /// This text, byte for byte.
    Literal(&'t str),
    /// Any segment with this start and this end, written as `start*end`. What stands between them may be empty.
    Partial(PartialSegment<'t>),
    /// Any non-empty segment, written as `*` or `{id}`. The name is for people and does not affect the match.
    Any(&'t str),
}

impl<'t> TemplateSegment<'t> {
    /// The segment as a template writes it.
    pub fn text(&self) -> Cow<'t, str> {
        match self {
            Self::Literal(text) | Self::Any(text) => Cow::Borrowed(text),
            Self::Partial(partial) => Cow::Owned(partial.to_string()),
        }
    }

    /// Whether it matches this segment of a path, in this letter case.
    pub fn matches(&self, segment: &str) -> bool {
        match self {
            Self::Literal(text) => *text == segment,
            Self::Partial(partial) => partial.matches(segment),
            Self::Any(_) => !segment.is_empty(),
        }
    }
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It does not start with `/`.
    #[error("expected a path that starts with `/`")]
    NotAbsolute,
    /// A character that separates or encodes in a URL, or a control character.
    #[error(fmt = refused_character)]
    Character(char),
    /// Two slashes in a row.
    #[error("`//` is not allowed in a template: write one `/`")]
    EmptySegment,
    /// A segment `.` or `..`.
    #[error("`.` and `..` are not allowed in a template: write the path that they lead to")]
    DotSegment,
    /// A segment that starts with a space, or ends with a space or a dot.
    #[error("the segment {0:?} starts with a space or ends with a space or a dot: remove it")]
    Edge(String),
    /// A text that starts with `*`, as patterns for the end of a path do in other software.
    #[error(
        "{0:?} does not start with `/`, and no template matches the end of any path: write `/*/x` for one segment \
         before `x`, and one route for each other depth"
    )]
    EndOfPath(String),
    /// `**` before the last segment.
    #[error("`**` must be the last segment: write `*` or `{{name}}` for one segment in the middle")]
    RestNotLast,
    /// `{` or `}` in a segment that is not `{name}` as a whole.
    #[error(
        "the segment {0:?} is only partly a parameter: write `{{name}}` (letters, digits, `_`, `-`) for a whole segment, \
         or one `*` for a part of it, as in `*.json`"
    )]
    PartialParameter(String),
    /// More than one `*` in a segment, other than a final `**`.
    #[error(
        "the segment {0:?} has several `*`: write one `*` for a part of a segment, as in `swagger-ui*` or `*health`, or \
         a final `**` for the rest of the path, as in `/docs/**` or `/swagger-ui**`"
    )]
    SeveralWildcards(String),
    /// A segment such as `:id`, which is a parameter in other routers.
    #[error(
        "the segment {0:?} would be matched literally: write `{{{name}}}` or `*`",
        name = .0.trim_matches([':', '*'])
    )]
    ColonParameter(String),
    /// The same name in braces twice.
    #[error("the name {{{0}}} is used twice: give each segment its own name, or write `*`")]
    RepeatedName(String),
    /// More than 64 segments.
    #[error("expected at most {MAX_SEGMENTS} segments: end the template with `**`")]
    TooLong,
}

impl Template {
    /// Parses a template. One trailing slash is dropped.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let path = text.strip_prefix('/').ok_or_else(|| match text.starts_with('*') {
            true => TemplateError::EndOfPath(text.to_owned()),
            false => TemplateError::NotAbsolute,
        })?;
        if let Some(character) = text.chars().find(|character| refused(*character)) {
            return Err(TemplateError::Character(character));
        }
        let template = Self { text: text.into() };
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return if text == "/" { Ok(template) } else { Err(TemplateError::EmptySegment) };
        }
        let (mut names, mut count, mut rest) = (Vec::new(), 0, false);
        for segment in path.split('/') {
            if rest {
                return Err(TemplateError::RestNotLast);
            }
            if segment == REST {
                rest = true;
                continue;
            }
            rest = segment.len() > REST.len() && segment.ends_with(REST);
            if let Some(name) = parameter(segment) {
                if names.contains(&name) {
                    return Err(TemplateError::RepeatedName(name.to_owned()));
                }
                names.push(name);
            }
            check_segment(segment)?;
            count += 1;
        }
        if count > MAX_SEGMENTS {
            return Err(TemplateError::TooLong);
        }
        Ok(template)
    }

    /// The text that the template was parsed from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The segments, without a final `**`. A final `text**` has the segment `text*`.
    pub fn segments(&self) -> impl Iterator<Item = TemplateSegment<'_>> {
        self.text.split('/').filter_map(|segment| match segment {
            "" | REST => None,
            _ if is_any(segment) => Some(TemplateSegment::Any(segment)),
            _ => Some(match segment.split_once('*') {
                // A final `**` covers the rest of the segment and the rest of the path.
                Some((prefix, suffix)) => {
                    let suffix = suffix.strip_prefix('*').unwrap_or(suffix);
                    TemplateSegment::Partial(PartialSegment { prefix, suffix })
                }
                None => TemplateSegment::Literal(segment),
            }),
        })
    }

    /// The names in braces, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter_map(parameter)
    }

    /// The segment of a path that the parameter with this name stands for.
    pub(super) fn value_in<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
        let position = self.segments().position(
            |segment| matches!(segment, TemplateSegment::Any(text) if parameter(text) == Some(name)),
        )?;
        path.split('/').nth(position.checked_add(1)?).filter(|segment| !segment.is_empty())
    }

    /// Whether the template ends in `**`.
    pub fn covers_rest(&self) -> bool {
        self.text.strip_suffix('/').unwrap_or(&self.text).ends_with(REST)
    }

    /// The template with its names removed: two templates with the same canonical form match the same paths.
    pub(super) fn canonical(&self) -> String {
        let mut canonical = String::with_capacity(self.text.len());
        for segment in self.segments() {
            canonical.push('/');
            match segment {
                TemplateSegment::Any(_) => canonical.push('*'),
                segment => canonical.push_str(&segment.text()),
            }
        }
        canonical.push_str(if self.covers_rest() { "/**" } else { "" });
        canonical
    }
}

fn check_segment(segment: &str) -> Result<(), TemplateError> {
    let own = || segment.to_owned();
    match segment {
        "" => Err(TemplateError::EmptySegment),
        "." | ".." => Err(TemplateError::DotSegment),
        _ if is_any(segment) => Ok(()),
        _ if segment.contains(['{', '}']) => Err(TemplateError::PartialParameter(own())),
        _ if has_several_wildcards(segment) => Err(TemplateError::SeveralWildcards(own())),
        // A literal `/users/:id` would protect no real path.
        _ if segment.starts_with(':') => Err(TemplateError::ColonParameter(own())),
        // A path variant drops these characters, and a template with a typing error such as "/admin " would
        // protect nothing.
        _ if segment.starts_with(' ') || segment.ends_with([' ', '.']) => Err(TemplateError::Edge(own())),
        _ => Ok(()),
    }
}

/// Whether a segment has more than one `*`, except for a final `**` after a text.
fn has_several_wildcards(segment: &str) -> bool {
    let fixed = segment.strip_suffix(REST).or_else(|| segment.strip_suffix('*')).unwrap_or(segment);
    let stars = segment.bytes().filter(|byte| *byte == b'*').count();
    stars > 1 && (fixed.is_empty() || fixed.contains('*'))
}

fn is_any(segment: &str) -> bool {
    segment == "*" || parameter(segment).is_some()
}

/// The name in `{name}`.
fn parameter(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    is_parameter_name(name).then_some(name)
}

/// Whether the text can be the name of a parameter: letters, digits, `_` and `-`.
pub fn is_parameter_name(name: &str) -> bool {
    let spelled = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(spelled)
}

/// Whether the character is invalid in a template: path variants are cut, split or decoded at it, or it is a
/// control character, with which a request is denied.
fn refused(character: char) -> bool {
    matches!(character, '?' | '#' | ';' | '\\' | '%') || character.is_control()
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn refused_character(character: &char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match character {
        '%' => "`%` is not allowed in a template: write the path decoded, as in `/café`",
        '?' | '#' => {
            "`?` and `#` are not allowed in a template: only the path is matched, so remove the query"
        }
        ';' => {
            "`;` is not allowed in a template: paths match with and without their parameters, so remove them"
        }
        '\\' => "`\\` is not allowed in a template: write `/`",
        control => {
            let control = control.escape_default();
            return write!(f, "the control character {control} is not allowed in a template: remove it");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read() {
        for (text, canonical) in [
            ("/", ""),
            ("/**", "/**"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a/{id}", "/a/*"),
            ("/a/*/c", "/a/*/c"),
            ("/a/{id}/{other_id}/**", "/a/*/*/**"),
            ("/a/**/", "/a/**"),
            ("/A/v1.2/index.html", "/A/v1.2/index.html"),
            ("/.well-known/jwks.json", "/.well-known/jwks.json"),
            ("/v1/things:cancel", "/v1/things:cancel"),
            ("/café/a b", "/café/a b"),
            ("/swagger-ui*", "/swagger-ui*"),
            ("/service/*health", "/service/*health"),
            ("/a*b/c", "/a*b/c"),
            ("/swagger-ui**", "/swagger-ui*/**"),
            ("/swagger-ui**/", "/swagger-ui*/**"),
            ("/index.*", "/index.*"),
        ] {
            let template = Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((template.canonical().as_str(), template.as_str()), (canonical, text), "{text}");
        }
    }

    #[test]
    fn segments_keep_their_spelling() {
        use TemplateSegment::*;
        let partial = |prefix, suffix| Partial(PartialSegment { prefix, suffix });
        for (text, segments, covers_rest) in [
            ("/", &[][..], false),
            ("/a/{id}/*", &[Literal("a"), Any("{id}"), Any("*")], false),
            ("/a/", &[Literal("a")], false),
            ("/a b/**/", &[Literal("a b")], true),
            ("/**", &[], true),
            ("/a*", &[partial("a", "")], false),
            ("/a**", &[partial("a", "")], true),
            ("/*a/b*c/**", &[partial("", "a"), partial("b", "c")], true),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.segments().collect::<Vec<_>>(), segments, "{text}");
            assert_eq!(template.covers_rest(), covers_rest, "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        use TemplateError::*;
        for (text, error) in [
            ("", NotAbsolute),
            ("a", NotAbsolute),
            ("**", EndOfPath("**".into())),
            ("*/x", EndOfPath("*/x".into())),
            ("**/x", EndOfPath("**/x".into())),
            (" /a", NotAbsolute),
            ("/a?b", Character('?')),
            ("/a#b", Character('#')),
            ("/a;b", Character(';')),
            ("/a\\b", Character('\\')),
            ("/a%20b", Character('%')),
            ("/a\tb", Character('\t')),
            ("/a\u{85}", Character('\u{85}')),
            ("//", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
            ("/a/./b", DotSegment),
            ("/..", DotSegment),
            ("/a ", Edge("a ".into())),
            ("/a./b", Edge("a.".into())),
            ("/ a", Edge(" a".into())),
            ("/...", Edge("...".into())),
            ("/a/**/b", RestNotLast),
            ("/**/**", RestNotLast),
            ("/a**/b", RestNotLast),
            ("/**/x", RestNotLast),
            ("/a*.", Edge("a*.".into())),
            ("/ a*", Edge(" a*".into())),
            ("/a/***", SeveralWildcards("***".into())),
            ("/a/b***", SeveralWildcards("b***".into())),
            ("/a/**b", SeveralWildcards("**b".into())),
            ("/a/b*c*", SeveralWildcards("b*c*".into())),
            ("/a/b*c**", SeveralWildcards("b*c**".into())),
            ("/a/b**c", SeveralWildcards("b**c".into())),
            ("/a/*b*", SeveralWildcards("*b*".into())),
            ("/a/{}", PartialParameter("{}".into())),
            ("/a/{id", PartialParameter("{id".into())),
            ("/a/{id}.json", PartialParameter("{id}.json".into())),
            ("/a/{id}*", PartialParameter("{id}*".into())),
            ("/a/{id:[0-9]+}", PartialParameter("{id:[0-9]+}".into())),
            ("/a/:id*", ColonParameter(":id*".into())),
            ("/a/:id", ColonParameter(":id".into())),
            ("/a/{id}/{id}", RepeatedName("id".into())),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Template::parse(&"/a".repeat(65)), Err(TooLong));
        assert!(Template::parse(&"/a".repeat(64)).is_ok());
    }

    #[test]
    fn errors_name_the_remedy() {
        for (text, remedy) in [
            ("/a/:id", "write `{id}`"),
            ("/a/:id*", "write `{id}`"),
            ("/a/**/b", "must be the last segment"),
            ("/a/{id}.json", "as in `*.json`"),
            ("*/x", "write `/*/x`"),
            ("**/x", "write `/*/x`"),
            ("/a*b*", "write one `*`"),
            ("/a%20b", "decoded"),
            ("/a?b", "remove the query"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(remedy), "{text}: {error}");
        }
    }
}
