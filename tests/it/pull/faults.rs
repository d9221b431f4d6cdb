//! What goes wrong with platforms.

use super::*;

on_both!(what_passes_is_asked_for_again, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 25);
    pulling.platform.faults([
        Fault::Status(500),
        Fault::TooMany("0"),
        Fault::Cut,
        Fault::None,
        Fault::Status(503),
        Fault::TooMany("Mon, 02 Mar 2026 02:00:00 GMT"),
        Fault::Repeat,
        Fault::Status(502),
        Fault::Cut,
    ]);
    let run = pulling.pulls().await;
    // The page that came twice changed nothing.
    assert_eq!(
        (run.pages, run.counts.accepted, run.counts.duplicates),
        (4, 25, 10)
    );
    assert_eq!(pulling.totals().await, sums("8", "9", "8"));
    assert_eq!(pulling.state().await.state(), SourceState::Idle);
});

on_both!(
    what_does_not_pass_ends_the_run_at_once_and_books_nothing,
    |db| async move {
        let platform = Platform::start().await;
        let source = platform.by_cursor("failures = 1000\nanswer_bytes = 20000");
        let mut pulling = Pulling::start(db, platform, &source).await;
        pulling.platform.fill(1, 5);
        let elsewhere = Platform::start().await;
        let refused = |code: &str| PullFault::Refused {
            code: code.to_owned(),
            // A person's number is kept nowhere.
            message: Some("系统繁忙 ***********".to_owned()),
        };
        for (fault, expected) in [
            (Fault::Status(404), PullFault::Status { status: 404 }),
            (Fault::Status(401), PullFault::Unauthorized),
            (Fault::Html, PullFault::NotJson),
            (Fault::Code(json!(500)), refused("500")),
            (Fault::Code(json!("E-7")), refused("E-7")),
            (Fault::Bytes(20_001), PullFault::TooLarge { bytes: 20_000 }),
            (
                Fault::Redirect(format!("{}/api/points", elsewhere.url)),
                PullFault::Redirected,
            ),
            (Fault::TooMany("3600"), PullFault::TooManyRequests),
        ] {
            pulling.platform.faults([fault]);
            assert_eq!(pulling.fails().await, expected);
            assert_eq!(pulling.platform.asked().len(), 1, "{expected:?}");
            let state = pulling.state().await;
            assert_eq!(state.state(), SourceState::BackingOff);
            assert_eq!(state.last_error, Some(expected.clone()));
            assert_eq!(pulling.last_run().await.error, Some(expected));
            assert_eq!(state.position, None);
            pulling.app.clock.advance(Duration::hours(2));
        }
        assert_eq!(elsewhere.times(), 0);
        pulling.pulls().await;
        let state = pulling.state().await;
        assert_eq!((state.state(), state.last_error), (SourceState::Idle, None));
    }
);

on_both!(a_platform_that_wants_to_be_left_alone_is, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 5);
    pulling.platform.faults([Fault::TooMany("900")]);
    assert_eq!(pulling.fails().await, PullFault::TooManyRequests);
    pulling.app.clock.advance(Duration::seconds(899));
    assert_eq!(pulling.turn().await, Turn::Waits);
    pulling.app.clock.advance(Duration::seconds(1));
    pulling.pulls().await;
});

on_both!(an_answer_that_takes_too_long_is_given_up, |db| async move {
    let platform = Platform::start().await;
    let source = platform.by_cursor("retries = 1\nconnect_timeout = '50ms'\nread_timeout = '50ms'");
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 5);
    pulling.platform.faults([Fault::Hold, Fault::Hold]);
    assert_eq!(pulling.fails().await, PullFault::Timeout);
    assert_eq!(pulling.platform.asked().len(), 2);
    pulling.platform.let_go();
    pulling.platform.let_go();
});

