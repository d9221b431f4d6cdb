//! The quota, and the places kept for domains under their minimum.

use futures_util::future::join;
use serde_json::{Value, json};

use super::selection::{Selection, decide, step};
use crate::support::{branches::sql, on_both};

/// A refused award: code and message.
async fn refused(selection: &Selection, application: &Value) -> (String, String) {
    let input = json!({ "id": application["id"], "version": application["version"], "favourable": true, "opinion": "同意" });
    let answer = selection.app.admin().mutate("decideGold", "", input).await;
    let (code, path, message) = answer.refused();
    assert_eq!(path, "id");
    (code, message)
}

on_both!(no_more_than_the_quota_are_awarded, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT"; 3], 2).await;
    let first = selection.awarded(1).await;
    selection.awarded(2).await;
    let third = selection.recommended(3).await;
    let (code, message) = refused(&selection, &third).await;
    assert_eq!(code, "QUOTA_EXCEEDED");
    assert!(message.contains("All 2 gold titles"), "{message}");
    // One that is revoked leaves its place.
    let admin = selection.app.admin();
    decide(&admin, "revokeGold", &first, None).await.unwrap();
    decide(&admin, "decideGold", &third, Some(true)).await.unwrap();
});

on_both!(
    the_last_place_is_kept_for_a_domain_under_its_minimum,
    |db| async move {
        let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT", "RURAL"], 2).await;
        let minimum = "INSERT INTO gold_minimum (campaign_id, domain, count) \
                   VALUES ((SELECT id FROM campaign WHERE year = 2026), 'RURAL', 1)";
        sql(&selection.app, vec![minimum.to_owned()]).await;
        selection.awarded(1).await;
        let second = selection.recommended(2).await;
        let (code, message) = refused(&selection, &second).await;
        assert_eq!(code, "QUOTA_EXCEEDED");
        assert!(
            message.contains("RURAL (1)") && message.contains("The 1 titles left"),
            "{message}"
        );
        // To decline takes no place.
        selection.awarded(3).await;
        let (_, message) = refused(&selection, &second).await;
        assert!(message.contains("All 2 gold titles"), "{message}");
        let declined = decide(&selection.app.admin(), "decideGold", &second, Some(false)).await;
        assert_eq!(declined.unwrap()["state"], "DECLINED");
    }
);

on_both!(two_decisions_at_once_do_not_overshoot, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "RURAL"], 1).await;
    let one = selection.recommended(1).await;
    let two = selection.recommended(2).await;
    let (first, second) = (selection.admin("admin-1"), selection.admin("admin-2"));
    for round in 0..8 {
        let (a, b) = join(
            decide(&first, "decideGold", &one, Some(true)),
            decide(&second, "decideGold", &two, Some(true)),
        )
        .await;
        let refused: Vec<_> = [&a, &b].into_iter().filter_map(|r| r.as_ref().err()).collect();
        assert_eq!(
            refused,
            [&vec!["QUOTA_EXCEEDED".to_owned()]],
            "round {round}: {a:?} {b:?}"
        );
        sql(
            &selection.app,
            vec![
                "DELETE FROM gold_title".to_owned(),
                "UPDATE gold_application SET state = 'RECOMMENDED', awarded_on = NULL, version = 2"
                    .to_owned(),
            ],
        )
        .await;
    }
});

on_both!(one_application_is_decided_once, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT"], 5).await;
    let input = json!({ "branchId": selection.id(1), "year": 2026, "statement": "材料" });
    let secretary = selection.secretary(1);
    let (a, b) = join(
        step(&secretary, "applyForGold", input.clone()),
        step(&secretary, "applyForGold", input.clone()),
    )
    .await;
    assert_eq!([&a, &b].iter().filter(|r| r.is_ok()).count(), 1, "{a:?} {b:?}");
    let applied = a.or(b).unwrap();
    let favourable = Some(true);
    let recommended = decide(
        &selection.app.committee("C1"),
        "recommendGold",
        &applied,
        favourable,
    )
    .await
    .unwrap();
    let (first, second) = (selection.admin("admin-1"), selection.admin("admin-2"));
    let (a, b) = join(
        decide(&first, "decideGold", &recommended, Some(true)),
        decide(&second, "decideGold", &recommended, Some(false)),
    )
    .await;
    let refused: Vec<_> = [&a, &b].into_iter().filter_map(|r| r.as_ref().err()).collect();
    assert_eq!(refused, [&vec!["VERSION_CONFLICT".to_owned()]], "{a:?} {b:?}");
});
