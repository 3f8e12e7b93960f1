#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| thumbelina_fuzz::profiles::observe(data));
