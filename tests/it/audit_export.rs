//! The audit trail as a file.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    app::TestApp,
    on_both,
    process::{run, stderr, stdout},
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What `audit verify` makes of these lines: whether it holds, and what it says.
fn verify(lines: &[String], head: Option<&str>) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.ndjson");
    std::fs::write(&file, lines.concat()).unwrap();
    let mut order = vec!["audit", "verify", text(&file)];
    order.extend(head.iter().flat_map(|head| ["--head", *head]));
    let output = run(&order);
    (output.status.success(), stdout(&output) + &stderr(&output))
}

on_both!(
    an_exported_trail_is_recomputed_from_the_file_alone,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        // Refused access is in it too.
        let parent = app.organization_id("D").await;
        let input = json!({ "code": "C9", "name": "不许", "kind": "COMMITTEE", "parentId": parent });
        let viewer = app.viewer(None);
        let answer = viewer
            .mutate("createOrganization", "organization { id }", input)
            .await;
        assert_eq!(answer.error_code(), "FORBIDDEN");
        let (stop, stopped) = tokio::sync::watch::channel(true);
        app.app.jobs("test".to_owned()).run(stopped).await;
        drop(stop);
        app.settle().await;
        let unsealed = "3 not sealed yet";
        let dir = tempfile::tempdir().unwrap();
        let url = app.config.database.url.as_ref().unwrap().expose().to_owned();
        let on = ["--database-url", &url, "--data-dir", text(dir.path())];
        let export = |more: &[&str]| run(&[&["audit", "export"][..], more, &on[..]].concat());
        if app.database.seals_afterwards() {
            let early = export(&[]);
            assert!(early.status.success(), "{}", stderr(&early));
            assert!(stderr(&early).contains("not sealed yet"), "{}", stderr(&early));
            assert!(
                !stderr(&early).contains("; 0 not sealed"),
                "{} {unsealed}",
                stderr(&early)
            );
            while app.database.seal_audit().await.unwrap() > 0 {}
        }
        let chain = zhibu::audit::store::verify(app.database.reader()).await.unwrap();
        let head = hex::encode(chain.head);
        let output = export(&[]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(&format!("head {head}; 0 not sealed")),
            "{}",
            stderr(&output)
        );
        let lines: Vec<String> = stdout(&output).split_inclusive('\n').map(str::to_owned).collect();
        assert_eq!(lines.len() as u64, chain.sealed + 2);
        let entries: Vec<Value> = lines[1..lines.len() - 1]
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(
            entries.iter().any(|entry| entry["action"] == "refused"),
            "{entries:#?}"
        );
        assert!(
            entries
                .iter()
                .any(|entry| entry["action"] == "createOrganization")
        );

        let (holds, said) = verify(&lines, Some(&head));
        assert!(
            holds && said.contains(&format!("{} entries hold", chain.sealed)),
            "{said}"
        );
        // A link that was logged when the chain was shorter.
        let earlier = entries[1]["link"].as_str().unwrap();
        let (holds, said) = verify(&lines, Some(earlier));
        assert!(holds && said.contains("stands at position 2"), "{said}");
        let (holds, said) = verify(&lines, Some(&"ab".repeat(32)));
        assert!(
            !holds && said.contains("no entry of the file has the given link"),
            "{said}"
        );

        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut changed = lines.clone();
            change(&mut changed);
            verify(&changed, None)
        };
        let last = lines.len() - 1;
        let edit = |position: usize, field: &'static str, value: Value| {
            move |lines: &mut Vec<String>| {
                let mut line: Value = serde_json::from_str(&lines[position]).unwrap();
                line[field] = value.clone();
                lines[position] = format!("{line}\n");
            }
        };
        for field in [
            "subject",
            "role",
            "action",
            "nodeId",
            "requestId",
            "before",
            "after",
        ] {
            let (holds, said) = with(&edit(3, field, json!("x")));
            assert!(
                !holds && said.contains("position 3 was changed"),
                "{field}: {said}"
            );
        }
        for (field, value) in [
            ("at", json!("2020-01-01T00:00:00Z")),
            ("id", json!(99)),
            ("link", json!("ab".repeat(32))),
        ] {
            let (holds, said) = with(&edit(2, field, value));
            assert!(
                !holds && said.contains("position 2 was changed"),
                "{field}: {said}"
            );
        }
        for (what, said_of_it, (holds, said)) in [
            (
                "missing",
                "line 3: position 2 is missing, 3 stands",
                with(&|lines| drop(lines.remove(2))),
            ),
            (
                "reordered",
                "line 3: position 2 is missing, 3 stands",
                with(&|lines| lines.swap(2, 3)),
            ),
            (
                "twice",
                "line 4: position 2 stands where 3 should",
                with(&|lines| lines.insert(3, lines[2].clone())),
            ),
            (
                "cut",
                "cut off after position 2",
                with(&|lines| lines.truncate(3)),
            ),
            (
                "cut in a line",
                "cut off after position 1",
                with(&|lines| {
                    lines.truncate(3);
                    let half = lines[2].len() / 2;
                    lines[2].truncate(half);
                }),
            ),
            (
                "the last entry",
                "the end does not fit",
                with(&|lines| drop(lines.remove(last - 1))),
            ),
            (
                "behind the end",
                "stands behind the end",
                with(&|lines| lines.push("{}\n".to_owned())),
            ),
            (
                "rubbish",
                "line 3 cannot be read",
                with(&|lines| lines[2] = "nonsense\n".to_owned()),
            ),
            (
                "no beginning",
                "not the beginning",
                with(&|lines| drop(lines.remove(0))),
            ),
            (
                "another beginning",
                "not the beginning",
                with(&edit(0, "link", json!("ab".repeat(32)))),
            ),
        ] {
            assert!(!holds && said.contains(said_of_it), "{what}: {said}");
        }

        // A part of it, into a file that only its owner reads.
        let file = dir.path().join("part.ndjson");
        let output = export(&["--from", "3", text(&file)]);
        assert!(output.status.success(), "{}", stderr(&output));
        let output = run(&["audit", "verify", text(&file), "--head", &head]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(
            stdout(&output).contains("begins behind position 2"),
            "{}",
            stdout(&output)
        );
        assert!(!export(&[text(&file)]).status.success(), "written over");
        assert!(!export(&["--from", "1000"]).status.success());
    }
);
