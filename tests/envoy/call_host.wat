;; A proxy-wasm module that passes the body of a request to the host's function `verify_signature` and responds with the
;; result: the response status is 200 plus the host's status, the response body is the host's result.
(module
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_call_foreign_function" (func $call (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 64)
  (data (i32.const 0) "verify_signature")
  ;; 16: start of the body, 20: its length, 24: start of the result, 28: its length; the rest is allocated.
  (global $free (mut i32) (i32.const 64))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $free)
    (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get $size)) (i32.const 15)) (i32.const -16))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $free (i32.const 64))
    (i32.const 1))
  (func (export "proxy_on_request_body") (param $context i32) (param $size i32) (param $end i32) (result i32)
    (local $status i32)
    (if (local.get $end) (then
      (i32.store (i32.const 24) (i32.const 0))
      (i32.store (i32.const 28) (i32.const 0))
      (drop (call $get_buffer (i32.const 0) (i32.const 0) (local.get $size) (i32.const 16) (i32.const 20)))
      (local.set $status (call $call (i32.const 0) (i32.const 16)
        (i32.load (i32.const 16)) (i32.load (i32.const 20)) (i32.const 24) (i32.const 28)))
      (drop (call $answer (i32.add (i32.const 200) (local.get $status)) (i32.const 0) (i32.const 0)
        (i32.load (i32.const 24)) (i32.load (i32.const 28)) (i32.const 0) (i32.const 0) (i32.const -1)))))
    (i32.const 1)))
