use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::json;

use super::*;
use crate::auth::is_opaque_subject;

fn claims(value: Value) -> ClaimSet {
    match value {
        Value::Object(claims) => claims,
        _ => panic!("no object"),
    }
}

fn place(text: &str) -> ClaimPlace {
    ClaimPlace::parse(text).unwrap()
}

#[test]
fn a_claim_is_found_by_its_name_or_by_a_pointer() {
    let claims = claims(json!({
        "role": "VIEWER",
        "https://id.example.org/role": "named like a URL",
        "a/b~c": { "d": ["x", "y"] },
        "nothing": null,
    }));
    let found = |text: &str| place(text).find(&claims).and_then(Value::as_str);
    assert_eq!(found("role"), Some("VIEWER"));
    assert_eq!(found("/role"), Some("VIEWER"));
    assert_eq!(found("https://id.example.org/role"), Some("named like a URL"));
    assert_eq!(found("/a~1b~0c/d/1"), Some("y"));
    for nowhere in ["rôle", "/role/x", "/a~1b~0c/d/2", "nothing", "/nothing/x", "/"] {
        assert_eq!(place(nowhere).find(&claims), None, "{nowhere}");
    }
    for wrong in ["", "/a~2", "/a~"] {
        assert_eq!(ClaimPlace::parse(wrong), Err(ClaimPlaceError), "{wrong}");
    }
}

#[test]
fn a_role_is_one_word_of_the_issuers_or_none() {
    let rules = RoleRules {
        words: [
            ("admin", Role::DistrictAdmin),
            ("officer", Role::CommitteeOfficer),
            ("clerk", Role::CommitteeOfficer),
        ]
        .map(|(word, role)| (word.to_owned(), role))
        .into(),
        allowed: vec![Role::CommitteeOfficer],
    };
    let role = |value: Value| rules.role(Some(&value)).map_err(|error| error.to_string());
    assert_eq!(role(json!("officer")), Ok(Role::CommitteeOfficer));
    assert_eq!(
        role(json!(["offline_access", "officer", 7])),
        Ok(Role::CommitteeOfficer)
    );
    assert_eq!(role(json!(["clerk", "officer"])), Ok(Role::CommitteeOfficer));
    assert_eq!(
        role(json!(["officer", "admin"])),
        Err("claim role names several roles".to_owned())
    );
    let none = Err("claim role names no role".to_owned());
    assert_eq!(role(json!([])), none);
    assert_eq!(role(json!("Officer")), none);
    // Its own words are all it has.
    assert_eq!(role(json!("COMMITTEE_OFFICER")), none);
    assert_eq!(
        role(json!("admin")),
        Err("role DISTRICT_ADMIN is not for this issuer to give".to_owned())
    );
    assert!(role(json!({ "officer": true })).is_err() && rules.role(None).is_err());
}

#[test]
fn times_are_whole_or_have_a_fraction_and_an_end_there_must_be() {
    let read = |value: Value| Times::read(&claims(value)).ok();
    let times = |begins, ends| Some(Times { begins, ends });
    for (value, begins) in [
        (json!({ "iat": 1, "nbf": 2, "exp": 3 }), Some(2)),
        (json!({ "iat": 2, "nbf": 1, "exp": 3 }), Some(2)),
        (json!({ "iat": 1.9, "exp": 3.9 }), Some(1)),
        (json!({ "nbf": 1, "exp": 3 }), Some(1)),
        (json!({ "exp": 3 }), None),
    ] {
        assert_eq!(read(value.clone()), times(begins, 3), "{value}");
    }
    for wrong in [
        json!({ "iat": 1, "nbf": 2 }),
        json!({ "exp": null }),
        json!({ "exp": "3" }),
        json!({ "exp": -1 }),
        json!({ "exp": 1e300 }),
        json!({ "exp": i64::MAX }),
        json!({ "exp": 3, "nbf": "2" }),
        json!({ "exp": 3, "nbf": 1, "iat": "2" }),
    ] {
        assert_eq!(read(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn a_uuid_is_opaque_whatever_its_digits_look_like() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut looks_like_a_number = 0;
    for _ in 0..20_000 {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
        looks_like_a_number += usize::from(crate::kernel::text::find_sensitive(&uuid).is_some());
        assert!(is_opaque_subject(&uuid) && is_opaque_subject(&format!("keycloak:{uuid}")));
    }
    // It would have kept these persons out.
    assert!(looks_like_a_number > 0);
    for number in [
        "13900000001",
        "keycloak:13900000001",
        "13900000001:0b0e5bf0-5f0c-4f0e-8f0a-0123456789ab",
        "00000000-0000-0000-0000-013900000001",
    ] {
        assert!(!is_opaque_subject(number), "{number}");
    }
}
