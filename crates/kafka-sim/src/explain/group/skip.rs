//! Why a group never came to process a record, or committed past it.

use kafka_sim_check::Setting;
use kafka_sim_client::OffsetReset;
use kafka_sim_cluster::event::Event;
use kafka_sim_core::{ErrorCode, SimTime};

use super::{Followed, Told, because, nothing_named};
use crate::explain::Explainer;
use crate::explain::loss::clock;
use crate::sim::{ConsumerPlan, OnFailure, Pattern};

fn moment(at: u64) -> kafka_sim_check::Moment {
    clock(SimTime::from_nanos(at))
}

impl Explainer<'_> {
    /// Why the record was passed over by what happened before `until`.
    pub(super) fn explain_skip(&self, followed: &Followed, until: u64) -> Told {
        match followed.given.iter().find(|(at, _)| *at <= until) {
            Some(&(at, reader)) => self.explain_dropped(followed, at, reader),
            None => self.explain_never_given(followed),
        }
    }

    /// A member was given the record and did not finish with it.
    fn explain_dropped(&self, followed: &Followed, given_at: u64, reader: u32) -> Told {
        let Followed {
            topic,
            partition,
            offset,
            ..
        } = followed;
        let mut told = vec![(
            given_at,
            format!(
                "{} was given the record at offset {offset} of {topic}-{partition}",
                self.settings.name_of(reader)
            ),
        )];
        if let Some((at, who, committed)) = followed.passing_commit() {
            told.push((
                at,
                format!(
                    "{} learned that its commit of {committed} had succeeded",
                    self.settings.name_of(who)
                ),
            ));
        }
        let died = followed.died.iter().find(|(at, who)| *who == reader && *at >= given_at);
        if let Some((at, _)) = died {
            told.push((
                *at,
                format!(
                    "{} was gone, and with it what it had in hand",
                    self.settings.name_of(reader)
                ),
            ));
        }
        told.sort();
        let story = told
            .into_iter()
            .map(|(at, what)| format!("{} {what}", moment(at)))
            .collect();
        let fault = died.and_then(|(at, _)| self.fault_on_member(reader, *at, *at));
        match self.settings.consumer(reader) {
            Some(plan) => {
                let (allowed, prevents) = habit(plan);
                because(story, fault, allowed, prevents)
            }
            None => nothing_named(story),
        }
    }

    /// The first fault of that time that struck the host of a consumer.
    pub(super) fn fault_on_member(&self, reader: u32, since: u64, until: u64) -> Option<String> {
        let name = self.settings.name_of(reader);
        let host = name.split(' ').next().unwrap_or_default();
        self.fault_of_client(host, SimTime::from_nanos(since), SimTime::from_nanos(until))
    }

    /// No member was ever given the record, or none in time.
    fn explain_never_given(&self, followed: &Followed) -> Told {
        let Followed {
            topic,
            partition,
            offset,
            ..
        } = followed;
        let never = format!("no member was given the record at offset {offset} of {topic}-{partition}");
        if let Some(told) = self.explain_removed(followed, &never) {
            return told;
        }
        if let Some(told) = self.explain_old_position(followed, &never) {
            return told;
        }
        let behind = followed.given_behind.first().copied();
        let before = behind.map_or(u64::MAX, |(at, ..)| at);
        let last_commit = followed
            .commits
            .iter()
            .rfind(|commit| commit.0 < before && commit.2 <= *offset);
        let reader = behind
            .map(|(_, reader, _)| reader)
            .or(followed.joined.last().map(|joined| joined.1));
        let plan = reader.and_then(|reader| self.settings.consumer(reader));
        let mut story = vec![never];
        if let Some((at, reader, next)) = behind {
            story.push(format!(
                "{} {} began behind it, at offset {next}",
                moment(at),
                self.settings.name_of(reader)
            ));
        }
        if let Some(&(at, _, committed)) = last_commit {
            story.insert(0, format!("{} the group had committed {committed}", moment(at)));
            return self.explain_lost_commit(followed, story, before);
        }
        let Some(plan) = plan.filter(|plan| plan.config.reader.offset_reset != OffsetReset::Earliest) else {
            return nothing_named(story);
        };
        story.push("nothing was committed for the partition, so that auto.offset.reset decided".into());
        because(
            story,
            self.last_fault(SimTime::from_nanos(before.min(i64::MAX.unsigned_abs()))),
            Setting::new("auto.offset.reset", reset_name(&plan.config.reader.offset_reset)),
            vec![Setting::new("auto.offset.reset", "earliest")],
        )
    }

    /// The log was cut at its beginning before the group came to the record.
    fn explain_removed(&self, followed: &Followed, never: &str) -> Option<Told> {
        let Followed {
            topic,
            partition,
            offset,
            ..
        } = followed;
        let replicas = &self.view.partition(topic, *partition)?.replicas;
        let log_start = replicas.iter().map(|replica| replica.log_start).max()?;
        if log_start <= *offset {
            return None;
        }
        let tp = self.tp(topic, *partition)?;
        let mut story = vec![never.to_owned()];
        let refused = self.events.iter().find_map(|(at, event)| match event {
            Event::FetchAnswered {
                tp: there, from, error, ..
            } if *there == tp && *error == ErrorCode::OFFSET_OUT_OF_RANGE && from <= offset => Some(format!(
                "{} a consumer asked for offset {from}, which was gone",
                clock(*at)
            )),
            _ => None,
        });
        story.extend(refused);
        story.push(format!("the log begins at offset {log_start} by now"));
        let limit = ["retention.ms", "retention.bytes"].into_iter().find_map(|key| {
            let value = self.settings.topic(topic, key, &format!("log.{key}"), "");
            (!value.is_empty()).then(|| Setting::new(key, value))
        });
        let allowed = limit.unwrap_or_else(|| Setting::new("retention.ms", "604800000"));
        let prevents = vec![
            Setting::new(allowed.key.clone(), "more than the group ever lags"),
            Setting::new("auto.offset.reset", "none"),
        ];
        Some(because(story, self.last_fault(SimTime::MAX), allowed, prevents))
    }

    /// A group had committed, and began elsewhere the next time.
    pub(super) fn explain_lost_commit(&self, followed: &Followed, mut story: Vec<String>, until: u64) -> Told {
        let minutes = self.settings.broker("offsets.retention.minutes", "10080");
        let retention = minutes
            .parse::<u64>()
            .unwrap_or(u64::MAX)
            .saturating_mul(60_000_000_000);
        if let Some((from, to)) = followed
            .longest_empty(until)
            .filter(|(from, to)| to - from >= retention)
        {
            story.push(format!(
                "the group was empty from {} to {}, and its offsets expired",
                moment(from),
                moment(to)
            ));
            let allowed = Setting::new("offsets.retention.minutes", minutes);
            let longer = Setting::new("offsets.retention.minutes", "longer than a group is ever empty");
            return because(story, None, allowed, vec![longer]);
        }
        story.push("the coordinator did not know of that commit any more".into());
        let factor = self.settings.broker("offsets.topic.replication.factor", "3");
        let min_isr = self.settings.broker("min.insync.replicas", "1");
        let (allowed, prevents) = if factor == "1" {
            let key = "offsets.topic.replication.factor";
            (
                Setting::new(key, factor),
                vec![Setting::new(key, "3"), Setting::new("min.insync.replicas", "2")],
            )
        } else {
            let key = "min.insync.replicas";
            (Setting::new(key, min_isr), vec![Setting::new(key, "2")])
        };
        because(
            story,
            self.last_fault(SimTime::from_nanos(until.min(i64::MAX.unsigned_abs()))),
            allowed,
            prevents,
        )
    }
}

