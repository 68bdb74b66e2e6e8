//! What a member has to do in time.

use kafka_sim_core::AgendaKey;

use super::super::member::millis;
use super::super::turn::{Due, Turn};
use super::super::words::Text;
use super::ConsumerGroup;
use crate::config::BrokerConfig;
use crate::peer::{ConfigResource, MetadataImage};

/// What a member has to do in time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Deadline {
    /// To be heard of.
    Session,
    /// To give partitions back, at this epoch.
    Revoke(i32),
    /// Of the classic protocol: to rejoin.
    Join,
    /// Of the classic protocol: to send its SyncGroup.
    Sync,
}

/// The deadlines of one member.
#[derive(Clone, Default, Debug)]
pub(crate) struct Timers {
    session: Option<AgendaKey>,
    revoke: Option<AgendaKey>,
    join: Option<AgendaKey>,
    sync: Option<AgendaKey>,
}

impl Timers {
    fn slot(&mut self, deadline: Deadline) -> &mut Option<AgendaKey> {
        match deadline {
            Deadline::Session => &mut self.session,
            Deadline::Revoke(_) => &mut self.revoke,
            Deadline::Join => &mut self.join,
            Deadline::Sync => &mut self.sync,
        }
    }
}

impl ConsumerGroup {
    /// Sets a deadline anew, `ms` milliseconds from now.
    pub(crate) fn set_deadline(&mut self, turn: &mut Turn<'_, '_>, member: &Text, deadline: Deadline, ms: i32) {
        let timers = self.timers.entry(member.clone()).or_default();
        let due = Due::Deadline {
            group: self.id.clone(),
            member: member.clone(),
            deadline,
        };
        turn.reset(timers.slot(deadline), millis(ms), due);
    }

    pub(crate) fn has_deadline(&mut self, member: &Text, deadline: Deadline) -> bool {
        let timers = self.timers.get_mut(member);
        timers.is_some_and(|timers| timers.slot(deadline).is_some())
    }

    pub(crate) fn clear_deadline(&mut self, turn: &mut Turn<'_, '_>, member: &Text, deadline: Deadline) {
        if let Some(timers) = self.timers.get_mut(member) {
            turn.cancel(timers.slot(deadline));
        }
    }

    /// The deadline is over.
    pub(crate) fn deadline_passed(&mut self, member: &Text, deadline: Deadline) {
        if let Some(timers) = self.timers.get_mut(member) {
            *timers.slot(deadline) = None;
        }
    }

    /// The member is gone.
    pub(crate) fn clear_deadlines(&mut self, turn: &mut Turn<'_, '_>, member: &Text) {
        if let Some(mut timers) = self.timers.remove(member) {
            for timer in [
                &mut timers.session,
                &mut timers.revoke,
                &mut timers.join,
                &mut timers.sync,
            ] {
                turn.cancel(timer);
            }
        }
    }

    /// How long a member may be silent, in milliseconds: of the classic protocol what it asked for, of the others what
    /// the group is configured with.
    pub(crate) fn session_ms(&self, member: &str, config: &BrokerConfig, image: &MetadataImage) -> i32 {
        let classic = self
            .members
            .get(member)
            .and_then(|member| member.metadata.classic.as_ref());
        match classic {
            Some(classic) => classic.session_timeout,
            None => of_group(&self.id, "consumer.session.timeout.ms", image)
                .unwrap_or(config.group_consumer_session_timeout_ms),
        }
    }
}

/// How often members are told to send heartbeats, in milliseconds.
pub(crate) fn heartbeat_interval_ms(group: &Text, config: &BrokerConfig, image: &MetadataImage) -> i32 {
    of_group(group, "consumer.heartbeat.interval.ms", image).unwrap_or(config.group_consumer_heartbeat_interval_ms)
}

/// What a group is configured with.
fn of_group(group: &Text, key: &str, image: &MetadataImage) -> Option<i32> {
    let overrides = image.configs.get(&ConfigResource::Group(group.clone()))?;
    overrides.get(key)?.parse().ok()
}
