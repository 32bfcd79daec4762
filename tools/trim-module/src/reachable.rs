//! Finds the functions of a module that can still be called.

use wasmparser::{BinaryReaderError, ElementItems, ExternalKind, Operator, Parser, Payload, TypeRef};

/// The body of each function that the module defines, or `None` if neither a kept export nor the table leads to it.
pub fn bodies<'a>(module: &'a [u8], kept: &[&str]) -> Result<Vec<Option<&'a [u8]>>, BinaryReaderError> {
    let (mut imported, mut pending, mut bodies) = (0, Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func && kept.contains(&export.name) {
                        pending.push(export.index);
                    }
                }
            }
            Payload::StartSection { func, .. } => pending.push(func),
            Payload::GlobalSection(globals) => {
                for global in globals {
                    pending.extend(called(global?.init_expr.get_operators_reader())?);
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                pending.push(function?);
                            }
                        }
                        ElementItems::Expressions(_, expressions) => {
                            for expression in expressions {
                                pending.extend(called(expression?.get_operators_reader())?);
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                bodies.push((body.as_bytes(), called(body.get_operators_reader()?)?));
            }
            _ => {}
        }
    }
    let mut reachable = vec![None; bodies.len()];
    while let Some(function) = pending.pop() {
        let defined = usize::try_from(function).ok().and_then(|function| function.checked_sub(imported));
        let Some(index) = defined else { continue };
        if let (Some(known @ None), Some((body, called))) = (reachable.get_mut(index), bodies.get(index)) {
            *known = Some(*body);
            pending.extend(called);
        }
    }
    Ok(reachable)
}

/// The functions that the code names.
fn called<'a>(
    code: impl IntoIterator<Item = Result<Operator<'a>, BinaryReaderError>>,
) -> Result<Vec<u32>, BinaryReaderError> {
    let mut called = Vec::new();
    for operator in code {
        if let Operator::Call { function_index }
        | Operator::ReturnCall { function_index }
        | Operator::RefFunc { function_index } = operator?
        {
            called.push(function_index);
        }
    }
    Ok(called)
}
