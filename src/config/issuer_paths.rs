//! `paths` of an issuer: the paths on which its tokens count.

use super::issuer_error::IssuerError;
use super::problem::Problem;
use super::reader::{ConfigNode, Errors};
use super::route_pattern::templates;
use crate::route::{self, ConflictKind, Entry, SkippedVariants, Table};

/// The templates of an issuer's `paths`.
#[derive(Debug)]
pub struct IssuerPaths(Table<()>);

impl IssuerPaths {
    pub(super) fn read(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<Self> {
        let entries: Vec<_> = templates(node, errors)?
            .into_iter()
            .enumerate()
            .map(|(path, template)| Entry {
                route: path,
                path,
                template,
                methods: Vec::new(),
                hosts: Vec::new(),
                compares_parameters: false,
                rule: (),
            })
            .collect();
        let texts: Vec<String> = entries.iter().map(|entry| entry.template.to_string()).collect();
        let text = |index: usize| texts.get(index).cloned().unwrap_or_default();
        let items = node.one_or_many();
        Table::build(entries)
            .map(Self)
            .map_err(|conflicts| {
                let mistakes = conflicts.iter().filter_map(|conflict| {
                    let (first, second) = (text(conflict.first), text(conflict.second));
                    let problem = match conflict.kind {
                        ConflictKind::Equal => Problem::Issuer(IssuerError::EqualPaths { first, second }),
                        ConflictKind::Case => Problem::Issuer(IssuerError::PathsInTwoCases { first, second }),
                        ConflictKind::TooManyPartials(error) => Problem::TooManyPartials(error),
                    };
                    items.get(conflict.second).map(|item| (item, problem))
                });
                mistakes.for_each(|(item, problem)| item.refuse(problem, errors));
            })
            .ok()
    }

    /// Whether a token counts on the path of a request: a template matches each of its variants, in the same letter
    /// case. False for a request without a path, and for `*`.
    pub fn cover(&self, path: Option<&[u8]>, skipped: SkippedVariants) -> bool {
        let variants = path.and_then(|path| route::path_variants(path, skipped).ok());
        let is_covered = |path: &str| self.0.lookup(b"", "", path).is_some();
        variants.is_some_and(|variants| variants.iter().all(|(path, _)| is_covered(path)))
    }

    /// The templates as written.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.0.entries().iter().map(|entry| entry.template.as_str())
    }
}
