//! Gives `cron` whatever the fuzzer comes up with.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reproq_fuzz::cron(data));
