//! Pulling a platform: everything it has ends up in the ledger, once, whatever goes wrong on the way.

use std::collections::BTreeMap;

use chrono::Duration;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use serde_json::json;
use tokio::sync::watch;
use zhibu::{
    config::{Config, Overrides},
    kernel::id::{BranchId, NodeId as _},
    platform::{
        self, Puller, Turn,
        model::{PullFault, PullRun, Pulled, SourceState},
    },
    points,
};

use crate::support::{
    TestDatabase,
    app::TestApp,
    branches::{by_code, create},
    on_both,
    platform::{Access, Fault, Platform, Row},
};

mod api;
mod faults;
mod holders;

/// A service with three branches that pulls a platform.
struct Pulling {
    app: TestApp,
    platform: Platform,
    puller: Puller,
    stop: watch::Sender<bool>,
}

impl Pulling {
    /// `source` is its configuration.
    async fn start(db: TestDatabase, platform: Platform, source: &str) -> Self {
        let sources = Config::parse(Some(("test", source)), [], &Overrides::default())
            .unwrap_or_else(|faults| panic!("{faults}"))
            .sources;
        let app = TestApp::with_config(db, |config| config.sources = sources).await;
        app.plant_tree().await;
        for code in ["B1", "B2", "B3"] {
            create(&app, code, json!({ "foundedOn": "2019-05-01" })).await;
        }
        let puller = puller(&app, "holder-1").await;
        let stop = watch::Sender::new(false);
        Self {
            app,
            platform,
            puller,
            stop,
        }
    }

    /// By (updatedAt, id), with defaults.
    async fn by_cursor(db: TestDatabase) -> Self {
        let platform = Platform::start().await;
        let source = platform.by_cursor("");
        Self::start(db, platform, &source).await
    }

    async fn turn(&mut self) -> Turn {
        self.puller.turn(&mut self.stop.subscribe()).await.unwrap()
    }

    /// A turn in which everything is read.
    async fn pulls(&mut self) -> PullRun {
        assert_eq!(self.turn().await, Turn::Pulled(None));
        self.last_run().await
    }

    /// A turn that ends early.
    async fn fails(&mut self) -> PullFault {
        match self.turn().await {
            Turn::Pulled(Some(fault)) => fault,
            turn => panic!("{turn:?}"),
        }
    }

    async fn state(&self) -> Pulled {
        let reader = self.app.database.reader();
        let state = platform::state(reader, self.puller.source().id).await;
        state.unwrap().expect("a state")
    }

    async fn changes_of_the_source(&self) -> i64 {
        use sea_orm::ConnectionTrait as _;
        let reader = self.app.database.reader();
        let sql = "SELECT count(*) AS n FROM change_log WHERE topic = 'SOURCE'";
        let statement = sea_orm::Statement::from_string(self.app.database.backend(), sql);
        let row = reader.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    async fn last_run(&self) -> PullRun {
        self.runs().await.remove(0)
    }

    async fn runs(&self) -> Vec<PullRun> {
        use sea_orm::{ConnectionTrait as _, Statement};
        let sql = format!(
            "SELECT id FROM pull_run WHERE source_id = {} ORDER BY id DESC",
            self.puller.source().id.0
        );
        let reader = self.app.database.reader();
        let statement = Statement::from_string(self.app.database.backend(), sql);
        let mut runs = Vec::new();
        for row in reader.query_all_raw(statement).await.unwrap() {
            let id: i64 = row.try_get("", "id").unwrap();
            runs.push(platform::run(reader, id.into()).await.unwrap().unwrap());
        }
        runs
    }

    /// Totals of February, by branch.
    async fn totals(&self) -> BTreeMap<&'static str, String> {
        let mut totals = BTreeMap::new();
        for code in ["B1", "B2", "B3"] {
            let branch = by_code(self.app.admin(), code).await;
            let id = BranchId::from_global(branch["id"].as_str().unwrap()).unwrap();
            let of = points::totals(self.app.database.reader(), id).await.unwrap();
            let february = of.into_iter().find(|(period, _)| period.to_string() == "2026-02");
            totals.insert(
                code,
                february.map_or_else(String::new, |(_, (total, _))| total.to_string()),
            );
        }
        totals
    }

