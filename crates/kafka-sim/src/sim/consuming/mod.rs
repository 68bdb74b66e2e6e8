//! Consuming applications of a closed world: a model consumer, a handler, and what the application makes of both.

mod batch;
mod desk;
mod plan;
pub(super) mod settled;
mod task;
mod thread;
mod witness;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kafka_sim_check::History;
use kafka_sim_client::{ClientInput, ClientOutput, Consumer, ConsumerOutcome};
use kafka_sim_core::{ConfigError, SimTime, TopicPartition};

use super::home::Home;
use batch::Batch;
use task::{Item, Task};
use thread::Thread;
use witness::Witness;

pub(super) use desk::Desk;
pub use plan::{ConsumerPlan, OnFailure, Pattern};

/// The outputs of a model consumer.
pub(super) type ConsumerOutputs = Vec<ClientOutput<ConsumerOutcome>>;

/// The numbers of readers that are no applications come first.
pub(crate) const FIRST_READER: u32 = 2;

/// What is around a process when something happens to it.
pub(super) struct Around<'a> {
    pub(super) now: SimTime,
    pub(super) history: &'a mut History,
    pub(super) desk: &'a mut Desk,
    /// What its consumer wants carried.
    pub(super) out: &'a mut ConsumerOutputs,
}

/// Which member of all a process is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    /// Its number among all members of all plans.
    pub(super) index: u32,
    /// How many there are.
    pub(super) of: u32,
}

/// A member of a group: one process at a time.
#[derive(Clone, Debug)]
pub(super) struct Process {
    plan: Arc<ConsumerPlan>,
    seat: Seat,
    home: Home,
    /// Processes so far.
    lives: u32,
    consumer: Consumer,
    witness: Witness,
    /// What the thread that polls is doing.
    thread: Thread,
    batch: Batch,
    /// Records that wait for a worker.
    queue: VecDeque<Item>,
    /// The handler's calls; an application without workers calls it in the thread that polls.
    workers: Vec<Option<Task>>,
    /// Commits so far.
    token: u64,
    /// The commit that is made within a callback, and what the callback is about.
    in_callback: Option<(u64, Vec<TopicPartition>)>,
    /// What the consumer has said and the application has not heard.
    said: ConsumerOutputs,
}

impl Process {
    pub(super) fn new(plan: Arc<ConsumerPlan>, seat: Seat, home: Home) -> Result<Process, ConfigError> {
        plan.validate()?;
        Ok(Process {
            consumer: home.consumer(&plan.config_of(seat.index), seat.index, 0)?,
            witness: Witness::of(FIRST_READER + seat.index),
            thread: Thread::Asleep {
                until: home.start + plan.starts_after,
            },
            batch: Batch::default(),
            queue: VecDeque::new(),
            workers: vec![None; plan.pattern.workers()],
            token: 0,
            in_callback: None,
            said: Vec::new(),
            lives: 1,
            plan,
            seat,
            home,
        })
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        if self.thread == Thread::Gone {
            return None;
        }
        let wakes = match self.thread {
            Thread::Asleep { until } => Some(until),
            _ => None,
        };
        let tasks = self.workers.iter().flatten().map(|task| task.due);
        tasks.chain(wakes).chain(self.consumer.next_due()).min()
    }

    /// The world told the consumer something.
    pub(super) fn handle(&mut self, input: ClientInput, around: &mut Around<'_>) {
        self.consumer.handle(around.now, input, &mut self.said);
        self.listen(around);
    }

    /// Lets everything happen that is due: the consumer first, then the handlers, then the thread that polls.
    pub(super) fn advance(&mut self, around: &mut Around<'_>) {
        if self.consumer.next_due().is_some_and(|due| due <= around.now) {
            self.consumer.advance(around.now, &mut self.said);
            self.listen(around);
        }
        for worker in 0..self.workers.len() {
            self.work(worker, around);
            self.listen(around);
        }
        if matches!(self.thread, Thread::Asleep { until } if until <= around.now) {
            self.wake(around);
            self.listen(around);
        }
    }

    /// Lets the handler of a worker go on if it is time.
    fn work(&mut self, worker: usize, around: &mut Around<'_>) {
        let Some(task) = self.workers.get_mut(worker).and_then(Option::as_mut) else {
            return;
        };
        if task.due > around.now {
            return;
        }
        if let Some(well) = task.go_on(&self.plan, &self.witness, around) {
            let item = self.workers[worker].take().expect("it is at work").item;
            self.handled(worker, item, well, around);
        }
    }

    /// Hands on what the consumer said, until it has nothing more to say.
    fn listen(&mut self, around: &mut Around<'_>) {
        while !self.said.is_empty() {
            for output in std::mem::take(&mut self.said) {
                match output {
                    ClientOutput::Outcome(outcome) => self.learn(outcome, around),
                    carried => around.out.push(carried),
                }
            }
        }
    }

    /// The process dies, or its machine does: it keeps nothing there.
    pub(super) fn die(&mut self, around: &mut Around<'_>) {
        if self.has_left() {
            return;
        }
        self.consumer.kill();
        self.forget();
        if self.witness.has_joined {
            self.witness.died(around);
        }
        self.thread = Thread::Gone;
    }

    /// A new process, unless the member had left for good or has not started.
    pub(super) fn restart(&mut self, now: SimTime) {
        if !self.has_left() {
            let start = self.home.start + self.plan.starts_after;
            self.renew(now.max(start));
        }
    }

    fn renew(&mut self, starts_at: SimTime) {
        let Seat { index, of } = self.seat;
        let consumer = self.home.consumer(&self.plan.config_of(index), index, self.lives);
        self.consumer = consumer.expect("the first process had the same settings");
        self.witness = Witness::of(FIRST_READER + index + of * self.lives);
        self.lives += 1;
        self.forget();
        self.thread = Thread::Asleep { until: starts_at };
    }

    /// What a process had in memory.
    fn forget(&mut self) {
        self.batch = Batch::default();
        self.queue.clear();
        self.workers.fill(None);
        self.in_callback = None;
        self.said.clear();
    }

    /// Whether the member has left for good.
    pub(super) fn has_left(&self) -> bool {
        self.thread == Thread::Left
    }

    /// Records that it was given and has not processed.
    pub(super) fn in_hand(&self) -> usize {
        self.batch.left() + self.queue.len() + self.workers.iter().flatten().count()
    }

    /// Waits for records with nothing in hand, as a member of its group.
    pub(super) fn is_at_rest(&self) -> bool {
        self.thread == Thread::Polling
            && self.queue.is_empty()
            && self.workers.iter().all(Option::is_none)
            && self.consumer.group_state().joined
    }

    /// Whether it has been given everything below `end` of a partition that it owns.
    pub(super) fn has_reached(&self, tp: &TopicPartition, end: i64) -> bool {
        self.consumer.position(tp).is_some_and(|position| position == end)
    }

    fn leaves_at(&self) -> Option<SimTime> {
        self.plan.leaves_after.map(|after| self.home.start + after)
    }

    fn poll_timeout(&self) -> Duration {
        self.plan.poll_timeout
    }
}
