//! What a leader checks before it appends, and how it turns a producer's batch into the one it stores (LogValidator).

use bytes::Bytes;
use kafka_sim_core::ErrorCode;
use kafka_sim_core::batch::{
    Batch, BatchHeader, NO_TIMESTAMP, RecordSummary, RecordView, TimestampType, split_batches, validate_records,
};
use smallvec::SmallVec;

use super::append::AppendOrigin;
use super::{AppendError, DECOMPRESSION_LIMIT, LogConfig};

/// How many refused records are named in an error message.
const NAMED_RECORDS: usize = 3;

/// Almost always one: clients may send no more.
pub(super) type Batches = SmallVec<[Batch; 1]>;

/// Cuts the request into batches and checks what can be seen from outside: origin, size, CRC. A batch cut off at the end is
/// dropped, as Kafka does.
pub(super) fn split(records: &Bytes, origin: AppendOrigin, config: &LogConfig) -> Result<Batches, AppendError> {
    let mut batches = Batches::new();
    for batch in split_batches(records) {
        let batch = batch?;
        if origin == AppendOrigin::Client && batch.header.base_offset != 0 {
            let text = format!("the base offset must be 0 but is {}", batch.header.base_offset);
            return Err(AppendError::new(ErrorCode::INVALID_RECORD, text));
        }
        check_size(&batch, config)?;
        if !batch.check_crc() {
            return Err(AppendError::new(ErrorCode::CORRUPT_MESSAGE, "the CRC does not match"));
        }
        batches.push(batch);
    }
    if origin == AppendOrigin::Client && batches.len() > 1 {
        return Err(AppendError::new(
            ErrorCode::INVALID_RECORD,
            "more than one batch for a partition",
        ));
    }
    Ok(batches)
}

fn check_size(batch: &Batch, config: &LogConfig) -> Result<(), AppendError> {
    if batch.size() <= config.max_message_bytes {
        return Ok(());
    }
    let text = format!(
        "the batch has {} bytes, more than the {} allowed",
        batch.size(),
        config.max_message_bytes
    );
    Err(AppendError::new(ErrorCode::MESSAGE_TOO_LARGE, text))
}

/// Checks a batch and its records and makes of it what is to be stored: wherever possible it stays as it is.
pub(super) fn validate(
    batch: &mut Batch,
    origin: AppendOrigin,
    config: &LogConfig,
    now_ms: i64,
) -> Result<(), AppendError> {
    if origin == AppendOrigin::Client {
        check_header(&batch.header)?;
    }
    let summary = check_records(batch, config, now_ms)?;
    store_as(batch, &summary, config, now_ms)
}

fn check_header(header: &BatchHeader) -> Result<(), AppendError> {
    let refuse = |text: String| Err(AppendError::new(ErrorCode::INVALID_RECORD, text));
    let (count, delta) = (header.record_count, header.last_offset_delta);
    if count <= 0 || delta.checked_add(1) != Some(count) {
        return refuse(format!(
            "a last offset delta of {delta} does not go with {count} records"
        ));
    }
    if header.is_control() {
        return refuse("clients must not write control batches".into());
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return refuse(format!("the base sequence {} is negative", header.base_sequence));
    }
    Ok(())
}

/// One bad record refuses the whole batch.
fn check_records(batch: &Batch, config: &LogConfig, now_ms: i64) -> Result<RecordSummary, AppendError> {
    let mut refused: Vec<(i32, String)> = Vec::new();
    let mut bad_timestamp = false;
    let summary = validate_records(batch, DECOMPRESSION_LIMIT, |record| {
        if config.cleanup_compact && record.key.is_none() {
            refused.push((record.index, "a compacted topic needs a key in every record".into()));
        } else if let Some(complaint) = timestamp_complaint(record, batch.header.timestamp_type(), config, now_ms) {
            bad_timestamp = true;
            refused.push((record.index, complaint));
        }
    })?;
    let compressed = batch.header.codec()? != kafka_sim_core::batch::Codec::None;
    if let Some(index) = summary.first_gap.filter(|_| compressed) {
        let text = format!("record {index} does not have the offset that follows the one before it");
        return Err(AppendError::new(ErrorCode::INVALID_RECORD, text));
    }
    if refused.is_empty() {
        return Ok(summary);
    }
    let code = if bad_timestamp {
        ErrorCode::INVALID_TIMESTAMP
    } else {
        ErrorCode::INVALID_RECORD
    };
    let named: Vec<&str> = refused
        .iter()
        .take(NAMED_RECORDS)
        .map(|(_, text)| text.as_str())
        .collect();
    let text = format!(
        "{} records were refused, among them: {}",
        refused.len(),
        named.join("; ")
    );
    Err(AppendError {
        record_errors: refused,
        ..AppendError::new(code, text)
    })
}

fn timestamp_complaint(
    record: &RecordView<'_>,
    sent: TimestampType,
    config: &LogConfig,
    now_ms: i64,
) -> Option<String> {
    if config.timestamp_type == TimestampType::LogAppendTime {
        return None;
    }
    if sent == TimestampType::LogAppendTime {
        return Some("only the broker may set the timestamp type to LogAppendTime".into());
    }
    let timestamp = record.timestamp;
    if timestamp == NO_TIMESTAMP {
        return None;
    }
    let too_old = now_ms.saturating_sub(timestamp) > config.timestamp_before_max_ms;
    let too_new = timestamp.saturating_sub(now_ms) > config.timestamp_after_max_ms;
    (too_old || too_new).then(|| format!("the timestamp {timestamp} is too far from the broker's clock, {now_ms}"))
}

fn store_as(batch: &mut Batch, summary: &RecordSummary, config: &LogConfig, now_ms: i64) -> Result<(), AppendError> {
    let header = &batch.header;
    let sent = header.codec()?;
    let target = if header.is_control() {
        sent
    } else {
        config.compression.target(sent)
    };
    let create_time = config.timestamp_type == TimestampType::CreateTime;
    if target != sent {
        *batch = batch.recompressed(target, DECOMPRESSION_LIMIT)?;
    } else if create_time && header.max_timestamp != summary.max_timestamp {
        // The producer's header was wrong about its own records: computed again, with the CRC.
        *batch = batch.retaining(DECOMPRESSION_LIMIT, |_| true)?;
    }
    if !create_time {
        *batch = batch.with_log_append_time(now_ms);
    }
    if target != sent {
        check_size(batch, config)?;
    }
    Ok(())
}
