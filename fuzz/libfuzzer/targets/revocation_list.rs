#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    jwt_guard_fuzz::revocation_list::holds(data);
});
