//! Parts of the messages about mistakes.

use crate::config::foreign::Advice;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwks::SkippedKey;
use crate::route::VariantClass;

pub(super) fn remedy(known: &[&str], advice: Option<&Advice>) -> String {
    match advice {
        Some(advice) => advice.to_string(),
        None => format!("expected one of {}", known.join(", ")),
    }
}

pub(super) fn algorithms() -> String {
    Algorithm::ALL.map(|algorithm| algorithm.name()).join(", ")
}

pub(super) fn skippable() -> String {
    VariantClass::SKIPPABLE.map(VariantClass::name).join(", ")
}

pub(super) fn listed(skipped: &[SkippedKey]) -> String {
    skipped.iter().map(|skipped| format!("; {skipped}")).collect()
}

pub(super) fn those_defined(names: &[String]) -> String {
    match names {
        [] => "define it in policies".to_owned(),
        names => format!("expected one of {}", names.join(", ")),
    }
}