    /// The next run is due.
    fn later(&self) {
        self.app.clock.advance(Duration::minutes(10));
    }
}

async fn puller(app: &TestApp, holder: &str) -> Puller {
    let mut rng = ChaCha20Rng::seed_from_u64(holder.len() as u64);
    app.app.pullers(holder, &mut rng).await.unwrap().remove(0)
}

fn sums(b1: &str, b2: &str, b3: &str) -> BTreeMap<&'static str, String> {
    [("B1", b1), ("B2", b2), ("B3", b3)]
        .map(|(code, total)| (code, total.to_owned()))
        .into()
}

on_both!(everything_a_platform_has_is_read_page_by_page, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 25);
    let run = pulling.pulls().await;
    assert_eq!(
        (run.pages, run.counts.accepted, run.counts.duplicates),
        (3, 25, 0)
    );
    assert!(run.ended_at.is_some() && run.error.is_none());
    // 3, 6, .. 24; 1, 4, .. 25; 2, 5, .. 23.
    assert_eq!(pulling.totals().await, sums("8", "9", "8"));
    assert_eq!(
        pulling.platform.asked(),
        [
            "pageSize=10",
            "updatedSince=2026-03-01+00%3A10%3A00.000&afterId=10&pageSize=10",
            "updatedSince=2026-03-01+00%3A20%3A00.000&afterId=20&pageSize=10",
        ]
    );
    let state = pulling.state().await;
    assert_eq!(state.state(), SourceState::Idle);
    let position = state.position.unwrap();
    assert_eq!(
        (position.text.as_str(), position.id.as_str()),
        ("2026-03-01 00:25:00.000", "25")
    );
    // Not before its time.
    assert_eq!(pulling.turn().await, Turn::Waits);
    assert_eq!(pulling.platform.asked().len(), 0);
});

on_both!(
    the_next_run_reads_what_is_new_and_what_came_late,
    |db| async move {
        let mut pulling = Pulling::by_cursor(db).await;
        pulling.platform.fill(1, 25);
        pulling.pulls().await;
        pulling.platform.asked();
        // One is new, one was committed late, within the overlap.
        pulling.platform.earn(30, "B1", "2.5", "2026-03-01 12:00:00.000");
        pulling.platform.earn(31, "B2", "0.25", "2026-03-01 00:20:30.000");
        pulling.later();
        let run = pulling.pulls().await;
        assert_eq!(
            pulling.platform.asked()[0],
            "updatedSince=2026-03-01+00%3A15%3A00.000&pageSize=10"
        );
        assert_eq!((run.counts.accepted, run.counts.duplicates), (2, 11));
        assert_eq!(pulling.totals().await, sums("10.5", "9.25", "8"));
    }
);

on_both!(once_a_day_the_last_days_are_read_again, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 5);
    pulling.platform.earn(40, "B1", "1", "2026-03-02 09:00:00.000");
    pulling.pulls().await;
    // Committed later than any overlap.
    pulling.platform.earn(41, "B3", "7", "2026-02-25 09:00:00.000");
    pulling.later();
    pulling.pulls().await;
    assert_eq!(pulling.totals().await["B3"], "2");
    pulling.app.clock.advance(Duration::days(1));
    let run = pulling.pulls().await;
    assert_eq!((run.counts.accepted, run.counts.duplicates), (1, 6));
    assert_eq!(pulling.totals().await["B3"], "9");
    // Once a day, and what lies further back than seven days is read no more.
    pulling.platform.asked();
    pulling.later();
    assert_eq!(pulling.pulls().await.counts.duplicates, 1);
});

on_both!(pages_that_shift_lose_no_row, |db| async move {
    let platform = Platform::start().await;
    let source = platform.by_page("");
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 45);
    // What has been read moves to the end, and everything behind it one place forward.
    pulling.platform.shift([
        (1, "2026-03-01 10:00:00.000"),
        (2, "2026-03-01 10:01:00.000"),
        (3, "2026-03-01 10:02:00.000"),
        (15, "2026-03-01 10:03:00.000"),
    ]);
    let run = pulling.pulls().await;
    assert_eq!(run.counts.accepted, 45);
    assert_eq!(pulling.totals().await, sums("15", "15", "15"));
});

