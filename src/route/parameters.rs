//! The values of a template's parameters in one path variant.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::request_variant::RequestVariant;
use super::{Template, VariantClass};

/// The parameters of a template that matches a path variant.
#[derive(Debug, Clone)]
pub struct Parameters<'a> {
    template: &'a Template,
    path: Cow<'a, str>,
    /// Whether the path is the path as written. Then a value is decoded: the client escaped it once.
    is_as_written: bool,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(template: &'a Template, variant: &RequestVariant<'a>) -> Self {
        let of_method_or_case = |class: &VariantClass| {
            matches!(
                class,
                VariantClass::MethodOverride | VariantClass::MethodCase | VariantClass::LetterCase
            )
        };
        let is_as_written = variant.classes.iter().all(of_method_or_case);
        Self { template, path: variant.path.clone(), is_as_written }
    }

    /// The value of the parameter with this name, in its own letter case. `None` if the template has no such
    /// parameter, or if the decoded value is not UTF-8.
    ///
    /// In the path as written the value is decoded once, as upstreams decode a segment after they have split the
    /// path. In every other path variant it is the segment itself, because the variant is decoded.
    pub fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        let segment = self.template.value_in(&self.path, name)?;
        if self.is_as_written {
            percent_decode_str(segment).decode_utf8().ok()
        } else {
            Some(Cow::Borrowed(segment))
        }
    }

    /// Whether every parameter has the same value in both.
    pub(super) fn are_equal(&self, other: &Self) -> bool {
        std::ptr::eq(self.template, other.template)
            && self.template.parameters().all(|name| self.value(name) == other.value(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(template: &str, path: &str, classes: &[VariantClass], name: &str) -> Option<String> {
        let template = Template::parse(template).unwrap();
        let variant = RequestVariant {
            method: Cow::Borrowed("GET"),
            path: Cow::Borrowed(path),
            classes: classes.to_vec(),
        };
        Parameters::new(&template, &variant).value(name).map(Cow::into_owned)
    }

    #[test]
    fn a_parameter_has_the_value_of_its_segment() {
        use VariantClass::*;
        for (template, path, classes, name, expected) in [
            ("/users/{id}", "/users/alice", &[][..], "id", Some("alice")),
            ("/users/{id}/", "/users/alice/", &[], "id", Some("alice")),
            ("/users/{id}/**", "/users/alice/orders/7", &[], "id", Some("alice")),
            ("/{org}/users/{id}", "/acme/users/alice", &[], "org", Some("acme")),
            ("/{org}/users/{id}", "/acme/users/alice", &[], "id", Some("alice")),
            ("/{org}/users/{id}", "/acme/users/alice", &[], "user", None),
            ("/*/{id}", "/any/alice", &[], "id", Some("alice")),
            ("/users/{id}", "/USERS/Alice", &[LetterCase], "id", Some("Alice")),
            ("/users/{id}", "/users/a%40b", &[], "id", Some("a@b")),
            ("/users/{id}", "/users/a%2Fb", &[], "id", Some("a/b")),
            ("/users/{id}", "/users/a%2561", &[], "id", Some("a%61")),
            ("/users/{id}", "/users/50%25", &[MethodOverride], "id", Some("50%")),
            ("/users/{id}", "/users/a%61", &[PercentDecoding], "id", Some("a%61")),
            ("/users/{id}", "/users/%ff", &[], "id", None),
        ] {
            let got = value(template, path, classes, name);
            assert_eq!(got.as_deref(), expected, "{name} of {template} in {path} by {classes:?}");
        }
    }
}