on_both!(
    after_many_failed_runs_a_probe_is_made_now_and_then,
    |db| async move {
        let platform = Platform::start().await;
        let source = platform.by_cursor("failures = 3\nretries = 2\ncool_down = '5m'");
        let mut pulling = Pulling::start(db, platform, &source).await;
        pulling.platform.fill(1, 5);
        pulling.platform.faults(vec![Fault::Status(500); 3 * 3 + 2]);
        for failures in 1..=3 {
            assert_eq!(pulling.fails().await, PullFault::Status { status: 500 });
            assert_eq!(pulling.platform.asked().len(), 3);
            let state = pulling.state().await;
            assert_eq!(state.rest.failures, failures);
            assert!(state.rest.next_pull_at > pulling.app.database.clock().machine());
            if failures < 3 {
                assert_eq!(state.state(), SourceState::BackingOff);
                pulling.later();
            }
        }
        // Open for five minutes, then for ten; a probe is one request.
        for minutes in [5, 10] {
            assert_eq!(pulling.state().await.state(), SourceState::OpenCircuit);
            pulling
                .app
                .clock
                .advance(Duration::minutes(minutes) - Duration::seconds(1));
            assert_eq!(pulling.turn().await, Turn::Waits);
            pulling.app.clock.advance(Duration::seconds(1));
            pulling.fails().await;
            assert_eq!(pulling.platform.asked().len(), 1);
        }
        pulling.app.clock.advance(Duration::minutes(20));
        pulling.pulls().await;
        assert_eq!(pulling.state().await.rest.failures, 0);
        assert_eq!(pulling.totals().await, sums("1", "2", "2"));
    }
);

on_both!(a_platform_in_a_private_network_is_not_asked, |db| async move {
    let platform = Platform::start().await;
    // By name: the address is found out when it is asked.
    let source = platform
        .by_cursor("")
        .replace("http://127.0.0.1", "https://localhost")
        .replace("allow_private_addresses = true\n", "");
    let mut pulling = Pulling::start(db, platform, &source).await;
    assert_eq!(pulling.fails().await, PullFault::PrivateAddress);
    assert_eq!(pulling.platform.times(), 0);
});

on_both!(a_platform_that_is_away_is_tried_again, |db| async move {
    let platform = Platform::start().await;
    let port = platform.url.rsplit(':').next().unwrap().to_owned();
    let source = platform
        .by_cursor("retries = 1")
        .replace(&format!(":{port}"), ":9");
    let mut pulling = Pulling::start(db, platform, &source).await;
    assert_eq!(pulling.fails().await, PullFault::Unreachable);
});

const CLIENT: &str = "[sources.EJIA.pull.auth]\nkind = 'client-credentials'\nclient_id = 'zhibu'\n\
                      client_secret = 'hunter2'\n";

on_both!(a_token_is_kept_and_renewed, |db| async move {
    let platform = Platform::start().await;
    let auth = format!("{CLIENT}token_url = '{}/oauth/token'", platform.url);
    let source = platform.by_cursor(&auth);
    platform.access(Access::Token);
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 25);
    pulling.pulls().await;
    assert_eq!(pulling.platform.tokens_given(), 1);
    // It lasts five minutes: a minute before its end there is another.
    pulling.later();
    pulling.pulls().await;
    assert_eq!(pulling.platform.tokens_given(), 2);
    // One that is not taken any more is renewed, once.
    pulling.later();
    pulling.platform.expire_tokens();
    pulling.platform.faults([Fault::Status(401)]);
    pulling.pulls().await;
    assert_eq!(pulling.platform.tokens_given(), 4);
    pulling.later();
    pulling.platform.faults([Fault::Status(401), Fault::Status(401)]);
    assert_eq!(pulling.fails().await, PullFault::Unauthorized);
});

on_both!(a_client_that_is_not_known_is_told_so, |db| async move {
    let platform = Platform::start().await;
    let auth = format!("{CLIENT}token_url = '{}/oauth/token'", platform.url).replace("hunter2", "hunter3");
    let source = platform.by_cursor(&auth);
    platform.access(Access::Token);
    let mut pulling = Pulling::start(db, platform, &source).await;
    assert_eq!(pulling.fails().await, PullFault::Unauthorized);
    assert_eq!(pulling.platform.times(), 0);
});

on_both!(a_platform_lets_in_who_brings_a_field_or_signs, |db| async move {
    let platform = Platform::start().await;
    let auth = "[sources.EJIA.pull.auth]\nkind = 'hmac'\nsecret = 'hunter2'";
    let source = platform.by_cursor(auth);
    platform.access(Access::Signature("hunter2"));
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 25);
    pulling.pulls().await;
    assert_eq!(pulling.totals().await, sums("8", "9", "8"));
    pulling.platform.access(Access::Signature("hunter3"));
    pulling.later();
    assert_eq!(pulling.fails().await, PullFault::Unauthorized);
});

