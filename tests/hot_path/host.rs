//! A test host for the deployable module. It passes a request to the module, applies the module's edits and counts
//! costs.
//!
//! It counts calls into the host, buffers that the module allocates for the host, and instructions of the module. These
//! counts do not depend on the machine or its load.

use std::collections::BTreeMap;

use prost::Message;
use wasmi::{Caller, Config, Engine, Error, Extern, Instance, Linker, Memory, Module, Store, Val};

use jwt_guard::jose::algorithm::HostCheck;
use jwt_guard::time::UnixTime;
use jwt_guard_testkit::host_double::verify_signature;

const ROOT: i32 = 1;
const OK: i32 = 0;
const NOT_FOUND: i32 = 1;
const CAS_MISMATCH: i32 = 8;
/// The buffer with the body of a fetch response, and the map with its headers.
const FETCH_BODY: i32 = 4;
const FETCH_HEADERS: i32 = 6;
/// The id of every fetch.
const FETCH: i32 = 1;
/// More instructions than any test needs.
const FUEL: u64 = u64::MAX / 2;

pub type Headers = Vec<(String, Vec<u8>)>;

/// The cost of one request.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// The number of calls by host function, including metrics and log lines.
    pub calls: BTreeMap<String, u32>,
    /// The number of instructions, as counted by the runtime.
    pub instructions: u64,
}

/// The configured module in its own VM.
pub struct Guest {
    store: Store<Host>,
    instance: Instance,
    next_context: i32,
}

/// The state of the host.
pub struct Host {
    configuration: Vec<u8>,
    now: UnixTime,
    /// The current request after the module's edits.
    headers: Headers,
    answered: Option<i32>,
    metrics: BTreeMap<String, i64>,
    metric_names: Vec<String>,
    calls: BTreeMap<String, u32>,
    shared: BTreeMap<String, (Vec<u8>, u32)>,
    /// The issuer's response to a fetch.
    keys: Vec<u8>,
    log: Vec<String>,
    random: u8,
    tick_milliseconds: i32,
    /// The serialized metadata of the route and of its virtual host.
    metadata: [Vec<u8>; 2],
}

/// The result of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The status of a local response; `None` if the request is forwarded.
    pub status: Option<i32>,
    /// The headers that the upstream receives.
    pub headers: Headers,
    pub cost: Cost,
}

impl Guest {
    /// Starts a VM like the host, with the configuration. `keys` is the response to a key fetch.
    pub fn start(module: &[u8], configuration: &str, keys: &str, now: UnixTime) -> Self {
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, module).expect("the module is valid");
        let host = Host {
            configuration: configuration.as_bytes().to_vec(),
            now,
            headers: Headers::new(),
            answered: None,
            metrics: BTreeMap::new(),
            metric_names: Vec::new(),
            calls: BTreeMap::new(),
            shared: BTreeMap::new(),
            keys: keys.as_bytes().to_vec(),
            log: Vec::new(),
            random: 0,
            tick_milliseconds: 0,
            metadata: [Vec::new(), Vec::new()],
        };
        let mut store = Store::new(&engine, host);
        store.set_fuel(FUEL).unwrap();
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let name = import.name().to_owned();
            let kind = import.ty().func().expect("only functions are imported").clone();
            let called = move |caller: Caller<'_, Host>, arguments: &[Val], results: &mut [Val]| {
                let status = HostCall { caller, name: &name }.answer(arguments)?;
                if let Some(result) = results.first_mut() {
                    *result = Val::I32(status);
                }
                Ok(())
            };
            linker.func_new(import.module(), import.name(), kind, called).unwrap();
        }
        let instance = linker.instantiate_and_start(&mut store, &module).expect("the module starts");
        let mut guest = Self { store, instance, next_context: ROOT + 1 };
        let bytes = i32::try_from(configuration.len()).unwrap();
        guest.call("_initialize", &[]);
        guest.call("proxy_on_context_create", &[ROOT, 0]);
        guest.call("proxy_on_vm_start", &[ROOT, 0]);
        let configured = guest.call("proxy_on_configure", &[ROOT, bytes]);
        assert_eq!(configured, Some(1), "refused: {:?}", guest.store.data().log);
        guest.call("proxy_on_tick", &[ROOT]);
        if guest.store.data().calls.contains_key("proxy_http_call") {
            let bytes = i32::try_from(keys.len()).unwrap();
            guest.call("proxy_on_http_call_response", &[ROOT, FETCH, 1, bytes, 0]);
        }
        guest
    }

    /// Runs one request without a body, from its first callback to its last.
    pub fn request(&mut self, headers: &Headers) -> Outcome {
        let context = self.next_context;
        self.next_context += 1;
        let host = self.store.data_mut();
        host.headers.clone_from(headers);
        host.answered = None;
        host.calls.clear();
        self.store.set_fuel(FUEL).unwrap();

        self.call("proxy_on_context_create", &[context, ROOT]);
        let count = i32::try_from(headers.len()).unwrap();
        let action = self.call("proxy_on_request_headers", &[context, count, 1]);
        self.call("proxy_on_delete", &[context]);

        let instructions = FUEL - self.store.get_fuel().unwrap();
        let host = self.store.data_mut();
        let cost = Cost { calls: std::mem::take(&mut host.calls), instructions };
        assert_eq!(
            action == Some(0),
            host.answered.is_none(),
            "the request is either forwarded or answered: {:?}",
            host.log
        );
        Outcome { status: host.answered, headers: host.headers.clone(), cost }
    }

    /// The size of the VM's memory, which never shrinks.
    pub fn memory_bytes(&self) -> usize {
        let memory = self.instance.get_export(&self.store, "memory").and_then(Extern::into_memory);
        memory.expect("the module exports its memory").data_size(&self.store)
    }

    /// The interval of the timer in milliseconds; 0 if it is off.
    pub fn tick_milliseconds(&self) -> i32 {
        self.store.data().tick_milliseconds
    }

    /// Removes the configuration.
    pub fn end(&mut self) {
        self.call("proxy_on_delete", &[ROOT]);
    }

    /// Sets the metadata of the route and of its virtual host.
    pub fn with_metadata(&mut self, route: Vec<u8>, virtual_host: Vec<u8>) {
        self.store.data_mut().metadata = [route, virtual_host];
    }

    /// Sets the clock.
    pub fn at(&mut self, now: UnixTime) {
        self.store.data_mut().now = now;
    }

    /// The value of a metric after a tick, which brings the counters up to date.
    pub fn metric(&mut self, name: &str) -> i64 {
        self.call("proxy_on_tick", &[ROOT]);
        self.store.data().metrics.get(name).copied().unwrap_or_default()
    }

    fn call(&mut self, name: &str, arguments: &[i32]) -> Option<i32> {
        let function =
            self.instance.get_func(&self.store, name).unwrap_or_else(|| panic!("no export {name}"));
        let arguments: Vec<Val> = arguments.iter().copied().map(Val::I32).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        if let Err(error) = function.call(&mut self.store, &arguments, &mut results) {
            panic!("{name} trapped: {error}; the log is {:?}", self.store.data().log);
        }
        results.first().and_then(Val::i32)
    }
}

