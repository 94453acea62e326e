//! Snapshots as they lie in Redis: JSON, compressed, because its memory is what all services share.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest text that is read back.
const MAX_TEXT_BYTES: u64 = 256 * 1024 * 1024;

/// # Errors
/// The value cannot be written as JSON.
pub fn write(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut encoder, value)?;
    encoder.flush()?;
    Ok(encoder.finish()?)
}

/// # Errors
/// It is not what [`write()`] makes, or of another shape.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    let mut text = Vec::new();
    GzDecoder::new(bytes).take(MAX_TEXT_BYTES).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
