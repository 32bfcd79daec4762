//! Segments of templates compared with each other, and templates as a tree.

use std::collections::HashMap;

use jwt_guard::route::{PartialSegment, TemplateSegment};

/// The maximum number of routes that one search of the tree returns.
pub(super) const MAX_MET: usize = 200_000;

/// The segments that both match, as a template writes them; `None` if there are none.
pub(super) fn shared<'t>(
    one: TemplateSegment<'t>,
    other: TemplateSegment<'t>,
) -> Option<TemplateSegment<'t>> {
    use TemplateSegment::{Any, Literal, Partial};
    match (one, other) {
        // A name such as `{id}` is preferred to `*`, which the writer may have meant for several segments.
        (Any("*"), segment) | (segment, Any(_)) | (Any(_), segment) => Some(segment),
        (Literal(text), segment) | (segment, Literal(text)) => segment.matches(text).then_some(Literal(text)),
        (Partial(one), Partial(other)) => {
            let longer = |one: &'t str, other: &'t str| if one.len() < other.len() { other } else { one };
            let (prefix, suffix) = (longer(one.prefix, other.prefix), longer(one.suffix, other.suffix));
            let fits = |partial: PartialSegment<'_>| {
                prefix.starts_with(partial.prefix) && suffix.ends_with(partial.suffix)
            };
            (fits(one) && fits(other)).then_some(Partial(PartialSegment { prefix, suffix }))
        }
    }
}

/// Whether every segment that `one` matches is matched by `other`.
pub(super) fn is_within(one: TemplateSegment<'_>, other: TemplateSegment<'_>) -> bool {
    use TemplateSegment::{Any, Literal, Partial};
    match (one, other) {
        (_, Any(_)) => true,
        (Literal(text), other) => other.matches(text),
        (Partial(one), Partial(other)) => {
            one.prefix.starts_with(other.prefix) && one.suffix.ends_with(other.suffix)
        }
        (Partial(_) | Any(_), _) => false,
    }
}

/// The templates as a tree of segments, to find the templates that overlap a template without comparing every pair.
#[derive(Default)]
pub(super) struct TemplateTree<'p> {
    literals: HashMap<&'p str, TemplateTree<'p>>,
    partials: Vec<(PartialSegment<'p>, TemplateTree<'p>)>,
    any: Option<Box<TemplateTree<'p>>>,
    /// The routes that end here.
    exact: Vec<usize>,
    /// The routes that continue here with `**`.
    rest: Vec<usize>,
}

impl<'p> TemplateTree<'p> {
    pub fn insert(&mut self, segments: &[TemplateSegment<'p>], rest: bool, at: usize) {
        let mut node = self;
        for segment in segments {
            node = match segment {
                TemplateSegment::Literal(text) => node.literals.entry(text).or_default(),
                TemplateSegment::Partial(partial) => {
                    let known = node.partials.iter().position(|(known, _)| known == partial);
                    let index = known.unwrap_or_else(|| {
                        node.partials.push((*partial, TemplateTree::default()));
                        node.partials.len() - 1
                    });
                    let Some((_, child)) = node.partials.get_mut(index) else { return };
                    child
                }
                TemplateSegment::Any(_) => node.any.get_or_insert_with(Box::default),
            };
        }
        if rest { node.rest.push(at) } else { node.exact.push(at) }
    }

    /// Adds the routes that overlap a template with these segments.
    pub fn meeting(&self, segments: &[TemplateSegment<'_>], rest: bool, met: &mut Vec<usize>) {
        if met.len() > MAX_MET {
            return;
        }
        met.extend(&self.rest);
        let Some((first, after)) = segments.split_first() else {
            met.extend(&self.exact);
            if rest {
                self.children(None).for_each(|child| child.meeting(&[], true, met));
            }
            return;
        };
        self.children(Some(*first)).for_each(|child| child.meeting(after, rest, met));
    }

    /// The children whose segment overlaps this one; all of them without one.
    fn children<'s>(
        &'s self,
        segment: Option<TemplateSegment<'s>>,
    ) -> Box<dyn Iterator<Item = &'s TemplateTree<'p>> + 's> {
        let overlaps = move |own| segment.is_none_or(|segment| shared(own, segment).is_some());
        let partials = self.partials.iter();
        let partials = partials.filter(move |(partial, _)| overlaps(TemplateSegment::Partial(*partial)));
        let others = partials.map(|(_, child)| child).chain(self.any.as_deref());
        match segment {
            Some(TemplateSegment::Literal(text)) => {
                Box::new(self.literals.get(text).into_iter().chain(others))
            }
            _ => {
                let literals = self.literals.iter();
                let literals = literals.filter(move |(text, _)| overlaps(TemplateSegment::Literal(text)));
                Box::new(literals.map(|(_, child)| child).chain(others))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::route::Template;

    #[test]
    fn two_segments_share_others() {
        for (one, other, expected, one_within_other) in [
            ("a", "a", Some("a"), true),
            ("a", "b", None, false),
            ("a", "*", Some("a"), true),
            ("{id}", "*", Some("{id}"), true),
            ("ab", "a*", Some("ab"), true),
            ("a*", "ab", Some("ab"), false),
            ("ba", "a*", None, false),
            ("ab*", "a*", Some("ab*"), true),
            ("a*", "*b", Some("a*b"), false),
            ("a*", "b*", None, false),
            ("a*b", "*b", Some("a*b"), true),
            ("a*", "{id}", Some("a*"), true),
        ] {
            let template = |segment: &str| Template::parse(&format!("/{segment}")).unwrap();
            let (first, second) = (template(one), template(other));
            let (first, second) = (first.segments().next().unwrap(), second.segments().next().unwrap());
            let text = shared(first, second).map(|segment| segment.text().into_owned());
            assert_eq!(text.as_deref(), expected, "{one} and {other}");
            assert_eq!(is_within(first, second), one_within_other, "{one} within {other}");
        }
    }
}
