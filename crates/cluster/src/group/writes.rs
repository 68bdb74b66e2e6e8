//! What waits for records to be replicated, and what happens then.

use bytes::Bytes;
use kafka_sim_core::{AgendaKey, ErrorCode, Offset};

use super::classic::State;
use super::shard::Shard;
use super::turn::{Act, Turn};
use super::words::{Reply, Text, Waiter, Wanted};

/// A write that is not on every in-sync replica yet.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) number: u64,
    /// Log end after its last record.
    pub(crate) end: Offset,
    pub(crate) expiry: AgendaKey,
    pub(crate) then: Then,
}

/// What happens once a write is replicated.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Nobody waits for it.
    Nothing,
    /// The answer goes out.
    Answer(Waiter, Reply),
    /// The leader's assignment takes effect.
    Assign {
        group: Text,
        generation: i32,
        assignment: Vec<(Text, Bytes)>,
    },
    /// A static member has replaced its predecessor; the answer to the former goes out.
    Replaced {
        group: Text,
        replacement: Box<super::static_member::Replacement>,
        waiter: Waiter,
        reply: Reply,
    },
    /// The first JoinGroup of a new group fails if the group does.
    Created { waiter: Waiter, reply: Reply },
    /// Offsets are read that include every commit before the request (`require_stable`).
    Read {
        waiter: Waiter,
        group: Text,
        wanted: Wanted,
    },
}

impl Shard {
    /// The high watermark of the shard's partition has moved.
    pub(crate) fn replicated_to(&mut self, act: &mut Act<'_>, high_watermark: Offset) {
        self.core.high_watermark = self.core.high_watermark.max(high_watermark);
        while let Some(write) = self.core.writes.pop_front_if(|write| write.end <= high_watermark) {
            self.core.agenda.cancel(write.expiry);
            self.finish(act, write.then);
        }
    }

    fn finish(&mut self, act: &mut Act<'_>, then: Then) {
        match then {
            Then::Nothing | Then::Created { .. } => {}
            Then::Answer(waiter, reply) => act.replies.push((waiter, reply)),
            Then::Assign {
                group,
                generation,
                assignment,
            } => {
                let Some(group) = self.groups.get_mut(&group) else {
                    return;
                };
                if group.state == State::CompletingRebalance && group.generation == generation {
                    group.assign(
                        &mut Turn {
                            act,
                            core: &mut self.core,
                        },
                        &assignment,
                    );
                }
            }
            Then::Replaced {
                group,
                replacement,
                waiter,
                reply,
            } => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.finish_replacement(
                        &mut Turn {
                            act,
                            core: &mut self.core,
                        },
                        &replacement,
                        waiter,
                        reply,
                    );
                }
            }
            Then::Read { waiter, group, wanted } => {
                let found = self.offsets.read(&group, &wanted, self.core.high_watermark);
                act.replies.push((waiter, Reply::Fetched(Ok(found))));
            }
        }
    }

    /// A write was not replicated in time. It stays in the log and may yet become visible.
    pub(crate) fn write_timed_out(&mut self, act: &mut Act<'_>, number: u64) {
        let Some(at) = self.core.writes.iter().position(|write| write.number == number) else {
            return;
        };
        if let Some(write) = self.core.writes.remove(at) {
            self.fail(act, write.then, ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
    }

    /// `error` is what members are told.
    pub(crate) fn fail(&mut self, act: &mut Act<'_>, then: Then, error: ErrorCode) {
        match then {
            Then::Nothing => {}
            Then::Answer(waiter, reply) => act.replies.push((waiter, reply.fail(error))),
            Then::Created { waiter, reply } => act.replies.push((waiter, reply.fail(error))),
            Then::Assign { group, generation, .. } => {
                let Some(group) = self.groups.get_mut(&group) else {
                    return;
                };
                if group.state == State::CompletingRebalance && group.generation == generation {
                    group.assignment_failed(
                        &mut Turn {
                            act,
                            core: &mut self.core,
                        },
                        error,
                    );
                }
            }
            Then::Replaced {
                group,
                replacement,
                waiter,
                ..
            } => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.undo_replacement(
                        &mut Turn {
                            act,
                            core: &mut self.core,
                        },
                        *replacement,
                        waiter,
                        error,
                    );
                }
            }
            Then::Read { waiter, .. } => {
                // Not being able to tell is answered so that the client looks for the coordinator again.
                let told = if error == ErrorCode::COORDINATOR_NOT_AVAILABLE {
                    ErrorCode::NOT_COORDINATOR
                } else {
                    error
                };
                act.replies.push((waiter, Reply::Fetched(Err(told))));
            }
        }
    }
}
