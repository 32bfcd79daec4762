//! The module under test with one change, to simulate faults that the real module does not have.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use wasm_encoder::{
    CodeSection, CustomSection, ExportKind, ExportSection, Function, FunctionSection, MemorySection,
    MemoryType, Module, RawSection,
};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

use crate::harness::Envoy;

/// The change.
#[derive(Clone, Copy)]
pub enum Change {
    /// An additional custom section: other bytes with the same behaviour.
    Marked,
    /// An exported callback crashes the VM if the parameter is at least the value.
    Traps { export: &'static str, parameter: u32, value: i32 },
    /// A memory limit in MiB.
    Limited { mebibytes: u64 },
}

/// More headers than any other request or response has.
pub const FATAL_HEADERS: i32 = 50;
/// A request with this many headers crashes the VM.
pub const ON_REQUEST: Change =
    Change::Traps { export: "proxy_on_request_headers", parameter: 1, value: FATAL_HEADERS };
/// An issuer's response with this many headers crashes the VM.
pub const ON_ANSWER: Change =
    Change::Traps { export: "proxy_on_http_call_response", parameter: 2, value: FATAL_HEADERS };

/// A file with the changed module, removed on drop.
pub struct Variant {
    file: PathBuf,
}

impl Variant {
    pub fn of(change: Change) -> Self {
        Self::with_bytes(&changed(&std::fs::read(Envoy::module()).unwrap(), change))
    }

    /// A file with arbitrary bytes instead of a module.
    pub fn with_bytes(bytes: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("variant-{}-{unique}.wasm", std::process::id()));
        std::fs::write(&file, bytes).unwrap();
        Self { file }
    }

    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Variant {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Copies every section byte for byte except those that change. A trap is a new function that calls the exported one.
fn changed(bytes: &[u8], change: Change) -> Vec<u8> {
    let place = |offset: u64| usize::try_from(offset).unwrap();
    let (mut imported, mut types, mut exported) = (0, vec![], None);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.unwrap() {
            Payload::ImportSection(imports) => {
                let imports = imports.into_imports().map(Result::unwrap);
                imported = imports.filter(|import| matches!(import.ty, TypeRef::Func(_))).count() as u32;
            }
            Payload::FunctionSection(functions) => {
                types = functions.into_iter().map(Result::unwrap).collect()
            }
            Payload::ExportSection(exports) => {
                let mut exports = exports.into_iter().map(Result::unwrap);
                exported = exports.find_map(|export| {
                    let ours = matches!(change, Change::Traps { export: name, .. } if name == export.name);
                    ours.then_some(export.index)
                });
            }
            _ => {}
        }
    }
    let trap = imported + u32::try_from(types.len()).unwrap();
    let trapped_type = exported.map(|index| types[usize::try_from(index - imported).unwrap()]);
    let (mut module, mut code, mut applied) = (Module::new(), None, false);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.unwrap();
        let section = payload.as_section();
        match (&payload, change) {
            (Payload::FunctionSection(_), Change::Traps { .. }) => {
                let mut functions = FunctionSection::new();
                for kind in types.iter().copied().chain(trapped_type) {
                    functions.function(kind);
                }
                module.section(&functions);
            }
            (Payload::ExportSection(exports), Change::Traps { export: name, .. }) => {
                let mut section = ExportSection::new();
                for export in exports.clone() {
                    let export = export.unwrap();
                    let kind = match export.kind {
                        ExternalKind::Func => ExportKind::Func,
                        ExternalKind::Memory => ExportKind::Memory,
                        kind => panic!("{} is exported as {kind:?}", export.name),
                    };
                    section.export(export.name, kind, if export.name == name { trap } else { export.index });
                }
                module.section(&section);
            }
            (Payload::CodeSectionStart { .. }, Change::Traps { .. }) => code = Some(CodeSection::new()),
            (Payload::CodeSectionEntry(body), Change::Traps { parameter, value, export }) => {
                let code = code.as_mut().unwrap();
                let range = body.range();
                code.raw(&bytes[place(range.start)..place(range.end)]);
                if code.len() as usize == types.len() {
                    let parameters = if export == "proxy_on_request_headers" { 3 } else { 5 };
                    code.function(&trapping(exported.unwrap(), parameters, parameter, value));
                    module.section(code);
                    applied = true;
                }
            }
            (Payload::MemorySection(memories), Change::Limited { mebibytes }) => {
                let mut section = MemorySection::new();
                for memory in memories.clone() {
                    let minimum = memory.unwrap().initial;
                    section.memory(MemoryType {
                        minimum,
                        maximum: Some(mebibytes * 16),
                        memory64: false,
                        shared: false,
                        page_size_log2: None,
                    });
                }
                module.section(&section);
                applied = true;
            }
            _ => {
                if let Some((id, range)) = section {
                    let data = &bytes[place(range.start)..place(range.end)];
                    module.section(&RawSection { id, data });
                }
            }
        }
    }
    if matches!(change, Change::Marked) {
        module.section(&CustomSection { name: "mark".into(), data: (&b"another build"[..]).into() });
        applied = true;
    }
    assert!(applied, "the module has nothing to apply the change to");
    let changed = module.finish();
    assert_ne!(changed, bytes);
    changed
}

/// `if (parameter >= value) unreachable; return original(…)`
fn trapping(original: u32, parameters: u32, parameter: u32, value: i32) -> Function {
    let mut function = Function::new([]);
    let mut instructions = function.instructions();
    instructions.local_get(parameter).i32_const(value).i32_ge_s();
    instructions.if_(wasm_encoder::BlockType::Empty).unreachable().end();
    for index in 0..parameters {
        instructions.local_get(index);
    }
    instructions.call(original).end();
    function
}