on_both!(
    many_rows_of_one_instant_are_read_by_page_number,
    |db| async move {
        let platform = Platform::start().await;
        let source = platform.by_page("");
        let mut pulling = Pulling::start(db, platform, &source).await;
        for id in 1..=35 {
            pulling.platform.earn(id, "B1", "1", "2026-03-01 09:00:00.000");
        }
        pulling.platform.earn(36, "B2", "1", "2026-03-01 09:00:00.001");
        // A page given twice is no end.
        pulling.platform.faults([Fault::None, Fault::None, Fault::Repeat]);
        pulling.pulls().await;
        assert_eq!(pulling.totals().await, sums("35", "1", ""));
    }
);

on_both!(
    pages_by_number_alone_are_read_to_the_end_every_time,
    |db| async move {
        let platform = Platform::start().await;
        let source = platform.by_number("");
        let mut pulling = Pulling::start(db, platform, &source).await;
        pulling.platform.fill(1, 23);
        pulling.platform.faults([Fault::None, Fault::Repeat]);
        assert_eq!(pulling.pulls().await.counts.accepted, 23);
        let numbers = [
            "pageNo=1&pageSize=10",
            "pageNo=2&pageSize=10",
            "pageNo=2&pageSize=10",
            "pageNo=3&pageSize=10",
        ];
        assert_eq!(pulling.platform.asked(), numbers);
        pulling.later();
        assert_eq!(pulling.pulls().await.counts.duplicates, 23);
    }
);

on_both!(reversals_and_corrections_come_in_any_order, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    let answer = |id: i64, kind: &str, score: i32, updated: &str| Row {
        id,
        updated: updated.to_owned(),
        fields: json!({
            "eventNo": format!("R-{id}"), "orgCode": "B1", "type": kind, "activity": "主题党日",
            "score": score, "happenedAt": "2026-02-03 09:00:00", "refNo": "E-50",
        }),
    };
    pulling
        .platform
        .add(answer(48, "CORRECTION", 4, "2026-03-01 08:00:00.000"));
    pulling.pulls().await;
    assert_eq!(pulling.last_run().await.counts.quarantined, 1);
    pulling.platform.earn(50, "B1", "9", "2026-03-01 09:00:00.000");
    pulling.later();
    pulling.pulls().await;
    assert_eq!(pulling.totals().await["B1"], "4");
    pulling
        .platform
        .add(answer(51, "REVERSAL", 0, "2026-03-01 09:30:00.000"));
    pulling.later();
    pulling.pulls().await;
    assert_eq!(pulling.totals().await["B1"], "0");
});

on_both!(
    other_content_under_a_key_is_counted_as_a_conflict,
    |db| async move {
        let mut pulling = Pulling::by_cursor(db).await;
        pulling.platform.earn(1, "B1", "1", "2026-03-01 09:00:00.000");
        pulling.pulls().await;
        pulling.platform.earn(1, "B1", "2", "2026-03-01 09:01:00.000");
        pulling.later();
        let counts = pulling.pulls().await.counts;
        assert_eq!(
            (counts.duplicates, counts.conflicts, counts.quarantined),
            (1, 1, 0)
        );
        assert_eq!(pulling.totals().await["B1"], "1");
    }
);

on_both!(a_platform_is_not_asked_in_a_freeze_window, |db| async move {
    let platform = Platform::start().await;
    let source = platform.by_cursor("freeze = ['03-03..03-04']");
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 25);
    // The window begins at midnight in Shanghai, between one page and the next.
    pulling.app.clock.set("2026-03-02T15:59:59Z");
    pulling.platform.faults([Fault::None, Fault::Hold]);
    let platform = pulling.platform.clone();
    let clock = pulling.app.clock.clone();
    let (fault, ()) = tokio::join!(pulling.fails(), async {
        platform.asked_times(2).await;
        clock.set("2026-03-02T16:00:00Z");
        platform.let_go();
    });
    assert_eq!(fault, PullFault::Frozen);
    let run = pulling.last_run().await;
    // What was under way is booked.
    assert_eq!((run.pages, run.counts.accepted), (2, 20));
    assert_eq!(pulling.state().await.last_error, None);
    pulling.platform.asked();
    pulling.app.clock.set("2026-03-04T15:59:59Z");
    assert_eq!(pulling.turn().await, Turn::Waits);
    assert_eq!(pulling.platform.asked().len(), 0);
    pulling.app.clock.set("2026-03-04T16:00:00Z");
    pulling.pulls().await;
    assert_eq!(pulling.totals().await, sums("8", "9", "8"));
});

