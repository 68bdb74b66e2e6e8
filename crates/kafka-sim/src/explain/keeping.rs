//! Why a message is gone that its application had promised to deliver and kept on its own machine.

use kafka_sim_check::{Cause, Setting, Stage};
use kafka_sim_cluster::event::Event;
use kafka_sim_core::SimTime;

use super::Explainer;
use super::loss::clock;
use crate::sim::{Handling, Marking};

impl Explainer<'_> {
    pub(super) fn explain_unkept(&self, handling: Handling, producer: u32, since: SimTime) -> (Vec<String>, Cause) {
        let (key, allowed, prevents, sentence) = match handling {
            Handling::Outbox { atomic: false, .. } => (
                "outbox transaction",
                "two",
                "one",
                "the business row was there, and the application died before the transaction that was to add its message",
            ),
            Handling::Outbox {
                marking: Marking::BeforeSend,
                ..
            } => (
                "outbox mark",
                "before the send",
                "after the acknowledgement",
                "the background job had marked the message as sent, and died before it was",
            ),
            _ => (
                "spill fsync",
                "false",
                "true",
                "the message was in the page cache of the application's machine, and not on its platter",
            ),
        };
        let story = vec![
            format!(
                "{} the application told its caller that the message would be delivered",
                clock(since)
            ),
            sentence.into(),
        ];
        let cause = Cause {
            fault: self.fault_of_client(&format!("producer-{producer}"), since, SimTime::MAX),
            setting_allowed: vec![Setting::new(key, allowed)],
            setting_prevents: vec![Setting::new(key, prevents)],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    /// The first fault in that time that struck the client on this host.
    pub(super) fn fault_of_client(&self, host: &str, since: SimTime, until: SimTime) -> Option<String> {
        let struck = format!("of client {host}");
        self.events.iter().find_map(|(at, event)| match event {
            Event::FaultFired { description, .. } if (since..=until).contains(at) && description.ends_with(&struck) => {
                Some(format!("{description} at {}", clock(*at)))
            }
            _ => None,
        })
    }
}
