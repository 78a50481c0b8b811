//! A record of a store, from any writer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokenflight_core::store::codec::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    let Ok(entry) = decode(bytes) else { return };
    let written = encode(&entry);
    let read = decode(written.expose()).expect("what was written can be read");
    assert!(read == entry, "what was written is read as it was");
    assert!(encode(&read) == written, "and written the same again");
    // Nothing of the format is cut off without notice.
    for cut in 0..written.expose().len() {
        assert!(decode(&written.expose()[..cut]).is_err());
    }
});
