//! A log whose transactions commit out of order, a tail that looks at it page by page, and readers that come, lag, are thrown
//! out and come again, in seeded random schedules: every reader gets every change once, in one order, and the tail sees every
//! change once.
//!
//! `ZHIBU_FEED_SEED=17 cargo nextest run schedules` plays one schedule again.

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::{
    change::{Action, Topic},
    cursor::Position,
    feed::{Feed, Missed, Step},
    page::ChangeFilter,
    store::LoggedChange,
    tailing::{Look, Tailing},
    window::Window,
};
use crate::{
    auth::Grant,
    kernel::id::{BranchId, GlobalId, NodeType},
};

const SCHEDULES: u64 = 10_000;
const READERS: usize = 3;

/// A database with transactions.
#[derive(Default)]
struct Log {
    committed: BTreeMap<Position, LoggedChange>,
    open: Vec<(i64, Vec<LoggedChange>)>,
    xid: i64,
    seq: i64,
}

impl Log {
    fn xmin(&self) -> i64 {
        let open = self.open.iter().map(|(xid, _)| *xid).min();
        open.unwrap_or(self.xid + 1)
    }

    fn begin(&mut self) {
        self.xid += 1;
        self.open.push((self.xid, Vec::new()));
    }

    fn insert(&mut self, which: usize, branch: i64) {
        self.seq += 1;
        let (xid, rows) = &mut self.open[which];
        rows.push(LoggedChange {
            position: Position {
                incarnation: 1,
                xid: *xid,
                seq: self.seq,
            },
            at: DateTime::UNIX_EPOCH,
            topic: Topic::Branch,
            action: Action::Updated,
            node: GlobalId {
                node_type: NodeType::Branch,
                number: branch,
            },
            version: None,
            branch_ids: vec![BranchId(branch)],
            organization_ids: Vec::new(),
            examiner_ids: Vec::new(),
            public: true,
        });
    }

    fn commit(&mut self, which: usize) -> Vec<Position> {
        let (_, rows) = self.open.swap_remove(which);
        let places = rows.iter().map(|row| row.position).collect();
        self.committed
            .extend(rows.into_iter().map(|row| (row.position, row)));
        places
    }

    fn page(&self, after: Position, limit: usize, below: i64) -> Vec<LoggedChange> {
        let rows = self.committed.range(after..).map(|(_, row)| row);
        let rows = rows.filter(|row| row.position > after && row.position.xid < below);
        rows.take(limit).cloned().collect()
    }
}

struct Reader {
    feed: Feed,
    /// A read that was decided on and has not happened yet.
    missed: Option<Missed>,
    branch: Option<i64>,
    /// It is not thrown out.
    patient: bool,
    began: Position,
    got: Vec<Position>,
}

impl Reader {
    fn at(place: Position, branch: Option<i64>) -> Self {
        Self {
            feed: feed(place, branch),
            missed: None,
            branch,
            patient: branch.is_some(),
            began: place,
            got: Vec::new(),
        }
    }

    /// What a client does that was cut off: it goes on from the last cursor it has.
    fn reconnect(&mut self) {
        self.missed = None;
        self.feed = feed(self.got.last().copied().unwrap_or(self.began), self.branch);
    }

    fn take(&mut self, rows: Vec<Arc<LoggedChange>>) {
        self.got.extend(rows.iter().map(|row| row.position));
    }

    /// One step; whether it waits.
    fn step(&mut self, log: &Log, window: &Window, page: usize) -> bool {
        if let Some(missed) = self.missed.take() {
            let rows = log.page(missed.after, page, log.xmin());
            let full = rows.len() == page;
            let taken = self.feed.read(missed, rows, full);
            self.take(taken);
            return false;
        }
        match self.feed.step(window, page) {
            Step::Read(missed) => self.missed = Some(missed),
            Step::Take(rows) => self.take(rows),
            Step::Wait => return true,
            Step::Left if self.patient => self.feed.go_back(),
            Step::Left => self.reconnect(),
        }
        false
    }
}

fn feed(place: Position, branch: Option<i64>) -> Feed {
    let filter = ChangeFilter {
        branches: branch.map(|branch| [BranchId(branch)].into()),
        ..ChangeFilter::default()
    };
    Feed::after(place, *Grant::of_the_service().scope(), filter)
}

