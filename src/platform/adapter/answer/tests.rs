use super::*;
use crate::{
    kernel::clock::SHANGHAI,
    platform::{
        model::TimeFormat,
        settings::{Auth, Endpoint, Limits, Paging, PagingBy, Schedule},
    },
    points::Activity,
};

fn at(pointer: &str) -> Pointer {
    Pointer::parse(pointer).unwrap()
}

fn endpoint(path: &str) -> Endpoint {
    Endpoint {
        url: format!("https://platform.example.org{path}").parse().unwrap(),
        query: Vec::new(),
    }
}

fn settings() -> PullSettings {
    PullSettings {
        entries: endpoint("/points"),
        auth: Auth::None,
        paging: Paging {
            by: PagingBy::Cursor {
                since: "since".to_owned(),
                id: None,
            },
            size_parameter: None,
            size: 200,
            has_more: Some(at("/data/more")),
        },
        envelope: Envelope {
            list: at("/data/list"),
            success: Some((at("/code"), vec!["0".to_owned(), "200".to_owned()])),
            message: Some(at("/msg")),
        },
        fields: Fields {
            event_id: at("/no"),
            revision: Some(at("/revision")),
            branch_code: at("/org/code"),
            kind: Words {
                pointer: Some(at("/type")),
                meanings: vec![("冲正".to_owned(), EntryKind::Reversal)],
                default: Some(EntryKind::Earn),
            },
            activity: Words {
                pointer: Some(at("/what")),
                meanings: vec![("主题党日".to_owned(), Activity::ThemeDay)],
                default: Some(Activity::Other),
            },
            points: at("/score"),
            occurred_at: at("/at"),
            refers_to: Some(at("/ref")),
            note: Some(at("/remark")),
            updated_at: Some(at("/changed")),
            id: at("/id"),
        },
        times: TimeFormat::parse("%Y-%m-%d %H:%M:%S%.3f", Some(SHANGHAI)).unwrap(),
        schedule: Schedule::default(),
        limits: Limits::default(),
        totals: Some(Totals {
            endpoint: endpoint("/totals"),
            period_parameter: "month".to_owned(),
            list: at("/data"),
            branch_code: at("/org"),
            total: at("/sum"),
        }),
    }
}

fn now() -> DateTime<Utc> {
    "2022-12-31T04:00:00Z".parse().unwrap()
}

fn read(body: &str) -> Result<Page, PullFault> {
    page(&settings(), body.as_bytes(), now())
}

/// One item of a page.
fn item_of(item: &str) -> Item {
    let page = read(&format!(
        r#"{{"code":0,"data":{{"list":[{item}],"more":false}}}}"#
    ))
    .unwrap();
    page.items[0].clone()
}

/// Its entry.
fn one(item: &str) -> Delivered {
    match item_of(item).entry {
        Entry::Delivered(entry) => entry,
        Entry::Unreadable(row) => panic!("{row:?}"),
    }
}

/// The row that it is, and what is wrong with it.
fn unreadable(item: &str) -> Unreadable {
    match item_of(item).entry {
        Entry::Unreadable(row) => row,
        Entry::Delivered(entry) => panic!("{entry:?}"),
    }
}

const ITEM: &str = r#"{"id":1234,"no":"E-1","revision":"2","org":{"code":"HC-0001"},"type":"EARN","what":"主题党日",
    "score":5.00,"at":"2022-07-01 09:00:00","changed":"2022-07-01 10:00:00.123","ref":null,"remark":""}"#;

#[test]
fn an_item_becomes_an_entry() {
    assert_eq!(
        one(ITEM),
        Delivered {
            event_id: "E-1".to_owned(),
            revision: 2,
            branch_code: "HC-0001".to_owned(),
            kind: EntryKind::Earn,
            activity: Activity::ThemeDay,
            points: Points::from_hundredths(500),
            occurred_at: "2022-07-01T01:00:00Z".parse().unwrap(),
            refers_to: None,
            note: None,
        }
    );
    let position = item_of(ITEM).position.unwrap();
    assert_eq!(
        (position.text.as_str(), position.id.as_str()),
        ("2022-07-01 10:00:00.123", "1234")
    );
    assert_eq!(
        position.at,
        "2022-07-01T02:00:00.123Z".parse::<DateTime<Utc>>().unwrap()
    );
}

#[test]
fn words_numbers_and_absent_fields_are_read_as_the_settings_say() {
    let answer = r#"{"id":"x","no":77,"org":{"code":13502},"type":"冲正","score":"-1.5","at":"2022-07-01 09:00:00",
        "changed":"2022-07-01 10:00:00","ref":"E-1","remark":"退回"}"#;
    let entry = one(answer);
    assert_eq!(
        (
            entry.event_id.as_str(),
            entry.branch_code.as_str(),
            entry.revision
        ),
        ("77", "13502", 1)
    );
    assert_eq!(
        (entry.kind, entry.activity),
        (EntryKind::Reversal, Activity::Other)
    );
    assert_eq!(entry.points, Points::from_hundredths(-150));
    assert_eq!(
        (entry.refers_to.as_deref(), entry.note.as_deref()),
        (Some("E-1"), Some("退回"))
    );
}