/// The habit of an application by which it lets go of what it was given, and what would keep it from that.
fn habit(plan: &ConsumerPlan) -> (Setting, Vec<Setting>) {
    let after = Setting::new("commit strategy", "after processing");
    match plan.pattern {
        Pattern::AutoCommitInline | Pattern::AutoCommitQueue { .. } if plan.config.commits_by_itself() => (
            Setting::new("enable.auto.commit", "true"),
            vec![Setting::new("enable.auto.commit", "false"), after],
        ),
        Pattern::CommitThenProcess => (Setting::new("commit strategy", "before processing"), vec![after]),
        Pattern::FlagStore { atomic: false } => (
            Setting::new("flag store", "flag before effect"),
            vec![Setting::new("flag store", "flag and effect in one transaction")],
        ),
        _ if plan.config.commits_by_itself() => (
            Setting::new("enable.auto.commit", "true"),
            vec![Setting::new("enable.auto.commit", "false")],
        ),
        _ if plan.on_failure == OnFailure::Skip => (
            Setting::new("application", "skips what failed"),
            vec![
                Setting::new("application", "stops at what failed"),
                Setting::new("commit strategy", "what succeeded, in order"),
            ],
        ),
        _ => (Setting::new("application", "drops what it was given"), vec![after]),
    }
}

fn reset_name(reset: &OffsetReset) -> String {
    match reset {
        OffsetReset::Earliest => "earliest".into(),
        OffsetReset::Latest => "latest".into(),
        OffsetReset::ByDuration(back) => format!("by_duration:PT{}S", back.as_secs()),
        OffsetReset::None => "none".into(),
    }
}