on_both!(a_month_whose_totals_differ_is_read_again, |db| async move {
    let platform = Platform::start().await;
    let source = platform.by_cursor("") + Platform::TOTALS;
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 5);
    pulling
        .platform
        .totals("2026-02", &[("B1", 1), ("B2", 2), ("B3", 2)]);
    pulling.pulls().await;
    let state = pulling.state().await;
    assert_eq!((state.reread_from, state.reconciled_on.is_some()), (None, true));
    // Committed so late that neither overlap nor the last days have it.
    pulling.platform.earn(9, "B1", "3", "2026-02-05 09:00:00.000");
    pulling
        .platform
        .totals("2026-02", &[("B1", 4), ("B2", 2), ("B3", 2)]);
    pulling.later();
    let before = pulling.changes_of_the_source().await;
    pulling.pulls().await;
    assert_eq!(pulling.state().await.reread_from, None);
    let between = pulling.changes_of_the_source().await;
    pulling.app.clock.advance(Duration::days(1));
    pulling.pulls().await;
    // It begins, it ends, and it is due at once.
    let after = pulling.changes_of_the_source().await;
    assert_eq!((between - before, after - between), (2, 3));
    let begins = pulling.state().await.reread_from.unwrap();
    assert_eq!(begins.to_rfc3339(), "2026-01-31T16:00:00+00:00");
    assert_eq!(pulling.totals().await["B1"], "1");
    // At once.
    assert_eq!(pulling.pulls().await.counts.accepted, 1);
    assert_eq!(pulling.totals().await["B1"], "4");
    assert_eq!(pulling.state().await.reread_from, None);
    assert_eq!(pulling.turn().await, Turn::Waits);
});

on_both!(only_the_newest_runs_are_kept, |db| async move {
    use sea_orm::ConnectionTrait as _;
    let mut pulling = Pulling::by_cursor(db).await;
    let source = pulling.puller.source().id.0;
    let at = match pulling.app.database.backend() {
        sea_orm::DbBackend::Sqlite => "'2026-01-01T00:00:00+00:00'",
        _ => "TIMESTAMPTZ '2026-01-01'",
    };
    let rows = vec![format!("({source}, 1, {at}, {at}, 1, 0, 0, 0, 0)"); 600].join(", ");
    let insert = format!(
        "INSERT INTO pull_run (source_id, fence, started_at, ended_at, pages, accepted, duplicates, conflicts, \
         quarantined) VALUES {rows}"
    );
    pulling.app.raw().await.execute_unprepared(&insert).await.unwrap();
    let run = pulling.pulls().await;
    let runs = pulling.runs().await;
    assert_eq!((runs.len(), runs[0].id), (500, run.id));
});

on_both!(
    totals_that_are_not_told_are_not_asked_for_again_at_once,
    |db| async move {
        let platform = Platform::start().await;
        let source = format!("{}{}", platform.by_cursor("retries = 1"), Platform::TOTALS);
        let mut pulling = Pulling::start(db, platform, &source).await;
        pulling.platform.fill(1, 5);
        pulling.platform.totals_fail(true);
        pulling.pulls().await;
        // Once more, as a page would be.
        assert_eq!(pulling.platform.totals_asked(), 2);
        assert_eq!(pulling.state().await.reconciled_on, None);
        pulling.later();
        pulling.pulls().await;
        assert_eq!(pulling.platform.totals_asked(), 0);
        pulling.platform.totals_fail(false);
        pulling.app.clock.advance(Duration::hours(1));
        pulling.pulls().await;
        assert_eq!(pulling.platform.totals_asked(), 2);
        assert!(pulling.state().await.reconciled_on.is_some());
    }
);
