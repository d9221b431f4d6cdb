//! Who pulls, when several would.

use super::*;

on_both!(killed_in_the_middle_it_goes_on_where_it_was, |db| async move {
    let platform = Platform::start().await;
    let source = platform.by_cursor("reread_days = 0");
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 35);
    pulling.platform.faults([Fault::None, Fault::None, Fault::Hold]);
    let platform = pulling.platform.clone();
    tokio::select! {
        turn = pulling.turn() => panic!("{turn:?}"),
        // Dropped while the third page is under way.
        () = platform.asked_times(3) => {}
    }
    let run = pulling.last_run().await;
    assert_eq!((run.pages, run.counts.accepted, run.ended_at), (2, 20, None));
    assert_eq!(pulling.state().await.state(), SourceState::Pulling);
    pulling.platform.let_go();
    pulling.platform.asked();

    // Whoever died holds the lease for a while yet.
    let mut other = puller(&pulling.app, "holder-2").await;
    let mut stopped = pulling.stop.subscribe();
    assert_eq!(other.turn(&mut stopped).await.unwrap(), Turn::Waits);
    pulling.app.clock.advance(Duration::seconds(61));
    assert_eq!(other.turn(&mut stopped).await.unwrap(), Turn::Pulled(None));
    // From the position, with the overlap: eleven rows once more.
    let runs = pulling.runs().await;
    assert_eq!((runs[0].counts.accepted, runs[0].counts.duplicates), (15, 11));
    assert_eq!(runs[1].error, Some(PullFault::BrokenOff));
    assert!(runs[1].ended_at.is_some());
    assert_eq!(pulling.totals().await, sums("11", "12", "12"));
});

on_both!(
    the_page_of_a_holder_whose_lease_has_gone_is_refused,
    |db| async move {
        let mut pulling = Pulling::by_cursor(db).await;
        pulling.platform.fill(1, 25);
        pulling.platform.faults([Fault::Hold]);
        let mut other = puller(&pulling.app, "holder-2").await;
        let mut stopped = pulling.stop.subscribe();
        let platform = pulling.platform.clone();
        let clock = pulling.app.clock.clone();
        let (fault, turn) = tokio::join!(pulling.fails(), async {
            platform.asked_times(1).await;
            clock.advance(Duration::seconds(61));
            let turn = other.turn(&mut stopped).await.unwrap();
            platform.let_go();
            turn
        });
        assert_eq!(turn, Turn::Pulled(None));
        assert_eq!(fault, PullFault::BrokenOff);
        let runs = pulling.runs().await;
        assert_eq!((runs[0].counts.accepted, runs[0].error.clone()), (25, None));
        assert_eq!(
            (runs[1].counts.accepted, runs[1].pages, runs[1].error.clone()),
            (0, 0, Some(PullFault::BrokenOff))
        );
        // What the stale holder had to say of the source is not taken either.
        let state = pulling.state().await;
        assert_eq!((state.state(), state.rest.failures), (SourceState::Idle, 0));
        assert_eq!(pulling.totals().await, sums("8", "9", "8"));
    }
);

on_both!(of_several_one_pulls_at_a_time, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 25);
    pulling.platform.faults([Fault::Hold]);
    let mut other = puller(&pulling.app, "holder-2").await;
    let mut stopped = pulling.stop.subscribe();
    let platform = pulling.platform.clone();
    let (run, turn) = tokio::join!(pulling.pulls(), async {
        platform.asked_times(1).await;
        let turn = other.turn(&mut stopped).await.unwrap();
        platform.let_go();
        turn
    });
    assert_eq!(turn, Turn::Waits);
    assert_eq!((run.counts.accepted, pulling.runs().await.len()), (25, 1));
    // Whoever has done gives it back: the next run is anybody's.
    pulling.later();
    assert_eq!(other.turn(&mut stopped).await.unwrap(), Turn::Pulled(None));
    assert_eq!(pulling.runs().await[0].counts.duplicates, 11);
});

on_both!(
    a_service_that_stops_drops_the_page_that_is_under_way,
    |db| async move {
        let mut pulling = Pulling::by_cursor(db).await;
        pulling.platform.fill(1, 25);
        pulling.platform.faults([Fault::None, Fault::Hold]);
        let platform = pulling.platform.clone();
        let stop = pulling.stop.clone();
        let (fault, ()) = tokio::join!(pulling.fails(), async {
            platform.asked_times(2).await;
            stop.send_replace(true);
        });
        assert_eq!(fault, PullFault::Stopped);
        pulling.platform.let_go();
        let run = pulling.last_run().await;
        assert_eq!((run.counts.accepted, run.error), (10, Some(PullFault::Stopped)));
        // The next process goes on at once.
        let state = pulling.state().await;
        assert_eq!(
            (state.state(), state.last_error.clone()),
            (SourceState::Idle, None)
        );
        pulling.stop.send_replace(false);
        pulling.pulls().await;
        assert_eq!(pulling.totals().await, sums("8", "9", "8"));
    }
);

on_both!(sources_are_pulled_by_tasks_of_their_own, |db| async move {
    let pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 25);
    let tasks = zhibu::platform::schedule::run(vec![pulling.puller], pulling.stop.subscribe());
    let tasks = tokio::spawn(tasks);
    pulling.platform.asked_times(3).await;
    let source = points::source_by_code(pulling.app.database.reader(), "EJIA")
        .await
        .unwrap()
        .unwrap();
    crate::support::app::eventually("the run ends", async || {
        let state = platform::state(pulling.app.database.reader(), source.id)
            .await
            .unwrap()
            .unwrap();
        state.last_success_at.is_some()
    })
    .await;
    pulling.stop.send_replace(true);
    tasks.await.unwrap();
});
