//! Violations in sentences.

use super::{PhantomKind, Violation};
use crate::message::MessageId;
use crate::moment::Moment;
use std::fmt;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Lost {
                message,
                producer,
                topic,
                partition,
                offset,
                acked_at,
            } => {
                write!(
                    f,
                    "{message} of producer {producer} is lost: {topic}-{partition} acknowledged it"
                )?;
                if let Some(offset) = offset {
                    write!(f, " at offset {offset}")?;
                }
                write!(f, ", {}", Moment(*acked_at))
            }
            Violation::Duplicated {
                message, topic, places, ..
            } => {
                write!(f, "{message} is stored {} times:", places.len())?;
                list(
                    f,
                    places
                        .iter()
                        .map(|place| format!("{topic}-{}@{}", place.partition, place.offset)),
                )
            }
            Violation::Reordered {
                producer,
                topic,
                partition,
                earlier,
                earlier_offset,
                later,
                later_offset,
                ..
            } => {
                write!(
                    f,
                    "{later} of producer {producer} lies at offset {later_offset} of {topic}-{partition}, \
                     before {earlier} at {earlier_offset} that was sent earlier"
                )
            }
            Violation::InconsistentOffset {
                topic,
                partition,
                offset,
                messages,
            } => {
                write!(
                    f,
                    "offset {offset} of {topic}-{partition} holds {} different things:",
                    messages.len()
                )?;
                list(
                    f,
                    messages.iter().map(|message| match message {
                        Some(message) => message.to_string(),
                        None => "foreign bytes".to_owned(),
                    }),
                )
            }
            Violation::Phantom {
                message,
                topic,
                place,
                kind,
            } => {
                let why = match kind {
                    PhantomKind::Refused => "was refused",
                    PhantomKind::NeverSent => "was never sent",
                };
                write!(
                    f,
                    "{message} {why} but can be read at offset {} of {topic}-{}",
                    place.offset, place.partition
                )
            }
            Violation::Unresolved {
                message,
                producer,
                topic,
                sent_at,
                ..
            } => {
                write!(
                    f,
                    "{message} of producer {producer} to {topic}, sent at {}, never came to an outcome",
                    Moment(*sent_at)
                )
            }
            Violation::Repeated {
                business, appearances, ..
            } => {
                match business {
                    Some(business) => write!(f, "business key {business} appears {} times:", appearances.len())?,
                    None => write!(f, "what was sent again appears {} times:", appearances.len())?,
                }
                list(
                    f,
                    appearances.iter().map(|(topic, place, message)| {
                        format!("{message} at {topic}-{}@{}", place.partition, place.offset)
                    }),
                )
            }
            Violation::KeyMoved { topic, key, partitions } => {
                write!(f, "key {key:#018x} of {topic} is in {} partitions:", partitions.len())?;
                list(f, partitions.iter().map(i32::to_string))
            }
            Violation::Unprocessed { .. }
            | Violation::EffectRepeated { .. }
            | Violation::CommitAhead { .. }
            | Violation::ProcessedOutOfOrder { .. }
            | Violation::TwoOwners { .. }
            | Violation::NotConverged { .. } => self.tell_of_group(f),
        }
    }
}

impl Violation {
    /// How a group broke a promise, in a sentence.
    fn tell_of_group(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Unprocessed {
                message,
                producer,
                group,
                topic,
                partition,
                offset,
                acked_at,
                stage,
            } => {
                write!(
                    f,
                    "group {group} never processed {message} of producer {producer}: {topic}-{partition} acknowledged it"
                )?;
                if let Some(offset) = offset {
                    write!(f, " at offset {offset}")?;
                }
                write!(f, ", {}", Moment(*acked_at))?;
                match stage {
                    Some(stage) => write!(f, "; lost in {stage}"),
                    None => {
                        f.write_str("; nobody read the partition to its end, so that nobody can say where it was lost")
                    }
                }
            }
            Violation::EffectRepeated { group, message, times } => {
                write!(f, "the effect of {message} took place {} times", times.len())?;
                if let Some(group) = group {
                    write!(f, " in group {group}")?;
                }
                f.write_str(":")?;
                let time = |&(at, reader, message): &(u64, u32, MessageId)| {
                    format!("{message} by reader {reader} at {}", Moment(at))
                };
                list(f, times.iter().map(time))
            }
            Violation::CommitAhead {
                group,
                topic,
                partition,
                unprocessed,
                message,
                committed,
                reader,
                at,
            } => {
                write!(
                    f,
                    "group {group} had not processed offset {unprocessed} of {topic}-{partition}"
                )?;
                if let Some(message) = message {
                    write!(f, " ({message})")?;
                }
                write!(
                    f,
                    " when the commit of {committed} by reader {reader} succeeded, {}",
                    Moment(*at)
                )
            }
            Violation::ProcessedOutOfOrder {
                group,
                producer,
                topic,
                key,
                earlier,
                earlier_at,
                later,
                later_at,
            } => write!(
                f,
                "group {group} processed {later} of producer {producer}, key {key:#018x} of {topic}, at {}, \
                 before {earlier} at {} that was sent earlier",
                Moment(*later_at),
                Moment(*earlier_at)
            ),
            Violation::TwoOwners {
                group,
                topic,
                partition,
                first,
                second,
                since,
            } => write!(
                f,
                "readers {first} and {second} of group {group} both owned {topic}-{partition} from {} on, \
                 and commits of both succeeded",
                Moment(*since)
            ),
            Violation::NotConverged { group, at } => write!(
                f,
                "group {group} was not stable or had not caught up when its time was over, {}",
                Moment(*at)
            ),
            _ => Ok(()),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    for (at, item) in items.enumerate() {
        let separator = if at == 0 { " " } else { ", " };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}
