//! Runs `fuzz::snapshot` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    fuzz::snapshot(input);
});
