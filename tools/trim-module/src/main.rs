//! `trim-module IN OUT`: removes the exports of the module that this filter does not use, and their code.
//!
//! The SDK exports every `proxy_on_*` callback, and the host calls each exported callback for every request. An empty
//! filter costs 3.8 µs with all callbacks and 1.8 µs with only those that this filter uses. [`KEPT`] lists the exports
//! that remain. The host would still compile the functions that only the other exports call: their bodies become
//! `unreachable`. Every other section is copied byte for byte.

mod reachable;

use std::process::ExitCode;

use wasm_encoder::{CodeSection, ExportKind, ExportSection, Function, Module, RawSection};
use wasmparser::{ExternalKind, Parser, Payload};

/// The exports that the host needs. `proxy_on_request_body` and `proxy_on_request_trailers` hold back the rest of a
/// request until it has been decided.
const KEPT: [&str; 14] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_delete",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        eprintln!("usage: trim-module IN OUT");
        return ExitCode::FAILURE;
    };
    let outcome = std::fs::read(from)
        .map_err(|error| format!("{from}: {error}"))
        .and_then(|module| trimmed(&module).map_err(|error| format!("{from}: {error}")))
        .and_then(|module| std::fs::write(to, module).map_err(|error| format!("{to}: {error}")));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trim-module: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The module with only the kept exports. A missing export is an error: if the SDK renames a callback, the host would
/// not call the module, or would call it too late.
fn trimmed(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut unreachable = Function::new([]);
    unreachable.instructions().unreachable().end();
    let mut module = Module::new();
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| error.to_string())?;
        if let Payload::ExportSection(exports) = payload {
            let mut kept = ExportSection::new();
            for export in exports {
                let export = export.map_err(|error| error.to_string())?;
                let kind = match export.kind {
                    ExternalKind::Func => ExportKind::Func,
                    ExternalKind::Memory => ExportKind::Memory,
                    kind => {
                        let name = export.name;
                        return Err(format!(
                            "{name} is exported as {kind:?}; expected a function or a memory"
                        ));
                    }
                };
                if KEPT.contains(&export.name) {
                    kept.export(export.name, kind, export.index);
                    found.push(export.name);
                }
            }
            module.section(&kept);
        } else if let Payload::CodeSectionStart { .. } = payload {
            let mut code = CodeSection::new();
            for body in reachable::bodies(bytes, &KEPT).map_err(|error| error.to_string())? {
                match body {
                    Some(body) => code.raw(body),
                    None => code.function(&unreachable),
                };
            }
            module.section(&code);
        } else if let Some((id, range)) = payload.as_section() {
            let place = |offset| usize::try_from(offset).map_err(|_| "the module is too long");
            let data = bytes
                .get(place(range.start)?..place(range.end)?)
                .ok_or("a section ends after the end of the file")?;
            module.section(&RawSection { id, data });
        }
    }
    match KEPT.iter().find(|name| !found.contains(name)) {
        Some(missing) => Err(format!("the module does not export {missing}; did the SDK rename it?")),
        None => Ok(module.finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with all kept exports and one more. Function 0 is imported; each other one returns its own number.
    fn module() -> Vec<u8> {
        let kept = KEPT.iter().filter(|name| **name != "memory");
        let exports: String = kept.map(|name| format!("(export {name:?} (func $kept))")).collect();
        let text = format!(
            r#"(module
                (import "env" "host" (func $host))
                (memory (export "memory") 1)
                (table funcref (elem $in_table))
                (start $start)
                {exports}
                (export "proxy_on_grpc_receive" (func $removed))
                (func $kept (result i32) (drop (call $below_kept)) (call $host) (i32.const 1))
                (func $below_kept (result i32) (drop (call $shared)) (i32.const 2))
                (func $removed (result i32) (drop (call $below_removed)) (i32.const 3))
                (func $below_removed (result i32) (drop (call $shared)) (drop (call $removed)) (i32.const 4))
                (func $shared (result i32) (i32.const 5))
                (func $in_table (result i32) (drop (call $below_table)) (i32.const 6))
                (func $below_table (result i32) (i32.const 7))
                (func $start (drop (call $below_start)))
                (func $below_start (result i32) (i32.const 8)))"#
        );
        wat::parse_str(text).unwrap()
    }

    /// The bytes of each function's code.
    fn bodies(module: &[u8]) -> Vec<Vec<u8>> {
        let payloads = Parser::new(0).parse_all(module).map(Result::unwrap);
        let bodies = payloads.filter_map(|payload| match payload {
            Payload::CodeSectionEntry(body) => Some(body.as_bytes().to_vec()),
            _ => None,
        });
        bodies.collect()
    }

    #[test]
    fn only_code_that_removed_exports_lead_to_is_removed() {
        let (before, after) = (module(), trimmed(&module()).unwrap());
        let (before, after) = (bodies(&before), bodies(&after));
        assert_eq!((before.len(), after.len()), (9, 9), "every function keeps its index");
        let changed: Vec<usize> = (0..9).filter(|index| before[*index] != after[*index]).collect();
        assert_eq!(changed, [2, 3], "$removed and $below_removed");
        // No locals, unreachable, end.
        assert!(changed.iter().all(|index| after[*index] == [0x00, 0x00, 0x0b]), "{after:?}");
    }

    #[test]
    fn only_kept_exports_remain() {
        let module = trimmed(&module()).unwrap();
        let payloads = Parser::new(0).parse_all(&module).map(Result::unwrap);
        let exports = payloads.filter_map(|payload| match payload {
            Payload::ExportSection(exports) => Some(exports),
            _ => None,
        });
        let mut names: Vec<_> = exports.flatten().map(|export| export.unwrap().name.to_owned()).collect();
        names.sort_unstable();
        let mut expected = KEPT.map(str::to_owned);
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_missing_export_is_an_error() {
        let module = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
        let error = trimmed(&module).unwrap_err();
        assert_eq!(error, "the module does not export _initialize; did the SDK rename it?");
    }
}
