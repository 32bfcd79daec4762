//! Two host calls of the proxy-wasm ABI 0.2.1 that return the host's buffer as it is.
//!
//! The SDK (`proxy_wasm::hostcalls`) makes the same calls, but `get_map_bytes` copies each name and each value into an
//! allocation of its own, and `get_property` serializes the path of the property for each call. Both run for every
//! request.
//!
//! This is the only crate of the workspace with unsafe code: an imported function is unsafe to call, and the buffer
//! that the host fills has to be taken over.

/// The host rejected a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected;

/// The status of a call that succeeded.
const OK: u32 = 0;
/// The status of a call for something that does not exist.
const NOT_FOUND: u32 = 1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_property(
        path_data: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
}

/// The serialized header map with this number in the ABI: empty if the host has none.
///
/// # Errors
/// The host rejected the call.
pub fn header_map(map: u32) -> Result<Vec<u8>, Rejected> {
    let mut buffer = HostBuffer::none();
    // SAFETY: both pointers are valid for writes during the call.
    match unsafe { proxy_get_header_map_pairs(map, &raw mut buffer.data, &raw mut buffer.size) } {
        OK => Ok(buffer.into_vec()),
        _ => Err(Rejected),
    }
}

/// The value of a property: empty if the property is absent. The names in the path are separated by NUL.
///
/// # Errors
/// The host withholds the property or cannot serialize it.
pub fn property(path: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut buffer = HostBuffer::none();
    let (data, size) = (&raw mut buffer.data, &raw mut buffer.size);
    // SAFETY: the path is valid for reads, and both other pointers for writes, during the call.
    match unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) } {
        OK => Ok(buffer.into_vec()),
        NOT_FOUND => Ok(Vec::new()),
        _ => Err(Rejected),
    }
}

/// A buffer that the host has filled.
struct HostBuffer {
    data: *mut u8,
    size: usize,
}

impl HostBuffer {
    const fn none() -> Self {
        Self { data: std::ptr::null_mut(), size: 0 }
    }

    /// Takes the buffer over, which the host does not use any more.
    fn into_vec(self) -> Vec<u8> {
        if self.data.is_null() || self.size == 0 {
            return Vec::new();
        }
        // SAFETY: the host gets a buffer for its result from `proxy_on_memory_allocate`, which allocates this number of
        // bytes as a boxed slice with the global allocator, and passes each buffer on once. The host has written all of
        // them.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_taken_over() {
        let bytes: Box<[u8]> = b"abc".to_vec().into();
        let size = bytes.len();
        let data = Box::into_raw(bytes).cast::<u8>();
        assert_eq!(HostBuffer { data, size }.into_vec(), b"abc");
        assert_eq!(HostBuffer::none().into_vec(), b"");
    }
}
