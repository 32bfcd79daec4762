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