#[test]
fn what_cannot_be_read_says_why_and_is_kept_whole() {
    for (field, with, detail) in [
        (
            r#""score":5.00"#,
            r#""score":"5分""#,
            "points /score: not a number",
        ),
        (
            r#""score":5.00"#,
            r#""score":1.005"#,
            "points /score: more than two decimals",
        ),
        (r#""score":5.00"#, r#""score":1e400"#, "points /score: too large"),
        (
            r#""score":5.00"#,
            r#""score":null"#,
            "points /score: not a number",
        ),
        (r#""score":5.00"#, r#""points":5"#, "points /score: missing"),
        (
            r#""no":"E-1""#,
            r#""no":1.5"#,
            "eventId /no: no text and no whole number",
        ),
        (
            r#""no":"E-1""#,
            r#""no":null"#,
            "eventId /no: no text and no whole number",
        ),
        (
            r#"{"code":"HC-0001"}"#,
            r#"{"code":1.35021E+14}"#,
            "branchCode /org/code: no text and no whole number",
        ),
        (
            r#"{"code":"HC-0001"}"#,
            r#""HC-0001""#,
            "branchCode /org/code: missing",
        ),
        (
            r#""type":"EARN""#,
            r#""type":"ADJUSTMENT""#,
            "kind /type: a word that means nothing",
        ),
        (
            r#""主题党日""#,
            r#""党日""#,
            "activity /what: a word that means nothing",
        ),
        (
            r#""2022-07-01 09:00:00""#,
            r#""2022-07-01""#,
            "occurredAt /at: no instant as time_format says",
        ),
        (
            r#""revision":"2""#,
            r#""revision":"二""#,
            "revision /revision: no whole number",
        ),
        (
            r#""ref":null"#,
            r#""ref":[1]"#,
            "refersTo /ref: no text and no whole number",
        ),
    ] {
        let text = ITEM.replace(field, with);
        assert_ne!(text, ITEM, "{field}");
        assert_eq!(unreadable(&text), Unreadable::new(&text, detail));
        assert!(item_of(&text).position.is_some(), "{text}");
    }
    for text in ["null", "[]", "5", "{}"] {
        assert_eq!(
            (unreadable(text).payload.as_str(), item_of(text).position),
            (text, None)
        );
    }
    let masked = unreadable(r#"{"remark":"13800138000"}"#);
    assert!(!masked.payload.contains("138"), "{}", masked.payload);
}

#[test]
fn positions_ahead_of_our_clock_are_not_believed() {
    let text = ITEM.replace("2022-07-01 10:00:00.123", "2099-01-01 00:00:00");
    assert_eq!(one(&text).event_id, "E-1");
    assert_eq!(item_of(&text).position, None);
}

#[test]
fn an_envelope_says_whether_it_went_well() {
    let list = r#""data":{"list":[],"more":true}"#;
    for code in ["0", "200", "\"200\""] {
        let page = read(&format!(r#"{{"code":{code},{list}}}"#)).unwrap();
        assert_eq!((page.items.len(), page.more), (0, Some(true)));
    }
    let refused = |code: &str, message: Option<&str>| {
        Err(PullFault::Refused {
            code: code.to_owned(),
            message: message.map(str::to_owned),
        })
    };
    let read = |body: &str| read(body).map(|page| page.items.len());
    assert_eq!(
        read(&format!(r#"{{"code":500,"msg":"系统繁忙",{list}}}"#)),
        refused("500", Some("系统繁忙"))
    );
    assert_eq!(read(&format!(r#"{{"code":"E1",{list}}}"#)), refused("E1", None));
    let shape = |pointer: &str| {
        Err(PullFault::Shape {
            pointer: pointer.to_owned(),
        })
    };
    assert_eq!(read(&format!(r#"{{"status":200,{list}}}"#)), shape("/code"));
    assert_eq!(
        read(r#"{"code":200,"data":{"rows":[],"more":true}}"#),
        shape("/data/list")
    );
    assert_eq!(
        read(r#"{"code":200,"data":{"list":{},"more":true}}"#),
        shape("/data/list")
    );
    assert_eq!(read(r#"{"code":200,"data":{"list":[]}}"#), shape("/data/more"));
    assert_eq!(read("<html></html>"), Err(PullFault::NotJson));
}

#[test]
fn whether_more_follow_is_said_in_many_ways() {
    for (said, more) in [
        ("true", true),
        ("false", false),
        ("0", false),
        ("3", true),
        ("\"\"", false),
        ("\"/next?page=2\"", true),
        ("\"false\"", false),
        ("null", false),
        ("{\"href\":\"/next\"}", true),
    ] {
        let page = read(&format!(r#"{{"code":0,"data":{{"list":[],"more":{said}}}}}"#)).unwrap();
        assert_eq!(page.more, Some(more), "{said}");
    }
}

#[test]
fn a_bare_list_needs_no_envelope() {
    let mut settings = settings();
    settings.envelope = Envelope::default();
    settings.paging.has_more = None;
    let page = page(&settings, format!("[{ITEM},{ITEM}]").as_bytes(), now()).unwrap();
    assert_eq!((page.items.len(), page.more), (2, None));
    assert!(
        page.items
            .iter()
            .all(|item| matches!(item.entry, Entry::Delivered(_)))
    );
}

#[test]
fn totals_are_read_exactly_or_not_at_all() {
    let settings = settings();
    let read = |body: &str| {
        totals(
            &settings.envelope,
            settings.totals.as_ref().unwrap(),
            body.as_bytes(),
        )
    };
    assert_eq!(
        read(r#"{"code":0,"data":[{"org":"A","sum":12.50},{"org":7,"sum":"-3"}]}"#),
        Ok(vec![
            ("A".to_owned(), Points::from_hundredths(1250)),
            ("7".to_owned(), Points::from_hundredths(-300))
        ])
    );
    assert!(read(r#"{"code":0,"data":[{"org":"A","sum":"1,200"}]}"#).is_err());
    assert!(read(r#"{"code":0,"data":[{"org":null,"sum":1}]}"#).is_err());
}
