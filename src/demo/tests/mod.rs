//! The district in memory: its figures, its rules, and that it never changes.

mod figures;
mod rules;

use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use super::{District, build};

const KEY: &[u8] = b"a key of the tests";

fn district() -> &'static District {
    static DISTRICT: OnceLock<District> = OnceLock::new();
    DISTRICT.get_or_init(|| build(KEY))
}

fn fingerprint(district: &District) -> String {
    hex::encode(Sha256::digest(format!("{district:?}")))
}

#[test]
fn it_is_the_same_every_time() {
    assert_eq!(fingerprint(&build(KEY)), fingerprint(district()));
}

#[test]
fn another_key_changes_participants_and_nothing_else() {
    let mut other = build(b"another key");
    assert_ne!(fingerprint(&other), fingerprint(district()));
    for (one, two) in other.trainings.iter_mut().zip(&district().trainings) {
        assert_ne!(one.participants, two.participants);
        assert_eq!(one.participants.len(), two.participants.len());
        one.participants.clone_from(&two.participants);
    }
    assert_eq!(&other, district());
}
