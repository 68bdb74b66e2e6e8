//! Which marks an event leaves.

use crate::event::Event;
use crate::mark::{MarkName, MarkSubject};

impl Event {
    /// The marks this event leaves, at most two.
    pub fn marks(&self) -> impl Iterator<Item = (MarkName, MarkSubject)> {
        let partition = |name, tp| Some((name, MarkSubject::Partition(tp)));
        let of_broker = |name, broker| Some((name, MarkSubject::Broker(broker)));
        let mut second = None;
        let first = match self {
            Event::Appended {
                tp, duplicate: false, ..
            } => partition(MarkName::ProduceAppended, *tp),
            Event::ProduceAnswered { tp, error, .. } if error.is_ok() => partition(MarkName::ProduceAcked, *tp),
            Event::ProduceAnswered { tp, .. } => partition(MarkName::ProduceRefused, *tp),
            Event::Replicated { tp, .. } => partition(MarkName::Replicated, *tp),
            Event::HighWatermark { tp, .. } => partition(MarkName::HighWatermarkAdvanced, *tp),
            Event::LeaderElected {
                tp, leader: Some(_), ..
            } => partition(MarkName::LeaderElected, *tp),
            Event::IsrChanged { tp, was, isr, .. } => {
                if isr.iter().any(|member| !was.contains(member)) {
                    second = partition(MarkName::IsrExpanded, *tp);
                }
                let shrunk = was.iter().any(|member| !isr.contains(member));
                shrunk.then_some((MarkName::IsrShrunk, MarkSubject::Partition(*tp)))
            }
            Event::Truncated { tp, .. } => partition(MarkName::Truncated, *tp),
            Event::FetchAnswered {
                tp, from, next, error, ..
            } if error.is_ok() && next > from => partition(MarkName::FetchAnswered, *tp),
            Event::Flushed { tp, .. } => partition(MarkName::SegmentFlushed, *tp),
            Event::CleaningBegan { tp, .. } => partition(MarkName::CleaningBegan, *tp),
            Event::LogCleaned { tp, .. } => partition(MarkName::LogCleaned, *tp),
            Event::NotEnoughReplicas { tp, .. } => partition(MarkName::NotEnoughReplicas, *tp),
            Event::BrokerStarted { broker } => of_broker(MarkName::BrokerStarted, *broker),
            Event::BrokerKilled { broker }
            | Event::BrokerPowerLost { broker, .. }
            | Event::BrokerStopped { broker, .. } => of_broker(MarkName::BrokerDown, *broker),
            Event::BrokerFenced { broker } => of_broker(MarkName::BrokerFenced, *broker),
            Event::BrokerUnfenced { broker } => of_broker(MarkName::BrokerUnfenced, *broker),
            _ => None,
        };
        first.into_iter().chain(second)
    }
}
