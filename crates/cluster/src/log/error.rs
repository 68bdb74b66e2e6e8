//! Why an append was refused.

use kafka_sim_core::ErrorCode;
use kafka_sim_core::batch::BatchError;

use crate::disk::IoError;

/// A refused append. Nothing was written, unless `storage` is set.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}{}", message.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct AppendError {
    /// Never `NONE`.
    pub code: ErrorCode,
    /// Text for people, where Kafka gives one.
    pub message: Option<String>,
    /// Index in the batch and complaint, for each record that was refused on its own (Produce v8).
    pub record_errors: Vec<(i32, String)>,
    /// The disk failed: the log directory is to go offline. The records may have been written.
    pub storage: bool,
}

impl AppendError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        AppendError {
            code,
            message: Some(message.into()),
            record_errors: Vec::new(),
            storage: false,
        }
    }
}

impl From<IoError> for AppendError {
    fn from(error: IoError) -> Self {
        AppendError {
            storage: true,
            ..AppendError::new(ErrorCode::KAFKA_STORAGE_ERROR, error.to_string())
        }
    }
}

impl From<BatchError> for AppendError {
    fn from(error: BatchError) -> Self {
        let code = match error {
            // Only reached by produce requests that no longer allow older formats.
            BatchError::UnsupportedMagic(_) => ErrorCode::INVALID_RECORD,
            _ => error.error_code(),
        };
        AppendError::new(code, error.to_string())
    }
}
