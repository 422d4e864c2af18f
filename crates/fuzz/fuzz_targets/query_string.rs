//! Runs `fuzz::query_string` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::query_string(input);
});
