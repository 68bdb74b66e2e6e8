//! ApiVersions responses, which each connection begins with.

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;

use super::super::WireError;
use super::super::fields::FieldReader;
use super::decode;

/// What a client needs of an ApiVersions response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// An error, or 0.
    pub error_code: i16,
    /// How long to leave the broker alone, in milliseconds.
    pub throttle_time_ms: i32,
    /// The APIs that the broker offers.
    pub rows: Vec<VersionRow>,
}

/// The versions of one API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRow {
    /// Number of the API, possibly unknown.
    pub api_key: i16,
    /// Oldest version.
    pub min: i16,
    /// Newest version.
    pub max: i16,
}

/// Decodes an ApiVersions response frame, given without its size prefix, into its correlation id and what is needed of its
/// body.
///
/// # Errors
/// As [`decode_response`](super::super::decode_response).
pub fn decode_versions(version: i16, frame: Bytes) -> Result<(i32, Versions), WireError> {
    decode(ApiKey::ApiVersions, version, frame, read)
}

fn read(fields: &mut FieldReader<'_>, version: i16) -> Result<Versions, &'static str> {
    let error_code = fields.i16()?;
    let count = fields.count(6)?;
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        rows.push(VersionRow {
            api_key: fields.i16()?,
            min: fields.i16()?,
            max: fields.i16()?,
        });
        fields.no_tags()?;
    }
    let throttle_time_ms = if version >= 1 { fields.i32()? } else { 0 };
    fields.tags(|tag, fields| {
        match tag {
            // Features, those that brokers could have and those that the cluster has settled on.
            0 | 2 => features(fields)?,
            // Their epoch.
            1 => {
                fields.i64()?;
            }
            // Whether the cluster could be migrated from ZooKeeper.
            3 => fields.skip(1)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Versions {
        error_code,
        throttle_time_ms,
        rows,
    })
}

fn features(fields: &mut FieldReader<'_>) -> Result<(), &'static str> {
    for _ in 0..fields.count(6)? {
        let _name = fields.text()?;
        let _ = (fields.i16()?, fields.i16()?);
        fields.no_tags()?;
    }
    Ok(())
}
