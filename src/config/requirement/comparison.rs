//! `equals`: a claim that must equal a value of the request.

use super::defined_names::DefinedNames;
use crate::config::comparison_error::ComparisonError;
use crate::config::keys::comparison as key;
use crate::config::problem::Problem;
use crate::config::reader::{ConfigNode, Errors};
use crate::headers::check_name;
use crate::jose::json::Json;
use crate::policy::{RequestValue, Requirement};
use crate::route::is_parameter_name;

pub(super) fn request_value(
    node: &ConfigNode<'_>,
    names: &DefinedNames,
    errors: &mut Errors,
) -> Option<RequestValue> {
    let refuse = |node: &ConfigNode<'_>, error, errors: &mut Errors| {
        node.refuse(Problem::Comparison(error), errors);
        None
    };
    if !matches!(node.value(), Json::Object(_)) {
        return refuse(node, ComparisonError::NotAPlace { got: node.preview() }, errors);
    }
    let mut object = node.object("a value of the request, such as {header: x-customer-id}", errors)?;
    let (path, host, header) = (object.take(key::PATH), object.take(key::HOST), object.take(key::HEADER));
    let has_unknown = object.has_unknown();
    object.deny_unknown(errors);
    match (path, host, header) {
        (Some(node), None, None) => parameter(&node, errors).map(RequestValue::Path),
        (None, Some(node), None) => parameter(&node, errors).map(RequestValue::Host),
        (None, None, Some(node)) => {
            let name = node.text("the name of a header, such as x-customer-id", errors)?;
            if let Err(error) = check_name(name) {
                return refuse(&node, ComparisonError::HeaderName(error), errors);
            }
            if names.is_header_of_filter(name) {
                return refuse(&node, ComparisonError::HeaderOfFilter { name: name.to_owned() }, errors);
            }
            Some(RequestValue::Header(name.to_ascii_lowercase()))
        }
        (None, None, None) if has_unknown => None,
        _ => refuse(node, ComparisonError::NotOnePlace, errors),
    }
}

fn parameter(node: &ConfigNode<'_>, errors: &mut Errors) -> Option<String> {
    let name = node.text("the name of a parameter, such as id for {id}", errors)?;
    if !is_parameter_name(name) {
        node.refuse(Problem::Comparison(ComparisonError::NotAParameter { got: node.preview() }), errors);
        return None;
    }
    Some(name.to_owned())
}

/// Refuses a requirement that compares parameters where there are none.
pub(super) fn refuse_parameters(requirement: &Requirement, node: &ConfigNode<'_>, errors: &mut Errors) {
    let values = requirement.request_values();
    let parameters = values.into_iter().filter(|value| !matches!(value, RequestValue::Header(_)));
    for value in parameters {
        node.refuse(Problem::Comparison(ComparisonError::NoParameters { value: value.clone() }), errors);
    }
}