/// One host call of the module.
struct HostCall<'a, 'n> {
    caller: Caller<'a, Host>,
    name: &'n str,
}

impl HostCall<'_, '_> {
    fn answer(&mut self, arguments: &[Val]) -> Result<i32, Error> {
        *self.caller.data_mut().calls.entry(self.name.to_owned()).or_default() += 1;
        let a = |index: usize| arguments[index].i32().unwrap();
        let status = match self.name {
            "proxy_log" => {
                let line = String::from_utf8_lossy(&self.read(a(1), a(2))).into_owned();
                self.caller.data_mut().log.push(line);
                OK
            }
            "proxy_get_current_time_nanoseconds" => {
                let nanoseconds = self.caller.data().now.as_millis() * 1_000_000;
                self.write(a(0), &nanoseconds.to_le_bytes());
                OK
            }
            "proxy_get_buffer_bytes" => {
                let host = self.caller.data();
                let buffer = if a(0) == FETCH_BODY { host.keys.clone() } else { host.configuration.clone() };
                self.pass_buffer(&buffer, a(3), a(4))?
            }
            "proxy_get_header_map_pairs" => {
                let answer = [(":status".to_owned(), b"200".to_vec())];
                let headers = if a(0) == FETCH_HEADERS { &answer } else { &*self.caller.data().headers };
                let map = serialised(headers);
                self.pass_buffer(&map, a(1), a(2))?
            }
            "proxy_add_header_map_value" => {
                let (name, value) = (self.text(a(1), a(2)), self.read(a(3), a(4)));
                self.caller.data_mut().headers.push((name, value));
                OK
            }
            "proxy_replace_header_map_value" => {
                let (name, value) = (self.text(a(1), a(2)), self.read(a(3), a(4)));
                let headers = &mut self.caller.data_mut().headers;
                headers.retain(|(known, _)| *known != name);
                headers.push((name, value));
                OK
            }
            "proxy_remove_header_map_value" => {
                let name = self.text(a(1), a(2));
                self.caller.data_mut().headers.retain(|(known, _)| *known != name);
                OK
            }
            // Like the proxy, which passes an empty buffer for a route without metadata.
            "proxy_get_property" => {
                let value = match self.read(a(0), a(1)).as_slice() {
                    b"xds\0route_metadata" => self.caller.data().metadata[0].clone(),
                    b"xds\0virtual_host_metadata" => self.caller.data().metadata[1].clone(),
                    _ => Vec::new(),
                };
                self.pass_buffer(&value, a(2), a(3))?
            }
            "proxy_set_property" | "proxy_set_effective_context" => OK,
            "proxy_set_tick_period_milliseconds" => {
                self.caller.data_mut().tick_milliseconds = a(0);
                OK
            }
            "proxy_send_local_response" => {
                self.caller.data_mut().answered = Some(a(0));
                OK
            }
            "proxy_define_metric" => {
                let name = self.text(a(1), a(2));
                let host = self.caller.data_mut();
                host.metric_names.push(name);
                let id = u32::try_from(host.metric_names.len() - 1).unwrap();
                self.write(a(3), &id.to_le_bytes());
                OK
            }
            "proxy_increment_metric" | "proxy_record_metric" => {
                let amount = arguments[1].i64().unwrap();
                let host = self.caller.data_mut();
                let name = host.metric_names[usize::try_from(a(0)).unwrap()].clone();
                let value = host.metrics.entry(name).or_default();
                *value = if self.name == "proxy_record_metric" { amount } else { *value + amount };
                OK
            }
            "proxy_register_shared_queue" => {
                self.write(a(2), &1_u32.to_le_bytes());
                OK
            }
            "proxy_get_shared_data" => {
                let name = self.text(a(0), a(1));
                let Some((value, cas)) = self.caller.data().shared.get(&name).cloned() else {
                    return Ok(NOT_FOUND);
                };
                self.write(a(4), &cas.to_le_bytes());
                self.pass_buffer(&value, a(2), a(3))?
            }
            "proxy_set_shared_data" => {
                let (name, value) = (self.text(a(0), a(1)), self.read(a(2), a(3)));
                let shared = &mut self.caller.data_mut().shared;
                let held = shared.get(&name).map_or(0, |(_, cas)| *cas);
                if held != 0 && a(4) != 0 && u32::try_from(a(4)) != Ok(held) {
                    return Ok(CAS_MISMATCH);
                }
                shared.insert(name, (value, held + 1));
                OK
            }
            "proxy_http_call" => {
                self.write(a(9), &FETCH.to_le_bytes());
                OK
            }
            "proxy_call_foreign_function" => {
                assert_eq!(self.text(a(0), a(1)), "verify_signature");
                let result = verified(&self.read(a(2), a(3)));
                self.pass_buffer(&result, a(4), a(5))?
            }
            "random_get" => {
                let length = usize::try_from(a(1)).unwrap();
                let host = self.caller.data_mut();
                host.random = host.random.wrapping_add(1);
                let bytes = vec![host.random; length];
                self.write(a(0), &bytes);
                OK
            }
            "environ_sizes_get" => {
                self.write(a(0), &[0; 4]);
                self.write(a(1), &[0; 4]);
                OK
            }
            "environ_get" => OK,
            other => panic!("the module called {other}, which this host does not implement"),
        };
        Ok(status)
    }

