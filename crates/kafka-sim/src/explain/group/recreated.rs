//! What becomes of a group whose topic is deleted and created anew.

use kafka_sim_check::Setting;
use kafka_sim_cluster::event::Event;
use kafka_sim_core::SimTime;

use super::{Followed, Told, because};
use crate::explain::Explainer;
use crate::explain::loss::clock;

impl Explainer<'_> {
    /// The topic was deleted with records in it that the group had not processed.
    pub(super) fn explain_deleted(&self, topic: &str, partition: i32, acked_at: SimTime) -> Option<Told> {
        let tp = self.tp_at(topic, partition, acked_at)?;
        let deleted = self.events.iter().find_map(|(at, event)| match event {
            Event::TopicDeleted { topic } if *topic == tp.topic => Some(*at),
            _ => None,
        })?;
        let story = vec![
            format!(
                "{} the producer was told that {topic}-{partition} had it",
                clock(acked_at)
            ),
            format!(
                "{} the topic was deleted before the group had processed it",
                clock(deleted)
            ),
        ];
        let key = "delete.topic.enable";
        let allowed = Setting::new(key, self.settings.broker(key, "true"));
        let prevents = vec![
            Setting::new(key, "false"),
            Setting::new("operator", "deletes only what every group has processed"),
        ];
        Some(because(story, self.last_fault(deleted), allowed, prevents))
    }

    /// The group began in the new topic where it had stood in the old one.
    pub(super) fn explain_old_position(&self, followed: &Followed, never: &str) -> Option<Told> {
        let recreated = followed.recreated?;
        let (at, reader, next) = *followed.given_behind.first()?;
        let ran_on = |reader: u32| {
            followed
                .joined
                .iter()
                .any(|(at, who)| *who == reader && *at < recreated)
        };
        let name = self.settings.name_of(reader);
        let began = format!(
            "{} {name} went on at offset {next}, where it had stood in the old topic: offsets do not tell topics apart",
            clock(SimTime::from_nanos(at))
        );
        let mut story = vec![
            format!(
                "{} {} was created anew",
                clock(SimTime::from_nanos(recreated)),
                followed.topic
            ),
            never.to_owned(),
            began,
        ];
        let fault = self.last_fault(SimTime::from_nanos(at));
        let anew = Setting::new("operator", "starts consumers anew with the topic");
        let stale = followed.commits.iter().find(|(_, _, offset)| *offset == next);
        if let Some((committed, who, offset)) = stale.filter(|(committed, who, _)| *committed <= at && ran_on(*who)) {
            let name = self.settings.name_of(*who);
            let when = clock(SimTime::from_nanos(*committed));
            story.insert(
                1,
                format!("{when} {name} learned that its commit of {offset}, meant for the old topic, had succeeded"),
            );
            let key = "delete.topic.enable";
            let allowed = Setting::new(key, self.settings.broker(key, "true"));
            return Some(because(story, fault, allowed, vec![Setting::new(key, "false"), anew]));
        }
        if !ran_on(reader) || followed.repositioned.iter().any(|(_, who)| *who == reader) {
            return None;
        }
        // Members of the classic protocol are assigned names, those of the consumer protocol ids: to them the new topic is
        // another one.
        let key = "group.protocol";
        let prevents = vec![Setting::new(key, "consumer"), anew];
        Some(because(story, fault, Setting::new(key, "classic"), prevents))
    }
}
