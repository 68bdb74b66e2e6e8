//! DeleteTopics (ControllerApis.deleteTopics).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_sim_core::ErrorCode;
use uuid::Uuid;

use super::publish::Changes;
use super::{Controller, refuse};
use crate::peer::{MetadataRecord, Refusal, TopicRef};

/// The topic as asked, its name and id where known, and the outcome.
type Deleted = (TopicRef, Option<Arc<str>>, Option<Uuid>, Result<(), Refusal>);

impl Controller {
    /// Deletes topics, each on its own. One that is listed twice, also once by name and once by id, is not deleted.
    pub(super) fn delete_topics(&mut self, topics: Vec<TopicRef>, changes: &mut Changes) -> Vec<Deleted> {
        let resolved: Vec<_> = topics.into_iter().map(|topic| self.resolve(topic)).collect();
        let mut times: BTreeMap<Uuid, usize> = BTreeMap::new();
        for (_, id) in resolved.iter().filter_map(|(_, found)| found.as_ref().ok()) {
            *times.entry(*id).or_default() += 1;
        }
        resolved
            .into_iter()
            .map(|(topic, found)| {
                let (name, id, outcome) = match found {
                    Ok((name, id)) => (Some(name), Some(id), self.delete_topic(id, times[&id], changes)),
                    Err(refusal) => match &topic {
                        TopicRef::Name(name) => (Some(name.clone()), None, Err(refusal)),
                        TopicRef::Id(id) => (None, Some(*id), Err(refusal)),
                    },
                };
                (topic, name, id, outcome)
            })
            .collect()
    }

    fn resolve(&self, topic: TopicRef) -> (TopicRef, Result<(Arc<str>, Uuid), Refusal>) {
        let found = match &topic {
            TopicRef::Name(name) => self
                .image
                .topic_named(name)
                .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            TopicRef::Id(id) => self.image.topics.get(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
        };
        let found = found.map(|state| (state.name.clone(), state.id));
        (topic, found.map_err(|code| Refusal { code, message: None }))
    }

    fn delete_topic(&mut self, id: Uuid, times: usize, changes: &mut Changes) -> Result<(), Refusal> {
        if !self.defaults.delete_topic_enable {
            return Err(refuse(
                ErrorCode::TOPIC_DELETION_DISABLED,
                "delete.topic.enable is false.",
            ));
        }
        if times > 1 {
            return Err(refuse(
                ErrorCode::INVALID_REQUEST,
                "The topic is listed more than once.",
            ));
        }
        self.write(MetadataRecord::RemoveTopic(id), changes);
        Ok(())
    }
}
