//! Pulling as clients see it.

use serde_json::Value;

use super::*;
use crate::support::app::As;

const SOURCE: &str = r#"{ pointSource(code: "EJIA") { state position lastSuccessAt lastError nextPullAt
    runs(first: 2) { totalCount nodes { id startedAt endedAt pages accepted duplicates conflicts quarantined error } } } }"#;

async fn source(caller: &As<'_>) -> Value {
    caller.data(SOURCE).await["pointSource"].clone()
}

const RUN: &str = "run { id endedAt error }";

async fn pull(caller: &As<'_>) -> crate::support::app::Answer {
    caller
        .mutate("pullPoints", RUN, json!({ "sourceCode": "ejia" }))
        .await
}

async fn pause(caller: &As<'_>, paused: bool) -> crate::support::app::Answer {
    let input = json!({ "sourceCode": "EJIA", "paused": paused });
    caller
        .mutate("pauseSource", "pointSource { state nextPullAt }", input)
        .await
}

on_both!(how_a_source_stands_is_seen_from_inside_by_few, |db| async move {
    let platform = Platform::start().await;
    let config = platform.by_cursor("failures = 2\nretries = 0");
    let mut pulling = Pulling::start(db, platform, &config).await;
    let admin = pulling.app.admin();
    let before = source(&admin).await;
    assert_eq!(before["state"], "IDLE");
    assert_eq!(before["runs"]["totalCount"], 0);
    pulling.platform.fill(1, 12);
    pulling.pulls().await;
    pulling.later();
    pulling
        .platform
        .faults([Fault::Status(500), Fault::Code(json!("E-9"))]);
    pulling.fails().await;
    let now = source(&pulling.app.admin()).await;
    assert_eq!(now["state"], "BACKING_OFF");
    assert_eq!(now["position"], "2026-03-01 00:12:00.000 12");
    assert_eq!(now["lastSuccessAt"], "2026-03-02T02:00:00Z");
    assert_eq!(now["lastError"], "The platform answered with status 500");
    assert_eq!(now["runs"]["totalCount"], 2);
    let run = &now["runs"]["nodes"][1];
    assert_eq!(
        (run["accepted"].as_i64(), run["pages"].as_i64()),
        (Some(12), Some(2))
    );
    assert_eq!(
        now["runs"]["nodes"][0]["error"],
        "The platform answered with status 500"
    );
    let in_chinese = source(&pulling.app.admin().in_language("zh")).await;
    assert_eq!(in_chinese["lastError"], "平台应答状态 500");
    // An adapter sees its own source so; others see what it is doing.
    assert_eq!(source(&pulling.app.adapter("EJIA")).await, now);
    let seen = source(&pulling.app.secretary_of("B1")).await;
    assert_eq!(seen["state"], "BACKING_OFF");
    assert_eq!(seen["nextPullAt"], now["nextPullAt"]);
    assert_eq!(
        (&seen["position"], &seen["lastError"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(seen["runs"], json!({ "totalCount": 0, "nodes": [] }));
    let node = format!("{{ node(id: {}) {{ ... on PullRun {{ pages }} }} }}", run["id"]);
    assert_eq!(pulling.app.adapter("EJIA").data(&node).await["node"]["pages"], 2);
    assert_eq!(
        pulling.app.secretary_of("B1").data(&node).await["node"],
        Value::Null
    );
    pulling.app.clock.advance(Duration::hours(1));
    pulling.fails().await;
    assert_eq!(source(&pulling.app.admin()).await["state"], "OPEN_CIRCUIT");
});

on_both!(a_run_is_asked_for_and_taken_up, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 5);
    pulling.pulls().await;
    let answer = pull(&pulling.app.admin()).await;
    let run = answer.done()["run"].clone();
    assert_eq!(run["endedAt"], Value::Null);
    assert_eq!(source(&pulling.app.admin()).await["state"], "PULLING");
    let (code, path, message) = pull(&pulling.app.admin()).await.refused();
    assert_eq!(
        (code.as_str(), path.as_str()),
        ("INVALID_TRANSITION", "sourceCode")
    );
    assert!(message.contains("PULLING"), "{message}");
    // Ahead of its time, and as the run that was asked for.
    assert_eq!(pulling.pulls().await.counts.duplicates, 5);
    let runs = source(&pulling.app.admin()).await["runs"].clone();
    assert_eq!(
        (&runs["totalCount"], &runs["nodes"][0]["id"]),
        (&json!(2), &run["id"])
    );
    assert_ne!(runs["nodes"][0]["endedAt"], Value::Null);
});

on_both!(
    what_was_asked_for_is_taken_up_by_the_sources_task,
    |db| async move {
        let pulling = Pulling::by_cursor(db).await;
        pulling.platform.fill(1, 5);
        let tasks = zhibu::platform::schedule::run(vec![pulling.puller], pulling.stop.subscribe());
        let tasks = tokio::spawn(tasks);
        let idle = async || source(&pulling.app.admin()).await["state"] == "IDLE";
        pulling.platform.asked_times(1).await;
        crate::support::app::eventually("the first run ends", idle).await;
        pull(&pulling.app.admin()).await.done();
        pulling.platform.asked_times(2).await;
        crate::support::app::eventually("the second run ends", idle).await;
        pulling.stop.send_replace(true);
        tasks.await.unwrap();
    }
);

on_both!(a_paused_source_is_not_pulled, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 25);
    pulling.platform.faults([Fault::None, Fault::Hold]);
    let platform = pulling.platform.clone();
    // Pausing needs the app while the run holds the puller.
    let Pulling {
        app, puller, stop, ..
    } = &mut pulling;
    let mut stopped = stop.subscribe();
    let (turn, ()) = tokio::join!(puller.turn(&mut stopped), async {
        platform.asked_times(2).await;
        let paused = pause(&app.admin(), true).await;
        assert_eq!(
            paused.done()["pointSource"],
            json!({ "state": "PAUSED", "nextPullAt": null })
        );
    });
    assert_eq!(turn.unwrap(), Turn::Pulled(Some(PullFault::Paused)));
    platform.let_go();
    pulling.later();
    assert_eq!(pulling.turn().await, Turn::Waits);
    let (code, _, message) = pull(&pulling.app.admin()).await.refused();
    assert_eq!(code, "INVALID_TRANSITION");
    assert!(message.contains("PAUSED"), "{message}");
    // What is pushed is booked all the same; and what is let go on goes on where it was.
    let resumed = pause(&pulling.app.admin(), false).await;
    assert_eq!(resumed.done()["pointSource"]["state"], "IDLE");
    pulling.pulls().await;
    assert_eq!(pulling.totals().await, sums("8", "9", "8"));
});