on_both!(a_platform_lets_in_who_brings_a_field, |db| async move {
    let platform = Platform::start().await;
    let auth = "[sources.EJIA.pull.auth]\nkind = 'header'\nname = 'X-Api-Key'\nvalue = 'hunter2'";
    let source = platform.by_cursor(auth);
    platform.access(Access::Header("x-api-key", "hunter2"));
    let mut pulling = Pulling::start(db, platform, &source).await;
    pulling.platform.fill(1, 5);
    pulling.pulls().await;
});

on_both!(
    a_row_that_cannot_be_read_waits_and_its_neighbours_are_booked,
    |db| async move {
        let mut pulling = Pulling::by_cursor(db).await;
        for (id, score) in [
            (1, "1.005"),
            (2, "\"5分\""),
            (3, "\"@1e400\""),
            (4, "\"1.50\""),
            (5, "[1]"),
            (6, "2"),
        ] {
            pulling
                .platform
                .earn(id, "B1", score, &format!("2026-03-01 09:0{id}:00.000"));
        }
        pulling
            .platform
            .earn(7, "unknown", "1", "2026-03-01 09:07:00.000");
        let run = pulling.pulls().await;
        assert_eq!((run.counts.accepted, run.counts.quarantined), (2, 5));
        assert_eq!(pulling.totals().await["B1"], "3.5");
        let mut details = quarantined(&pulling).await;
        details.sort();
        assert_eq!(
            details,
            [
                "UNKNOWN",
                "points /score: more than two decimals",
                "points /score: not a number",
                "points /score: not a number",
                "points /score: too large"
            ]
        );
        // Read again, they wait no second time.
        pulling.later();
        assert_eq!(pulling.pulls().await.counts.quarantined, 5);
        assert_eq!(quarantined(&pulling).await.len(), 5);
    }
);

on_both!(
    a_renamed_field_stops_the_pull_before_anything_is_passed_over,
    |db| async move {
        let mut pulling = Pulling::by_cursor(db).await;
        pulling.platform.fill(1, 15);
        pulling.pulls().await;
        pulling.platform.fill(16, 20);
        pulling.platform.rename(Some(("score", "points")));
        pulling.later();
        // The overlap comes first.
        let fault = pulling.fails().await;
        let PullFault::AllUnreadable { items: 10, detail } = &fault else {
            panic!("{fault:?}")
        };
        assert_eq!(detail, "points /score: missing");
        let state = pulling.state().await;
        assert_eq!(state.position.unwrap().id, "15");
        assert_eq!(state.last_error, Some(fault.clone()));
        assert_eq!(pulling.last_run().await.counts.quarantined, 10);
        assert_eq!(quarantined(&pulling).await.len(), 10);
        // Once the field is where it was, nothing is missing.
        pulling.platform.rename(None);
        pulling.later();
        pulling.pulls().await;
        assert_eq!(pulling.totals().await, sums("11", "12", "12"));
    }
);

on_both!(
    a_platform_without_positions_or_that_stands_still_says_so,
    |db| async move {
        let platform = Platform::start().await;
        let source = platform.by_cursor("failures = 1000");
        let mut pulling = Pulling::start(db, platform, &source).await;
        pulling.platform.fill(1, 25);
        pulling.platform.rename(Some(("updatedAt", "changedAt")));
        assert_eq!(pulling.fails().await, PullFault::NoPosition);
        pulling.platform.rename(None);
        pulling.app.clock.advance(Duration::hours(2));
        pulling
            .platform
            .faults([Fault::None, Fault::Repeat, Fault::Repeat, Fault::Repeat]);
        assert_eq!(pulling.fails().await, PullFault::Stuck);
        pulling.later();
        pulling.pulls().await;
        assert_eq!(pulling.totals().await, sums("8", "9", "8"));
    }
);

/// What is said of what waits.
async fn quarantined(pulling: &Pulling) -> Vec<String> {
    use sea_orm::{ConnectionTrait as _, Statement};
    let sql = "SELECT detail FROM quarantined_entry WHERE state = 'WAITING'";
    let statement = Statement::from_string(pulling.app.database.backend(), sql);
    let rows = pulling
        .app
        .database
        .reader()
        .query_all_raw(statement)
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get("", "detail").unwrap())
        .collect()
}
