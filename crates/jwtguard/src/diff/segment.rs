//! The segments that tell two policies apart in one place of a path.

use std::collections::HashSet;

use jwt_guard::route::TemplateSegment;

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    /// This text.
    Literal(String),
    /// A text with this start and this end.
    Partial(String, String),
    /// Any text that is not empty.
    Any,
}

/// How a segment of a request is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As templates are written.
    Ordinary,
    /// In another letter case, or empty.
    Unusual,
}

/// How a sample is shown that stands for every text which no sibling matches.
pub(super) const FREE: &str = "*";

/// A segment that stands for all segments which the same templates match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    /// The text of the segment.
    pub text: String,
    /// The segment as a template would write it, or [`FREE`].
    pub shown: String,
    pub spelling: Spelling,
}

impl From<TemplateSegment<'_>> for Segment {
    fn from(segment: TemplateSegment<'_>) -> Self {
        match segment {
            TemplateSegment::Literal(text) => Self::Literal(text.to_owned()),
            TemplateSegment::Partial(partial) => {
                Self::Partial(partial.prefix.to_owned(), partial.suffix.to_owned())
            }
            TemplateSegment::Any(_) => Self::Any,
        }
    }
}

impl Segment {
    /// The segment in lower case.
    pub fn folded(&self) -> Self {
        match self {
            Self::Literal(text) => Self::Literal(text.to_lowercase()),
            Self::Partial(start, end) => Self::Partial(start.to_lowercase(), end.to_lowercase()),
            Self::Any => Self::Any,
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Literal(own) => own == text,
            Self::Partial(start, end) => {
                text.strip_prefix(start.as_str()).is_some_and(|rest| rest.ends_with(end.as_str()))
            }
            Self::Any => !text.is_empty(),
        }
    }

    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        self.folded().matches(&text.to_lowercase())
    }
}

/// Samples of all segments that these segments of templates tell apart. `depth` makes the free texts of each place differ,
/// so that two parameters never have the same value by chance.
pub(super) fn samples(segments: &[&Segment], depth: usize, ignores_case: bool) -> Vec<Sample> {
    let mut found = Samples::of(segments);
    let literals = each_once(segments.iter().filter_map(|segment| literal(segment)));
    for literal in &literals {
        found.add(literal, literal, Spelling::Ordinary);
    }
    let filler = filler(segments, depth);
    found.add(&filler, FREE, Spelling::Ordinary);
    let partials = partials(segments, &filler);
    for (text, shown) in &partials {
        found.add(text, shown, Spelling::Ordinary);
    }
    if ignores_case {
        let literals = literals.into_iter().map(|text| (text, text));
        let partials = partials.iter().map(|(text, shown)| (text, shown));
        for (text, shown) in literals.chain(partials) {
            found.add(&text.to_lowercase(), &shown.to_lowercase(), Spelling::Unusual);
            found.add(&text.to_uppercase(), &shown.to_uppercase(), Spelling::Unusual);
        }
    }
    found.samples.push(Sample { text: String::new(), shown: String::new(), spelling: Spelling::Unusual });
    found.samples
}

/// The samples so far, and what tells them apart.
struct Samples<'s> {
    samples: Vec<Sample>,
    literals: HashSet<&'s str>,
    folded_literals: HashSet<String>,
    partials: Vec<&'s Segment>,
    texts: HashSet<String>,
    /// What the samples match that are no literals: the literal in another letter case, and each partial segment.
    matched: HashSet<(Option<String>, Vec<[bool; 2]>)>,
}

impl<'s> Samples<'s> {
    fn of(segments: &[&'s Segment]) -> Self {
        let literals = segments.iter().filter_map(|segment| literal(segment));
        let partials = segments.iter().filter(|segment| matches!(segment, Segment::Partial(..)));
        Self {
            samples: Vec::new(),
            folded_literals: literals.clone().map(|text| text.to_lowercase()).collect(),
            literals: literals.map(String::as_str).collect(),
            partials: each_once(partials.copied()),
            texts: HashSet::new(),
            matched: HashSet::new(),
        }
    }

    /// Adds a sample, unless the same segments match an earlier one.
    fn add(&mut self, text: &str, shown: &str, spelling: Spelling) {
        let is_new = self.literals.contains(text) || {
            let folded = text.to_lowercase();
            let by_case = |segment: &&Segment| [segment.matches(text), segment.matches_ignoring_case(text)];
            let partials = self.partials.iter().map(by_case).collect();
            self.matched.insert((self.folded_literals.contains(&folded).then_some(folded), partials))
        };
        if is_new && self.texts.insert(text.to_owned()) {
            self.samples.push(Sample { text: text.to_owned(), shown: shown.to_owned(), spelling });
        }
    }
}

fn each_once<'s, T: PartialEq + Eq + std::hash::Hash>(items: impl Iterator<Item = &'s T>) -> Vec<&'s T> {
    let mut seen = HashSet::new();
    items.filter(|item| seen.insert(*item)).collect()
}