on_both!(what_cannot_be_pulled_says_why, |db| async move {
    let platform = Platform::start().await;
    let config = platform.by_cursor("freeze = ['03-02..03-03']") + "[sources.XUEXI]\nname = '学习平台'\n";
    let pulling = Pulling::start(db, platform, &config).await;
    let (code, _, message) = pull(&pulling.app.admin()).await.refused();
    assert_eq!(code, "RULE_VIOLATION");
    assert!(message.contains("2026-03-04"), "{message}");
    for (source, expected) in [
        ("XUEXI", "RULE_VIOLATION"),
        ("LOCAL", "RULE_VIOLATION"),
        ("X", "NOT_FOUND"),
        ("", "INVALID_INPUT"),
    ] {
        for field in ["pullPoints", "pauseSource"] {
            let (selection, input) = match field {
                "pullPoints" => (RUN, json!({ "sourceCode": source })),
                _ => (
                    "pointSource { id }",
                    json!({ "sourceCode": source, "paused": true }),
                ),
            };
            let answer = pulling.app.admin().mutate(field, selection, input).await;
            assert_eq!(answer.refusal_code(), expected, "{field} {source}");
        }
    }
});

on_both!(who_may_see_how_a_source_stands_hears_of_it, |db| async move {
    let mut pulling = Pulling::by_cursor(db).await;
    pulling.platform.fill(1, 5);
    pulling.pulls().await;
    pulling.app.settle().await;
    let query = "{ changes(filter: { topics: [SOURCE] }) { changes { action node { ... on PointSource { code state } } } } }";
    let change = json!({ "action": "UPDATED", "node": { "code": "EJIA", "state": "IDLE" } });
    for caller in [pulling.app.admin(), pulling.app.adapter("EJIA")] {
        let data = caller.data(query).await;
        // It began, and it ended.
        assert_eq!(data["changes"]["changes"], json!([change, change]));
    }
    for caller in [
        pulling.app.committee("C1"),
        pulling.app.viewer(None),
        pulling.app.secretary_of("B1"),
    ] {
        assert_eq!(caller.data(query).await["changes"]["changes"], json!([]));
    }
});