struct Tail {
    tailing: Tailing,
    window: Window,
    look: Option<Look>,
    seen: Vec<Position>,
}

impl Tail {
    /// One page; whether the look is over.
    fn step(&mut self, log: &Log, page: usize) -> bool {
        let mut look = self.look.take().unwrap_or_else(|| self.tailing.look());
        let rows = log.page(look.at(), page, i64::MAX);
        let full = rows.len() == page;
        let seen = self.tailing.take(&mut look, rows, Some(log.xmin()));
        self.seen.extend(seen.new.iter().map(|row| row.position));
        self.window.append(seen.settled);
        self.look = full.then_some(look);
        !full
    }
}

fn schedule(seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut log = Log::default();
    // Some history, before anybody reads.
    for _ in 0..rng.random_range(0..6) {
        log.begin();
        log.insert(0, rng.random_range(0..3));
        log.commit(0);
    }
    let head = log.committed.keys().last().copied();
    let head = head.unwrap_or(Position {
        incarnation: 1,
        ..Position::default()
    });
    let mut tail = Tail {
        tailing: Tailing::from(head),
        window: Window::new(head, rng.random_range(1..8)),
        look: None,
        seen: Vec::new(),
    };
    let mut own = Vec::new();
    let mut readers: Vec<Reader> = (0..READERS)
        .map(|reader| {
            let branch = (reader == 1).then(|| rng.random_range(0..3));
            let place = match rng.random_bool(0.5) {
                true => Position::default(),
                false => head,
            };
            Reader::at(place, branch)
        })
        .collect();
    for _ in 0..rng.random_range(20..120) {
        let page = rng.random_range(1..5);
        match rng.random_range(0..10) {
            0 if log.open.len() < 4 => log.begin(),
            1..=2 if !log.open.is_empty() => {
                let which = rng.random_range(0..log.open.len());
                log.insert(which, rng.random_range(0..3));
            }
            3 if !log.open.is_empty() => {
                let which = rng.random_range(0..log.open.len());
                if rng.random_bool(0.15) {
                    log.open.swap_remove(which);
                    continue;
                }
                let places = log.commit(which);
                if rng.random_bool(0.3) {
                    // Written by this process, which says so, be it before or after the tail has seen it.
                    own.extend(places);
                }
            }
            4..=5 => {
                tail.step(&log, page);
            }
            6 if !own.is_empty() => {
                let place = own.swap_remove(rng.random_range(0..own.len()));
                if tail.tailing.see(place) {
                    tail.seen.push(place);
                }
            }
            7 if rng.random_bool(0.2) => {
                let which = rng.random_range(0..READERS);
                readers[which].reconnect();
            }
            _ => {
                let which = rng.random_range(0..READERS);
                readers[which].step(&log, &tail.window, page);
            }
        }
    }
    while !log.open.is_empty() {
        log.commit(0);
    }
    for place in own {
        if tail.tailing.see(place) {
            tail.seen.push(place);
        }
    }
    for _ in 0..2 {
        while !tail.step(&log, 3) {}
    }
    for reader in &mut readers {
        while !reader.step(&log, &tail.window, 3) {}
        let wanted = |row: &&LoggedChange| {
            row.position > reader.began && reader.branch.is_none_or(|branch| row.node.number == branch)
        };
        let expected: Vec<Position> = log
            .committed
            .values()
            .filter(wanted)
            .map(|row| row.position)
            .collect();
        assert_eq!(reader.got, expected, "seed {seed}");
    }
    tail.seen.sort();
    let expected: Vec<Position> = log
        .committed
        .keys()
        .copied()
        .filter(|place| *place > head)
        .collect();
    assert_eq!(tail.seen, expected, "seed {seed}: the tail");
}

#[test]
fn schedules_of_writers_tail_and_readers_lose_nothing_and_tell_nothing_twice() {
    match std::env::var("ZHIBU_FEED_SEED") {
        Ok(seed) => schedule(seed.parse().unwrap()),
        Err(_) => (0..SCHEDULES).for_each(schedule),
    }
}