    fn memory(&mut self) -> Memory {
        self.caller.get_export("memory").and_then(Extern::into_memory).expect("the module exports its memory")
    }

    fn read(&mut self, address: i32, length: i32) -> Vec<u8> {
        let memory = self.memory();
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        memory.read(&self.caller, usize::try_from(address).unwrap(), &mut bytes).expect("a valid address");
        bytes
    }

    fn text(&mut self, address: i32, length: i32) -> String {
        String::from_utf8(self.read(address, length)).unwrap()
    }

    fn write(&mut self, address: i32, bytes: &[u8]) {
        let memory = self.memory();
        memory.write(&mut self.caller, usize::try_from(address).unwrap(), bytes).expect("a valid address");
    }

    /// Passes a buffer in memory that the module allocates. Like the proxy, it allocates nothing for an empty buffer.
    fn pass_buffer(&mut self, bytes: &[u8], at: i32, length_at: i32) -> Result<i32, Error> {
        let mut address = 0;
        if !bytes.is_empty() {
            *self.caller.data_mut().calls.entry("(a buffer from the module)".to_owned()).or_default() += 1;
            let allocate = self.caller.get_export("proxy_on_memory_allocate").and_then(Extern::into_func);
            let allocate = allocate.expect("the module exports its allocator");
            let mut result = [Val::I32(0)];
            let length = Val::I32(i32::try_from(bytes.len()).unwrap());
            allocate.call(&mut self.caller, &[length], &mut result)?;
            address = result[0].i32().unwrap();
            self.write(address, bytes);
        }
        self.write(at, &address.to_le_bytes());
        self.write(length_at, &i32::try_from(bytes.len()).unwrap().to_le_bytes());
        Ok(OK)
    }
}

/// Headers in the proxy-wasm format: the count, the lengths of all names and values, then all names and values, each
/// followed by NUL.
fn serialised(headers: &[(String, Vec<u8>)]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let mut bytes = u32::try_from(headers.len()).unwrap().to_le_bytes().to_vec();
    for (name, value) in headers {
        bytes.extend(length(name.as_bytes()));
        bytes.extend(length(value));
    }
    for part in headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]) {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes
}

#[derive(Clone, PartialEq, Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct VerifyResult {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

fn verified(arguments: &[u8]) -> Vec<u8> {
    let Arguments { hash_function, public_key, signature, text } = Arguments::decode(arguments).unwrap();
    let hash_function =
        ["sha256", "sha384", "sha512"].into_iter().find(|name| *name == hash_function).unwrap();
    let check =
        HostCheck { hash_function, public_key: &public_key, signature: signature.into(), text: &text };
    VerifyResult { result: verify_signature(&check), error: String::new() }.encode_to_vec()
}