fn literal(segment: &Segment) -> Option<&String> {
    match segment {
        Segment::Literal(text) => Some(text),
        Segment::Partial(..) | Segment::Any => None,
    }
}

/// Texts for each set of partial segments that one text can match: each start with each end, apart and overlapping.
///
/// A text that matches some of them begins with the longest start among these, and ends with the longest end. Either other
/// characters stand between them, or both overlap or touch.
fn partials(segments: &[&Segment], filler: &str) -> Vec<(String, String)> {
    let mut starts: Vec<&str> = vec![""];
    let mut ends: Vec<&str> = vec![""];
    for segment in segments {
        if let Segment::Partial(start, end) = segment {
            starts.push(start);
            ends.push(end);
        }
    }
    let mut texts = Vec::new();
    for start in &starts {
        for end in ends.iter().filter(|end| !(start.is_empty() && end.is_empty())) {
            texts.push((format!("{start}{filler}{end}"), format!("{start}*{end}")));
            let overlaps = (0..=start.len().min(end.len())).rev();
            let joined = overlaps.filter_map(|length| {
                let kept = end.get(length..)?;
                let shared = end.get(..length)?;
                start.ends_with(shared).then(|| format!("{start}{kept}"))
            });
            texts.extend(joined.map(|text| (text.clone(), text)));
        }
    }
    texts
}

/// A text that no literal contains, and whose first and last character no start and no end contains.
fn filler(segments: &[&Segment], depth: usize) -> String {
    let number = if depth == 0 { String::new() } else { (depth + 1).to_string() };
    let words = ["other", "any", "zzz", "qqq", "xyz"].map(|word| format!("{word}{number}"));
    let letters =
        ('a'..='z').chain('\u{4e00}'..='\u{9fff}').map(|letter| format!("{letter}{number}{letter}"));
    let folded: Vec<Segment> = segments.iter().map(|segment| segment.folded()).collect();
    let is_free = |word: &String| {
        let edges = [word.chars().next(), word.chars().last()];
        folded.iter().all(|segment| match segment {
            Segment::Literal(text) => !text.contains(word.as_str()),
            Segment::Partial(start, end) => {
                !edges.iter().flatten().any(|edge| start.contains(*edge) || end.contains(*edge))
            }
            Segment::Any => true,
        })
    };
    // A template has few partial segments, so that some letter is free.
    words.into_iter().chain(letters).find(is_free).unwrap_or_else(|| format!("other{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str) -> Segment {
        match text.split_once('*') {
            Some(("", "")) => Segment::Any,
            Some((start, end)) => Segment::Partial(start.to_owned(), end.to_owned()),
            None => Segment::Literal(text.to_owned()),
        }
    }

    #[test]
    fn every_text_has_a_sample_that_the_same_segments_match() {
        let letters = ["a", "b", "A"];
        let mut texts = vec![String::new()];
        for length in 0..4 {
            let longer: Vec<String> = texts
                .iter()
                .filter(|text| text.len() == length)
                .flat_map(|text| letters.map(|letter| format!("{text}{letter}")))
                .collect();
            texts.extend(longer);
        }
        for segments in [
            &["a"][..],
            &["a", "*"],
            &["a", "ab", "a*"],
            &["ab*", "*ba", "ab*ba"],
            &["a*", "aa*", "*a", "*"],
            &["ab", "ab*b", "a*b", "*b"],
            &["A", "ab*", "*"],
        ] {
            let segments: Vec<Segment> = segments.iter().map(|text| segment(text)).collect();
            let segments: Vec<&Segment> = segments.iter().collect();
            let samples = samples(&segments, 0, true);
            let matched =
                |text: &str| -> Vec<bool> { segments.iter().map(|segment| segment.matches(text)).collect() };
            for text in &texts {
                let is_alike = |sample: &Sample| matched(&sample.text) == matched(text);
                assert!(samples.iter().any(is_alike), "{text:?} of {segments:?} in {samples:?}");
            }
        }
    }

    #[test]
    fn free_texts_of_two_places_differ_and_no_segment_contains_them() {
        let other = Segment::Literal("another".to_owned());
        let partial = Segment::Partial("xa".to_owned(), "z".to_owned());
        let first = filler(&[&other], 0);
        assert_ne!(first, filler(&[&other], 1));
        assert!(!"another".contains(&first));
        assert!(!filler(&[&partial], 0).starts_with(['x', 'a', 'z']));
    }
}
