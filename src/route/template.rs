//! Path templates: the `path` of a route.

use std::fmt;

/// The maximum number of segments, more than real paths have. The look-up makes one nested call per segment.
const MAX_SEGMENTS: usize = 64;

/// The last segment of a template that covers everything below its other segments.
const REST: &str = "**";

/// A route's path: literal segments, `{name}` or `*` for one non-empty segment, `**` at the end for the rest.
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
    /// Any non-empty segment, written as `*` or `{id}`. The name is for people and does not affect the match.
    Any(&'t str),
}

impl<'t> TemplateSegment<'t> {
    /// The segment as written.
    pub fn as_str(&self) -> &'t str {
        match self {
            Self::Literal(text) | Self::Any(text) => text,
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
    /// `**` before the last segment.
    #[error("`**` must be the last segment: write `*` or `{{name}}` for one segment in the middle")]
    RestNotLast,
    /// `*`, `{` or `}` in a segment that is not `*`, `**` or `{name}` as a whole.
    #[error(
        "the segment {0:?} is only partly a wildcard, and a template matches whole segments: write one route for each \
         segment that is meant, `*` or `{{name}}` (letters, digits, `_`, `-`) for any one segment, or a final `**` for \
         the rest of the path"
    )]
    PartialWildcard(String),
    /// A segment such as `:id`, which is a parameter in other routers.
    #[error(
        "the segment {0:?} would be matched literally: write `{{{name}}}` or `*`",
        name = .0.trim_start_matches(':')
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
        let path = text.strip_prefix('/').ok_or(TemplateError::NotAbsolute)?;
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

    /// The segments, without a final `**`.
    pub fn segments(&self) -> impl Iterator<Item = TemplateSegment<'_>> {
        self.text.split('/').filter_map(|segment| match segment {
            "" | REST => None,
            _ if is_any(segment) => Some(TemplateSegment::Any(segment)),
            _ => Some(TemplateSegment::Literal(segment)),
        })
    }

    /// The names in braces, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter_map(parameter)
    }

    /// The segment of a path that the parameter with this name stands for.
    pub(super) fn value_in<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
        let position = self.segments().position(|segment| parameter(segment.as_str()) == Some(name))?;
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
            canonical.push_str(match segment {
                TemplateSegment::Literal(text) => text,
                TemplateSegment::Any(_) => "*",
            });
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
        _ if segment.contains(['*', '{', '}']) => Err(TemplateError::PartialWildcard(own())),
        // A literal `/users/:id` would protect no real path.
        _ if segment.starts_with(':') => Err(TemplateError::ColonParameter(own())),
        // A path variant drops these characters, and a template with a typing error such as "/admin " would
        // protect nothing.
        _ if segment.starts_with(' ') || segment.ends_with([' ', '.']) => Err(TemplateError::Edge(own())),
        _ => Ok(()),
    }
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
pub(super) fn is_parameter_name(name: &str) -> bool {
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
        ] {
            let template = Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((template.canonical().as_str(), template.as_str()), (canonical, text), "{text}");
        }
    }

    #[test]
    fn segments_keep_their_spelling() {
        use TemplateSegment::*;
        for (text, segments, covers_rest) in [
            ("/", &[][..], false),
            ("/a/{id}/*", &[Literal("a"), Any("{id}"), Any("*")], false),
            ("/a/", &[Literal("a")], false),
            ("/a b/**/", &[Literal("a b")], true),
            ("/**", &[], true),
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
            ("**", NotAbsolute),
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
            ("/a/b*", PartialWildcard("b*".into())),
            ("/a/***", PartialWildcard("***".into())),
            ("/a/{}", PartialWildcard("{}".into())),
            ("/a/{id", PartialWildcard("{id".into())),
            ("/a/{id}.json", PartialWildcard("{id}.json".into())),
            ("/a/{id:[0-9]+}", PartialWildcard("{id:[0-9]+}".into())),
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
            ("/a/**/b", "must be the last segment"),
            ("/cart*", "write one route for each segment that is meant"),
            ("/a/{id}.json", "a final `**` for the rest of the path"),
            ("/a%20b", "decoded"),
            ("/a?b", "remove the query"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(remedy), "{text}: {error}");
        }
    }
}
