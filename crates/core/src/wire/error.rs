//! Why bytes are not a Kafka message.

use kafka_protocol::messages::ApiKey;
use thiserror::Error;

use super::supported_versions;

/// Bytes that are not the message they should be. A broker closes the connection on any of these; the one exception is
/// an unsupported version of ApiVersions, which is answered.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum WireError {
    /// No API has this key.
    #[error("unknown api key {0}")]
    UnknownApiKey(i16),
    /// The version lies outside what this crate can encode and decode.
    #[error("{api_key:?} version {version} is outside {min}..={max}")]
    UnsupportedVersion {
        /// The API.
        api_key: ApiKey,
        /// The version asked for.
        version: i16,
        /// Lowest version there is.
        min: i16,
        /// Highest version there is.
        max: i16,
    },
    /// The frame ends inside its header, or the header is not one.
    #[error("malformed header: {0}")]
    MalformedHead(&'static str),
    /// The body does not parse against its schema.
    #[error("malformed {api_key:?} version {version}: {reason}")]
    Malformed {
        /// The API.
        api_key: ApiKey,
        /// The version.
        version: i16,
        /// What the decoder complained about.
        reason: String,
    },
    /// A message that cannot be written in this version, for instance because a field that is set does not exist there.
    #[error("cannot encode {api_key:?} version {version}: {reason}")]
    Unencodable {
        /// The API.
        api_key: ApiKey,
        /// The version.
        version: i16,
        /// What the encoder complained about.
        reason: String,
    },
}

impl WireError {
    pub(super) fn malformed(api_key: ApiKey, version: i16, reason: impl std::fmt::Display) -> Self {
        WireError::Malformed {
            api_key,
            version,
            reason: reason.to_string(),
        }
    }

    pub(super) fn unencodable(api_key: ApiKey, version: i16, reason: impl std::fmt::Display) -> Self {
        WireError::Unencodable {
            api_key,
            version,
            reason: reason.to_string(),
        }
    }
}

/// Refuses versions this crate cannot encode and decode.
pub(super) fn check_version(api_key: ApiKey, version: i16) -> Result<(), WireError> {
    let range = supported_versions(api_key);
    if range.contains(&version) {
        return Ok(());
    }
    Err(WireError::UnsupportedVersion {
        api_key,
        version,
        min: *range.start(),
        max: *range.end(),
    })
}
